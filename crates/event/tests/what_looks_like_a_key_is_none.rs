//! Lines made to deceive a scan that looks for the name of the key: the key found is the key that the event has.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use millpond_event::{
    Buffer, Chunk, Event, KeyPath, Kind, Origin, Path, Slice, SplitScratch, shard_of,
};
use proptest::prelude::*;
use proptest::sample::select;
use xxhash_rust::xxh3::xxh3_64;

/// Names of members, as they are spelled between their quotes: the keys, some that are as long or begin and end alike,
/// and escapes of what they are made of.
const NAMES: [&str; 18] = [
    "user_id",
    "user_id",
    "user_ix",
    "item_id",
    "u",
    "u",
    "v",
    "",
    "a_name_of_16_byt",
    "a_name_of_17_byte",
    "\\u0075ser_id",
    "user_i\\u0064",
    "a_name_of_16_by\\u0074",
    "a_name_of_\\u00316_byt",
    "\\u0075",
    "\\u00fcser_id",
    "x\\\"user_id",
    "\\\\",
];
const KEYS: [&str; 6] = [
    "user_id",
    "u",
    "a_name_of_16_byt",
    "a_name_of_17_byte",
    "u.user_id",
    "user_id.u",
];

/// A value; `depth`: how many containers it may lie in.
fn value(depth: u32) -> BoxedStrategy<String> {
    let text = select(&[
        "user_id",
        "u",
        "x",
        "\\\"user_id\\\":1",
        "{[",
        "}]",
        "\\\\",
        "\\\\\\\"",
        "\\u0075",
        "\\u00fc",
        "\\u20ac",
        "\u{fc}",
        "\\u",
        ":",
        ",",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile",
    ]);
    // `\u` alone is no escape: such a line is no event, and any answer will do.
    let string =
        prop::collection::vec(text, 0..5).prop_map(|parts| format!("\"{}\"", parts.concat()));
    let scalar = prop_oneof![
        4 => string,
        1 => select(&["0", "-1.5e3", "true", "null", "12345678901234567890"]).prop_map(String::from),
    ];
    if depth == 0 {
        return scalar.boxed();
    }
    prop_oneof![
        4 => scalar,
        1 => object(depth - 1),
        1 => prop::collection::vec(value(depth - 1), 0..4).prop_map(|all| format!("[{}]", all.join(","))),
    ]
    .boxed()
}

fn object(depth: u32) -> impl Strategy<Value = String> {
    let blank = || select(&["", "", "", "", " ", "  "]);
    let member = (select(&NAMES), blank(), blank(), value(depth), blank())
        .prop_map(|(name, a, b, value, c)| format!("{a}\"{name}\"{b}:{a}{value}{c}"));
    prop::collection::vec(member, 0..9).prop_map(|members| format!("{{{}}}", members.join(",")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_key_is_that_of_the_event(lines in prop::collection::vec(object(2), 1..4), cut in 0..40_usize) {
        for written in KEYS {
            // One path for all the lines, as a source has: none of them may leave anything behind.
            let key = KeyPath::parse(written).unwrap();
            let path = Path::parse(written).unwrap();
            for line in &lines {
                let found = key.hash(line.as_bytes());
                // A line that breaks off is no event, but must not stop the scan.
                key.hash(&line.as_bytes()[..line.len().saturating_sub(cut)]);
                let Ok(event) = Event::parse(line.as_bytes()) else { continue };
                let got = event.get(&path).and_then(|value| match value.kind() {
                    Kind::String => Some(xxh3_64(value.as_str().unwrap().as_bytes())),
                    Kind::Number => Some(xxh3_64(value.raw())),
                    _ => None,
                });
                prop_assert_eq!(found, got, "{} in {}", written, line);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_lines_around_a_line_do_not_change_its_key(
        lines in prop::collection::vec((object(2), select(&["\n", "\r\n", "\n \n"])), 1..40),
        // The last one may have no end.
        cut in 0..3_usize,
    ) {
        // So many that not all places at which something shows are kept in mind at once.
        let mut text: Vec<u8> = lines
            .iter()
            .cycle()
            .take(200)
            .flat_map(|(line, end)| [line.as_bytes(), end.as_bytes()].concat())
            .collect();
        text.truncate(text.len() - cut);
        let origin = Origin { source: "t".into(), partition: 1, first_sequence: 0, offset: 0, received_micros: 0 };
        let filled = text.len();
        let chunk = Chunk::new(Buffer::from_vec(text), filled, origin);
        let whole = Slice::whole(Arc::new(chunk)).unwrap();
        for written in KEYS {
            let key = KeyPath::parse(written).unwrap();
            let (shards, mut seen) = (1 << 20, 0);
            whole.split(&key, shards, 0, &mut SplitScratch::default(), |shard, part| {
                seen += part.len();
                for i in 0..part.len() {
                    let hash = key.hash(part.bytes(i));
                    assert_eq!(hash.map_or(0, |hash| shard_of(hash, shards)), shard, "{written}");
                }
            });
            prop_assert_eq!(seen, whole.len());
        }
    }
}
