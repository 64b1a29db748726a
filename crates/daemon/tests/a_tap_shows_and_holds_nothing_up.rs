//! `millpond tap` shows what passes each place, tells how much it did not see, says nothing that is redacted or to nobody
//! without the token, and holds nothing up however slow its reader is.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Daemon, PATIENCE, Place};
use serde_json::Value;

const CONFIG: &str = r#"
[sources.web]
type = "tcp"
listen = "127.0.0.1:0"
[pipelines.clicks]
to = ["out"]
stages = [
  { type = "filter", field = "type", in = ["click", "view", "bad"] },
  { type = "set", field = "seen", value = true },
  { type = "fail", when = { field = "type", equals = "bad" }, message = "no such thing" },
]
[sinks.out]
type = "file"
path = "{dir}/out.ndjson"
[runtime]
workers = 1
"#;

const ADMIN: &str = "[admin]\nlisten = \"127.0.0.1:0\"\n";

const CLICK: &str = r#"{"type":"click","n":1.10}"#;
const VIEW: &str = r#"{"type":"view","n":2}"#;
const BAD: &str = r#"{"type":"bad","n":3}"#;

fn place() -> Place {
    Place::new(&format!("{CONFIG}{ADMIN}"))
}

/// Runs `millpond tap` while these lines are sent again and again, until it ends.
fn tap(place: &Place, daemon: &Daemon, lines: &[&str], arguments: &[&str]) -> Output {
    let mut tap = Command::new(env!("CARGO_BIN_EXE_millpond"))
        .arg("tap")
        .arg("--token-file")
        .arg(place.path("dead/admin.token"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stream = daemon.connect("web");
    let until = Instant::now() + PATIENCE;
    while tap.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "never: {arguments:?}");
        stream
            .write_all((lines.join("\n") + "\n").as_bytes())
            .unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    tap.wait_with_output().unwrap()
}

/// The same, of which some events are expected.
fn shown(place: &Place, daemon: &Daemon, lines: &[&str], arguments: &[&str]) -> Vec<Value> {
    let output = tap(place, daemon, lines, arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
    assert!(told.contains("that passed"), "{told}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A request for a tap: its answer from the first line of its body on, or its status and its problem.
fn open(daemon: &Daemon, query: &str, token: &str) -> Result<BufReader<TcpStream>, (u16, String)> {
    let address = daemon.admin.unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET /api/v1/tap?{query} HTTP/1.0\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut answer = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(answer.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
    if status == 200 {
        return Ok(answer);
    }
    let mut problem = String::new();
    answer.read_to_string(&mut problem).unwrap();
    Err((status, problem))
}

fn token(place: &Place) -> String {
    let pass = String::from_utf8(place.read("dead/admin.token")).unwrap();
    pass.split_whitespace().last().unwrap().to_owned()
}

#[test]
fn each_place_shows_what_passes_it() {
    let place = place();
    let daemon = place.start().ready();
    let lines = [CLICK, "no event", VIEW, BAD];

    let at_source = shown(
        &place,
        &daemon,
        &lines,
        &["--source", "web", "--limit", "50"],
    );
    assert_eq!(at_source.len(), 50);
    assert!(at_source.iter().all(|one| one["source"] == "web"));
    let raw = at_source
        .iter()
        .find(|one| one["text"] == "no event")
        .unwrap();
    assert_eq!(raw["bytes"], 8, "before it is read as an event: {raw}");
    assert!(
        raw["sequence"].is_u64() && raw["partition"].is_u64(),
        "{raw}"
    );

    let stage = ["--pipeline", "clicks", "--stage", "set", "--limit", "20"];
    let at_stage = shown(&place, &daemon, &lines, &stage);
    for one in &at_stage {
        assert_eq!(
            (&one["pipeline"], &one["stage"]),
            (&"clicks".into(), &"set".into())
        );
        assert!(one["event"]["seen"].is_null(), "before the stage: {one}");
    }

    let at_sink = shown(&place, &daemon, &lines, &["--sink", "out", "--limit", "20"]);
    for one in &at_sink {
        assert_eq!(one["event"]["seen"], true, "as it was written: {one}");
        assert_ne!(one["event"]["type"], "bad");
    }

    let letters = shown(
        &place,
        &daemon,
        &lines,
        &["--dead-letters", "--limit", "50"],
    );
    let found = |stage: &str| letters.iter().find(|one| one["stage"] == stage).unwrap();
    assert_eq!(found("decode")["text"], "no event");
    assert_eq!(found("fail")["event"]["n"], 3);
    assert_eq!(found("fail")["class"], "accepted");
    let only = ["--dead-letters", "--where", "stage=fail", "--limit", "5"];
    let chosen = shown(&place, &daemon, &lines, &only);
    assert!(
        chosen.iter().all(|one| one["stage"] == "fail"),
        "{chosen:?}"
    );
    daemon.terminate().expect_clean();
}

#[test]
fn a_tap_stays_at_its_stage_where_a_reload_puts_others_before_it() {
    let place = place();
    let daemon = place.start().ready();
    let stage = "pipeline=clicks&stage=set";
    let stays = open(&daemon, stage, &token(&place)).unwrap();
    let text = String::from_utf8(place.read("millpond.toml")).unwrap();
    let more = "stages = [\n  { type = \"noop\", name = \"first\" },";
    std::fs::write(
        place.path("millpond.toml"),
        text.replace("stages = [", more),
    )
    .unwrap();
    let (code, said) = place.order(&["reload"]);
    assert_eq!(code, Some(0), "{said}");
    let new = open(&daemon, "pipeline=clicks&stage=first", &token(&place)).unwrap();
    let bad = "no event, or none that goes further than the first stage";
    let mut stream = daemon.connect("web");
    writeln!(stream, "{CLICK}\n{{\"type\":\"other\"}}\n{bad}").unwrap();
    let samples = |tap: BufReader<TcpStream>, wanted: usize| -> Vec<Value> {
        let lines = tap.lines().map(Result::unwrap);
        let data = lines.filter_map(|line| line.strip_prefix("data: ").map(str::to_owned));
        let values = data.map(|data| serde_json::from_str::<Value>(&data).unwrap());
        values
            .filter(|value| value["stage"].is_string())
            .take(wanted)
            .collect()
    };
    let (set, first) = (samples(stays, 1), samples(new, 2));
    assert_eq!(
        (&set[0]["stage"], &set[0]["event"]["type"]),
        (&"set".into(), &"click".into())
    );
    assert!(
        set[0]["event"]["seen"].is_null(),
        "before the stage: {set:?}"
    );
    assert_eq!(first[1]["event"]["type"], "other", "{first:?}");
    daemon.terminate().expect_clean();
}

#[test]
fn only_wanted_events_are_shown_and_bare_ones_are_as_they_were_written() {
    let place = place();
    let daemon = place.start().ready();
    let wanted = [
        "--source",
        "web",
        "--where",
        "type=click",
        "--bare",
        "--limit",
        "10",
    ];
    let output = tap(&place, &daemon, &[VIEW, CLICK, "no event"], &wanted);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, format!("{CLICK}\n").repeat(10));
    let condition = r#"{ field = "n", gt = 1.5 }"#;
    let numbers = ["--sink", "out", "--where", condition, "--limit", "5"];
    for one in shown(&place, &daemon, &[VIEW, CLICK], &numbers) {
        assert_eq!(one["event"]["type"], "view");
    }
    daemon.terminate().expect_clean();
}

#[test]
fn no_more_are_shown_than_the_rate_allows_and_the_others_are_counted() {
    let place = place();
    let daemon = place.start().ready();
    let began = Instant::now();
    let slowly = ["--source", "web", "--rate", "1", "--limit", "3"];
    let seen = shown(&place, &daemon, &[CLICK; 10], &slowly);
    assert!(
        began.elapsed() >= Duration::from_millis(1_900),
        "{:?}",
        began.elapsed()
    );
    let dropped: u64 = seen
        .iter()
        .map(|one| one["dropped"].as_u64().unwrap())
        .sum();
    assert!(dropped >= 10, "{seen:?}");
    daemon.terminate().expect_clean();
}

#[test]
fn a_reader_that_stopped_reading_holds_nothing_up_and_hears_what_it_missed() {
    const EVENTS: usize = 1_500;
    let place = place();
    let daemon = place.start().ready();
    let taps: Vec<_> = ["source=web", "pipeline=clicks&stage=set", "sink=out"]
        .map(|at| open(&daemon, &format!("{at}&rate=1000"), &token(&place)).unwrap())
        .into();
    // More than the sockets and all that waits in between can hold.
    let long = format!(
        "{{\"type\":\"click\",\"pad\":\"{}\"}}\n",
        "x".repeat(20_000)
    );
    let mut stream = daemon.connect("web");
    (0..EVENTS).for_each(|_| stream.write_all(long.as_bytes()).unwrap());
    daemon.until("everything is delivered", |daemon| {
        daemon.metric("millpond_events_delivered_total") >= EVENTS as f64
    });
    let (_, ledger) = daemon.get("/api/v1/ledger");
    let ledger: Value = serde_json::from_str(&ledger).unwrap();
    assert_eq!(ledger["pipelines"][0]["delivered"], EVENTS);
    for tap in taps {
        let mut events = tap.lines().map(Result::unwrap);
        let counts = |line: String| {
            let data = line.strip_prefix("data: ").map(str::to_owned);
            let counts: Option<Value> = data.and_then(|data| serde_json::from_str(&data).ok());
            counts.filter(|counts| counts["passed"] == EVENTS)
        };
        let told = events.find_map(counts).unwrap();
        assert!(told["dropped"].as_u64().unwrap() > 0, "{told}");
    }
    daemon.terminate().expect_clean();
}

#[test]
fn what_is_redacted_is_seen_nowhere() {
    let redact = "redact = [\"email\", \"user.name\"]\n";
    let place = Place::new(&format!("{CONFIG}{ADMIN}{redact}"));
    let daemon = place.start().ready();
    let secret = "Ada.Lovelace";
    let fields = format!("\"email\":\"{secret}\",\"user\":{{\"id\":7,\"name\":\"{secret}\"}}");
    let good = format!("{{\"type\":\"click\",{fields}}}");
    let bad = format!("{{\"type\":\"bad\",{fields}}}");
    let broken = format!("{{\"type\":\"click\",{fields}");
    let lines = [&*good, &*bad, &*broken];
    for at in [
        &["--source", "web"][..],
        &["--pipeline", "clicks", "--stage", "filter"],
        &["--sink", "out"],
        &["--dead-letters"],
    ] {
        let arguments = [at, &["--limit", "20"]].concat();
        let output = tap(&place, &daemon, &lines, &arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success());
        assert!(!text.contains(secret), "{at:?}: {text}");
        let value: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let id = &value["event"]["user"]["id"];
        assert!(*id == 7 || value["hidden"].is_string(), "{value}");
    }
    let (code, problem) = open(&daemon, "source=web&where=email%3Dx", &token(&place)).unwrap_err();
    assert_eq!(code, 400);
    assert!(problem.contains("`admin.redact`"), "{problem}");

    let mut stream = TcpStream::connect(daemon.admin.unwrap()).unwrap();
    let token = token(&place);
    write!(
        stream,
        "GET /api/v1/dlq/latest HTTP/1.0\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut latest = String::new();
    stream.read_to_string(&mut latest).unwrap();
    assert!(
        latest.contains("not_json") || latest.contains("fail"),
        "{latest}"
    );
    assert!(
        latest.contains("[redacted") && !latest.contains(secret),
        "{latest}"
    );
    daemon.terminate().expect_clean();
}

#[test]
fn a_tap_needs_the_token_a_place_that_there_is_and_one_of_four_seats() {
    let place = place();
    let daemon = place.start().ready();
    let token = token(&place);
    let refused = |query: &str, token: &str| open(&daemon, query, token).unwrap_err();
    assert_eq!(refused("source=web", "wrong").0, 401);
    assert_eq!(daemon.get("/api/v1/tap?source=web").0, 401);
    assert_eq!(refused("source=web&colour=red", &token).0, 400);
    for (query, known) in [
        ("source=feed", "expected one of web"),
        ("sink=in", "expected one of out"),
        ("pipeline=views&stage=set", "expected one of clicks"),
        (
            "pipeline=clicks&stage=map",
            "expected one of fail, filter, set",
        ),
    ] {
        let (status, problem) = refused(query, &token);
        assert_eq!(status, 404, "{problem}");
        assert!(problem.contains(known), "{problem}");
    }
    let open = |query: &str| open(&daemon, query, &token);
    let mut seats: Vec<_> = (0..4).map(|_| open("source=web").unwrap()).collect();
    let (status, problem) = open("sink=out").unwrap_err();
    assert_eq!(status, 503);
    assert!(problem.contains("4 taps are open"), "{problem}");
    seats.pop();
    daemon.until("a seat is free", |_| open("sink=out").is_ok());

    let unknown = tap(&place, &daemon, &[CLICK], &["--source", "feed"]);
    assert_eq!(unknown.status.code(), Some(1));
    let told = String::from_utf8(unknown.stderr).unwrap();
    assert!(
        told.contains("there is no source \"feed\": expected one of web"),
        "{told}"
    );
    daemon.terminate().expect_clean();
}

#[test]
fn where_stages_are_in_processes_of_their_own_sources_and_sinks_are_shown_still() {
    let config = CONFIG.replace("[runtime]", "[runtime]\nisolation = \"process\"");
    let place = Place::new(&format!("{config}{ADMIN}"));
    let daemon = place.start().ready();
    for at in [["--source", "web"], ["--sink", "out"]] {
        let seen = shown(
            &place,
            &daemon,
            &[CLICK],
            &[&at[..], &["--limit", "3"]].concat(),
        );
        assert_eq!(seen.len(), 3);
    }
    let refused = open(&daemon, "pipeline=clicks&stage=set", &token(&place)).unwrap_err();
    assert_eq!(refused.0, 409);
    assert!(
        refused.1.contains("processes of their own"),
        "{}",
        refused.1
    );
    daemon.terminate().expect_clean();
}
