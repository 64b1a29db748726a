//! A text is accepted exactly if RFC 8259 allows it and it is an object, apart from the two declared
//! exceptions: halves of surrogate pairs, and depth beyond 64. Nothing panics.
#![allow(clippy::unwrap_used)]

mod support;

use millpond_event::{Event, KeyPath, ParseErrorKind, Path, RawJson};
use proptest::prelude::*;
use support::{Json, Refused, random, read};

fn judge(text: &[u8]) {
    let shown = String::from_utf8_lossy(text);
    let ours = Event::parse(text);
    let rfc = std::str::from_utf8(text)
        .is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
    let oracle = read(text);
    assert_eq!(rfc, oracle != Err(Refused::Syntax), "{shown}");
    let want = rfc && matches!(oracle, Ok(Json::Object(_)));
    assert_eq!(ours.is_ok(), want, "{shown}: {:?}", ours.err());
    assert_eq!(RawJson::parse(text).is_ok(), oracle.is_ok(), "{shown}");
    match (oracle, ours) {
        (Ok(Json::Object(_)), Ok(event)) => {
            let one_line: Vec<u8> = text
                .iter()
                .map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b })
                .collect();
            assert_eq!(event.original(), one_line, "{shown}");
        }
        (Ok(_), Err(error)) => assert_eq!(error.kind, ParseErrorKind::NotAnObject, "{shown}"),
        (Err(refused), Err(error)) => {
            assert!(error.offset <= text.len(), "{shown}: {error}");
            let declared = matches!(
                error.kind,
                ParseErrorKind::LoneSurrogate | ParseErrorKind::TooDeep
            );
            assert!(refused == Refused::Syntax || declared, "{shown}: {error}");
        }
        (_, Ok(_)) => {}
    }
    // The key scan looks at lines that nobody has judged.
    for key in ["a", "a.b", "\"\""] {
        let _may_be_anything = KeyPath::parse(key).unwrap().hash(text);
    }
}

/// Bytes that matter to JSON come up more often than others.
fn byte() -> impl Strategy<Value = u8> {
    const HOT: &[u8] = b"{}[]\",:\\ue0-+.1E/ \t\n\r\x00\x1f\x7f\xc3\xa9\xff\xed\xa0\x80tfnald8";
    prop_oneof![4 => (0..HOT.len()).prop_map(|i| HOT[i]), 1 => any::<u8>()]
}

#[derive(Clone, Debug)]
enum Mutation {
    Put(usize, u8),
    Insert(usize, u8),
    Cut(usize, usize),
    Copy(usize, usize, usize),
    Truncate(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = 0..400usize;
    prop_oneof![
        (at.clone(), byte()).prop_map(|(at, byte)| Mutation::Put(at, byte)),
        (at.clone(), byte()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        (at.clone(), 1..4usize).prop_map(|(at, len)| Mutation::Cut(at, len)),
        (at.clone(), at.clone(), 1..12usize)
            .prop_map(|(from, to, len)| Mutation::Copy(from, to, len)),
        at.prop_map(Mutation::Truncate),
    ]
}

fn mutate(text: &mut Vec<u8>, mutation: &Mutation) {
    let within = |at: usize| if text.is_empty() { 0 } else { at % text.len() };
    match mutation {
        _ if text.is_empty() => {}
        Mutation::Put(at, byte) => {
            let at = within(*at);
            text[at] = *byte;
        }
        Mutation::Insert(at, byte) => text.insert(within(*at), *byte),
        Mutation::Cut(at, len) => {
            let at = within(*at);
            text.drain(at..(at + len).min(text.len()));
        }
        Mutation::Copy(from, to, len) => {
            let (from, to) = (within(*from), within(*to));
            let copied = text[from..(from + len).min(text.len())].to_vec();
            text.splice(to..to, copied);
        }
        Mutation::Truncate(at) => text.truncate(within(*at)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_judged_as_the_rfc_judges_them(text in prop::collection::vec(byte(), 0..24)) {
        judge(&text);
        let mut member = b"{\"a\":".to_vec();
        member.extend_from_slice(&text);
        member.push(b'}');
        judge(&member);
        let mut string = b"{\"a\":\"".to_vec();
        string.extend_from_slice(&text);
        string.extend_from_slice(b"\"}");
        judge(&string);
    }

    #[test]
    fn json_with_a_flaw_is_judged_as_the_rfc_judges_it(
        json in random::object(),
        style in prop::collection::vec(any::<u8>(), 0..40),
        mutations in prop::collection::vec(mutation(), 0..4),
    ) {
        let mut text = random::spell(&json, &style, true).into_bytes();
        judge(&text);
        for mutation in &mutations {
            mutate(&mut text, mutation);
            judge(&text);
        }
    }
}

#[test]
fn every_prefix_of_a_line_is_cut_short() {
    let line = r#"{"a":[1.5e+3,true,{"b":"\ud83d\ude00\n"}],"é":{"c":null,"d":{"e":-0}}}"#;
    for end in 0..line.len() {
        let error = Event::parse(&line.as_bytes()[..end]).unwrap_err();
        if line.is_char_boundary(end) {
            assert_eq!(
                (error.reason(), error.offset),
                ("cut_short", end),
                "{}",
                &line[..end]
            );
        } else {
            assert_eq!(error.reason(), "invalid_utf8");
        }
        judge(&line.as_bytes()[..end]);
    }
    judge(line.as_bytes());
}

#[test]
fn every_byte_in_every_place_is_judged_as_the_rfc_judges_it() {
    let line = br#"{"a":[1.5e3,{"b":"\u0061"}],"c":{"d":-0}}"#;
    for at in 0..line.len() {
        for byte in 0..=255 {
            let mut text = line.to_vec();
            text[at] = byte;
            judge(&text);
        }
    }
}

#[test]
fn utf8_is_judged_to_the_byte() {
    for (bytes, good) in [
        (&b"\xc3\xa9"[..], true),
        (b"\xf0\x9f\x98\x80", true),
        (b"\xef\xbf\xbf", true),
        (b"\xc3", false),
        (b"\xc0\x80", false),
        (b"\xed\xa0\x80", false),
        (b"\xf4\x90\x80\x80", false),
        (b"\xff", false),
    ] {
        let mut line = b"{\"a\":\"".to_vec();
        line.extend_from_slice(bytes);
        line.extend_from_slice(b"\"}");
        let parsed = Event::parse(&line);
        assert_eq!(parsed.is_ok(), good, "{bytes:x?}");
        if let Err(error) = parsed {
            assert_eq!((error.kind, error.offset), (ParseErrorKind::InvalidUtf8, 6));
        }
        judge(&line);
    }
}

#[test]
fn a_message_says_what_is_wrong_and_where() {
    let error = Event::parse(br#"{"a":1,}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "bad_syntax: expected a name in double quotes at byte 7"
    );
    let error = Event::parse(br#"{"a":"\ud800"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "lone_surrogate: escape of half a surrogate pair, expected both halves at byte 6"
    );
    let mut event = Event::parse(br#"{"a":{"b":1},"l":[1]}"#).unwrap();
    let mut refuse = |path: &str| {
        event
            .set(&Path::parse(path).unwrap(), 1)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refuse("a.b.c"),
        "cannot set `a.b.c`: `a.b` is a number, expected an object"
    );
    assert_eq!(
        refuse("a[0]"),
        "cannot set `a[0]`: `a` is an object, expected an array"
    );
    assert_eq!(
        refuse("l[2]"),
        "cannot set `l[2]`: index 2 is beyond the end of an array of 1, expected at most 1"
    );
    assert_eq!(
        event
            .set(&Path::parse("x").unwrap(), f64::NAN)
            .unwrap_err()
            .to_string(),
        "cannot set `x` to NaN: expected a finite number"
    );
}
