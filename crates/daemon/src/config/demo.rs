use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::config_of;
use super::model::Config;
use super::problem::Problems;

/// What the demo does; see the command line.
#[derive(Clone, Debug)]
pub(crate) struct DemoOptions<'a> {
    pub(crate) rate: u64,
    pub(crate) events: Option<u64>,
    pub(crate) workers: Option<u32>,
    pub(crate) bad: f64,
    pub(crate) seed: u64,
    pub(crate) output: Option<&'a Path>,
    pub(crate) admin: SocketAddr,
    /// Where the dead letters go.
    pub(crate) dead_letters: &'a Path,
}

/// The configuration of the demo: synthetic shoppers with bursts, whose clicks and purchases are
/// weighed, in order per user, for a sink that takes everything and one that is away now and then.
///
/// # Errors
/// When a setting does not fit.
pub(crate) fn demo(options: &DemoOptions<'_>) -> Result<Config, Problems> {
    let mut shoppers = json!({
        "type": "demo",
        "rate": options.rate,
        "seed": options.seed,
        "bad": options.bad,
    });
    if options.rate > 0 {
        shoppers["burst"] = json!({ "every": "10s", "length": "1s", "factor": 10 });
    }
    if let Some(events) = options.events {
        shoppers["events"] = json!(events);
    }
    let stages = json!([
        { "type": "filter", "field": "type", "in": ["click", "add_to_cart", "purchase"] },
        // A few events in a million fail here, so that there are dead letters to look at.
        { "type": "fail", "name": "prices", "message": "price beyond what the shop sells",
          "when": { "all": [{ "field": "price", "gt": 499.8 }, { "field": "big", "exists": true }] } },
        { "type": "map", "field": "type", "into": "weight",
          "values": { "click": 1, "add_to_cart": 3, "purchase": 10 } },
        { "type": "remove", "fields": ["context.ua"] },
    ]);
    let mut trends = json!({
        "type": "blackhole",
        "queue": { "events": 8_192 },
        "retry": { "longest": "1s" },
    });
    if options.rate > 0 {
        // Long enough for rooms and budget to fill, so that the shoppers have to wait.
        trends["away"] = json!({ "every": "45s", "length": "8s" });
    }
    let sink = match options.output {
        Some(path) => json!({ "type": "file", "path": path }),
        None => json!({ "type": "blackhole" }),
    };
    let tree = json!({
        "sources": { "shoppers": shoppers },
        "pipelines": { "interests": {
            "key": "user_id",
            "stages": stages,
        } },
        "sinks": { "interests": sink, "trends": trends },
        "dead_letters": { "path": options.dead_letters, "max": "64MiB" },
        "runtime": {
            "workers": options.workers.map_or(json!("auto"), Value::from),
            "memory": "64MiB",
        },
        "admin": { "listen": options.admin },
    });
    config_of(tree)
}
