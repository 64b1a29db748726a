//! A rival that skips a part of the task would win by it: each one must give every row that the task asks for, to the
//! last digit, set aside every malformed line as it came, and count both right.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const PEER: &str = env!("CARGO_BIN_EXE_peer");
const TEXTBOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/textbook.py");

/// Lines, and what must come of them, made together so that neither follows from the other.
#[derive(Default)]
struct Task {
    input: Vec<u8>,
    rows: Vec<String>,
    rejected: Vec<Vec<u8>>,
    filtered: u64,
}

impl Task {
    /// `count` lines, some of each kind; the last one has no line end.
    fn of(count: usize) -> Self {
        let mut task = Task::default();
        for number in 0..count {
            let page = [
                "/",
                "/category/über",
                "/category/\\u00fcber",
                "/a\\\"b\\\\c",
            ][number % 4];
            let price = [
                "1.1",
                "249.99",
                "2.50",
                "1e2",
                "0.1000000000000000055511151231257827",
            ][number % 5];
            let spellings =
                ["", "\"big\":18446744073709551616,\"exact\":1.10,"][usize::from(number % 50 == 1)];
            let ua = [
                "\"ua\":\"Mozilla/5.0 (X11)\",",
                "\"ua\":\"Weird \\\"quoted\\\" \\\\ agent\",",
                "",
            ][number % 3];
            let (kind, weight) = [
                ("view", 0),
                ("click", 1),
                ("add_to_cart", 3),
                ("purchase", 10),
                ("other", 0),
            ][number % 7 % 5];
            let event = |ua: &str, weight: &str| {
                format!(
                    "{{\"id\":\"{number:032x}\",\"type\":\"{kind}\",\"user_id\":\"u{}\",\"item_id\":{},\"ts\":{},\
                     \"session\":{},{spellings}\"price\":{price},\"context\":{{\"page\":\"{page}\",\
                     \"referrer\":\"https://example.com{page}\",{ua}\"ip\":\"10.0.0.{}\"}}{weight}}}",
                    number % 100,
                    number % 1000,
                    1_790_000_000_000 + number,
                    (1_u64 << 53) - number as u64,
                    number % 256,
                )
            };
            let line = event(ua, "");
            if number % 11 == 10 {
                task.reject(number / 11, line);
            } else if weight == 0 {
                task.filtered += 1;
                task.add(line.as_bytes());
            } else {
                task.rows.push(event("", &format!(",\"weight\":{weight}")));
                task.add(line.as_bytes());
            }
            if number % 13 == 12 {
                task.add([&b""[..], b" ", b"\r", b"\t \r"][number / 13 % 4]);
            }
        }
        assert_eq!(task.input.pop(), Some(b'\n'));
        task
    }

    fn add(&mut self, line: &[u8]) {
        self.input.extend_from_slice(line);
        self.input.push(b'\n');
    }

    fn reject(&mut self, how: usize, line: String) {
        let mut line = line.into_bytes();
        match how % 8 {
            0 => line.push(b'}'),
            1 => line.truncate(line.len() / 2),
            2 => line = b"not json".to_vec(),
            3 => line[5] = b'=',
            4 => line[10] = 0xff,
            5 => line[10] = b'\t',
            6 => line = b"[1]".to_vec(),
            _ => line.extend_from_slice(b" {}"),
        }
        self.add(&line);
        self.rejected.push(line);
    }
}

/// Sends the task to the peer that `command` starts and checks everything that it leaves.
fn check(command: &mut Command) {
    let task = Task::of(20_000);
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.ndjson");
    let result = exchange(command.arg("--out").arg(&out), &task.input);

    let malformed = task.rejected.len() as u64;
    let written = task.rows.len() as u64;
    assert!(malformed > 1000 && written > 1000 && task.filtered > 1000);
    let expected = serde_json::json!({
        "received": malformed + task.filtered + written,
        "malformed": malformed,
        "filtered": task.filtered,
        "written": written,
    });
    assert_eq!(result, expected);
    assert!(
        same(
            rows(&out),
            task.rows
                .iter()
                .map(|row| understood(row.as_bytes()))
                .collect()
        ),
        "the rows differ"
    );
    assert!(
        same(
            lines(&folder.path().join("out.ndjson.rejected")),
            task.rejected
        ),
        "the rejected lines differ"
    );
}

/// What the peer says once it has had `input`.
fn exchange(command: &mut Command, input: &[u8]) -> Value {
    let mut child = command
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut said = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut errors = BufReader::new(child.stderr.take().expect("piped")).lines();
    let listening = errors.next().expect("an address").expect("text");
    let address = listening.strip_prefix("listening on ").expect(&listening);
    assert_eq!(said.next().expect("a word").expect("text"), "ready");
    let mut stream = TcpStream::connect(address).expect("it listens");
    // Pieces that end anywhere.
    for piece in input.chunks(100_003) {
        stream.write_all(piece).expect("taken");
    }
    stream.shutdown(Shutdown::Write).expect("open");
    let result = said.next().expect("a result").expect("text");
    assert!(child.wait().expect("it ran").success());
    serde_json::from_str(&result).expect("JSON")
}

fn same<T: Ord>(mut left: Vec<T>, mut right: Vec<T>) -> bool {
    left.sort_unstable();
    right.sort_unstable();
    left == right
}

fn rows(path: &Path) -> Vec<String> {
    lines(path).iter().map(|line| understood(line)).collect()
}

fn lines(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read(path).expect("a file");
    let text = text.strip_suffix(b"\n").expect("whole lines");
    text.split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

/// One spelling of the strings, so that `ü` equals `\u00fc`; the order of the fields and the numbers stay.
fn understood(line: &[u8]) -> String {
    serde_json::from_slice::<Value>(line)
        .expect("JSON")
        .to_string()
}

#[test]
fn the_loop_with_values_does_the_whole_task() {
    check(Command::new(PEER).arg("serde"));
}

#[test]
fn the_expert_s_loop_does_the_whole_task() {
    check(Command::new(PEER).arg("expert"));
}

#[test]
fn the_textbook_s_design_does_the_whole_task() {
    if Command::new("python3").arg("--version").output().is_err() {
        return println!("skipped: no python3 here");
    }
    check(
        Command::new("python3")
            .arg(TEXTBOOK)
            .args(["--workers", "3"]),
    );
}

#[test]
fn what_is_discarded_is_counted_all_the_same() {
    let task = Task::of(500);
    let result = exchange(
        Command::new(PEER).args(["expert", "--out", "-"]),
        &task.input,
    );
    assert_eq!(result["written"], task.rows.len());
    assert!(!Path::new("-").exists() && !Path::new("-.rejected").exists());
}

#[test]
fn bare_threads_say_how_much_they_did() {
    let output = Command::new(PEER)
        .args(["threads", "--count", "2", "--seconds", "1"])
        .output()
        .unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figure = |name: &str| result[name].as_f64().unwrap();
    assert_eq!(figure("threads"), 2.0);
    assert!(figure("seconds") >= 1.0 && figure("steps") > 0.0);
    // Two threads that end up to a block apart: at most twice what their sum over the longer time says.
    let mean = figure("steps") / figure("seconds");
    assert!(
        (1.0..=2.0).contains(&(figure("steps_per_second") / mean)),
        "{result}"
    );
}
