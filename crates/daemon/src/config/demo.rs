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
/// weighed, in order per user.
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
    let sink = match options.output {
        Some(path) => json!({ "type": "file", "path": path }),
        None => json!({ "type": "blackhole" }),
    };
    let tree = json!({
        "sources": { "shoppers": shoppers },
        "pipelines": { "interests": {
            "key": "user_id",
            "stages": [
                { "type": "filter", "field": "type", "in": ["click", "add_to_cart", "purchase"] },
                { "type": "map", "field": "type", "into": "weight",
                  "values": { "click": 1, "add_to_cart": 3, "purchase": 10 } },
                { "type": "remove", "fields": ["context.ua"] },
            ],
        } },
        "sinks": { "interests": sink },
        "dead_letters": { "path": options.dead_letters, "max": "64MiB" },
        "runtime": { "workers": options.workers.map_or(json!("auto"), Value::from) },
        "admin": { "listen": options.admin },
    });
    config_of(tree)
}
