//! On every line that is an event, the key scan finds the key that the event has; on any other it ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millpond_event::{Event, KeyPath, Kind, Path};
use xxhash_rust::xxh3::xxh3_64;

fuzz_target!(|line: &[u8]| {
    for written in ["a", "b", "\"\"", "a.b", "a.b.a", "user_id"] {
        let scanned = KeyPath::parse(written).expect("the table holds valid keys").hash(line);
        let Ok(event) = Event::parse(line) else { continue };
        let path = Path::parse(written).expect("the table holds valid paths");
        let got = event.get(&path).and_then(|value| match value.kind() {
            Kind::String => value.as_str().map(|text| xxh3_64(text.as_bytes())),
            Kind::Number => Some(xxh3_64(value.raw())),
            _ => None,
        });
        assert_eq!(scanned, got, "{written}");
    }
});
