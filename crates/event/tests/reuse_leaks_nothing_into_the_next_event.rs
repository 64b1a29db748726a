//! One event object reads many events: no edit, error or chunk of one is left in the next.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Weak};

use millpond_event::{Buffer, Chunk, Event, Origin, ParseErrorKind, Path, RawJson, Refusal, Slice};

fn origin() -> Origin {
    Origin {
        source: "t".into(),
        partition: 0,
        first_sequence: 0,
        offset: 0,
        received_micros: 0,
    }
}

fn slice(text: &[u8]) -> Slice {
    Slice::whole(Arc::new(Chunk::new(
        Buffer::from_vec(text.to_vec()),
        text.len(),
        origin(),
    )))
    .unwrap()
}

fn line(event: &Event) -> String {
    let mut line = Vec::new();
    event.write_to(&mut line);
    String::from_utf8(line).unwrap()
}

fn path(written: &str) -> Path {
    Path::parse(written).unwrap()
}

#[test]
fn edits_and_errors_end_with_their_event() {
    let slice = slice(b"{\"a\":{\"b\":1}}\nnot json\n{\"a\":{\"b\":2}}\r\n {\"a\":3} \n");
    let mut event = Event::default();
    event.read(&slice, 0).unwrap();
    event.set(&path("a.b"), "edited").unwrap();
    event.set(&path("c.d"), 1).unwrap();
    event.rename(&path("a"), &path("z")).unwrap();
    assert_eq!(line(&event), r#"{"z":{"b":"edited"},"c":{"d":1}}"#);
    assert_eq!(event.original(), br#"{"a":{"b":1}}"#);

    let error = event.read(&slice, 1).unwrap_err();
    assert_eq!((error.reason(), error.offset), ("bad_syntax", 0));
    assert_eq!(
        (line(&event).as_str(), event.original()),
        ("{}", &b"{}"[..])
    );

    event.read(&slice, 2).unwrap();
    assert_eq!(line(&event), r#"{"a":{"b":2}}"#);
    assert!(!event.exists(&path("c")));
    event.read(&slice, 3).unwrap();
    assert_eq!(
        (line(&event).as_str(), event.original()),
        (r#"{"a":3}"#, &b" {\"a\":3} "[..])
    );
}

#[test]
fn a_bad_byte_condemns_only_its_line() {
    let slice = slice(b"{\"a\":\"\xc3\xa9\"}\n{\"a\":\"\xff\"}\n{\"a\":1}\n");
    assert!(!slice.chunk().is_utf8());
    let mut event = Event::default();
    event.read(&slice, 0).unwrap();
    assert_eq!(event.get_str(&path("a")).as_deref(), Some("é"));
    let error = event.read(&slice, 1).unwrap_err();
    assert_eq!((error.kind, error.offset), (ParseErrorKind::InvalidUtf8, 6));
    event.read(&slice, 2).unwrap();
    assert_eq!(event.get_u64(&path("a")), Some(1));
}

#[test]
fn a_refused_event_is_an_error_with_its_own_reason() {
    let refusal = Refusal {
        reason: "line_too_long",
        detail: "2097152 bytes".into(),
        length: 2 << 20,
        hash: 1,
    };
    let slice = Slice::whole(Arc::new(Chunk::refused(
        b"{\"a\":1}".to_vec(),
        origin(),
        refusal,
    )))
    .unwrap();
    let mut event = Event::default();
    let error = event.read(&slice, 0).unwrap_err();
    assert_eq!((error.reason(), error.offset), ("line_too_long", 7));
    assert_eq!(line(&event), "{}");
}

#[test]
fn a_chunk_is_let_go_as_soon_as_the_event_moves_on() {
    let first = slice(b"{\"a\":1}");
    let held: Weak<Chunk> = Arc::downgrade(first.chunk());
    let mut event = Event::default();
    event.read(&first, 0).unwrap();
    let kept = event.clone();
    drop(first);
    event.clear();
    assert!(held.upgrade().is_some(), "the clone reads from it");
    let mut kept = kept;
    kept.set(&path("b"), 2).unwrap();
    kept.detach();
    assert!(held.upgrade().is_none());
    assert_eq!(line(&kept), r#"{"a":1,"b":2}"#);
    assert_eq!(kept.original(), br#"{"a":1}"#);
}

#[test]
fn an_event_that_is_built_becomes_what_was_written() {
    let mut event = Event::default();
    event.set(&path("old"), 1).unwrap();
    event
        .rebuild(|text| text.extend_from_slice(b"{\"a\":\n[1]}"))
        .unwrap();
    assert_eq!(line(&event), r#"{"a": [1]}"#);
    event
        .rebuild(|text| text.extend_from_slice(b"{\"b\":2}"))
        .unwrap();
    assert_eq!(line(&event), r#"{"b":2}"#);
    assert_eq!(event.rebuild(|_| {}).unwrap_err().reason(), "cut_short");
    assert_eq!(
        event
            .rebuild(|text| text.extend_from_slice(b"{\"\xff\":2}"))
            .unwrap_err()
            .reason(),
        "invalid_utf8"
    );
    assert_eq!(line(&event), "{}");
}

#[test]
fn a_failed_edit_changes_nothing() {
    let text = r#"{"a":{"b":{"c":1}},"l":[{"x":1}],"s":"t"}"#;
    let mut event = Event::parse(text.as_bytes()).unwrap();
    for bad in [
        "s.x",
        "a.b.c.d",
        "a.b.new.c[1]",
        "l[2]",
        "l.x",
        "new[1]",
        "a[0]",
        "l[0].x.y",
    ] {
        event.set(&path(bad), 1).unwrap_err();
        assert_eq!(line(&event), text, "{bad}");
    }
    event.rename(&path("a"), &path("s.x")).unwrap_err();
    event.rename(&path("s"), &path("s2.x[1]")).unwrap_err();
    event.rename(&path("l[0]"), &path("l[1]")).unwrap_err();
    assert_eq!(line(&event), text);
}

#[test]
fn a_value_is_written_behind_its_own_name_whatever_was_edited_between() {
    let mut event = Event::parse(br#"{"z":0}"#).unwrap();
    event.set(&path("x"), 1).unwrap();
    event.rename(&path("x"), &path("y")).unwrap();
    event.set(&path("z"), 2).unwrap();
    event.set(&path("y"), 3).unwrap();
    assert_eq!(line(&event), r#"{"z":2,"y":3}"#);
    event.set(&path("z"), 4).unwrap();
    event.rename(&path("y"), &path("x")).unwrap();
    event.set(&path("x"), 5).unwrap();
    assert_eq!(line(&event), r#"{"z":4,"x":5}"#);
}

#[test]
fn no_edit_makes_an_event_too_deep_to_read() {
    let mut event = Event::default();
    let long = |names: usize| path(&vec!["a"; names].join("."));
    event.set(&long(64), 1).unwrap();
    assert!(Event::parse(line(&event).as_bytes()).is_ok());
    let empty = RawJson::parse("[]").unwrap();
    assert!(event.set_raw(&long(64), &empty).is_err());
    event.set_raw(&long(63), &empty).unwrap();
    assert!(Event::parse(line(&event).as_bytes()).is_ok());
    assert!(event.rename(&path("a"), &path("b.a")).is_err());
    let mut tree = serde_json::json!({});
    for _ in 0..64 {
        tree = serde_json::json!({ "a": tree });
    }
    assert!(Event::from_value(&tree).is_err());
    assert!(Event::from_value(&tree["a"]).is_ok());
    assert_eq!(
        Event::from_value(&serde_json::json!([1]))
            .unwrap_err()
            .to_string(),
        "cannot make an event of an array, expected an object"
    );
}

#[test]
fn a_tree_made_of_an_event_has_its_edits() {
    let mut event = Event::parse(br#"{"a":1.5,"b":{"c":[true,null]},"a":"x"}"#).unwrap();
    event.set(&path("b.d"), 7u64).unwrap();
    assert_eq!(
        event.to_value(),
        serde_json::json!({"a": "x", "b": {"c": [true, null], "d": 7}})
    );
    let copy = Event::from_value(&event.to_value()).unwrap();
    assert_eq!(copy.to_value(), event.to_value());
}

#[test]
fn duplicates_are_read_last_set_last_and_removed_all() {
    let text = br#"{"k":1,"o":{"x":1},"\u006b":2,"o":{"x":2,"x":3}}"#;
    let read = || Event::parse(text).unwrap();
    let mut event = read();
    assert_eq!(
        (event.get_u64(&path("k")), event.get_u64(&path("o.x"))),
        (Some(2), Some(3))
    );
    event.set(&path("k"), 9).unwrap();
    event.set(&path("o.x"), 8).unwrap();
    assert_eq!(
        line(&event),
        r#"{"k":1,"o":{"x":1},"\u006b":9,"o":{"x":2,"x":8}}"#
    );
    event = read();
    assert!(event.remove(&path("k")) && event.remove(&path("o.x")) && !event.remove(&path("k")));
    assert_eq!(line(&event), r#"{"o":{},"o":{}}"#);
    event = read();
    assert!(
        event.rename(&path("k"), &path("n")).unwrap()
            && event.rename(&path("o.x"), &path("o.y")).unwrap()
    );
    assert_eq!(line(&event), r#"{"o":{},"n":2,"o":{"y":3}}"#);
}
