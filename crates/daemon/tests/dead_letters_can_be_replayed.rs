//! Dead letters run through the pipeline as it is configured now, each once: what comes through is marked, what
//! fails again is a new letter, and nobody replays or deletes behind the back of a running daemon.

mod common;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::Place;

/// A stage that refuses whatever is bad, or lets it pass once it is mended.
fn config(stage: &str) -> String {
    format!(
        "[sources.feed]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.all]\nkey = \"user\"\nstages = [{stage}]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{{dir}}/out.ndjson\"\n\
         [runtime]\nworkers = 2\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    )
}

const REFUSES: &str = "{ type = \"fail\", when = { field = \"bad\", in = [true] } }";
const MENDED: &str = "{ type = \"set\", field = \"mended\", value = true }";

fn dlq(place: &Place, config: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millpond"))
        .arg("dlq")
        .args(arguments)
        .arg("-c")
        .arg(config)
        .current_dir(place.path(""))
        .stdin(Stdio::null())
        .output()
        .expect("it starts")
}

fn succeeded(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned() + &errors
}

/// A place whose store holds `letters` events that were refused, of three users, and one line that is no event.
fn with_letters(letters: usize) -> Place {
    let place = Place::new(&config(REFUSES));
    let daemon = place.start().ready();
    let mut stream = daemon.connect("feed");
    for number in 0..letters {
        let user = number % 3;
        writeln!(stream, "{{\"n\":{number},\"user\":{user},\"bad\":true}}").expect("taken");
    }
    stream.write_all(b"no event\n").expect("taken");
    daemon.until("all set aside", |daemon| {
        daemon.metric("millpond_pipeline_events_dead_lettered_total") == letters as f64 + 1.0
    });
    daemon.terminate().expect_clean();
    place
}

/// The same place, its stage mended.
fn mended(place: &Place) -> std::path::PathBuf {
    let text = String::from_utf8(place.read("millpond.toml")).expect("text");
    let path = place.path("mended.toml");
    std::fs::write(&path, text.replace(REFUSES, MENDED)).expect("written");
    path
}

#[test]
fn each_letter_comes_out_once_in_order_per_key_and_what_fails_again_is_set_aside_again() {
    let place = with_letters(3_000);
    let config = mended(&place);

    let preview = succeeded(&dlq(&place, &config, &["replay", "--dry-run"]));
    assert!(preview.contains("3001 letters replayed"), "{preview}");
    assert_eq!(place.lines("out.ndjson").len(), 0, "a dry run does nothing");

    let refused = ["replay", "--where", "reason=refused"];
    let said = succeeded(&dlq(&place, &config, &refused));
    assert!(said.contains("3000 letters replayed"), "{said}");
    let out = place.lines("out.ndjson");
    assert_eq!(out.len(), 3_000);
    let mut next = [0, 1, 2];
    for line in &out {
        let event: serde_json::Value = serde_json::from_slice(line).expect("JSON");
        assert_eq!(event["mended"], true);
        let user = event["user"].as_u64().expect("a number") as usize;
        assert_eq!(event["n"], next[user], "in order per key");
        next[user] += 3;
    }

    let said = succeeded(&dlq(&place, &config, &refused));
    assert!(
        said.contains("INFO 0 letters replayed"),
        "never twice: {said}"
    );
    assert_eq!(place.lines("out.ndjson").len(), 3_000);

    succeeded(&dlq(&place, &config, &["replay"]));
    let letters = place.dead_letters();
    let junk: Vec<_> = letters
        .iter()
        .filter(|letter| letter["stage"] == "decode")
        .collect();
    assert_eq!(junk.len(), 2, "it failed again");
    for part in ["event", "source", "partition", "sequence", "offset"] {
        assert_eq!(
            junk[0][part], junk[1][part],
            "{part}: it says where it came from first"
        );
    }
    assert_eq!(
        (&junk[0]["replayed"], &junk[1]["replayed"]),
        (&true.into(), &false.into())
    );

    let again = ["replay", "--again", "--where", "id=accepted-7"];
    succeeded(&dlq(&place, &config, &again));
    assert_eq!(place.lines("out.ndjson").len(), 3_001);
}

#[test]
fn what_a_sink_cannot_take_is_not_marked() {
    let place = with_letters(20);
    let config = mended(&place);
    std::fs::remove_file(place.path("out.ndjson")).expect("it was there");
    let failing = [
        "replay",
        "--where",
        "reason=refused",
        "--set",
        "sinks.out={ type = \"file\", path = \"/dev/full\" }",
        "--set",
        "runtime.drain=200ms",
    ];
    let mut command = Command::new(env!("CARGO_BIN_EXE_millpond"));
    let child = command
        .args(["dlq"])
        .args(failing)
        .arg("-c")
        .arg(&config)
        .current_dir(place.path(""))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let id = rustix::process::Pid::from_raw(child.id() as i32).expect("an id");
    // Once letters are on their way, the sink keeps them from ending.
    let mut child = child;
    let mut log = std::io::BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("cannot write") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut log, &mut line).expect("readable");
        assert!(read > 0, "it ended by itself");
    }
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
    drop(log);
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    assert!(
        place
            .dead_letters()
            .iter()
            .all(|letter| letter["replayed"] == false)
    );
}

#[test]
fn what_is_dropped_because_a_sink_is_gone_is_not_marked() {
    let place = with_letters(200);
    let text = String::from_utf8(std::fs::read(mended(&place)).expect("readable")).expect("text");
    let file = format!(
        "type = \"file\"\npath = \"{}\"",
        place.path("out.ndjson").display()
    );
    let config = place.path("piped.toml");
    std::fs::write(&config, text.replace(&file, "type = \"stdout\"")).expect("written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_millpond"))
        .args(["dlq", "replay", "--where", "reason=refused", "-c"])
        .arg(&config)
        .current_dir(place.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("not everything was replayed"), "{errors}");
    assert!(
        place
            .dead_letters()
            .iter()
            .all(|letter| letter["replayed"] == false)
    );
}

#[test]
fn letters_are_deleted_only_as_told_and_the_others_stay() {
    let place = with_letters(300);
    let config = place.path("millpond.toml");
    let asked = dlq(&place, &config, &["purge", "--where", "class=rejects"]);
    assert_eq!(asked.status.code(), Some(1), "there is nobody to ask");
    assert_eq!(place.dead_letters().len(), 301);
    let said = succeeded(&dlq(
        &place,
        &config,
        &["purge", "--where", "class=rejects", "--yes"],
    ));
    assert!(said.contains("1 letters deleted"), "{said}");
    let letters = place.dead_letters();
    assert_eq!(letters.len(), 300);
    assert!(letters.iter().all(|letter| letter["stage"] == "fail"));
    place.dlq(&["purge", "--all", "--yes"]);
    assert_eq!(place.dead_letters().len(), 0);
    assert_eq!(place.dlq(&["ls"]), "no dead letters\n");
}

#[test]
fn a_running_daemon_does_both_itself_for_whoever_can_read_its_token() {
    let place = with_letters(300);
    let config = mended(&place);
    let daemon = place
        .start_with(&["-c", "mended.toml"], Stdio::null())
        .ready();
    let said = succeeded(&dlq(
        &place,
        &config,
        &["replay", "--where", "reason=refused"],
    ));
    assert!(said.contains("300 letters replayed"), "{said}");
    assert_eq!(place.lines("out.ndjson").len(), 300);
    assert_eq!(
        daemon.metric("millpond_pipeline_events_received_total"),
        300.0
    );
    let said = succeeded(&dlq(
        &place,
        &config,
        &["purge", "--where", "replayed=true", "--yes"],
    ));
    assert!(said.contains("300 letters deleted"), "{said}");
    assert_eq!(place.dead_letters().len(), 1);

    let token = place.path("dead/admin.token");
    let pass = std::fs::read_to_string(&token).expect("it is there");
    let cut = pass.trim_end().len() - 1;
    std::fs::write(&token, &pass[..cut]).expect("written");
    let refused = dlq(&place, &config, &["purge", "--all", "--yes"]);
    let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        errors.contains(&format!("process {}", daemon.id())),
        "{errors}"
    );
    assert_eq!(place.dead_letters().len(), 1);
    std::fs::remove_file(&token).expect("it was there");
    let refused = dlq(&place, &config, &["replay"]);
    let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(1) && errors.contains("in use by another process"),
        "{errors}"
    );
    daemon.terminate().expect_clean();
}

#[test]
fn a_full_store_is_purged_and_the_sources_go_on() {
    let place = Place::new(&config(REFUSES));
    let small = ["--set", "dead_letters.max=64KiB"];
    let daemon = place.start_with(&small, Stdio::null()).ready();
    let mut stream = daemon.connect("feed");
    let events: String = (0..300)
        .map(|n| format!("{{\"n\":{n},\"user\":1,\"bad\":true}}\n"))
        .collect();
    stream.write_all(events.as_bytes()).expect("taken");
    let mut deleted = 0;
    let mut times = 0;
    while daemon.metric("millpond_pipeline_events_dead_lettered_total") < 300.0 {
        daemon.until("it is full, or done", |daemon| {
            daemon.get("/readyz").0 == 503
                || daemon.metric("millpond_pipeline_events_dead_lettered_total") == 300.0
        });
        let said = place.dlq(&["purge", "--all", "--yes"]);
        let count = said
            .lines()
            .find_map(|line| line.strip_suffix(" letters deleted"));
        deleted += count.map_or(0, |count| count.parse().expect("a number"));
        times += 1;
    }
    assert!(times > 1, "it was full");
    assert_eq!(
        deleted + place.dead_letters().len(),
        300,
        "each of them was kept until it was deleted"
    );
    assert_eq!(daemon.get("/readyz").0, 200);
    assert_eq!(daemon.terminate().code, Some(0));
}
