//! What the daemon says of itself, as far as it is shown here.

use serde::Deserialize;

/// `/api/v1/overview`. Rates are null until there have been two looks.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Overview {
    /// Seconds since the Unix epoch.
    pub(crate) time: f64,
    pub(crate) uptime_seconds: f64,
    pub(crate) interval_seconds: Option<f64>,
    pub(crate) build: Build,
    pub(crate) health: Health,
    pub(crate) pressure: Option<Pressure>,
    pub(crate) totals: Totals,
    pub(crate) process: Process,
    pub(crate) budget: Budget,
    pub(crate) workers: Workers,
    pub(crate) sources: Vec<Source>,
    pub(crate) journal: Option<Journal>,
    pub(crate) pipelines: Vec<Pipeline>,
    pub(crate) sinks: Vec<Sink>,
    pub(crate) dead_letters: DeadLetters,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Build {
    pub(crate) version: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Health {
    pub(crate) live: bool,
    pub(crate) ready: bool,
    pub(crate) reasons: Vec<String>,
}

/// Where what holds the sources up begins.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Pressure {
    pub(crate) place: String,
    pub(crate) name: String,
    pub(crate) because: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Totals {
    pub(crate) in_per_second: Option<f64>,
    pub(crate) out_per_second: Option<f64>,
    pub(crate) queued_events: u64,
    pub(crate) oldest_age_seconds: Option<f64>,
    pub(crate) p50_seconds: Option<f64>,
    pub(crate) p99_seconds: Option<f64>,
    pub(crate) unaccounted: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Process {
    pub(crate) cpu_cores: Option<f64>,
    pub(crate) cores: u64,
    pub(crate) resident_bytes: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Budget {
    pub(crate) used_bytes: u64,
    pub(crate) capacity_bytes: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Workers {
    pub(crate) running: u64,
    pub(crate) min: u64,
    pub(crate) max: u64,
    pub(crate) busy: Option<f64>,
    pub(crate) restarts: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) events_per_second: Option<f64>,
    pub(crate) connections: u64,
    pub(crate) waiting: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Queue {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) capacity_events: Option<u64>,
    pub(crate) capacity_bytes: u64,
    pub(crate) oldest_age_seconds: f64,
}

impl Queue {
    /// How full it is, by whichever of its bounds is nearer.
    pub(crate) fn share(&self) -> f64 {
        let of = |used: u64, most: u64| used as f64 / most.max(1) as f64;
        let events = self
            .capacity_events
            .map_or(0.0, |most| of(self.events, most));
        events.max(of(self.bytes, self.capacity_bytes))
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Journal {
    pub(crate) queue: Queue,
    pub(crate) in_per_second: Option<f64>,
    pub(crate) out_per_second: Option<f64>,
    pub(crate) waiting_events: u64,
    pub(crate) full: Option<String>,
    pub(crate) failed: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Pipeline {
    pub(crate) name: String,
    pub(crate) from: Vec<String>,
    pub(crate) to: Vec<String>,
    pub(crate) key: Option<String>,
    pub(crate) paused: Option<Paused>,
    pub(crate) queue: Queue,
    pub(crate) parked_shards: u64,
    pub(crate) in_per_second: Option<f64>,
    pub(crate) begun_per_second: Option<f64>,
    pub(crate) delivered_per_second: Option<f64>,
    pub(crate) ledger: Ledger,
    pub(crate) stages: Vec<Stage>,
    pub(crate) shards: Shards,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Paused {
    pub(crate) because: String,
}

/// The terms of an equation: what came, and what became of it. Those that one kind of account does not have are 0.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ledger {
    #[serde(alias = "routed")]
    pub(crate) received: u64,
    pub(crate) delivered: u64,
    pub(crate) filtered: u64,
    pub(crate) consumed: u64,
    pub(crate) absorbed: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) dropped: u64,
    pub(crate) live: u64,
    pub(crate) unaccounted: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) events_per_second: Option<f64>,
    pub(crate) passed_per_second: Option<f64>,
    pub(crate) seconds_per_event: Option<f64>,
    pub(crate) failed: u64,
    pub(crate) failed_per_second: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Shards {
    pub(crate) events: Vec<u64>,
    pub(crate) per_second: Option<Vec<u64>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Sink {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) required: bool,
    pub(crate) status: Status,
    /// One word for the status.
    pub(crate) label: String,
    pub(crate) queue: Queue,
    pub(crate) buffer: Option<Buffer>,
    pub(crate) routed_per_second: Option<f64>,
    pub(crate) delivered_per_second: Option<f64>,
    pub(crate) bytes_per_second: Option<f64>,
    pub(crate) p99_seconds: Option<f64>,
    pub(crate) retries: u64,
    pub(crate) ledger: Ledger,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) seconds: Option<f64>,
    pub(crate) error: String,
    pub(crate) failures: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Buffer {
    pub(crate) rows: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct DeadLetters {
    pub(crate) groups: Vec<Group>,
    pub(crate) latest: Vec<Letter>,
    pub(crate) deleted: u64,
    pub(crate) bytes: u64,
    pub(crate) full: bool,
}

/// Letters that one stage wrote for one reason.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Group {
    pub(crate) pipeline: String,
    pub(crate) stage: String,
    pub(crate) reason: String,
    pub(crate) letters: u64,
    pub(crate) newest_micros: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Letter {
    pub(crate) id: String,
    pub(crate) time: f64,
    pub(crate) pipeline: String,
    pub(crate) stage: String,
    pub(crate) reason: String,
    pub(crate) bytes: u64,
    pub(crate) replayed: bool,
}

impl Overview {
    /// Where pressure begins, in the words of the live page.
    pub(crate) fn pressure(&self) -> String {
        let Some(Pressure {
            place,
            name,
            because,
        }) = &self.pressure
        else {
            return "Nothing is held up.".to_owned();
        };
        let place = match place.as_str() {
            "sink" => format!("sink {name}"),
            "shards" => format!("the shards of {name}"),
            other => format!("the {other}"),
        };
        format!("Pressure begins at {place}: {because}.")
    }

    /// Whether pressure begins at this place. Of workers and journals there is only one.
    pub(crate) fn begins(&self, at: &str, called: &str) -> bool {
        let one = matches!(at, "workers" | "journal");
        let matches = |found: &Pressure| found.place == at && (one || found.name == called);
        self.pressure.as_ref().is_some_and(matches)
    }

    /// What somebody should know: why it is not ready, and the like.
    pub(crate) fn notices(&self) -> Vec<String> {
        let mut all = self.health.reasons.clone();
        if self.dead_letters.full && !all.iter().any(|one| one.contains("dead letters")) {
            all.push("The store of dead letters is full.".to_owned());
        }
        let failed = self.journal.as_ref().and_then(|one| one.failed.clone());
        all.extend(failed.filter(|why| !self.health.reasons.contains(why)));
        all
    }
}
