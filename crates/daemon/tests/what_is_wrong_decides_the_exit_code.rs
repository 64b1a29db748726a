//! A wrong command line, a wrong configuration and a wrong world are told apart by the exit code,
//! and none of them ends in a panic.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A configuration that reads stdin and writes `sink`, with more lines after it.
fn config(directory: &Path, sink: &str, more: &str) -> String {
    let letters = directory.join("letters");
    let text = format!(
        "[sources.in]\ntype = \"stdin\"\n[sinks.out]\n{sink}\n[dead_letters]\npath = {letters:?}\n{more}\n"
    );
    let path = directory.join("config.toml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn millpond(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millpond"))
        .args(arguments)
        .stdin(Stdio::null())
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap()
}

/// The exit code and what was said on stderr, which must not be a panic.
fn outcome(arguments: &[&str]) -> (i32, String) {
    let output = millpond(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !said.contains("panic") && !said.contains("backtrace"),
        "{said}"
    );
    (output.status.code().unwrap(), said)
}

const OFF: &str = "[admin]\nenabled = false";

#[test]
fn a_wrong_command_line_is_2() {
    for arguments in [
        &["run"][..],
        &["rnu"],
        &["run", "-c"],
        &["demo", "--for", "soon"],
        &["demo", "--workers", "0"],
        &["schema", "--log", "a=b=c"],
        &["plan"],
        &["plan", "--live", "127.0.0.1:1", "--workers", "0"],
        &[
            "plan",
            "--live",
            "127.0.0.1:1",
            "--rate",
            "1",
            "--used",
            "50",
        ],
        &["plan", "--live", "127.0.0.1:1", "--burst", "5s"],
        &["plan", "--sample", "x"],
    ] {
        let (code, said) = outcome(arguments);
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(!said.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_wrong_configuration_is_78_for_run_and_check() {
    let directory = tempfile::tempdir().unwrap();
    let path = config(
        directory.path(),
        "type = \"blackhole\"",
        "[runtime]\nworker = 2",
    );
    for verb in ["run", "check"] {
        let (code, said) = outcome(&[verb, "-c", &path]);
        assert_eq!(code, 78, "{said}");
        assert_eq!(
            said,
            format!(
                "error: {path}: runtime.worker: unknown key \"worker\", did you mean \"workers\"?\n"
            )
        );
        assert_eq!(outcome(&[verb, "-c", "gone.toml"]).0, 78);
    }
}

#[test]
fn a_port_in_use_is_1_and_names_the_address() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let admin = config(
        directory.path(),
        "type = \"blackhole\"",
        &format!("[admin]\nlisten = \"{address}\""),
    );
    let (code, said) = outcome(&["run", "-c", &admin]);
    assert_eq!(code, 1, "{said}");
    let at = |key: &str| format!("error: {admin}: {key}: cannot listen on ");
    assert!(said.starts_with(&at("admin.listen")), "{said}");
    assert!(said.contains(&address), "{said}");
    let more = format!("{OFF}\n[sources.tcp]\ntype = \"tcp\"\nlisten = \"{address}\"");
    let source = config(directory.path(), "type = \"blackhole\"", &more);
    let (code, said) = outcome(&["run", "-c", &source]);
    assert_eq!(code, 1, "{said}");
    assert!(said.starts_with(&at("sources.tcp")), "{said}");
    assert!(said.contains(&address), "{said}");
}

#[test]
fn a_file_that_cannot_be_opened_is_1_and_names_the_key_that_asks_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let inside = file.join("x");
    for (sink, more, key) in [
        (
            "type = \"blackhole\"",
            format!("{OFF}\n[sources.gone]\ntype = \"file\"\npath = {inside:?}"),
            "sources.gone",
        ),
        (
            &format!("type = \"file\"\npath = {inside:?}"),
            OFF.to_owned(),
            "sinks.out",
        ),
    ] {
        let path = config(directory.path(), sink, &more);
        let (code, said) = outcome(&["run", "-c", &path]);
        assert_eq!(code, 1, "{said}");
        assert!(
            said.starts_with(&format!("error: {path}: {key}: ")),
            "{said}"
        );
        assert!(said.contains(&*file.to_string_lossy()), "{said}");
    }
}

#[test]
fn a_check_opens_nothing_and_says_what_there_is() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out/features.ndjson");
    let path = config(
        directory.path(),
        &format!("type = \"file\"\npath = {out:?}"),
        "",
    );
    let output = millpond(&["check", "-c", &path]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("in -> out"), "{said}");
    assert!(!out.parent().unwrap().exists());
    assert!(!directory.path().join("letters").exists());
}

#[test]
fn an_input_that_ends_ends_the_run_with_0_and_a_clean_stdout() {
    let directory = tempfile::tempdir().unwrap();
    let path = config(directory.path(), "type = \"stdout\"", OFF);
    let mut child = Command::new(env!("CARGO_BIN_EXE_millpond"))
        .args(["run", "-c", &path, "--log-format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"a\":1}\nnot json\n{\"a\":2}").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let mut lines: Vec<&[u8]> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    lines.sort_unstable();
    assert_eq!(lines, [b"{\"a\":1}", b"{\"a\":2}"]);
    let logs = String::from_utf8(output.stderr).unwrap();
    assert!(logs.lines().count() > 0);
    for line in logs.lines() {
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok(),
            "{line}"
        );
    }
}

#[test]
fn schema_and_completions_end_quietly_when_nobody_reads() {
    for arguments in [&["schema"][..], &["completions", "bash"]] {
        let output = millpond(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(!output.stdout.is_empty() && output.stderr.is_empty());
        let mut child = Command::new(env!("CARGO_BIN_EXE_millpond"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
    }
}
