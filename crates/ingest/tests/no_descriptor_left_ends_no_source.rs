//! A listener that runs out of descriptors waits for some, and goes on where it was.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use common::Rig;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

#[test]
fn a_connection_that_cannot_be_accepted_yet_is_accepted_later() {
    let limit = getrlimit(Resource::Nofile);
    let few = Rlimit {
        current: Some(128),
        ..limit
    };
    setrlimit(Resource::Nofile, few).unwrap();
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start("tcp", json!({ "listen": "127.0.0.1:0" }));
    let address = running.address.unwrap();
    running.send(b"{\"first\":1}\n");
    rig.take_until("the first has gone", |rig| {
        rig.seen.len() == 1 && rig.source.totals().open == 0
    });

    // All descriptors but one are taken, and the peer takes that.
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    taken.pop();
    let mut peer = TcpStream::connect(address).unwrap();
    peer.write_all(b"{\"second\":2}\n").unwrap();
    // Long enough for several attempts to fail; what they do cannot be seen from outside.
    std::thread::sleep(Duration::from_millis(100));
    rig.take();
    assert_eq!((rig.seen.len(), rig.source.totals().open), (1, 0));
    assert!(!running.thread.is_finished());

    taken.clear();
    rig.take_events(2);
    assert_eq!(rig.texts(), ["{\"first\":1}", "{\"second\":2}"]);
    rig.stop(running);
}
