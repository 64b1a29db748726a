//! Any bytes are judged as RFC 8259 judges them, apart from the declared exceptions; any edits of what was
//! accepted leave an event.
#![no_main]

use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use millpond_event::{Buffer, Chunk, Event, Origin, ParseErrorKind, Path, RawJson, Slice};

const PATHS: &[&str] = &["a", "b", "\"\"", "a.b", "a.a", "a[0]", "a[1].b", "a.b.c", "a.b[0].c", "b.a.b.c.d"];

#[derive(Arbitrary, Debug)]
enum Edit<'a> {
    Bool(u8, bool),
    Int(u8, i64),
    Float(u8, f64),
    Text(u8, &'a str),
    Raw(u8, &'a [u8]),
    Remove(u8),
    Rename(u8, u8),
}

fuzz_target!(|data: &[u8]| {
    // The text is what stands before the first NUL byte, which no JSON holds; what follows makes the edits.
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (text, rest) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    judge(data);
    // Compiled once: what is found is remembered by path.
    let paths: Vec<Path> = PATHS.iter().map(|path| Path::parse(path).expect("the table holds valid paths")).collect();
    judge_in_turn(data, &paths);
    judge_in_chunk(data, &paths);
    let Some(mut event) = judge(text) else { return };
    for _ in 0..data.len() % 4 {
        event.rebuild(|own| own.extend_from_slice(text)).expect("it was an event before");
    }
    let mut choices = Unstructured::new(rest);
    while !choices.is_empty() {
        let Ok(edit) = choices.arbitrary() else { return };
        apply(&mut event, &edit, &paths);
    }
});

fn judge(text: &[u8]) -> Option<Event> {
    let rfc = std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
    match Event::parse(text) {
        Ok(event) => {
            assert!(rfc, "accepted, although it is no JSON");
            assert!(text.trim_ascii().first() == Some(&b'{'));
            Some(event)
        }
        Err(error) => {
            let declared = matches!(
                error.kind,
                ParseErrorKind::NotAnObject | ParseErrorKind::LoneSurrogate | ParseErrorKind::TooDeep
            );
            assert!(!rfc || declared, "rejected, although it is JSON: {error}");
            assert!(error.offset <= text.len());
            None
        }
    }
}

/// One event object reads the lines one after the other, each so often that it expects it again; what it makes of each
/// is what a new one makes of it.
fn judge_in_turn(lines: &[u8], paths: &[Path]) {
    let mut event = Event::default();
    for text in lines.split(|byte| matches!(byte, 0 | b'\n')) {
        let fresh = Event::parse(text);
        for _ in 0..3 {
            let read = event.rebuild(|own| own.extend_from_slice(text));
            assert_eq!(read.as_ref().err(), fresh.as_ref().err());
            let Ok(fresh) = &fresh else { break };
            compare(&event, fresh, paths);
        }
    }
}

/// The same where the lines lie in a chunk, one behind the other: what stands behind a line is none of it.
fn judge_in_chunk(lines: &[u8], paths: &[Path]) {
    let origin = Origin { source: "fuzz".into(), partition: 0, first_sequence: 0, offset: 0, received_micros: 0 };
    let chunk = Chunk::new(Buffer::from_vec(lines.to_vec()), lines.len(), origin);
    let Some(slice) = Slice::whole(Arc::new(chunk)) else { return };
    let mut event = Event::default();
    for i in 0..slice.len() {
        if slice.bytes(i).contains(&b'\r') {
            // It stays as it came, while a text that is parsed has no line breaks left.
            continue;
        }
        let fresh = Event::parse(slice.bytes(i));
        for _ in 0..3 {
            let read = event.read(&slice, i);
            assert_eq!(read.as_ref().err(), fresh.as_ref().err());
            let Ok(fresh) = &fresh else { break };
            compare(&event, fresh, paths);
        }
    }
}

fn compare(here: &Event, there: &Event, paths: &[Path]) {
    for path in paths {
        let (here, there) = (here.get(path), there.get(path));
        assert_eq!(here.as_ref().map(|value| value.raw()), there.as_ref().map(|value| value.raw()));
    }
}

fn apply(event: &mut Event, edit: &Edit<'_>, paths: &[Path]) {
    let path = |i: &u8| &paths[usize::from(*i) % paths.len()];
    let before = line(event);
    let failed = match edit {
        Edit::Bool(at, new) => event.set(path(at), *new).is_err(),
        Edit::Int(at, new) => event.set(path(at), *new).is_err(),
        Edit::Float(at, new) => event.set(path(at), *new).is_err(),
        Edit::Text(at, new) => event.set(path(at), *new).is_err(),
        Edit::Raw(at, json) => RawJson::parse(json).is_ok_and(|json| event.set_raw(path(at), &json).is_err()),
        Edit::Rename(from, to) => event.rename(path(from), path(to)).is_err(),
        Edit::Remove(at) => {
            event.remove(path(at));
            assert!(!event.exists(path(at)) || PATHS[usize::from(*at) % PATHS.len()].contains('['));
            false
        }
    };
    let after = line(event);
    assert!(!failed || after == before, "a failed edit changed the event");
    let again = Event::parse(&after).expect("what an event writes is an event");
    compare(event, &again, paths);
}

fn line(event: &Event) -> Vec<u8> {
    let mut line = Vec::new();
    event.write_to(&mut line);
    line
}
