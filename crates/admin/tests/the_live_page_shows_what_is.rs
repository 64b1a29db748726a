//! The page and whatever else shows a running daemon must tell the same as the metrics, and may neither be
//! made to run what is not theirs nor keep a client out.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use common::{ask, pond, raw, serving};
use serde_json::Value;

/// Events of `/api/v1/live`, as they come.
struct Live {
    lines: BufReader<TcpStream>,
}

impl Live {
    fn open(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        let patience = Some(Duration::from_secs(30));
        stream.set_read_timeout(patience).unwrap();
        write!(
            stream,
            "GET /api/v1/live HTTP/1.1\r\nhost: {address}\r\n\r\n"
        )
        .unwrap();
        let mut live = Live {
            lines: BufReader::new(stream),
        };
        let head = live.until("\r\n");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(
            head.contains("content-type: text/event-stream\r\n"),
            "{head}"
        );
        live
    }

    fn until(&mut self, end: &str) -> String {
        let mut all = String::new();
        loop {
            let begin = all.len();
            assert!(self.lines.read_line(&mut all).unwrap() > 0, "{all}");
            if &all[begin..] == end {
                return all;
            }
        }
    }

    /// The next document.
    fn next(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it ended");
            if let Some(document) = line.strip_prefix("data: ") {
                return serde_json::from_str(document).unwrap();
            }
        }
    }
}

#[test]
fn who_listens_hears_at_once_and_then_with_rates() {
    serving(pond().observed, |address| {
        let mut live = Live::open(address);
        let first = live.next();
        assert_eq!(first["pipelines"][0]["ledger"]["received"], 10);
        // The daemon has looked twice by then, whenever that was.
        let later = (0..5).map(|_| live.next());
        let with_rates = later
            .into_iter()
            .find(|seen| !seen["interval_seconds"].is_null());
        let seen = with_rates.expect("rates");
        assert_eq!(seen["totals"]["in_per_second"], 0.0);
        assert_eq!(seen["started"], first["started"]);
        let (_, past) = ask(address, "GET", "/api/v1/history");
        let past: Value = serde_json::from_str(&past).unwrap();
        assert!(
            !past["fields"]["time"].as_array().unwrap().is_empty(),
            "{past}"
        );
    });
}

#[test]
fn the_overview_says_what_the_metrics_say() {
    serving(pond().observed, |address| {
        let (_, overview) = ask(address, "GET", "/api/v1/overview");
        let seen: Value = serde_json::from_str(&overview).unwrap();
        let metrics = ask(address, "GET", "/metrics").1;
        let metric = |name: &str| -> f64 {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{name}"))
                .trim()
                .parse()
                .unwrap()
        };
        let (pipeline, sink) = (&seen["pipelines"][0], &seen["sinks"][0]);
        for (value, name) in [
            (
                &seen["sources"][0]["events"],
                "millpond_events_received_total{source=\"web\"}",
            ),
            (
                &pipeline["ledger"]["filtered"],
                "millpond_events_filtered_total{pipeline=\"clicks\"}",
            ),
            (
                &pipeline["ledger"]["unaccounted"],
                "millpond_unaccounted_events{pipeline=\"clicks\"}",
            ),
            (
                &sink["queue"]["events"],
                "millpond_queue_depth_events{queue=\"sink/out\"}",
            ),
            (
                &sink["queue"]["capacity_bytes"],
                "millpond_queue_capacity_bytes{queue=\"sink/out\"}",
            ),
            (&seen["budget"]["used_bytes"], "millpond_budget_used_bytes"),
            (&seen["workers"]["running"], "millpond_workers"),
        ] {
            assert_eq!(value.as_f64(), Some(metric(&format!("{name} "))), "{name}");
        }
        assert_eq!(pipeline["from"][0], "web");
        assert_eq!(
            pipeline["shards"]["events"].as_array().map(Vec::len),
            Some(2)
        );
        assert_eq!(seen["health"]["ready"], true);
        assert_eq!(seen["dead_letters"]["latest"][0]["reason"], "bad_syntax");
    });
}

#[test]
fn a_daemon_that_is_not_ready_is_shown_with_its_reasons() {
    let pond = pond();
    pond.ready.store(false, std::sync::atomic::Ordering::SeqCst);
    serving(pond.observed, |address| {
        let (_, overview) = ask(address, "GET", "/api/v1/overview");
        let seen: Value = serde_json::from_str(&overview).unwrap();
        assert_eq!(seen["health"]["ready"], false);
        assert_eq!(seen["health"]["reasons"][0], "sink out: no such directory");
    });
}

#[test]
fn those_who_listen_keep_nobody_out_and_are_not_pushed_out_by_a_crowd() {
    serving(pond().observed, |address| {
        let mut live: Vec<Live> = (0..32).map(|_| Live::open(address)).collect();
        let one_more =
            format!("GET /api/v1/live HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        let refused = raw(address, &one_more);
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
        assert!(
            refused.to_lowercase().contains("\r\nretry-after: 5\r\n"),
            "{refused}"
        );
        let crowd: Vec<_> = (0..200)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        assert_eq!(ask(address, "GET", "/livez").0, 200);
        drop(crowd);
        for one in &mut live {
            one.next();
            one.next();
        }
    });
}

#[test]
fn the_page_runs_its_own_files_and_nothing_else() {
    serving(pond().observed, |address| {
        let get = |path: &str, headers: &str| {
            raw(
                address,
                &format!(
                    "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n"
                ),
            )
        };
        let page = get("/", "");
        let (head, body) = page.split_once("\r\n\r\n").unwrap();
        let policy = head
            .lines()
            .find_map(|line| line.strip_prefix("content-security-policy: "))
            .unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"),
            "{policy}"
        );
        for foreign in [
            "http://", "https://", "//cdn", "style=", "onclick", "<script>",
        ] {
            assert!(!body.contains(foreign), "{foreign}");
        }
        let linked = body
            .split(['"', ' '])
            .filter(|word| word.starts_with("/app") || *word == "/favicon.svg");
        let mut files: Vec<&str> = linked.collect();
        files.sort_unstable();
        files.dedup();
        assert_eq!(files, ["/app.css", "/app/main.js", "/favicon.svg"]);
        for file in files {
            assert!(get(file, "").starts_with("HTTP/1.1 200 "), "{file}");
        }
        let tag = head
            .lines()
            .find_map(|line| line.strip_prefix("etag: "))
            .unwrap();
        let again = get("/", &format!("if-none-match: {tag}\r\n"));
        assert!(again.starts_with("HTTP/1.1 304 "), "{again}");
        assert!(get("/", "if-none-match: \"other\"\r\n").starts_with("HTTP/1.1 200 "));
    });
}

#[test]
fn every_file_that_a_script_names_is_served() {
    serving(pond().observed, |address| {
        let mut wanted = vec!["/app/main.js".to_owned()];
        let mut found = Vec::new();
        while let Some(path) = wanted.pop() {
            if found.contains(&path) {
                continue;
            }
            let (status, script) = ask(address, "GET", &path);
            assert_eq!(status, 200, "{path}");
            let imports = script
                .lines()
                .filter_map(|line| line.strip_prefix("import "));
            wanted.extend(imports.filter_map(|line| {
                let (_, name) = line.split_once("\"./")?;
                Some(format!("/app/{}", name.trim_end_matches("\";")))
            }));
            found.push(path);
        }
        assert_eq!(found.len(), 11, "{found:?}");
    });
}
