//! SIGTERM at full load: what was read is delivered, and what cannot be delivered is named.

mod common;

use std::io::Write;
use std::net::Shutdown;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::Place;
use common::w1::{STAGES, W1};
use rustix::process::Signal;

fn place(sink: &str, drain: &str) -> Place {
    Place::new(&format!(
        "[sources.feed]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.w1]\nkey = \"user_id\"\n{STAGES}\n[sinks.features]\n{sink}\n\
         [runtime]\nworkers = 2\nmemory = \"8MiB\"\ndrain = \"{drain}\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    ))
}

#[test]
fn the_output_is_that_of_a_prefix_of_each_connection() {
    let place = place("type = \"file\"\npath = \"{dir}/out.ndjson\"", "20s");
    let daemon = place.start().ready();
    let parts: Vec<W1> = (0..3)
        .map(|seed| W1::generate(40_000, 100 + seed, false))
        .collect();
    let sent = Mutex::new(0_u64);
    let ended = std::thread::scope(|scope| {
        for part in &parts {
            let mut stream = daemon.connect("feed");
            let sent = &sent;
            scope.spawn(move || {
                for line in part.input.chunks(10) {
                    // The daemon closes the connection when it has read enough.
                    if stream.write_all(&line.concat()).is_err() {
                        break;
                    }
                    *sent.lock().expect("nobody panics") += line.len() as u64;
                }
            });
        }
        daemon.until("under way", |daemon| {
            daemon.metric("millpond_events_received_total") > 5_000.0
        });
        daemon.terminate()
    });
    ended.expect_clean();
    let totals = ended.totals();
    assert!(totals.received > 5_000, "{totals:?}");
    assert_eq!((totals.live, totals.dropped), (0, 0), "{totals:?}");

    // Each line carries its number and connection: the longest prefix that explains the output.
    let mut lines = place.lines("out.ndjson");
    lines.sort_unstable();
    let mut explained = 0;
    for part in &parts {
        let mut gone = false;
        for output in part.output.iter().flatten() {
            match lines.binary_search(output) {
                Ok(_) if gone => panic!("a line is missing before one that came out"),
                Ok(_) => explained += 1,
                Err(_) => gone = true,
            }
        }
    }
    assert_eq!(explained, lines.len(), "every line that came out was sent");
    assert_eq!(lines.len() as u64, totals.delivered);
}

/// A listener that accepts and never reads: a sink in front of it never finishes.
fn deaf() -> std::net::TcpListener {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port")
}

fn stuck(
    drain: &str,
) -> (
    Place,
    common::Daemon,
    std::net::TcpListener,
    std::net::TcpStream,
) {
    let listener = deaf();
    let address = listener.local_addr().expect("bound");
    let place = place(&format!("type = \"tcp\"\naddress = \"{address}\""), drain);
    let daemon = place.start().ready();
    let mut stream = daemon.connect("feed");
    let w1 = W1::generate(60_000, 5, false);
    stream
        .set_write_timeout(Some(Duration::from_millis(500)))
        .expect("set");
    // More than the budget and the system's socket buffers hold together.
    let bytes = w1.bytes();
    while stream.write_all(&bytes).is_ok() {}
    daemon.until("something is live", |daemon| {
        daemon.metric("millpond_live_events") > 0.0
    });
    (place, daemon, listener, stream)
}

#[test]
fn a_sink_that_never_finishes_ends_the_drain_at_its_deadline_with_a_count() {
    let (_place, daemon, _listener, stream) = stuck("1s");
    let started = Instant::now();
    let ended = daemon.terminate();
    let took = started.elapsed();
    assert_eq!(ended.code, Some(1));
    assert!(
        (Duration::from_millis(900)..Duration::from_secs(20)).contains(&took),
        "{took:?}"
    );
    let left = &ended.entry("left in the pipeline");
    assert!(left["live"].as_u64() > Some(0), "{left}");
    let in_front = &ended.entry("left in front of the sink");
    assert_eq!(in_front["sink"], "features");
    let places = ["queued_events", "in_hand_events", "outbox_rows"]
        .map(|place| left[place].as_u64().expect("a count"));
    let rows = ["room_rows", "writer_rows"].map(|place| in_front[place].as_u64().expect("a count"));
    assert!(
        places.iter().sum::<u64>() + rows.iter().sum::<u64>() > 0,
        "{places:?} {rows:?}"
    );
    let _ = stream.shutdown(Shutdown::Both);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (place, mut daemon, _listener, _stream) = stuck("60s");
    drop(place);
    daemon.signal(Signal::TERM);
    daemon.wait_for("draining");
    let started = Instant::now();
    let ended = daemon.terminate();
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(ended.code, Some(1));
}
