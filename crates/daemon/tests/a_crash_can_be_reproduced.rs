//! A crash leaves a file, which its dead letter names and `millpond replay` takes: with it the event crashes the
//! same stage again, or goes through one that was mended.
#![cfg(feature = "chaos")]

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::path::Path;
use std::process::Command;

use common::Place;

/// The exit code of `millpond replay`, and what it says.
fn replay(file: &str, more: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_millpond"))
        .args(["replay", file])
        .args(more)
        .output()
        .expect("it starts");
    let told = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(told).expect("text"))
}

#[test]
fn the_event_crashes_its_stage_again_and_goes_through_a_mended_one() {
    let place = Place::new(
        "[sources.in]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [pipelines.p]\nstages = [{ type = \"set\", field = \"seen\", value = true },\n\
           { name = \"faulty\", type = \"chaos\", does = \"panic\", when = { field = \"poison\", equals = true } }]\n\
         [sinks.out]\ntype = \"file\"\npath = \"{dir}/out.ndjson\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n",
    );
    let daemon = place.start().ready();
    let poison = "{\"n\":1,\"poison\":true, \"text\":\"ü\"}";
    let mut stream = daemon.connect("in");
    write!(stream, "{{\"n\":0}}\n{poison}\n{{\"n\":2}}\n").expect("taken");
    stream.shutdown(Shutdown::Write).expect("the end");
    stream.read_to_end(&mut Vec::new()).expect("closed");
    daemon.until("all are done", |_| {
        place.path("out.ndjson").exists() && place.lines("out.ndjson").len() == 2
    });
    let ended = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{:#?}", ended.log);
    let entry = ended.entry("a stage panicked; its line is rebuilt");
    assert_eq!(
        (&entry["stage"], &entry["in_an_event"]),
        (&"faulty".into(), &true.into())
    );

    let letters = place.dead_letters();
    assert_eq!(letters.len(), 1);
    let detail = letters[0]["detail"].as_str().expect("text");
    assert!(
        detail.starts_with("chaos: a panic was asked for at crates/chaos/src/harm.rs:"),
        "{detail}"
    );
    let named = detail
        .split('`')
        .nth(1)
        .and_then(|command| command.strip_prefix("millpond replay "));
    let file = named.unwrap_or_else(|| panic!("no file in {detail}"));
    assert!(Path::new(file).starts_with(place.path("dead")), "{file}");
    let bytes = std::fs::read(file).expect("it is there");
    assert!(bytes.ends_with(format!("\n{poison}\n").as_bytes()));

    let (code, said) = replay(file, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("it crashed again in stage \"faulty\": chaos: a panic was asked for at "),
        "{said}"
    );

    let config = place.path("millpond.toml").display().to_string();
    let (code, said) = replay(file, &["-c", &config]);
    assert_eq!(code, Some(1), "{said}");
    let mended = "pipelines.p.stages=[{ type = \"set\", field = \"seen\", value = true }]";
    let (code, said) = replay(file, &["-c", &config, "--set", mended]);
    assert_eq!(code, Some(0), "{said}");
    let row = "to out: {\"n\":1,\"poison\":true, \"text\":\"ü\",\"seen\":true}\nit went through\n";
    assert!(said.ends_with(row), "{said}");

    // Whatever else a stage does to its process is told, too.
    let head = String::from_utf8(bytes).expect("text");
    for (harm, expected) in [
        ("abort", "its process was ended by signal 6"),
        ("segfault", "its process was ended by signal 11"),
        ("stack_overflow", "its process was ended by signal"),
        ("exit", "it ended its process (exit status: 0)"),
        ("loop", "it hangs: it was ended after 300ms"),
        ("hang", "it hangs: it was ended after 300ms"),
    ] {
        let other = place.path("other.crash");
        let changed = head.replace("\"does\":\"panic\"", &format!("\"does\":\"{harm}\""));
        assert_ne!(changed, head);
        std::fs::write(&other, changed).expect("written");
        let other = other.display().to_string();
        let patience = if expected.contains("300ms") {
            "300ms"
        } else {
            "60s"
        };
        let (code, said) = replay(&other, &["--timeout", patience]);
        assert!(code == Some(1) && said.contains(expected), "{harm}: {said}");
    }
    for (what, bytes) in [
        ("nothing", ""),
        ("another file", "{\"a\":1}\n"),
        ("half", &head[..head.len() - 9]),
    ] {
        let other = place.path("other.crash");
        std::fs::write(&other, bytes).expect("written");
        let (code, said) = replay(&other.display().to_string(), &[]);
        assert!(
            code == Some(2) && said.contains("it is no file of a crash"),
            "{what}: {said}"
        );
    }
}
