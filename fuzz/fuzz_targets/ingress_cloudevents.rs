//! Any bytes as CloudEvents, in each mode: what comes out is an event with its attributes, or it is refused; what came in
//! the JSON format goes out as it came, and comes in again.
#![no_main]

mod accounted;

use accounted::decode;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use millpond_event::Value;
use millpond_ingress_formats::{Context, Format};

const NAMES: &[&str] = &["ce-id", "ce-source", "ce-type", "ce-specversion", "ce-time", "ce-subject", "content-type", "ce-dataschema", "ce-x"];

fuzz_target!(|data: &[u8]| {
    let context = Context::default();
    let none = HeaderMap::new();
    let (_, lines) = decode(Format::CloudEventStructured, &none, data, &context);
    again(&lines);
    let (_, lines) = decode(Format::CloudEventBatch, &none, data, &context);
    again(&lines);

    // Lines, each a byte that names a header and its value; behind an empty line the body.
    let mut headers = HeaderMap::new();
    let mut rest = data;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        let [name, value @ ..] = line else { break };
        let name = NAMES[usize::from(*name) % NAMES.len()];
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let (_, lines) = decode(Format::CloudEventBinary, &headers, rest, &context);
    again(&lines);
});

/// What came out is a CloudEvent in the JSON format.
fn again(lines: &[Vec<u8>]) {
    for line in lines {
        let (decoded, same) = decode(Format::CloudEventStructured, &HeaderMap::new(), line, &Context::default());
        assert_eq!((decoded.rejects.count(), &same[..]), (0, std::slice::from_ref(line)));
        let event = Value::parse(line).expect("an event");
        for name in ["id", "source", "type", "specversion"] {
            assert!(event.members().any(|(known, value)| known == name && !value.is_str("")));
        }
    }
}
