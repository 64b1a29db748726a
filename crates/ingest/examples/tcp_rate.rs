//! How fast one TCP connection on loopback is taken in, sender included.
//!
//! `tcp_rate [key]`: with a key, chunks are split over 64 shards by it.

#![allow(clippy::print_stdout, reason = "an example reports on the terminal")]

use std::error::Error;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use millpond_delivery::{Ledger, SourceLedger};
use millpond_event::{BufferPool, KeyPath};
use millpond_ingest::{DemoConfig, Inlet, Route, Shoppers, build, stop};
use millpond_queue::{Budget, Limits, ReadySet, mailboxes};

const ROUNDS: u64 = 20;
const EVENTS: u64 = 200_000;

fn main() -> Result<(), Box<dyn Error>> {
    let key = std::env::args().nth(1).map(|key| KeyPath::parse(&key));
    let ready = Arc::new(ReadySet::new(64));
    let limits = Limits {
        events: 1 << 30,
        bytes: 1 << 30,
    };
    let (intake, mut boxes) = mailboxes("p", ready.clone(), 0, 64, 1 << 14, limits);
    let route = Route {
        intake,
        ledger: Arc::new(Ledger::new("p")),
        key: key.transpose()?,
        arrears: None,
    };
    let ledger = Arc::new(SourceLedger::new("tcp"));
    let (handle, stop) = stop();
    let inlet = Inlet::new(
        "tcp".into(),
        vec![route],
        Budget::new(64 << 20),
        BufferPool::new(256 << 10, || 16 << 20),
        ledger.clone(),
        stop,
    );
    let source = build("tcp", serde_json::json!({ "listen": "127.0.0.1:0" }))?;
    let opened = futures_lite::future::block_on(source.open())?;
    let address = opened.local_addr().ok_or("no address")?;

    let mut text = vec![0; 400 * EVENTS as usize];
    let (filled, _) = Shoppers::new(&DemoConfig::default()).fill(&mut text, EVENTS);
    text.truncate(filled);
    let start = Instant::now();
    let sender = std::thread::spawn(move || {
        let mut peer = TcpStream::connect(address)?;
        (0..ROUNDS).try_for_each(|_| peer.write_all(&text))
    });
    let run = std::thread::spawn(move || futures_lite::future::block_on(opened.run(inlet)));
    let (mut events, mut parcels) = (0, 0);
    while events < ROUNDS * EVENTS {
        ready.wait();
        for shard in &mut boxes {
            while let Some(parcel) = shard.take() {
                events += parcel.item.batch.len() as u64;
                parcels += 1;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{events} events in {parcels} parcels, {:.2} M events/s, {:.0} ns an event, back-pressure {} ms",
        events as f64 / seconds / 1e6,
        seconds * 1e9 / events as f64,
        ledger.totals().backpressure_nanos / 1_000_000,
    );
    sender.join().map_err(|_| "the sender panicked")??;
    handle.stop();
    run.join().map_err(|_| "the source panicked")??;
    Ok(())
}
