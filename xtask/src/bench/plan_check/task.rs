use std::fmt;

use clap::ValueEnum;

use crate::bench::record::{Sink, Source, Subject, What, Workload};
use crate::bench::workload::STEPS;

/// Seconds that a bundle of events is to take.
const BUNDLE: f64 = 0.5e-3;

/// A workload of the bench, as it is sent here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Task {
    /// A worker sleeps for a millisecond for each event.
    Delay,
    /// A worker computes for some microseconds for each event.
    Cpu,
}

impl Task {
    /// How many workers a prediction is made for.
    pub(super) fn workers(self, cores: usize) -> u32 {
        match self {
            Task::Delay => 4,
            // The sender, the source and the sink need cores, too.
            Task::Cpu => (cores / 4).clamp(1, 4) as u32,
        }
    }

    /// Events that are sent at once, if one takes so long. A bundle is to take so long that what waking a thread takes
    /// is little beside it, and so short that many come in a run.
    pub(super) fn bundle(self, seconds_per_event: f64) -> usize {
        match self {
            Task::Delay => 1,
            Task::Cpu => (BUNDLE / seconds_per_event).round().clamp(1.0, 1_000.0) as usize,
        }
    }

    /// Connections, the more the fewer bundles are read together.
    pub(super) fn connections(self) -> usize {
        match self {
            Task::Delay => 128,
            Task::Cpu => 32,
        }
    }

    /// What a worker takes for an event, about: only to begin with.
    pub(super) fn seconds_per_event(self) -> f64 {
        match self {
            Task::Delay => 1.1e-3,
            Task::Cpu => STEPS as f64 * 0.85e-9,
        }
    }

    pub(super) fn what(self, workers: u32) -> What {
        What {
            subject: Subject::Daemon,
            workload: match self {
                Task::Delay => Workload::Delay,
                Task::Cpu => Workload::Cpu,
            },
            source: Source::Tcp,
            sink: Sink::Blackhole,
            workers,
            key: None,
            isolation: "thread".to_owned(),
            journal: false,
            off_sender: false,
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Task::Delay => "delay",
            Task::Cpu => "cpu",
        })
    }
}
