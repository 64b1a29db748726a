//! Input is bounded by permits taken before it is read. What a pipeline makes of it may be much more: large events out
//! of small ones, dead letters out of short lines of junk. That is bounded, too, whether the sink takes it or not.

mod common;

use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::time::Duration;

use common::{Daemon, Place};

/// The most that may be resident, beside a budget of 8 MiB.
const MOST: u64 = (8 + 64) << 20;
/// The most that may be charged to it: an overdraft of 16 MiB, and what two workers had in hand when it was reached.
const MOST_USED: f64 = ((8 + 16 + 4) << 20) as f64;

fn check(daemon: &Daemon) {
    let resident = daemon.resident();
    assert!(resident < MOST, "resident {resident}");
    let used = daemon.metric("millpond_budget_used_bytes");
    assert!(used < MOST_USED, "used {used}");
}

fn place(stages: &str, sink: &str) -> Place {
    Place::new(&format!(
        "[sources.feed]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.all]\nkey = \"a\"\nstages = [{stages}]\n\
         [sinks.out]\n{sink}\n\
         [runtime]\nworkers = 2\nmemory = \"8MiB\"\ndrain = \"100ms\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    ))
}

/// Sends `piece` again and again until the daemon takes no more for a second, or until `most` bytes are sent.
fn send_until_it_is_full(daemon: &Daemon, piece: &[u8], most: usize) -> bool {
    let mut stream = daemon.connect("feed");
    let patience = Some(Duration::from_secs(1));
    stream.set_write_timeout(patience).expect("a timeout");
    for _ in 0..most / piece.len() {
        match stream.write_all(piece) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return true;
            }
            Err(error) => panic!("{error}"),
        }
        check(daemon);
    }
    false
}

#[test]
fn large_events_made_of_small_ones_slow_the_sender_when_nobody_takes_them() {
    let deaf = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = deaf.local_addr().expect("bound");
    let pad = "p".repeat(1_000);
    let place = place(
        &format!("{{ type = \"set\", field = \"pad\", value = \"{pad}\" }}"),
        &format!("type = \"tcp\"\naddress = \"{address}\""),
    );
    let daemon = place.start().ready();
    let piece: String = (0..5_000).map(|key| format!("{{\"a\":{key}}}\n")).collect();
    assert!(
        send_until_it_is_full(&daemon, piece.as_bytes(), 64 << 20),
        "the sender was never slowed"
    );
    assert!(daemon.metric("millpond_budget_used_bytes") > f64::from(8 << 20));
    assert_eq!(daemon.metric("millpond_unaccounted_events"), 0.0);
    check(&daemon);
    daemon.terminate();
}

#[test]
fn junk_makes_many_dead_letters_and_no_pile_of_them() {
    let place = place("", "type = \"blackhole\"");
    let daemon = place.start().ready();
    // Short lines of bytes that need an escape each: a letter is many times as long as its line.
    let piece: Vec<u8> = (0..200_000_u32)
        .map(|i| if i % 9 == 8 { b'\n' } else { 1 + (i % 8) as u8 })
        .collect();
    send_until_it_is_full(&daemon, &piece, 6 << 20);
    daemon.until("all set aside", |daemon| {
        check(daemon);
        daemon.metric("millpond_live_events") == 0.0
    });
    assert!(daemon.metric("millpond_events_dead_lettered_total") > 100_000.0);
    daemon.terminate().expect_clean();
}
