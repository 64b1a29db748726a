//! Any bytes on `/v1/events`, however they are declared: each event is a line or refused; an array of events becomes its
//! elements and nothing else.
#![no_main]

mod accounted;

use accounted::{decode, events_of};
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use millpond_ingress_formats::{Check, Context, Format};

fuzz_target!(|data: &[u8]| {
    let headers = HeaderMap::new();
    for check in [Check::Shape, Check::Strict] {
        let context = Context { check, ..Context::default() };
        decode(Format::Lines, &headers, data, &context);
        for declared in [false, true] {
            let (decoded, lines) = decode(Format::Json { declared }, &headers, data, &context);
            if let Some(events) = events_of(data) {
                assert_eq!(lines, events);
                assert_eq!(decoded.rejects.count(), 0);
            }
        }
    }
});
