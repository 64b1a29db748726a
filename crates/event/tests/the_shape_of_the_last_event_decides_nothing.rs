//! An event object that has just read an event expects the next to have the same names in the same places. That must
//! never show: what it makes of the next text is what a new one makes of it.
#![allow(clippy::unwrap_used)]

mod support;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use millpond_event::{Buffer, Chunk, Event, Origin, Path, Slice};
use proptest::prelude::*;
use support::random;

const CLICK: &str = r#"{"id":"7f","type":"click","a_name_longer_than_16":1,"price":1.10,"session":9007199254740993,"z":[],"context":{"page":"/","ua":"\"x\"","n":{"k":1}},"ip":"1"}"#;

thread_local! {
    static PATHS: RefCell<HashMap<String, Path>> = RefCell::default();
}

/// Compiled once: what is found is remembered by path.
fn compiled(written: &str) -> Option<Path> {
    PATHS.with_borrow_mut(|paths| {
        if !paths.contains_key(written) {
            paths.insert(written.to_owned(), Path::parse(written).ok()?);
        }
        paths.get(written).cloned()
    })
}

/// What `event`, whatever it read before, makes of `text`; and what a new one does.
fn check(event: &mut Event, text: &[u8]) {
    let read = event.rebuild(|own| own.extend_from_slice(text));
    let fresh = Event::parse(text);
    let shown = text.escape_ascii();
    assert_eq!(read.as_ref().err(), fresh.as_ref().err(), "{shown}");
    for path in ["a", "b", "c", "a.b", "a.c", "type", "context.page", "new"] {
        let path = compiled(path).unwrap();
        let found = |event: &Event| event.get(&path).map(|value| value.raw().to_vec());
        assert_eq!(
            found(event),
            fresh.as_ref().ok().and_then(found),
            "{path} of {shown}"
        );
    }
    let Ok(fresh) = fresh else { return };
    // The tree is made of the text; the edit goes through the index.
    assert_eq!(event.to_value(), fresh.to_value(), "{shown}");
    let serde_json::Value::Object(tree) = fresh.to_value() else {
        panic!("{shown} is no object");
    };
    for (name, value) in &tree {
        let inner = value.as_object().into_iter().flatten();
        for (steps, want) in std::iter::once((vec![name], value))
            .chain(inner.map(|(inner, value)| (vec![name, inner], value)))
        {
            let steps: Vec<_> = steps
                .into_iter()
                .map(|name| support::Step::Name(name.clone()))
                .collect();
            let Some(path) = compiled(&support::written(&steps)) else {
                continue;
            };
            let got = event.get(&path).map(|value| value.to_value());
            assert_eq!(got.as_ref(), Some(want), "{path} of {shown}");
        }
    }
}

/// What `event` makes of `text` where it lies in a chunk before `behind`; and what a new one makes of it alone.
fn check_before(event: &mut Event, text: &[u8], behind: &[u8]) {
    let lines = [text, b"\n", behind].concat();
    let origin = Origin {
        source: "test".into(),
        partition: 0,
        first_sequence: 0,
        offset: 0,
        received_micros: 0,
    };
    let chunk = Chunk::new(Buffer::from_vec(lines.clone()), lines.len(), origin);
    // Blanks are no line, nor is all of a text with a line break.
    let slice = Slice::whole(Arc::new(chunk)).filter(|slice| slice.bytes(0) == text);
    let Some(slice) = slice else { return };
    let (read, fresh) = (event.read(&slice, 0), Event::parse(text));
    let shown = lines.escape_ascii();
    assert_eq!(read.err(), fresh.as_ref().err().cloned(), "{shown}");
    if let Ok(fresh) = fresh {
        assert_eq!(event.to_value(), fresh.to_value(), "{shown}");
    }
}

/// An event object that has read nothing but `text`, so often that it expects it again.
fn settled(text: &str) -> Event {
    let mut event = Event::default();
    for _ in 0..4 {
        check(&mut event, text.as_bytes());
    }
    event
}

#[test]
fn every_byte_in_every_place_is_judged_as_by_a_new_one() {
    let click = settled(CLICK);
    let mut event = click.clone();
    for at in 0..CLICK.len() {
        for byte in *b"\"\\{}[]:, \n\x01x0.e\xff" {
            let mut text = CLICK.as_bytes().to_vec();
            check(&mut event, &text);
            text[at] = byte;
            check(&mut event, &text);
            check(&mut click.clone(), &text);
            text.remove(at);
            check(&mut click.clone(), &text);
            text.insert(at, byte);
            text.insert(at, byte);
            check(&mut click.clone(), &text);
        }
        let (text, behind) = CLICK.as_bytes().split_at(at);
        check(&mut event, text);
        check(&mut click.clone(), text);
        check_before(&mut click.clone(), text, behind);
        check_before(&mut click.clone(), CLICK.as_bytes(), behind);
    }
}

#[test]
fn the_same_names_nested_otherwise_are_other_members() {
    let mut event = Event::default();
    let texts = [
        r#"{"a":1,"b":2,"c":3}"#,
        r#"{"a":{"b":2,"c":3}}"#,
        r#"{"a":{"b":2},"c":3}"#,
        r#"{"a":{},"b":2,"c":3}"#,
        r#"{"a":[{"b":2}],"c":3}"#,
        r#"{"a":{"b":{"c":3}}}"#,
        r#"{ "a":{"b":2 }, "c" :3}"#,
        "{ \"a\":{\"b\":2 }\0\"c\" :3, \"padded to be long enough\":0}",
        "{\0a\":{\"b\":2 }, \"c\" :3, \"padded to be long enough\":0}",
        r#"{}"#,
        r#"{"\u0061":1,"b":2,"c":3}"#,
        r#"{"a":1,"a":2,"a":3}"#,
        r#"{"a":1,}"#,
        r#"{"a":{"b":2},"c":3}"#,
        r#"{"a":null{"b":2},"c":3}"#,
        r#"{"a":{"b":2{"c":3}}"#,
        r#"{"a":{"b":2}{"c":3}}"#,
        r#"{"a","b":2}"#,
        r#"{"a":1,"b":2"#,
        r#"{"a":{"b":{}},"c":{}}"#,
        r#"{"a":{"b":{}},"c":{ }}"#,
        r#"{"a":{"b":{}},"c":[]}"#,
        r#"{"a":1,"b":2,"c":3}"#,
    ];
    for text in texts {
        check(&mut event, text.as_bytes());
        if Event::parse(text.as_bytes()).is_ok() {
            let event = settled(text);
            for other in texts {
                check(&mut event.clone(), other.as_bytes());
            }
        }
    }
}

#[test]
fn what_was_done_to_one_event_is_not_done_to_the_next() {
    let path = |written: &str| compiled(written).unwrap();
    let mut event = settled(CLICK);
    for _ in 0..3 {
        assert!(event.rename(&path("type"), &path("kind")).unwrap());
        assert!(
            event
                .rename(&path("context.ua"), &path("context.agent"))
                .unwrap()
        );
        event.set(&path("price"), 2).unwrap();
        event.set(&path("context.n.k"), "x").unwrap();
        event.set(&path("context.new"), 1).unwrap();
        event.set(&path("new"), 1).unwrap();
        assert!(event.remove(&path("id")) && event.remove(&path("context.page")));
        check(&mut event, CLICK.as_bytes());
        event.clear();
        check(&mut event, CLICK.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_event_after_any_other_is_read_as_by_a_new_one(
        texts in prop::collection::vec(random::spelled(), 1..4),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut event = Event::default();
        for which in order {
            let text = which.get(&texts).1.as_bytes();
            for _ in 0..3 {
                check(&mut event, text);
            }
            check(&mut event.clone(), &text[..cut.index(text.len())]);
            // What begins as one text and goes on as another.
            let spliced = [&text[..cut.index(text.len())], &texts[0].1.as_bytes()[cut.index(texts[0].1.len())..]];
            check(&mut event, &spliced.concat());
            let (text, behind) = text.split_at(cut.index(text.len()));
            check_before(&mut event.clone(), text, behind);
            check_before(&mut event, &spliced.concat(), behind);
        }
    }
}
