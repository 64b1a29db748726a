//! Dead letters can be counted, searched and read while the daemon goes on writing them, and a store that is
//! full of accepted events holds the sources up instead of losing one.

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::Place;

fn place(more: &str) -> Place {
    Place::new(&format!(
        "[sources.feed]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.all]\nstages = [\n\
           {{ type = \"fail\", when = {{ field = \"bad\", in = [true] }} }},\n\
         ]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [runtime]\nworkers = 2\n[admin]\nlisten = \"127.0.0.1:0\"\n{more}"
    ))
}

#[test]
fn letters_of_a_running_daemon_are_counted_searched_and_read() {
    let place = place("");
    let daemon = place.start().ready();
    let mut stream = daemon.connect("feed");
    for number in 0..10 {
        write!(
            stream,
            "{{\"n\":{number},\"bad\":true}}\nno event \u{1}\n{{\"n\":{number}}}\n"
        )
        .expect("taken");
    }
    daemon.until("all set aside", |daemon| {
        daemon.metric("millpond_pipeline_events_dead_lettered_total") == 20.0
    });

    let list = place.dlq(&["ls"]);
    let rows: Vec<Vec<&str>> = list
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows.len(), 4, "{list}");
    assert_eq!(rows[3], ["20", "letters"]);
    let row = |reason: &str| {
        let found = rows.iter().find(|row| row[0] == reason);
        found.unwrap_or_else(|| panic!("{reason} in {list}"))[1..6].to_vec()
    };
    assert_eq!(row("refused"), ["fail", "all", "accepted", "10", "0"]);
    assert_eq!(row("bad_syntax"), ["decode", "all", "rejects", "10", "0"]);

    let refused = place.dlq(&[
        "show",
        "--json",
        "--where",
        "reason=refused",
        "--where",
        "since=1h",
    ]);
    let letters: Vec<serde_json::Value> = refused
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(letters.len(), 10);
    for (number, letter) in letters.iter().enumerate() {
        assert_eq!(letter["event"], format!("{{\"n\":{number},\"bad\":true}}"));
        assert_eq!(letter["id"], format!("accepted-{number}"));
    }
    assert_eq!(place.dlq(&["show", "--where", "until=1h"]), "");
    let shown = place.dlq(&["show", "--where", "class=rejects", "--limit", "1"]);
    assert!(
        shown.contains("rejects-0") && shown.contains("no event \\u{1}"),
        "{shown}"
    );
    assert_eq!(shown.matches("rejects-").count(), 1);

    let (status, body) = daemon.get("/api/v1/dlq");
    let counts: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(status, 200);
    assert_eq!(counts["full"], false);
    let groups = counts["letters"].as_array().expect("a list");
    assert_eq!(groups.len(), 2, "{body}");
    assert_eq!(
        (&groups[0]["class"], &groups[0]["letters"]),
        (&"rejects".into(), &10.into())
    );
    assert_eq!(
        (&groups[1]["reason"], &groups[1]["letters"]),
        (&"refused".into(), &10.into())
    );
    daemon.terminate().expect_clean();
}

#[test]
fn a_store_full_of_accepted_events_holds_the_sources_up_and_says_so() {
    let place = place("");
    let small = [
        "--set",
        "dead_letters.max=64KiB",
        "--set",
        "runtime.drain=100ms",
    ];
    let daemon = place.start_with(&small, Stdio::null()).ready();
    let mut stream = daemon.connect("feed");
    let events: String = (0..1_000)
        .map(|n| format!("{{\"n\":{n},\"bad\":true}}\n"))
        .collect();
    stream.write_all(events.as_bytes()).expect("taken");
    daemon.until("readiness says that it is full", |daemon| {
        let (status, body) = daemon.get("/readyz");
        status == 503 && body.contains("dead letters of accepted events are full")
    });
    let (_, body) = daemon.get("/api/v1/ledger");
    let ledger: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let pipeline = &ledger["pipelines"][0];
    assert_eq!(
        (&pipeline["received"], &pipeline["dropped"]),
        (&1_000.into(), &0.into())
    );
    assert!(
        pipeline["live"].as_u64().expect("a number") > 0,
        "{pipeline}"
    );
    let ended = daemon.terminate();
    assert_eq!(ended.code, Some(1), "what is left is told");
    let letters = place.dead_letters();
    assert!(!letters.is_empty() && letters.len() < 1_000);
    for (number, letter) in letters.iter().enumerate() {
        assert_eq!(
            letter["event"],
            format!("{{\"n\":{number},\"bad\":true}}"),
            "the first ones, in order"
        );
    }
}

#[test]
fn what_is_asked_for_wrongly_is_a_wrong_command_line() {
    let place = place("");
    for (arguments, code, part) in [
        (vec!["ls", "--where", "colour=red"], 2, "colour=red"),
        (vec!["show", "--where", "since=soon"], 2, "expected a time"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_millpond"))
            .arg("dlq")
            .args(arguments)
            .arg("--path")
            .arg(place.path("dead"))
            .output()
            .expect("it starts");
        assert_eq!(output.status.code(), Some(code));
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.contains(part), "{errors}");
    }
}
