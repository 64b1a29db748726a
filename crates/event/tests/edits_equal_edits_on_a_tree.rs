//! Whatever is edited, in whatever order, the event reads and writes as a plain tree with the same edits does.
#![allow(clippy::unwrap_used)]

mod support;

use millpond_event::{Event, Path, RawJson, Scalar};
use proptest::prelude::*;
use support::{Json, Step, random, read, written};

#[derive(Clone, Debug)]
enum Edit {
    Set(Vec<Step>, New),
    Remove(Vec<Step>),
    Rename(Vec<Step>, Vec<Step>),
    RenameSibling(Vec<Step>, String),
}

#[derive(Clone, Debug)]
enum New {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(String),
    Raw(Json, Vec<u8>),
}

fn new() -> impl Strategy<Value = New> {
    prop_oneof![
        Just(New::Null),
        any::<bool>().prop_map(New::Bool),
        any::<i64>().prop_map(New::Int),
        any::<u64>().prop_map(New::Uint),
        prop::num::f64::NORMAL.prop_map(New::Float),
        "\\PC{0,9}".prop_map(New::Text),
        (random::json(), prop::collection::vec(any::<u8>(), 0..9))
            .prop_map(|(json, style)| New::Raw(json, style)),
        (random::object(), Just(vec![])).prop_map(|(json, style)| New::Raw(json, style)),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (random::steps(), new()).prop_map(|(path, new)| Edit::Set(path, new)),
        3 => random::steps().prop_map(Edit::Remove),
        1 => (random::steps(), random::steps()).prop_map(|(from, to)| Edit::Rename(from, to)),
        2 => (random::steps(), random::name()).prop_map(|(from, to)| Edit::RenameSibling(from, to)),
    ]
}

fn path(steps: &[Step]) -> Path {
    Path::parse(&written(steps)).unwrap()
}

fn set(event: &mut Event, tree: &mut Json, steps: &[Step], new: &New) -> bool {
    let raw;
    let (scalar, json): (Scalar<'_>, Json) = match new {
        New::Null => (Scalar::Null, Json::Null),
        New::Bool(bool) => ((*bool).into(), Json::Bool(*bool)),
        New::Int(int) => ((*int).into(), Json::Number(int.to_string())),
        New::Uint(int) => ((*int).into(), Json::Number(int.to_string())),
        New::Float(float) => ((*float).into(), Json::Number(format!("{float:?}"))),
        New::Text(text) => (text.into(), Json::Text(text.clone())),
        New::Raw(json, style) => {
            raw = RawJson::parse(random::spell(json, style, true)).unwrap();
            ((&raw).into(), json.clone())
        }
    };
    let done = tree.set(steps, json);
    assert_eq!(
        event.set(&path(steps), scalar).is_ok(),
        done,
        "set {}",
        written(steps)
    );
    done
}

fn apply(event: &mut Event, tree: &mut Json, edit: &Edit) {
    match edit {
        Edit::Set(steps, new) => {
            set(event, tree, steps, new);
        }
        Edit::Remove(steps) => assert_eq!(
            event.remove(&path(steps)),
            tree.remove(steps),
            "remove {}",
            written(steps)
        ),
        Edit::Rename(from, to) => rename(event, tree, from, to),
        Edit::RenameSibling(from, name) => {
            let mut to = from.clone();
            *to.last_mut().unwrap() = Step::Name(name.clone());
            rename(event, tree, from, &to);
        }
    }
}

fn rename(event: &mut Event, tree: &mut Json, from: &[Step], to: &[Step]) {
    let done = event.rename(&path(from), &path(to)).ok();
    assert_eq!(
        done,
        tree.rename(from, to),
        "rename {} to {}",
        written(from),
        written(to)
    );
}

/// An event that was read from `text` by an object that has read it `times` times before: it comes to expect it.
fn event_of(text: &str, times: usize) -> Event {
    let mut event = Event::default();
    for _ in 0..=times {
        event
            .rebuild(|own| own.extend_from_slice(text.as_bytes()))
            .unwrap();
    }
    event
}

fn compare(event: &Event, tree: &Json, paths: &[(Path, Vec<Step>)]) {
    let mut line = Vec::new();
    event.write_to(&mut line);
    let text = String::from_utf8_lossy(&line);
    assert_eq!(read(&line).as_ref(), Ok(tree), "{text}");
    assert!(Event::parse(&line).is_ok(), "{text}");
    assert!(!line.contains(&b'\n') && !line.contains(&b'\r'), "{text}");
    for (path, steps) in paths {
        let found = event.get(path).map(|value| read(value.raw()).unwrap());
        assert_eq!(
            found.as_ref(),
            tree.get(steps),
            "{} in {text}",
            written(steps)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_of_an_event_equal_edits_of_a_tree(
        (mut tree, text) in random::spelled(),
        edits in prop::collection::vec(edit(), 0..8),
        paths in prop::collection::vec(random::steps(), 8),
        times in 0_usize..4,
    ) {
        let mut event = event_of(&text, times);
        // Compiled once: what is found is remembered by path.
        let paths: Vec<_> = paths.into_iter().map(|steps| (path(&steps), steps)).collect();
        compare(&event, &tree, &paths);
        for edit in &edits {
            apply(&mut event, &mut tree, edit);
            compare(&event, &tree, &paths);
        }
        prop_assert_eq!(event.original(), text.as_bytes());
        let copy = event.clone();
        event.detach();
        compare(&event, &tree, &paths);
        event.clear();
        compare(&event, &Json::Object(vec![]), &paths);
        compare(&copy, &tree, &paths);
    }

    #[test]
    fn what_is_set_to_what_it_was_leaves_every_byte_as_it_came(
        (tree, text) in random::spelled(),
        steps in random::steps(),
        times in 0_usize..4,
    ) {
        let mut event = event_of(&text, times);
        let mut line = Vec::new();
        event.write_to(&mut line);
        let object = text.trim_matches([' ', '\t']);
        prop_assert_eq!(&line, object.as_bytes());

        let Some(value) = event.get(&path(&steps)) else { return Ok(()) };
        prop_assert!(tree.get(&steps).is_some());
        let was = RawJson::from(value);
        event.set(&path(&steps), "<here>").unwrap();
        line.clear();
        event.write_to(&mut line);
        let marked = String::from_utf8(line.clone()).unwrap();
        prop_assert_eq!(marked.replace("\"<here>\"", std::str::from_utf8(was.as_bytes()).unwrap()), object);
        event.set_raw(&path(&steps), &was).unwrap();
        line.clear();
        event.write_to(&mut line);
        prop_assert_eq!(&line, object.as_bytes());
    }

    #[test]
    fn what_is_added_and_taken_away_leaves_no_trace((_, text) in random::spelled()) {
        let mut event = Event::parse(text.as_bytes()).unwrap();
        let (top, nested) = (Path::parse("new").unwrap(), Path::parse("new2.x.y[0]").unwrap());
        event.set(&top, 1).unwrap();
        event.set(&nested, 1).unwrap();
        prop_assert!(event.remove(&top) && event.remove(&Path::parse("new2").unwrap()));
        let mut line = Vec::new();
        event.write_to(&mut line);
        prop_assert_eq!(line, text.trim_matches([' ', '\t']).as_bytes());
    }
}
