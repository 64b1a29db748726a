//! What it costs to make lines of a body of 1,000 events of about 250 bytes: `cargo bench -p millpond-ingress-formats`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use http::HeaderMap;
use millpond_ingress_formats::{Check, Context, Format};

const EVENTS: usize = 1_000;

fn main() {
    divan::main();
}

fn event(n: usize) -> String {
    format!(
        r#"{{"id":"{n:08}","type":"click","user_id":"user-{}","ts":1735689600{n:04},"price":{}.50,"context":{{"ua":"Mozilla/5.0 (X11; Linux x86_64)","page":"/product/{n}","referrer":"https://www.example.com/search?q=\"shoes\""}},"tags":["a","b"]}}"#,
        n % 100,
        n % 50
    )
}

fn lines() -> Vec<u8> {
    (0..EVENTS)
        .map(|n| event(n) + "\n")
        .collect::<String>()
        .into()
}

fn array() -> Vec<u8> {
    let events: Vec<_> = (0..EVENTS).map(event).collect();
    format!("[{}]", events.join(",")).into()
}

fn cloudevents() -> Vec<u8> {
    let one = |n| {
        format!(
            r#"{{"specversion":"1.0","id":"{n}","source":"/shop","type":"t","data":{}}}"#,
            event(n)
        )
    };
    let events: Vec<_> = (0..EVENTS).map(one).collect();
    format!("[{}]", events.join(",")).into()
}

fn calls() -> Vec<u8> {
    let one = |n| {
        format!(
            r#"{{"type":"track","event":"e","userId":"u","messageId":"{n}","properties":{}}}"#,
            event(n)
        )
    };
    let calls: Vec<_> = (0..EVENTS).map(one).collect();
    format!(
        r#"{{"batch":[{}],"sentAt":"2026-01-01T00:00:00Z"}}"#,
        calls.join(",")
    )
    .into()
}

fn decode(bencher: Bencher<'_, '_>, format: Format, body: Vec<u8>, check: Check) {
    let headers = HeaderMap::new();
    let context = Context {
        check,
        ..Context::default()
    };
    bencher
        .counter(ItemsCount::new(EVENTS))
        .with_inputs(|| body.clone())
        .bench_local_refs(|body| {
            let decoded = format.decode(&headers, black_box(body), &context);
            assert_eq!(
                (decoded.events, decoded.rejects.count()),
                (EVENTS as u64, 0)
            );
        });
}

#[divan::bench(args = [Check::Shape, Check::Strict])]
fn as_lines(bencher: Bencher<'_, '_>, check: Check) {
    decode(bencher, Format::Lines, lines(), check);
}

#[divan::bench(args = [Check::Shape, Check::Strict])]
fn as_array(bencher: Bencher<'_, '_>, check: Check) {
    decode(bencher, Format::Json { declared: true }, array(), check);
}

#[divan::bench]
fn as_cloudevents(bencher: Bencher<'_, '_>) {
    decode(
        bencher,
        Format::CloudEventBatch,
        cloudevents(),
        Check::Shape,
    );
}

#[divan::bench]
fn as_calls(bencher: Bencher<'_, '_>) {
    decode(bencher, Format::SegmentBatch, calls(), Check::Shape);
}
