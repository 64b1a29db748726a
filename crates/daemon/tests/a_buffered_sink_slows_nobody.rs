//! A destination with a disk buffer is down while events pour in, and the daemon is killed and stopped in
//! between. The other sink gets everything at once, memory stays bounded, and when the destination comes
//! back it gets every row that was confirmed, in order.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use common::{Daemon, Place};
use rustix::process::Signal;

const BUDGET: u64 = 16 << 20;
const KEYS: usize = 50;

fn place(peer: SocketAddr, max: &str, journal: bool) -> Place {
    let journal = match journal {
        true => "[journal]\ndir = \"{dir}/journal\"\nsegment = \"4MiB\"\n",
        false => "",
    };
    Place::new(&format!(
        "[sources.in]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.p]\nkey = \"key\"\n\
         [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [sinks.peer]\ntype = \"tcp\"\naddress = \"{peer}\"\nretry = {{ longest = \"200ms\" }}\n\
         on_full = \"buffer\"\nbuffer = {{ dir = \"{{dir}}/buffer\", max = \"{max}\" }}\n\
         queue = {{ bytes = \"2MiB\" }}\n{journal}\
         [runtime]\nworkers = 2\nmemory = \"16MiB\"\ndrain = \"60s\"\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    ))
}

/// Where nobody listens yet.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound")
}

/// Takes lines from now on; their numbers, in the order of arrival.
fn listen(at: SocketAddr) -> Arc<Mutex<Vec<usize>>> {
    let listener = TcpListener::bind(at).expect("the port is free still");
    let taken = Arc::new(Mutex::new(Vec::new()));
    let numbers = taken.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = BufReader::new(stream.expect("a connection"));
            for line in stream.lines().map_while(Result::ok) {
                let number = line
                    .strip_prefix("{\"n\":")
                    .and_then(|rest| rest.split(',').next());
                let number = number.and_then(|number| number.parse::<usize>().ok());
                let number = number.expect("a whole line");
                numbers.lock().expect("whole").push(number);
            }
        }
    });
    taken
}

/// Sends lines of these numbers, and waits until they are read.
fn send(mut stream: TcpStream, numbers: std::ops::Range<usize>) {
    let lines = numbers.map(|number| {
        format!(
            "{{\"n\":{number},\"key\":\"k{}\",\"pad\":\"{number:0>180}\"}}\n",
            number % KEYS
        )
    });
    let lines: String = lines.collect();
    stream.write_all(lines.as_bytes()).expect("taken");
    stream.shutdown(Shutdown::Write).expect("the end");
    let mut nothing = Vec::new();
    stream.read_to_end(&mut nothing).expect("closed");
}

/// Waits until `events` are confirmed though the peer has none of them, and memory was bounded all the while.
fn confirmed(daemon: &Daemon, events: usize) {
    let mut largest = 0;
    daemon.until("all confirmed", |daemon| {
        largest = largest.max(daemon.resident());
        assert_eq!(daemon.metric("millpond_unaccounted_events"), 0.0);
        daemon.metric("millpond_pipeline_events_delivered_total") >= events as f64
    });
    assert!(largest < BUDGET + (64 << 20), "resident {largest}");
}

/// How many lines came, each counted once.
fn distinct(taken: &Mutex<Vec<usize>>) -> usize {
    let taken = taken.lock().expect("whole");
    taken.iter().collect::<BTreeSet<_>>().len()
}

fn in_order(taken: &[usize], events: usize) {
    let mut last = BTreeMap::new();
    let mut seen = vec![false; events];
    for &number in taken {
        if !std::mem::replace(&mut seen[number], true) {
            let before = last.insert(number % KEYS, number);
            assert!(
                before.is_none_or(|before| before < number),
                "{number} came after {before:?}"
            );
        }
    }
    let missing = seen.iter().filter(|seen| !**seen).count();
    assert_eq!(missing, 0);
}

fn killed_and_stopped(steps: [usize; 3], journal: bool) {
    let peer = nobody();
    let place = place(peer, "1GiB", journal);
    let [first, second, third] = steps;

    let daemon = place.start().ready();
    send(daemon.connect("in"), 0..first);
    confirmed(&daemon, first);
    let kept = daemon.metric("millpond_sink_buffer_events");
    assert_eq!(kept, first as f64, "nothing was delivered");
    assert!(daemon.metric("millpond_sink_buffer_bytes") > (first * 200) as f64);
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.end().code, None);

    let daemon = place.start().ready();
    assert!(daemon.metric("millpond_sink_buffer_events") >= first as f64);
    send(daemon.connect("in"), first..second);
    confirmed(&daemon, second - first);
    let ended = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{:#?}", ended.log);
    let left = ended.entry("rows stay in the buffer for the next run");
    assert!(left["rows"].as_u64() >= Some(second as u64));

    let taken = listen(peer);
    let daemon = place.start().ready();
    send(daemon.connect("in"), second..third);
    daemon.until("the buffer is empty", |daemon| {
        daemon.metric("millpond_sink_live_rows") == 0.0
            && daemon.metric("millpond_pipeline_events_delivered_total") >= (third - second) as f64
            && distinct(&taken) == third
    });
    assert_eq!(daemon.metric("millpond_sink_buffer_events"), 0.0);
    daemon.terminate().expect_clean();
    let taken = taken.lock().expect("whole");
    in_order(&taken, third);
    // At the kill, what was confirmed was on disk, and the journal had no reason to run it again.
    let twice = taken.len() - third;
    assert!(journal || twice == 0, "{twice} came twice");
    assert!(place.lines("out.ndjson").len() >= third);
}

#[test]
fn what_was_confirmed_is_delivered_in_order_after_a_kill_and_a_stop() {
    killed_and_stopped([200_000, 230_000, 250_000], false);
}

#[test]
fn behind_a_journal_nothing_is_lost_either() {
    killed_and_stopped([30_000, 40_000, 50_000], true);
}

#[test]
fn a_full_buffer_holds_the_sources_and_loses_nothing() {
    let peer = nobody();
    let place = place(peer, "16MiB", false);
    let events = 100_000;
    let daemon = place.start().ready();
    let stream = daemon.connect("in");
    std::thread::scope(|scope| {
        scope.spawn(move || send(stream, 0..events));
        daemon.until("the buffer is full", |daemon| {
            let (status, why) = daemon.get("/readyz");
            status == 503 && why.contains("\"peer\" waits") && why.contains("holds")
        });
        assert!(daemon.resident() < BUDGET + (64 << 20));
        let taken = listen(peer);
        daemon.until("all is delivered", |daemon| {
            daemon.metric("millpond_pipeline_events_delivered_total") >= events as f64
                && daemon.metric("millpond_sink_live_rows") == 0.0
                && distinct(&taken) == events
        });
        assert_eq!(daemon.get("/readyz").0, 200);
        let taken = taken.lock().expect("whole");
        in_order(&taken, events);
        assert_eq!(taken.len(), events, "each once");
    });
    assert_eq!(daemon.terminate().code, Some(0));
}
