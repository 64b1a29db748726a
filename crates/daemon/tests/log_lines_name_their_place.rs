//! A line of the log says which source, which sink it is about, by the names of the configuration.

mod common;

use std::fs::{self, OpenOptions};
use std::io::Write;

use common::{Ended, Place};
use rustix::process::Signal;
use serde_json::Value;

const LINE: &str = r#"
[sources.archive]
type = "file"
path = "{dir}/in.ndjson"
[pipelines.all]
[sinks.kept]
type = "file"
path = "{dir}/out.ndjson"
[sinks.away]
type = "tcp"
address = "127.0.0.1:9"
required = false
[journal]
dir = "{dir}/journal"
[admin]
listen = "127.0.0.1:0"
[runtime]
drain = "1s"
"#;

fn line<'a>(ended: &'a Ended, message: &str) -> &'a Value {
    let mut lines = ended.log.iter();
    let found = lines.find(|line| {
        line["message"]
            .as_str()
            .is_some_and(|said| said.starts_with(message))
    });
    found.unwrap_or_else(|| panic!("no {message:?}: {:#?}", ended.log))
}

#[test]
fn what_is_wrong_is_told_with_the_source_or_the_sink() {
    let place = Place::new(LINE);
    let input = place.path("in.ndjson");
    let run = |lines: &[u8]| {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&input)
            .expect("a file");
        file.write_all(lines).expect("written");
        let mut daemon = place.start();
        daemon.wait_for("cannot write, will try again");
        daemon.signal(Signal::TERM);
        daemon.end()
    };
    let ended = run(b"{\"n\":1}\n{\"n\":2}\n");
    assert_eq!(line(&ended, "cannot write, will try again")["sink"], "away");
    assert_eq!(line(&ended, "source ended")["source"], "archive");
    assert_eq!(
        line(&ended, "the drain does not wait for the sink")["sink"],
        "away"
    );
    assert_eq!(line(&ended, "pipeline totals")["pipeline"], "all");

    // Somebody takes rows away, and the file of events grows.
    fs::write(place.path("out.ndjson"), "").expect("cut");
    let ended = run(b"{\"n\":3}\n");
    assert_eq!(line(&ended, "somebody cut the file")["sink"], "kept");
    assert_eq!(
        line(&ended, "going on where the file was left")["source"],
        "archive"
    );
}

#[test]
fn a_key_that_changes_is_told_with_the_source_that_it_is_for() {
    let place = Place::new(
        "[sources.web]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\nauth = [{ name = \"shop\", file = \"{dir}/key\" }]\n\
         [sinks.out]\ntype = \"blackhole\"\n[admin]\nenabled = false\n",
    );
    fs::write(place.path("key"), "a-secret-of-at-least-thirty-two-bytes\n").expect("written");
    let mut daemon = place.start().ready();
    fs::write(
        place.path("key"),
        "another-secret-of-thirty-two-bytes-and-more\n",
    )
    .expect("written");
    // Files are looked at when somebody asks, and at most once a second.
    let until = std::time::Instant::now() + common::PATIENCE;
    while !daemon.has_said("read again") {
        assert!(std::time::Instant::now() < until, "{:#?}", daemon.seen);
        let mut web = daemon.connect("web");
        let asked = b"POST /v1/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\ncontent-length: 0\r\n\
                      connection: close\r\n\r\n";
        web.write_all(asked).expect("sent");
        std::io::copy(&mut web, &mut std::io::sink()).expect("answered");
    }
    daemon.signal(Signal::TERM);
    let ended = daemon.end();
    assert_eq!(line(&ended, "read again")["source"], "web");
}
