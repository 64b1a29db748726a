use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What is run, and how much of it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The daemon.
    pub binary: PathBuf,
    /// How many rounds of load.
    pub rounds: u32,
    /// Decides the events, and when which fault comes; the machine decides the rest.
    pub seed: u64,
    /// Events sent in each round.
    pub events_per_round: u64,
    /// Connections, at least two: the first feeds a slow pipeline, the others a quick one.
    pub clients: usize,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// How the daemon is set up.
    pub settings: Settings,
    /// Where the scratch directory is made; the system's place for temporary files by default.
    pub scratch_in: Option<PathBuf>,
    /// The directory to run in and to leave behind, instead of a scratch directory.
    pub keep: Option<PathBuf>,
}

/// What a configuration says of how the daemon runs; the rest of the trial's configuration is its own.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Worker threads.
    pub workers: usize,
    /// Shards per pipeline.
    pub shards: usize,
    /// The byte budget, and so what a crash may have delivered again.
    pub memory: u64,
    /// How long a drain may take.
    pub drain: Duration,
    /// What the journal may take up on disk.
    pub journal_max: u64,
    /// The length of its segments.
    pub segment: u64,
}

impl Default for Settings {
    /// Small, so that bounds are reached and segments change often.
    fn default() -> Self {
        Settings {
            workers: 4,
            shards: 64,
            memory: 8 << 20,
            drain: Duration::from_secs(30),
            journal_max: 256 << 20,
            segment: 4 << 20,
        }
    }
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed under load, or while it starts.
    Kill,
    /// The disk under the journal has no room.
    DiskFull,
    /// The peer of the tcp sink reads slowly.
    SlowSink,
    /// The peer of the tcp sink goes away and comes back.
    SinkDown,
}

impl Fault {
    /// Every fault there is.
    pub const ALL: [Fault; 4] = [
        Fault::Kill,
        Fault::DiskFull,
        Fault::SlowSink,
        Fault::SinkDown,
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Fault::Kill => "kill",
            Fault::DiskFull => "disk-full",
            Fault::SlowSink => "slow-sink",
            Fault::SinkDown => "sink-down",
        })
    }
}

/// A fault of a name that is none.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no fault, expected kill, disk-full, slow-sink or sink-down")]
pub struct UnknownFault(String);

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let named = |fault: &Fault| fault.to_string() == text;
        let fault = Fault::ALL.into_iter().find(named);
        fault.ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_known_by_the_name_it_shows_and_by_no_other() {
        for fault in Fault::ALL {
            assert_eq!(fault.to_string().parse::<Fault>().expect("known"), fault);
        }
        let error = "Kill".parse::<Fault>().expect_err("no such fault");
        assert!(error.to_string().contains("\"Kill\""), "{error}");
    }
}
