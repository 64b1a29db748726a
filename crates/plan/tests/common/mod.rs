//! A daemon that was measured, made up from what it is to have been.
#![allow(dead_code, reason = "each test uses its part")]

use millpond_plan::{Look, Measured, PipelineLook, Spread, StageLook};

/// A minute of a daemon whose only pipeline has one stage and got single events.
#[derive(Debug)]
pub(crate) struct Minute {
    pub(crate) workers: usize,
    pub(crate) cores: usize,
    /// How long batches took, as shares from the shortest to the longest.
    pub(crate) takes: fn(f64) -> f64,
    pub(crate) events: u64,
    /// The part of the time that needs a core.
    pub(crate) on_core: f64,
    /// Each shard's part, if there is a key.
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) connections: u64,
}

impl Default for Minute {
    fn default() -> Self {
        Minute {
            workers: 4,
            cores: 64,
            takes: |_| 1e-3,
            events: 20_000,
            on_core: 0.01,
            weights: None,
            connections: 1_000,
        }
    }
}

impl Minute {
    pub(crate) fn measured(&self) -> Measured {
        let take = |at: u64| (self.takes)((at as f64 + 0.5) / self.events as f64);
        let takes: Vec<f64> = (0..self.events).map(take).collect();
        let all: f64 = takes.iter().sum();
        let shards = match &self.weights {
            Some(weights) => weights.iter().map(|weight| weight * all).collect(),
            None => vec![all / 64.0; 64],
        };
        let nothing = Spread {
            seconds: 0.0,
            buckets: vec![(Some(0), self.events)],
        };
        let pipeline = PipelineLook {
            pipeline: "clicks".to_owned(),
            keyed: self.weights.is_some(),
            arrivals: self.events,
            batches: self.events,
            events: self.events,
            bytes: self.events * 4096,
            event_squares: self.events,
            event_nanos: (all * 1e9) as u64,
            took: spread(&takes),
            waited: nothing.clone(),
            // Workers wake at once.
            woke: nothing,
            woken_seconds: all,
            shards,
            parked_shards: 0,
            stages: vec![StageLook {
                stage: "think".to_owned(),
                events: self.events,
                timed_events: self.events,
                timed_seconds: all,
            }],
        };
        let look = Look {
            uptime_seconds: 60.0,
            cores: self.cores,
            workers: self.workers,
            busy_seconds: all,
            on_core_seconds: Some(all * self.on_core),
            process_seconds: Some(all * self.on_core),
            budget_bytes: 256 << 20,
            connections: self.connections,
            received_events: self.events,
            received_bytes: self.events * 250,
            closed_loop: false,
            pipelines: vec![pipeline],
        };
        let begin = Look {
            on_core_seconds: Some(0.0),
            process_seconds: Some(0.0),
            ..Look::default()
        };
        look.since(&begin).expect("a minute of work")
    }
}

/// In buckets as fine as the daemon's.
fn spread(takes: &[f64]) -> Spread {
    let mut buckets: Vec<(Option<u64>, u64)> = Vec::new();
    let mut bounds = (0..400).map(|step| (1e-6 * 10_f64.powf(f64::from(step) / 40.0) * 1e9) as u64);
    let mut bound = bounds.next().expect("bounds");
    for take in takes {
        while (*take * 1e9) as u64 > bound {
            bound = bounds.next().expect("bounds");
        }
        match buckets.last_mut() {
            Some((last, count)) if *last == Some(bound) => *count += 1,
            _ => buckets.push((Some(bound), 1)),
        }
    }
    Spread {
        seconds: takes.iter().sum(),
        buckets,
    }
}
