//! `cargo bench -p millpond-event`: what 200 lines of the reference task cost, part by part.

use std::hint::black_box;
use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, bench};
use millpond_event::{Buffer, Chunk, Event, KeyPath, Origin, Path, Slice, SplitScratch};

static CLICKS: &[u8] = include_bytes!("../../../benches/w1.ndjson");

fn main() {
    divan::main();
}

#[bench]
fn frame(bencher: Bencher) {
    let slice = clicks();
    let mut spans = Vec::new();
    bencher
        .counter(ItemsCount::new(slice.len()))
        .bench_local(|| {
            spans.clear();
            slice.chunk().frame(&mut spans);
            black_box(&spans);
        });
}

#[bench]
fn key(bencher: Bencher) {
    let key = KeyPath::parse("user_id").expect("a name is a key path");
    let slice = clicks();
    bencher
        .counter(ItemsCount::new(slice.len()))
        .bench_local(|| {
            for i in 0..slice.len() {
                black_box(key.hash(slice.bytes(i)));
            }
        });
}

#[bench]
fn split_over_64_shards(bencher: Bencher) {
    let key = KeyPath::parse("user_id").expect("a name is a key path");
    let slice = clicks();
    let mut scratch = SplitScratch::default();
    bencher
        .counter(ItemsCount::new(slice.len()))
        .bench_local(|| {
            slice.split(&key, 64, 0, &mut scratch, |shard, part| {
                black_box((shard, part.len()));
            });
        });
}

#[bench]
fn read(bencher: Bencher) {
    each(bencher, |_| {});
}

#[bench]
fn read_get(bencher: Bencher) {
    let kind = path("type");
    each(bencher, |event| {
        black_box(event.get_str(&kind));
    });
}

#[bench]
fn read_set(bencher: Bencher) {
    let weight = path("weight");
    each(bencher, |event| {
        black_box(event.set(&weight, 3).is_ok());
    });
}

#[bench]
fn read_write(bencher: Bencher) {
    let mut line = Vec::new();
    each(bencher, |event| {
        line.clear();
        event.write_to(&mut line);
        black_box(&line);
    });
}

/// The work of the reference task on an event.
#[bench]
fn read_get_set_remove_write(bencher: Bencher) {
    let (kind, weight, agent) = (path("type"), path("weight"), path("context.ua"));
    let mut line = Vec::new();
    each(bencher, |event| {
        black_box(event.get_str(&kind));
        black_box(event.set(&weight, 3).is_ok());
        event.remove(&agent);
        line.clear();
        event.write_to(&mut line);
        black_box(&line);
    });
}

fn each(bencher: Bencher, mut work: impl FnMut(&mut Event)) {
    let slice = clicks();
    let mut event = Event::default();
    bencher
        .counter(ItemsCount::new(slice.len()))
        .bench_local(|| {
            for i in 0..slice.len() {
                if event.read(&slice, i).is_ok() {
                    work(&mut event);
                }
            }
        });
}

fn path(written: &str) -> Path {
    Path::parse(written).expect("names with dots are a path")
}

fn clicks() -> Slice {
    let origin = Origin {
        source: "bench".into(),
        partition: 0,
        first_sequence: 0,
        offset: 0,
        received_micros: 0,
    };
    let buffer = Buffer::from_vec(CLICKS.to_vec());
    Slice::whole(Arc::new(Chunk::new(buffer, CLICKS.len(), origin))).expect("200 lines")
}
