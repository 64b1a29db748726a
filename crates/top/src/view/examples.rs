//! Daemons to draw.

use serde_json::{Value, json};

use crate::overview::Overview;
use crate::past::Past;

/// Where they would listen.
pub(crate) const ADDRESS: &str = "127.0.0.1:7080";

/// A busy daemon with so many pipelines of so many shards each, one sink of which fails.
pub(crate) fn overview(pipelines: usize, shards: usize) -> Overview {
    serde_json::from_value(document(pipelines, shards)).expect("an overview")
}

/// Two minutes of it.
pub(crate) fn past() -> Past {
    let wave = |second: u32, high: f64| high * (0.55 + 0.45 * (f64::from(second) / 7.0).sin());
    let column = |high: f64| {
        (0..120)
            .map(|second| json!(wave(second, high)))
            .collect::<Vec<_>>()
    };
    let times: Vec<_> = (0..120)
        .map(|second| json!(1_767_225_480.0 + f64::from(second)))
        .collect();
    let unknown: Vec<_> = (0..120)
        .map(|second| json!((second > 60).then_some(0.004)))
        .collect();
    let fields = json!({
        "time": times,
        "in_per_second": column(61_000.0),
        "out_per_second": column(60_000.0),
        "queued_events": column(12_000.0),
        "oldest_age_seconds": column(0.31),
        "p50_seconds": unknown,
        "p99_seconds": column(0.2),
        "workers_busy": column(0.97),
        "cpu_cores": column(1.9),
        "resident_bytes": column(1.6e8),
    });
    serde_json::from_value(json!({ "fields": fields })).expect("a past")
}

fn document(pipelines: usize, shards: usize) -> Value {
    let names: Vec<String> = match pipelines {
        1 => vec!["clicks".to_owned()],
        many => (1..=many)
            .map(|number| format!("pipeline-{number}"))
            .collect(),
    };
    let last = names.last().expect("a pipeline").clone();
    let mut sinks: Vec<Value> = vec![sink(
        "features",
        json!({ "state": "running" }),
        "running",
        0.02,
    )];
    sinks.push(sink(
        "warehouse",
        json!({ "state": "retrying", "seconds": 12.5, "error": "503 Service Unavailable", "failures": 7, "circuit": "open" }),
        "open",
        0.93,
    ));
    sinks.push(sink(
        "dead_letters",
        json!({ "state": "running" }),
        "running",
        0.0,
    ));
    json!({
        "time": 1_767_225_600.25,
        "started": 1_767_221_875.0,
        "uptime_seconds": 3_725.25,
        "interval_seconds": 1.0,
        "build": { "name": "millpond", "version": "0.1.0", "target": "linux-x86_64" },
        "health": { "live": true, "ready": true, "reasons": [] },
        "pressure": {
            "place": "sink",
            "name": "warehouse",
            "because": "its room is 93 % full, it fails and is tried again: 503 Service Unavailable",
        },
        "totals": {
            "in_per_second": 60_512.0,
            "out_per_second": 58_900.5,
            "queued_events": 12_345,
            "queued_bytes": 3_145_728,
            "oldest_age_seconds": 0.31,
            "p50_seconds": 0.0041,
            "p99_seconds": 0.215,
            "unaccounted": 0,
        },
        "process": { "cpu_cores": 1.87, "cores": 4, "resident_bytes": 163_577_856 },
        "budget": { "used_bytes": 50_331_648, "capacity_bytes": 268_435_456, "waiting": 1 },
        "workers": {
            "running": 3, "wanted": 3, "min": 1, "max": 4, "busy": 0.82, "restarts": 0, "decision": null,
        },
        "sources": [
            { "name": "feed", "events": 8_123_456, "events_per_second": 60_000.0, "bytes_per_second": 1.2e7, "connections": 12, "waiting": 0.41 },
            { "name": "web", "events": 4_321, "events_per_second": 512.0, "bytes_per_second": 9.1e4, "connections": 1, "waiting": 0.0 },
        ],
        "journal": null,
        "pipelines": names.iter().map(|name| pipeline(name, shards, *name == last && pipelines > 1)).collect::<Vec<_>>(),
        "sinks": sinks,
        "dead_letters": {
            "groups": [
                { "class": "rejects", "pipeline": names[0], "stage": "decode", "reason": "not_json", "letters": 812, "oldest_micros": 1_767_221_900_000_000_u64, "newest_micros": 1_767_225_599_000_000_u64 },
                { "class": "accepted", "pipeline": names[0], "stage": "warehouse", "reason": "refused", "letters": 3, "oldest_micros": 1_767_224_000_000_000_u64, "newest_micros": 1_767_225_000_000_000_u64 },
            ],
            "latest": [
                { "id": "rejects-812", "time": 1_767_225_599.0, "pipeline": names[0], "source": "feed", "stage": "decode", "reason": "not_json", "bytes": 211, "replayed": false },
                { "id": "accepted-3", "time": 1_767_225_000.0, "pipeline": names[0], "source": "web", "stage": "warehouse", "reason": "refused", "bytes": 1_904, "replayed": true },
            ],
            "deleted": 0,
            "bytes": 181_003,
            "full": false,
            "order": null,
            "token_file": null,
        },
    })
}

fn pipeline(name: &str, shards: usize, paused: bool) -> Value {
    let heat = |shard: usize| ((shard * 37) % 11) as u64 * 20;
    let hot = |shard: usize| {
        if shard == shards / 2 {
            9_000
        } else {
            heat(shard)
        }
    };
    let rates: Vec<u64> = (0..shards).map(hot).collect();
    let depths: Vec<u64> = (0..shards).map(|shard| heat(shard) / 40).collect();
    let paused = paused.then(
        || json!({ "seconds": 60.0, "reason": "crashes", "because": "it crashed 5 times in 60 s" }),
    );
    json!({
        "name": name,
        "from": ["feed", "web"],
        "to": ["features", "warehouse"],
        "key": "user_id",
        "paused": paused,
        "queue": queue(12_340, 3_145_728, None, 67_108_864),
        "in_hand_events": 512,
        "parked_shards": 2,
        "in_per_second": 60_512.0,
        "begun_per_second": 59_001.0,
        "delivered_per_second": 58_900.5,
        "dead_lettered_per_second": 0.4,
        "ledger": {
            "received": 8_127_777, "delivered": 8_100_000, "filtered": 14_000, "consumed": 0, "absorbed": 0,
            "dead_lettered": 815, "dropped": 0, "live": 12_962, "unaccounted": 0,
        },
        "stages": [
            { "name": "parse", "events": 8_114_000, "events_per_second": 60_400.0, "passed_per_second": 60_000.0, "seconds_per_event": 1.2e-6, "failed": 812, "failed_per_second": 4.0 },
            { "name": "sessions", "events": 8_000_000, "events_per_second": 60_000.0, "passed_per_second": 59_100.0, "seconds_per_event": 8.5e-6, "failed": 0, "failed_per_second": 0.0 },
        ],
        "shards": { "events": depths, "per_second": rates },
    })
}

fn sink(name: &str, status: Value, label: &str, full: f64) -> Value {
    let events = (full * 8_192.0) as u64;
    json!({
        "name": name,
        "type": if name == "warehouse" { "http" } else { "file" },
        "required": name != "features",
        "status": status,
        "label": label,
        "queue": queue(events, events * 250, Some(8_192), 8_388_608),
        "in_hand_rows": 0,
        "buffer": null,
        "routed_per_second": 59_000.0,
        "delivered_per_second": if label == "open" { 0.0 } else { 58_900.5 },
        "bytes_per_second": 1.47e7,
        "p50_seconds": 0.004,
        "p99_seconds": 0.215,
        "retries": if label == "open" { 7 } else { 0 },
        "ledger": {
            "routed": 8_113_777, "delivered": 8_100_000, "dead_lettered": 3, "dropped": 0, "live": 13_774, "unaccounted": 0,
        },
    })
}

fn queue(events: u64, bytes: u64, most: Option<u64>, most_bytes: u64) -> Value {
    json!({
        "name": "queue",
        "events": events,
        "bytes": bytes,
        "capacity_events": most,
        "capacity_bytes": most_bytes,
        "oldest_age_seconds": 0.31,
    })
}
