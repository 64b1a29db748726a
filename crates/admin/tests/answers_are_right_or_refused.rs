//! Every endpoint answers what it is for; everything else is refused and says why.

mod common;

use std::sync::atomic::Ordering;

use common::{ask, pond, raw, serving, wait};
use serde_json::{Value, json};

#[test]
fn readiness_follows_health_and_says_the_reason() {
    let pond = pond();
    serving(pond.observed.clone(), |address| {
        assert_eq!(ask(address, "GET", "/readyz"), (200, "ok\n".to_owned()));
        pond.ready.store(false, Ordering::SeqCst);
        assert_eq!(
            ask(address, "GET", "/readyz"),
            (503, "sink out: no such directory\n".to_owned())
        );
        assert_eq!(ask(address, "GET", "/livez"), (200, "ok\n".to_owned()));
    });
}

#[test]
fn a_head_request_gets_no_body() {
    serving(pond().observed, |address| {
        for path in [
            "/livez",
            "/readyz",
            "/metrics",
            "/version",
            "/",
            "/app/main.js",
            "/api/v1/openapi.json",
            "/api/v1/overview",
            "/api/v1/history",
            "/api/v1/queues",
            "/api/v1/workers",
            "/api/v1/service",
            "/api/v1/ledger",
            "/api/v1/dlq",
        ] {
            assert_eq!(ask(address, "HEAD", path), (200, String::new()), "{path}");
            assert_eq!(ask(address, "GET", path).0, 200, "{path}");
        }
    });
}

#[test]
fn every_decision_about_the_workers_has_its_reason() {
    serving(pond().observed, |address| {
        let seen: Value = serde_json::from_str(&ask(address, "GET", "/api/v1/workers").1).unwrap();
        let number = |key: &str| seen[key].as_u64().unwrap();
        assert_eq!(
            ["running", "wanted", "min", "max"].map(number),
            [2, 3, 1, 8]
        );
        let decision = &seen["decisions"][0];
        assert_eq!(
            (&decision["from"], &decision["to"], &decision["reason"]),
            (&2.into(), &3.into(), &"load".into())
        );
        assert_eq!(decision["because"], "workers are 90 % busy");
    });
}

#[test]
fn what_the_pipelines_take_is_shown_without_loss() {
    serving(pond().observed, |address| {
        let seen: Value = serde_json::from_str(&ask(address, "GET", "/api/v1/service").1).unwrap();
        for (key, expected) in [
            ("cores", json!(4)),
            ("busy_seconds", json!(3.0)),
            ("on_core_seconds", json!(2.0)),
        ] {
            assert_eq!(seen[key], expected, "{key}");
        }
        let clicks = &seen["pipelines"][0];
        for (key, expected) in [
            ("batches", json!(2)),
            ("events", json!(9)),
            ("event_squares", json!(65)),
            ("event_nanos", json!(9_000_000)),
        ] {
            assert_eq!(clicks[key], expected, "{key}");
        }
        let buckets = json!([[20_000, 1], [40_000, 1]]);
        assert_eq!(clicks["waited"]["buckets"], buckets);
        assert_eq!(clicks["stages"][0]["stage"], "filter");
        assert_eq!(clicks["stages"][0]["events"], 8);
    });
}

#[test]
fn the_dead_letters_are_counted_by_what_they_have_in_common() {
    serving(pond().observed, |address| {
        let seen: Value = serde_json::from_str(&ask(address, "GET", "/api/v1/dlq").1).unwrap();
        assert_eq!(
            (&seen["deleted"], &seen["bytes"], &seen["full"]),
            (&3.into(), &4_096.into(), &false.into())
        );
        let letters = &seen["letters"][0];
        assert_eq!(letters["class"], "rejects");
        assert_eq!(letters["reason"], "bad_syntax");
        assert_eq!(
            (&letters["letters"], &letters["newest_micros"]),
            (&1.into(), &5.into())
        );
    });
}

#[test]
fn the_ledger_shows_every_term_and_what_leaked() {
    let mut pond = pond();
    let ledger = |address| -> Value {
        serde_json::from_str(&ask(address, "GET", "/api/v1/ledger").1).unwrap()
    };
    serving(pond.observed.clone(), |address| {
        let seen = ledger(address);
        let clicks = &seen["pipelines"][0];
        let number = |key: &str| clicks[key].as_u64().unwrap();
        let ends = [
            "delivered",
            "filtered",
            "consumed",
            "absorbed",
            "dead_lettered",
            "dropped",
            "live",
        ];
        assert_eq!(number("received"), 10);
        assert_eq!(
            number("received"),
            ends.map(number).iter().sum::<u64>(),
            "{clicks}"
        );
        assert_eq!(number("unaccounted"), 0);
        assert_eq!(seen["sinks"][0]["dropped_by"]["closed"], 1, "{seen}");
        assert_eq!(seen["sinks"][0]["unaccounted"], 0);
    });
    // Forgotten without an end: it stays live while no queue holds it.
    std::mem::forget(pond.live.take());
    let mut observed = std::sync::Arc::into_inner(pond.observed).expect("the server is gone");
    observed.pipelines[0].held = std::sync::Arc::new(|| 0);
    serving(std::sync::Arc::new(observed), |address| {
        assert_eq!(ledger(address)["pipelines"][0]["unaccounted"], 1);
        let metrics = ask(address, "GET", "/metrics").1;
        assert!(
            metrics.contains("millpond_unaccounted_events{pipeline=\"clicks\"} 1\n"),
            "{metrics}"
        );
    });
}

#[test]
fn queues_show_depth_capacity_and_shards() {
    serving(pond().observed, |address| {
        let (_, body) = ask(address, "GET", "/api/v1/queues");
        let seen: Value = serde_json::from_str(&body).unwrap();
        let [journal, mailboxes, room] = [0, 1, 2].map(|at| &seen["queues"][at]);
        assert_eq!(journal["kind"], "journal");
        assert_eq!(mailboxes["name"], "pipeline/clicks");
        assert_eq!(mailboxes["shards"].as_array().unwrap().len(), 2);
        assert_eq!(room["depth"]["events"], 2);
        assert_eq!(room["capacity"]["events"], 1_000);
        assert_eq!(room["sink"]["status"]["state"], "running");
        assert_eq!(seen["budget"]["used_bytes"], 4_096);
    });
}

#[test]
fn unknown_paths_and_other_methods_are_refused() {
    serving(pond().observed, |address| {
        let (status, body) = ask(address, "GET", "/nothing");
        assert_eq!(status, 404);
        assert_eq!(
            serde_json::from_str::<Value>(&body).unwrap()["status"],
            404,
            "{body}"
        );
        let request = format!(
            "POST /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        let answer = raw(address, &request).to_lowercase();
        assert!(answer.starts_with("http/1.1 405 "), "{answer}");
        assert!(answer.contains("\r\nallow: get, head\r\n"), "{answer}");
        assert!(
            answer.contains("\r\ncontent-type: application/problem+json\r\n"),
            "{answer}"
        );
    });
}

#[test]
fn a_request_for_somebody_elses_name_is_refused() {
    serving(pond().observed, |address| {
        let with = |head: &str| {
            raw(
                address,
                &format!("GET /metrics {head}connection: close\r\n\r\n"),
            )
        };
        assert!(with("HTTP/1.1\r\nhost: evil.example\r\n").starts_with("HTTP/1.1 421 "));
        assert!(with("HTTP/1.1\r\n").starts_with("HTTP/1.1 400 "));
        assert!(
            with("HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n").starts_with("HTTP/1.1 400 ")
        );
        assert!(with("HTTP/1.0\r\n").starts_with("HTTP/1.0 200 "));
    });
}

#[test]
fn an_address_beyond_loopback_or_in_use_is_refused() {
    let error = wait(millpond_admin::bind("0.0.0.0:0".parse().unwrap())).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("0.0.0.0:0 is not a loopback address"),
        "{error}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = wait(millpond_admin::bind(address)).unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn the_processes_of_workers_are_shown_with_how_many_were_replaced() {
    serving(pond().observed, |address| {
        let seen: Value = serde_json::from_str(&ask(address, "GET", "/api/v1/workers").1).unwrap();
        assert_eq!(seen["isolation"], "process");
        let processes = &seen["processes"];
        assert_eq!(processes["ids"], serde_json::json!([4711, null]));
        assert_eq!(
            (
                &processes["replaced"]["signal"],
                &processes["events_set_aside"]
            ),
            (&3.into(), &1.into())
        );
    });
}
