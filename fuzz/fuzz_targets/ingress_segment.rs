//! Any bytes as calls of Segment: what comes out is a call that says when it was received and has no write key, and no
//! more than a batch may become.
#![no_main]

mod accounted;

use accounted::decode;
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use millpond_event::Value;
use millpond_ingress_formats::{Context, Route};

fuzz_target!(|data: &[u8]| {
    let headers = HeaderMap::new();
    for path in ["/v1/batch", "/v1/track", "/v1/alias"] {
        let format = Route::find(path).and_then(|route| route.format(&headers).ok()).expect("a path that is served");
        let (_, lines) = decode(format, &headers, data, &Context::default());
        assert!(lines.iter().map(Vec::len).sum::<usize>() <= 8 * (500 << 10));
        for line in &lines {
            let call = Value::parse(line).expect("an event");
            let count = |name: &str| call.members().filter(|(known, _)| known == name).count();
            assert_eq!((count("receivedAt"), count("writeKey")), (1, 0));
            assert!(count("type") >= 1);
        }
    }
});
