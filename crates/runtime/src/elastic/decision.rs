use std::fmt;
use std::time::{Duration, SystemTime};

/// What the controller decides, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// How many workers there should be: as many as there are, where there is only a reason to tell.
    pub to: usize,
    /// Why.
    pub reason: Reason,
}

/// A verdict that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// When.
    pub at: SystemTime,
    /// Workers before.
    pub from: usize,
    /// Workers wanted since.
    pub to: usize,
    /// Why.
    pub reason: Reason,
}

/// Why the number of workers changes, or does not although events wait for longer than they should.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// More comes than the workers there are can do with time to spare.
    Load {
        /// Share of the workers' time that was spent on shards.
        utilisation: f64,
        /// Events per second.
        arriving: f64,
        /// What one of them costs a worker.
        service: Duration,
    },
    /// What waits is older than the target.
    Backlog {
        /// The age of the oldest.
        oldest: Duration,
        /// Events that wait.
        waiting: u64,
        /// Events per second.
        arriving: f64,
        /// What one of them costs a worker.
        service: Duration,
    },
    /// Fewer workers have been enough for a while.
    Calm {
        /// How many workers the work of the last second kept busy.
        load: f64,
        /// For how long fewer would have been enough.
        calm: Duration,
    },
    /// There were fewer than the minimum.
    Minimum,
    /// More would help, but the maximum is reached.
    Maximum {
        /// The age of the oldest event that waits.
        oldest: Duration,
    },
    /// More would not help: sinks take no more, or what they have not taken fills the budget.
    Sinks {
        /// Shards that wait for a sink.
        parked: u64,
        /// Whether output has overdrawn the budget.
        overdrawn: bool,
    },
    /// More would not help: the workers keep the cores busy.
    Cores {
        /// Cores that the process keeps busy.
        used: f64,
        /// Cores that it may use.
        cores: usize,
        /// Share of a worker's time on a shard in which it needs a core.
        share: f64,
    },
    /// More would not help: workers are free, and what waits lies in shards that are worked on already.
    Shards {
        /// The age of the oldest event that waits.
        oldest: Duration,
        /// Share of the workers' time that was spent on shards.
        utilisation: f64,
    },
}

impl Reason {
    /// One word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Reason::Load { .. } => "load",
            Reason::Backlog { .. } => "backlog",
            Reason::Calm { .. } => "calm",
            Reason::Minimum => "minimum",
            Reason::Maximum { .. } => "maximum",
            Reason::Sinks { .. } => "sinks",
            Reason::Cores { .. } => "cores",
            Reason::Shards { .. } => "shards",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: &f64| share * 100.0;
        match self {
            Reason::Load {
                utilisation,
                arriving,
                service,
            } => write!(
                f,
                "workers are {:.0} % busy with {arriving:.0} events/s of {service:.1?}",
                percent(utilisation)
            ),
            Reason::Backlog {
                oldest,
                waiting,
                arriving,
                service,
            } => write!(
                f,
                "{waiting} events wait, the oldest for {oldest:.0?}, and {arriving:.0} events/s of {service:.1?} come"
            ),
            Reason::Calm { load, calm } => {
                write!(f, "{load:.1} workers' work, and no more for {calm:.0?}")
            }
            Reason::Minimum => f.write_str("fewer than the minimum"),
            Reason::Maximum { oldest } => write!(
                f,
                "the maximum is reached, and the oldest event waits for {oldest:.0?}"
            ),
            Reason::Sinks { parked, overdrawn } => write!(
                f,
                "{parked} shards wait for sinks{}: more workers would not help",
                if *overdrawn {
                    " and the budget is overdrawn"
                } else {
                    ""
                }
            ),
            Reason::Cores { used, cores, share } => write!(
                f,
                "{used:.1} of {cores} cores are used and a busy worker needs one {:.0} % of the time: more workers \
                 would not help",
                percent(share)
            ),
            Reason::Shards {
                oldest,
                utilisation,
            } => write!(
                f,
                "the oldest event waits for {oldest:.0?} while workers are {:.0} % busy: few shards have the load, or \
                 single events take long, and more workers would not help",
                percent(utilisation)
            ),
        }
    }
}
