//! `millpond top` says what the daemon says, in a terminal and as lines, also after the daemon was away, and gives the
//! terminal back; `millpond tap` shows events in one.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;
#[path = "common/tmux.rs"]
mod tmux;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, Place};
use rustix::process::{Pid, Signal, kill_process};
use tmux::Tmux;

const CONFIG: &str = r#"
[sources.web]
type = "tcp"
listen = "127.0.0.1:0"
[pipelines.clicks]
to = ["out"]
stages = [{ type = "filter", field = "type", in = ["click"] }]
[sinks.out]
type = "file"
path = "{dir}/out.ndjson"
[admin]
listen = "{admin}"
"#;

fn place(admin: &str) -> Place {
    Place::new(&CONFIG.replace("{admin}", admin))
}

/// A port that was free a moment ago, for a daemon that comes back where it was.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn top(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_millpond"))
        .arg("top")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn what_is_no_terminal_gets_lines() {
    let daemon = place("127.0.0.1:0").start().ready();
    let admin = daemon.admin.unwrap().to_string();
    daemon
        .connect("web")
        .write_all(b"{\"type\":\"click\"}\n")
        .unwrap();
    daemon.until("it is counted", |daemon| {
        daemon.metric("millpond_events_received_total") >= 1.0
    });
    let (code, said, _) = top(&["--admin", &admin, "--once"]);
    assert_eq!(code, Some(0), "{said}");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    let headings: Vec<_> = lines[0].split_whitespace().collect();
    let words: Vec<_> = lines[1].split_whitespace().collect();
    assert_eq!(headings.len(), words.len(), "{said}");
    assert_eq!((headings[10], words[10]), ("unacc", "0"), "{said}");
    assert_eq!(words[11], "ready", "{said}");
    let (code, said, _) = top(&["--admin", &admin, "--interval", "1ms", "--count", "21"]);
    assert_eq!(code, Some(0), "{said}");
    // The headings come again after twenty.
    assert_eq!(said.lines().count(), 23, "{said}");
    daemon.terminate().expect_clean();
}

#[test]
fn without_a_daemon_lines_end_with_a_reason() {
    let address = free_address().to_string();
    let (code, said, why) = top(&["--admin", &address]);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(
        why.contains(&format!("no daemon answers at {address}")),
        "{why}"
    );
}

/// The process that the terminal runs in its foreground.
fn process(tmux: &Tmux) -> Pid {
    let shell = tmux.tell(&["display-message", "-p", "#{pane_pid}"]);
    let children = format!("/proc/{0}/task/{0}/children", shell.trim());
    let children = std::fs::read_to_string(children).unwrap();
    let child = children.split_whitespace().next().unwrap();
    Pid::from_raw(child.parse().unwrap()).unwrap()
}

#[test]
fn a_terminal_shows_the_daemon_waits_for_the_next_one_and_is_given_back() {
    let address = free_address();
    let place = place(&address.to_string());
    let program = env!("CARGO_BIN_EXE_millpond");
    let Some(tmux) = Tmux::run(&format!("'{program}' top --admin {address}")) else {
        return;
    };
    tmux.until(&["no daemon answers at", "CONNECTION LOST"]);

    let daemon = place.start().ready();
    let screen = tmux.until(&[
        "live",
        "ready",
        "every event accounted for",
        "clicks",
        "out",
    ]);
    assert!(screen.contains("[1 Line]"), "{screen}");
    let mut stream = daemon.connect("web");
    stream
        .write_all(b"{\"type\":\"click\"}\nno event\n")
        .unwrap();
    drop(stream);
    tmux.keys(&["Tab"]);
    tmux.until(&["[2 Pipelines]", "2 received, 1 delivered", "filter"]);
    tmux.keys(&["5"]);
    tmux.until(&["[5 Dead letters]", "rejects-", "decode"]);
    tmux.keys(&["?"]);
    tmux.until(&["Ctrl-C", "leave"]);
    tmux.keys(&["?"]);
    tmux.tell(&["resize-window", "-x", "70", "-y", "20"]);
    tmux.until(&["needs 80 columns and 24 rows; here are 70 and 20"]);
    tmux.tell(&["resize-window", "-x", "80", "-y", "24"]);
    tmux.until(&["[5 Dead letters]"]);

    daemon.terminate().expect_clean();
    tmux.until(&["CONNECTION LOST", "what was seen last"]);
    let daemon = place.start().ready();
    tmux.until(&["live", "ready", "every event accounted for"]);
    tmux.keys(&["q"]);
    // The shell has its own screen again, and lines are edited there as before.
    let screen = tmux.until(&["left with 0", "icanon"]);
    assert!(!screen.contains("Dead letters"), "{screen}");
    daemon.terminate().expect_clean();
}

#[test]
fn events_pass_in_a_terminal_until_they_are_enough() {
    let place = place("127.0.0.1:0");
    let daemon = place.start().ready();
    let program = env!("CARGO_BIN_EXE_millpond");
    let config = place.path("millpond.toml");
    let tap = format!(
        "'{program}' tap -c '{}' --source web --limit 2 --bare",
        config.display()
    );
    let Some(tmux) = Tmux::run(&tap) else {
        return;
    };
    let mut stream = daemon.connect("web");
    let until = Instant::now() + PATIENCE;
    // Nobody can tell from outside when it has begun to look.
    while !tmux.tell(&["capture-pane", "-p"]).contains("left with 0") {
        stream.write_all(b"{\"type\":\"seen passing\"}\n").unwrap();
        assert!(Instant::now() < until, "it never has enough");
        thread::sleep(Duration::from_millis(20));
    }
    let screen = tmux.until(&["seen passing", "2 shown", "icanon"]);
    assert_eq!(screen.matches("seen passing").count(), 2, "{screen}");
    drop(stream);
    daemon.terminate().expect_clean();
}

#[test]
fn a_signal_gives_the_terminal_back_too() {
    let address = free_address();
    let program = env!("CARGO_BIN_EXE_millpond");
    let Some(tmux) = Tmux::run(&format!("'{program}' top --admin {address}")) else {
        return;
    };
    tmux.until(&["CONNECTION LOST"]);
    kill_process(process(&tmux), Signal::TERM).unwrap();
    let screen = tmux.until(&["left with 0", "icanon"]);
    assert!(!screen.contains("CONNECTION LOST"), "{screen}");
}

#[test]
fn lines_go_on_once_the_daemon_is_back() {
    let address = free_address();
    let place = place(&address.to_string());
    let daemon = place.start().ready();
    let mut lines = Command::new(env!("CARGO_BIN_EXE_millpond"))
        .args(["top", "--interval", "10ms", "--admin", &address.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut some = [0; 200];
    lines
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut some)
        .unwrap();
    daemon.terminate().expect_clean();
    let mut aside = std::io::BufReader::new(lines.stderr.take().unwrap());
    let mut said = String::new();
    std::io::BufRead::read_line(&mut aside, &mut said).unwrap();
    assert!(said.contains("waiting for it"), "{said}");
    let daemon = place.start().ready();
    std::io::BufRead::read_line(&mut aside, &mut said).unwrap();
    assert!(said.contains("is back"), "{said}");
    // Nobody reads on: that is the end, and none to complain about.
    drop(lines.stdout.take());
    assert!(lines.wait().unwrap().success());
    daemon.terminate().expect_clean();
}
