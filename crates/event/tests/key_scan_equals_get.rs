//! The key found by the scan is the key that the event says it has; a split by it keeps order and loses nothing.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use millpond_event::{
    Buffer, Chunk, Event, KeyPath, Kind, Origin, Path, Slice, SplitScratch, shard_of,
};
use proptest::prelude::*;
use support::{Json, random, written};
use xxhash_rust::xxh3::xxh3_64;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_key_scan_equals_get((tree, text) in random::spelled(), names in random::names()) {
        let written = written(&names);
        let scanned = KeyPath::parse(&written).unwrap().hash(text.as_bytes());
        let event = Event::parse(text.as_bytes()).unwrap();
        let got = event.get(&Path::parse(&written).unwrap()).and_then(|value| match value.kind() {
            Kind::String => Some(xxh3_64(value.as_str().unwrap().as_bytes())),
            Kind::Number => Some(xxh3_64(value.raw())),
            _ => None,
        });
        prop_assert_eq!(scanned, got);
        let told = match tree.get(&names) {
            Some(Json::Text(text) | Json::Number(text)) => Some(xxh3_64(text.as_bytes())),
            _ => None,
        };
        prop_assert_eq!(scanned, told);
    }

    #[test]
    fn a_split_keeps_order_and_loses_nothing(
        keys in prop::collection::vec(prop::option::of(0..12u32), 0..60),
        shards in 1..80u32,
        junk in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let key = KeyPath::parse("k").unwrap();
        let fallback = shards / 2;
        let mut text = Vec::new();
        for (i, of) in keys.iter().enumerate() {
            match of {
                Some(of) => text.extend_from_slice(format!("{{\"i\":{i},\"k\":\"u{of}\"}}\n\n").as_bytes()),
                None => text.extend_from_slice(&[b"x", &junk[..], b"\r\n"].concat()),
            }
        }
        let origin = Origin { source: "t".into(), partition: 1, first_sequence: 7, offset: 9, received_micros: 0 };
        let len = text.len();
        let chunk = Arc::new(Chunk::new(Buffer::from_vec(text.clone()), len, origin));
        let Some(whole) = Slice::whole(Arc::clone(&chunk)) else { return Ok(()) };

        let (mut seen, mut weight, mut order) = (vec![None; whole.len()], 0, Vec::new());
        whole.split(&key, shards, fallback, &mut SplitScratch::default(), |shard, part| {
            order.push(shard);
            weight += part.weight();
            assert!(!part.is_empty());
            let mut last = None;
            for i in 0..part.len() {
                let ordinal = part.span(i).ordinal;
                assert!(last < Some(ordinal), "order lost in shard {shard}");
                last = Some(ordinal);
                let hash = key.hash(part.bytes(i));
                assert_eq!(hash.map_or(fallback, |hash| shard_of(hash, shards)), shard);
                assert_eq!(part.sequence(i), 7 + u64::from(ordinal));
                assert_eq!(&text[part.offset(i) as usize - 9..][..part.bytes(i).len()], part.bytes(i));
                assert_eq!(part.bytes(i), whole.bytes(ordinal as usize));
                assert!(seen[ordinal as usize].replace(shard).is_none(), "event {ordinal} came twice");
            }
        });
        prop_assert!(seen.iter().all(Option::is_some));
        prop_assert!(order.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(weight, whole.weight());
    }
}
