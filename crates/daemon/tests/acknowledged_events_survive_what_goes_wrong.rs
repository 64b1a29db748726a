//! `millpond prove` on this very build: short, but with every fault; and what it says when something is not right.

use std::path::Path;
use std::process::{Command, Output};

/// Runs a short proof in a directory of its own.
fn prove(dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millpond"));
    command.args(["prove", "--seed", "1", "--events-per-round", "2000"]);
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .args(arguments)
        .current_dir(dir)
        .output()
        .expect("it runs");
    let said = [stdout, stderr].concat();
    (status.code(), String::from_utf8(said).expect("text"))
}

#[test]
fn a_short_proof_with_every_fault_proves_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let (code, said) = prove(dir.path(), &["--rounds", "4", "--dir", "."]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\nPROVED"), "{said}");
    let left = std::fs::read_dir(dir.path()).expect("there").count();
    assert_eq!(left, 0, "the scratch directory is removed");
}

#[test]
fn settings_come_from_a_configuration_and_nothing_else_of_it_is_touched() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = "[sources.in]\ntype = \"stdin\"\n[sinks.out]\ntype = \"file\"\npath = \"untouched.ndjson\"\n\
         [journal]\ndir = \"untouched\"\n[runtime]\nworkers = 2\nshards = 7\nmemory = \"16MiB\"\n";
    std::fs::write(dir.path().join("a.toml"), config).expect("written");
    let arguments = [
        "--rounds", "1", "--faults", "kill", "-c", "a.toml", "--keep", "kept",
    ];
    let (code, said) = prove(dir.path(), &arguments);
    assert_eq!(code, Some(0), "{said}");
    let trial = std::fs::read(dir.path().join("kept/trial.yaml")).expect("kept");
    let trial: serde_json::Value = serde_json::from_slice(&trial).expect("JSON");
    let runtime = &trial["runtime"];
    assert_eq!(
        (&runtime["workers"], &runtime["shards"]),
        (&2.into(), &7.into())
    );
    assert_eq!(runtime["memory"], 16 << 20);
    assert!(dir.path().join("kept/out.ndjson").exists());
    let touched = ["untouched", "untouched.ndjson"].map(|name| dir.path().join(name).exists());
    assert_eq!(touched, [false, false]);
    // What is there must not be taken for part of another trial.
    let (code, said) = prove(dir.path(), &arguments);
    assert_eq!(code, Some(1));
    assert!(said.contains("kept is not empty"), "{said}");
}
