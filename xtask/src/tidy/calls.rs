//! Which crate may call what: clocks, files, sockets, threads, channels, the way out of the process.
//!
//! Bans that hold everywhere are in `clippy.toml`; these depend on the place.

use super::source::{code_only, lines_with, without_tests};
use super::{File, Finding};

/// What `file` calls or names that it may not.
pub(super) fn check(file: &File) -> Vec<Finding> {
    let everything = code_only(&file.text);
    let product = if is_test_file(&file.path) {
        String::new()
    } else {
        without_tests(&everything)
    };
    let mut findings = Vec::new();
    for ban in BANS.iter().filter(|ban| ban.place.covers(&file.path)) {
        let code = if ban.in_tests { &everything } else { &product };
        for word in ban.words {
            let finding = |line| Finding {
                file: file.path.clone(),
                line,
                message: format!("`{word}`: {}", ban.why),
            };
            findings.extend(lines_with(code, word).into_iter().map(finding));
        }
    }
    for word in UNFINISHED {
        let message = format!(
            "`{word}` marks unfinished work: finish it, or say in plain words what is missing"
        );
        let finding = |line| Finding {
            file: file.path.clone(),
            line,
            message: message.clone(),
        };
        findings.extend(lines_with(&file.text, word).into_iter().map(finding));
    }
    findings
}

struct Ban {
    words: &'static [&'static str],
    place: Place,
    /// Whether tests, examples and benchmarks are held to it too.
    in_tests: bool,
    why: &'static str,
}

/// Paths are compared from their beginning, so that `crates/queue/` means the crate and a full path one file.
enum Place {
    In {
        these: &'static [&'static str],
        except: &'static [&'static str],
    },
    EverywhereBut(&'static [&'static str]),
}

impl Place {
    fn covers(&self, path: &str) -> bool {
        let listed = |list: &[&str]| list.iter().any(|begin| path.starts_with(begin));
        match self {
            Self::In { these, except } => listed(these) && !listed(except),
            Self::EverywhereBut(except) => !listed(except),
        }
    }
}

const BANS: &[Ban] = &[
    Ban {
        words: &["Instant::now", "SystemTime::now", "UNIX_EPOCH.elapsed"],
        place: Place::In {
            these: &["crates/engine/", "crates/delivery/", "crates/stages/"],
            except: &["crates/stages/src/delay.rs"],
        },
        in_tests: false,
        why: "no clock here: time is handed in",
    },
    Ban {
        words: &[
            "fs::",
            "File::",
            "OpenOptions",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "UnixStream",
            "Command::new",
            "io::stdin",
            "io::stdout",
            "io::stderr",
            "stdin()",
            "stdout()",
            "stderr()",
        ],
        place: Place::In {
            these: &[
                "crates/event/",
                "crates/engine/",
                "crates/delivery/",
                "crates/stages/",
            ],
            except: &["crates/stages/src/enrich.rs"],
        },
        in_tests: false,
        why: "no IO here: bytes are handed in, results are handed back",
    },
    Ban {
        words: &["thread::spawn", "thread::Builder", "thread::scope"],
        place: Place::In {
            these: &[
                "crates/event/",
                "crates/engine/",
                "crates/delivery/",
                "crates/stages/",
            ],
            except: &["crates/stages/src/enrich.rs"],
        },
        in_tests: false,
        why: "no threads here: the caller decides where this runs",
    },
    Ban {
        words: &["thread::sleep"],
        place: Place::EverywhereBut(&[
            "crates/stages/src/delay.rs",
            "crates/chaos/src/harm.rs",
            "crates/prove/src/pause.rs",
            "xtask/src/bench/",
        ]),
        in_tests: false,
        why: "sleeping hides what is being waited for: wait on a room or a signal (`delay`, the harm of `chaos`, and the load of the proof, are the named exceptions)",
    },
    Ban {
        words: &["async_std"],
        place: Place::EverywhereBut(&[
            "crates/ingest/",
            "crates/ingress/",
            "crates/sinks/",
            "crates/admin/",
            "crates/daemon/",
            "xtask/",
        ]),
        in_tests: true,
        why: "async-std stays in ingest, ingress, sinks, admin and daemon, so that moving to smol is a change of imports",
    },
    Ban {
        words: &["flume"],
        place: Place::EverywhereBut(&["crates/queue/", "xtask/"]),
        in_tests: true,
        why: "every channel is a room of millpond-queue, so that its bounds and its hazards are handled in one place",
    },
    Ban {
        words: &["process::exit"],
        place: Place::EverywhereBut(&["crates/daemon/", "crates/chaos/src/harm.rs", "xtask/"]),
        in_tests: false,
        why: "nothing would be drained or counted: return an error, the daemon chooses the exit code",
    },
];

/// Put together from halves, so that this file does not name what it forbids.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("todo", "!"),
    concat!("unimplemented", "!"),
];

/// Whether all of a file is test code: it lies in `tests`, `benches` or `examples`, or is a module named `tests`.
fn is_test_file(path: &str) -> bool {
    path.split('/')
        .any(|part| matches!(part, "tests" | "benches" | "examples" | "fuzz"))
        || path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&file)
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn every_ban_is_found_where_it_holds() {
        for (path, text) in [
            ("crates/engine/src/a.rs", "let now = Instant::now();"),
            (
                "crates/delivery/src/a.rs",
                "let now = std::time::SystemTime::now();",
            ),
            ("crates/stages/src/filter.rs", "std::fs::read(path)"),
            (
                "crates/stages/src/filter.rs",
                "use std::fs; File::open(path)",
            ),
            ("crates/event/src/a.rs", "std::io::stdin().read_line()"),
            ("crates/event/src/a.rs", "std::thread::spawn(run)"),
            ("crates/runtime/src/a.rs", "thread::sleep(pause)"),
            ("crates/runtime/src/a.rs", "use async_std::task;"),
            ("crates/runtime/tests/a.rs", "use async_std::task;"),
            ("crates/runtime/src/a.rs", "flume::bounded(1)"),
            ("crates/daemon/tests/a.rs", "flume::bounded(1)"),
            ("crates/sinks/src/a.rs", "std::process::exit(1)"),
        ] {
            assert!(!found(path, text).is_empty(), "{path}: {text}");
        }
    }

    #[test]
    fn the_named_exceptions_pass() {
        for (path, text) in [
            (
                "crates/stages/src/delay.rs",
                "thread::sleep(pause); Instant::now();",
            ),
            (
                "crates/engine/src/a.rs",
                "#[cfg(test)]\nmod tests { fn f() { Instant::now(); } }",
            ),
            ("crates/engine/tests/a.rs", "Instant::now()"),
            ("crates/event/benches/a.rs", "std::fs::read(path)"),
            ("crates/queue/src/a.rs", "flume::bounded(1)"),
            ("crates/ingest/src/a.rs", "use async_std::net;"),
            ("crates/daemon/src/main.rs", "std::process::exit(1)"),
            (
                "crates/runtime/src/a.rs",
                "// flume never appears here\nlet name = \"flume\";",
            ),
        ] {
            assert_eq!(found(path, text), [0; 0], "{path}: {text}");
        }
    }

    #[test]
    fn unfinished_work_is_found_even_in_a_comment_or_a_test() {
        for word in UNFINISHED {
            assert_eq!(
                found(
                    "crates/event/tests/a.rs",
                    &format!("fn f() {{}}\n// {word}: later\n")
                ),
                [2],
                "{word}"
            );
        }
    }
}
