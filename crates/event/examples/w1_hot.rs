//! The work that the reference task W1 does on each event, without input and output: read, filter on a field,
//! set two, remove a nested one, serialise. Prints nanoseconds an event for the parts and the whole.
//!
//! `cargo run --release -p millpond-event --example w1_hot -- [FILE]`: lines of FILE, or made-up ones.

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use millpond_event::{Buffer, Chunk, Event, KeyPath, Origin, Path, Slice, SplitScratch};

const CHUNK: usize = 256 << 10;
const ROUNDS: usize = 60;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = match std::env::args().nth(1) {
        Some(file) => std::fs::read(file)?,
        None => made_up(10_000),
    };
    let slices = slices(&text);
    let events: usize = slices.iter().map(Slice::len).sum();
    let bytes: usize = slices.iter().map(Slice::weight).sum();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{events} events of {} bytes, best of {ROUNDS} rounds",
        bytes / events
    )?;

    let (kind, weight, seen, agent) = (
        Path::parse("type")?,
        Path::parse("weight")?,
        Path::parse("seen")?,
        Path::parse("context.ua")?,
    );
    let mut event = Event::default();
    let mut line = Vec::with_capacity(4 * CHUNK);
    let mut parts: Vec<(&str, f64)> = Vec::new();

    parts.push((
        "read",
        best(events, || {
            for slice in &slices {
                for i in 0..slice.len() {
                    black_box(event.read(slice, i).is_ok());
                }
            }
        }),
    ));
    parts.push((
        "read, get, set 2, remove, write",
        best(events, || {
            for slice in &slices {
                line.clear();
                for i in 0..slice.len() {
                    if event.read(slice, i).is_err() {
                        continue;
                    }
                    black_box(event.get_str(&kind).is_some_and(|kind| kind != "view"));
                    let set = event
                        .set(&weight, 3u64)
                        .and_then(|()| event.set(&seen, true));
                    black_box(set.is_ok());
                    event.remove(&agent);
                    event.write_to(&mut line);
                    line.push(b'\n');
                }
                black_box(&line);
            }
        }),
    ));
    let key = KeyPath::parse("user_id")?;
    parts.push((
        "key",
        best(events, || {
            for slice in &slices {
                for i in 0..slice.len() {
                    black_box(key.hash(slice.bytes(i)));
                }
            }
        }),
    ));
    let mut scratch = SplitScratch::default();
    parts.push((
        "split over 64 shards",
        best(events, || {
            for slice in &slices {
                slice.split(&key, 64, 0, &mut scratch, |shard, part| {
                    black_box((shard, part.len()));
                });
            }
        }),
    ));
    let mut spans = Vec::new();
    parts.push((
        "frame",
        best(events, || {
            for slice in &slices {
                spans.clear();
                slice.chunk().frame(&mut spans);
                black_box(&spans);
            }
        }),
    ));
    for (part, nanos) in parts {
        writeln!(out, "{nanos:7.1} ns  {part}")?;
    }
    Ok(())
}

fn best(events: usize, mut work: impl FnMut()) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    });
    rounds.fold(f64::INFINITY, f64::min) * 1e9 / events as f64
}

fn slices(text: &[u8]) -> Vec<Slice> {
    let mut slices = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let window = &rest[..rest.len().min(CHUNK)];
        let end = window
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(window.len(), |at| at + 1);
        let origin = Origin {
            source: "bench".into(),
            partition: 0,
            first_sequence: 0,
            offset: 0,
            received_micros: 0,
        };
        slices.extend(Slice::whole(Arc::new(Chunk::new(
            Buffer::from_vec(rest[..end].to_vec()),
            end,
            origin,
        ))));
        rest = &rest[end..];
    }
    slices
}

/// Clickstream lines of the shape of the reference task, the same ones each time.
fn made_up(count: u64) -> Vec<u8> {
    let mut state = 1u64;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let pages = [
        "/",
        "/search",
        "/item",
        "/cart",
        "/checkout",
        "/category/shoes",
        "/category/\u{fc}ber",
    ];
    let agents = [
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile",
        r#"Weird \"quoted\" \\ agent"#,
    ];
    let mut text = Vec::new();
    for i in 0..count {
        let kind = [
            "view",
            "view",
            "view",
            "click",
            "click",
            "add_to_cart",
            "purchase",
        ][random(7) as usize];
        let (high, low) = (random(1 << 31), random(1 << 31));
        let line = format!(
            "{{\"id\":\"{high:016x}{low:016x}\",\"type\":\"{kind}\",\"user_id\":\"u{}\",\"item_id\":{},\"ts\":{},\
             \"session\":{},\"price\":{}.{:02},\"context\":{{\"page\":\"{}\",\"referrer\":\"https://example.com/{}\",\
             \"ua\":\"{}\",\"ip\":\"10.{}.{}.{}\"}}}}\n",
            random(100_000),
            random(50_000),
            1_790_000_000_000 + i,
            random(1 << 31) << 20,
            random(500),
            random(100),
            pages[random(7) as usize],
            pages[random(7) as usize].trim_matches('/'),
            agents[random(3) as usize],
            random(256),
            random(256),
            random(256),
        );
        text.extend_from_slice(line.as_bytes());
    }
    text
}
