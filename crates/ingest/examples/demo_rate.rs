//! How fast synthetic shoppers are written, alone and through the whole source.

#![allow(clippy::print_stdout, reason = "an example reports on the terminal")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use millpond_delivery::{Ledger, SourceLedger};
use millpond_event::BufferPool;
use millpond_ingest::{DemoConfig, Inlet, Route, Shoppers, build, stop};
use millpond_queue::{Budget, Limits, ReadySet, mailboxes};

const EVENTS: u64 = 5_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut shoppers = Shoppers::new(&DemoConfig::default());
    let mut buffer = vec![0; 256 << 10];
    let (mut events, mut bytes) = (0, 0);
    let start = Instant::now();
    while events < EVENTS {
        let (filled, written) = shoppers.fill(&mut buffer, EVENTS - events);
        events += written;
        bytes += filled;
    }
    report("written", events, start);
    println!("{:.0} bytes an event", bytes as f64 / events as f64);

    let ready = Arc::new(ReadySet::new(1));
    let limits = Limits {
        events: 1 << 30,
        bytes: 1 << 30,
    };
    let (intake, mut boxes) = mailboxes("p", ready.clone(), 0, 1, 1 << 14, limits);
    let route = Route {
        intake,
        ledger: Arc::new(Ledger::new("p")),
        key: None,
        arrears: None,
    };
    let (_handle, stop) = stop();
    let inlet = Inlet::new(
        "demo".into(),
        vec![route],
        Budget::new(64 << 20),
        BufferPool::new(256 << 10, || 16 << 20),
        Arc::new(SourceLedger::new("demo")),
        stop,
    );
    let source = build("demo", serde_json::json!({ "rate": 0, "events": EVENTS }))?;
    let start = Instant::now();
    let consumer = std::thread::spawn(move || {
        let mut events = 0;
        while !boxes[0].is_ended() {
            ready.wait();
            while let Some(parcel) = boxes[0].take() {
                events += parcel.item.batch.len() as u64;
            }
        }
        events
    });
    futures_lite::future::block_on(async { source.open().await?.run(inlet).await })?;
    let events = consumer.join().map_err(|_| "the consumer panicked")?;
    report("through the source", events, start);
    Ok(())
}

fn report(what: &str, events: u64, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    let rate = events as f64 / seconds / 1e6;
    let nanos = seconds * 1e9 / events as f64;
    println!("{what}: {events} events, {rate:.2} M events/s, {nanos:.0} ns an event");
}
