//! A body that does not say its length gets a little room first and all that it may need once it is longer, and the
//! many that wait for that do not keep each other from it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::Rig;
use common::http::{Answer, Client};
use serde_json::json;

const HEAD: &[u8] =
    b"POST /v1/events HTTP/1.1\r\nhost: here\r\ncontent-type: application/x-ndjson\r\n\
    transfer-encoding: chunked\r\n\r\n";
/// What such a body gets first.
const FIRST: u64 = 64 << 10;

fn chunk(lines: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", lines.len()).as_bytes(), lines, b"\r\n"].concat()
}

fn send(client: &mut Client, lines: &[u8]) -> Answer {
    client.send(&[HEAD, &chunk(lines), b"0\r\n\r\n"].concat());
    client.answer()
}

#[test]
fn a_short_one_holds_little_and_a_long_one_all_that_it_may_need() {
    let mut rig = Rig::new(64 << 20, 1, None);
    let running = rig.start_http(json!({ "listen": "127.0.0.1:0", "max_body": "8MiB" }));
    let line = format!("{{\"a\":\"{}\"}}\n", "x".repeat(1_000));
    let mut client = Client::new(&running);
    client.send(&[HEAD, &chunk(line.as_bytes())].concat());
    rig.take_until("a permit", |rig| rig.budget.used() > 0);
    assert_eq!(rig.budget.used(), FIRST);
    client.send(&chunk(line.repeat(99).as_bytes()));
    rig.take_until("more than that", |rig| rig.budget.used() > FIRST);
    rig.take_until("and only that", |rig| rig.budget.used() == 8 << 20);
    client.send(&[chunk(line.as_bytes()), b"0\r\n\r\n".to_vec()].concat());
    assert_eq!(client.answer().status, 200);
    rig.take_events(101);
    drop(client);
    rig.stop(running);
    assert!(rig.texts().iter().all(|text| *text == line.trim_end()));
}

#[test]
fn many_that_have_to_grow_all_come_to_their_end() {
    let budget = 8 << 20;
    let mut rig = Rig::new(budget, 1, None);
    let params = json!({ "listen": "127.0.0.1:0", "max_body": "1MiB", "timeout": "5m" });
    let running = rig.start_http(params);
    // Room for the beginnings of 24 bodies, and for nothing more.
    let others = rig.budget.acquire_blocking(budget - 24 * FIRST as usize);
    let line = format!("{{\"a\":\"{}\"}}\n", "x".repeat(10_000));
    let senders: Vec<_> = (0..40)
        .map(|_| {
            let mut client = Client::new(&running);
            let lines = line.repeat(20);
            std::thread::spawn(move || send(&mut client, lines.as_bytes()).status)
        })
        .collect();
    // A quarter of the budget is for beginnings: of 32 bodies. The others do not wait for it yet.
    rig.take_until("all of them wait", |rig| rig.budget.waiting() == 32);
    drop(others);
    rig.take_events(800);
    for sender in senders {
        assert_eq!(sender.join().unwrap(), 200);
    }
    rig.stop(running);
}

#[test]
fn one_that_finds_no_room_to_grow_is_shed() {
    let budget = 8 << 20;
    let mut rig = Rig::new(budget, 1, None);
    let params = json!({ "listen": "127.0.0.1:0", "max_body": "1MiB", "on_full": "shed" });
    let running = rig.start_http(params);
    let others = rig.budget.acquire_blocking(budget - (128 << 10));
    let answer = send(&mut Client::new(&running), b"{}\n");
    assert_eq!(answer.status, 200, "{answer:?}");
    rig.take_events(1);
    let answer = send(&mut Client::new(&running), &b"{}\n".repeat(30_000));
    assert_eq!(answer.status, 429, "{answer:?}");
    drop(others);
    rig.take_until("all is given back", |rig| rig.budget.used() == 0);
    rig.stop(running);
}
