//! Connections that say nothing, half a head or half a body cost the live ones nothing.
//!
//! `MILLPOND_STUCK=5000` makes it as many as the promise says; each takes two descriptors of this process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::Write;
use std::time::{Duration, Instant};

use common::Rig;
use common::http::{Client, post};
use serde_json::json;

/// Requests of a live client in a round.
const REQUESTS: usize = 500;
/// What the machine itself may add: it is shared, and the test is not built for speed.
const NOISE: Duration = Duration::from_millis(3);

/// How long it took all but a hundredth of the requests.
fn p99(rig: &mut Rig, client: &mut Client) -> Duration {
    let mut times: Vec<Duration> = (0..REQUESTS)
        .map(|_| {
            let began = Instant::now();
            assert_eq!(client.post(b"{\"live\":true}\n").status, 200);
            began.elapsed()
        })
        .collect();
    rig.take_events(REQUESTS);
    rig.seen.clear();
    times.sort_unstable();
    times[REQUESTS * 99 / 100]
}

#[test]
fn live_clients_are_as_quick_as_without_them() {
    let stuck: usize = std::env::var("MILLPOND_STUCK").map_or(400, |count| count.parse().unwrap());
    let mut rig = Rig::new(256 << 20, 1, None);
    let running = rig.start_http(json!({
        "listen": "127.0.0.1:0", "max_connections": stuck + 10, "max_connections_per_peer": stuck + 10,
        "header_timeout": "10m", "stall": "10m", "timeout": "10m", "idle": "10m",
    }));
    let mut live = Client::new(&running);
    p99(&mut rig, &mut live);
    let mut alone = Duration::MAX;
    for _ in 0..3 {
        alone = alone.min(p99(&mut rig, &mut live));
    }
    let half = post(&b"{\"stuck\":true}\n".repeat(100));
    let connections: Vec<_> = (0..stuck)
        .map(|number| {
            let mut stream = running.connect();
            match number % 4 {
                0 => {}
                1 => stream.write_all(b"POST /v1/ev").unwrap(),
                2 => stream.write_all(&half[..half.len() / 2]).unwrap(),
                // Asks, and never listens.
                _ => stream.write_all(&post(b"\n")).unwrap(),
            }
            stream
        })
        .collect();
    let open = stuck as u64 + 1;
    rig.take_until("all are there", |rig| rig.source.totals().open == open);
    let mut beside = Duration::MAX;
    for _ in 0..5 {
        beside = beside.min(p99(&mut rig, &mut live));
        if beside <= alone * 2 {
            break;
        }
    }
    eprintln!("p99 alone {alone:?}, beside {stuck} stuck connections {beside:?}");
    assert!(
        beside <= alone * 2 + NOISE,
        "{beside:?} beside {stuck} stuck connections, {alone:?} alone"
    );
    assert_eq!(rig.source.totals().closed_by.len(), 0);
    drop((connections, live));
    rig.handle.stop();
    running.thread.join().unwrap().unwrap();
    assert_eq!(rig.budget.used(), 0);
}
