//! The points of a workload: every combination of what is to vary.

use super::super::flags::{BenchFlags, Workers};
use super::super::peer::PYTHON_WORKERS;
use super::super::record::{Peer, Sink, Source, Subject, What, Workload};

/// The last count of `auto` at least, so that there are enough of them for a scaling law to be fitted.
const LEAST_AUTO: usize = 8;
/// Worker counts through which a law can be fitted and be wrong.
const FEWEST_FOR_A_LAW: usize = 4;

/// The points of one workload.
pub(super) struct Sweep<'a> {
    pub(super) flags: &'a BenchFlags,
    pub(super) workload: Workload,
    pub(super) cores: usize,
}

impl Sweep<'_> {
    pub(super) fn points(&self) -> Vec<What> {
        let mut points = Vec::new();
        for &source in &self.flags.source {
            for sink in self.sinks() {
                for key in self.keys() {
                    for workers in self.workers() {
                        self.daemons(source, sink, key.as_ref(), workers, &mut points);
                        if self.peers().any(|peer| peer == Peer::Threads) && key.is_none() {
                            points.push(peer(Peer::Threads, source, sink, workers, "thread"));
                        }
                    }
                }
                // Once for a sink: a peer's way to work does not depend on the daemon's settings.
                points.extend(self.peers().filter_map(|one| match one {
                    _ if source != Source::Tcp => None,
                    Peer::Python => Some(peer(one, source, sink, PYTHON_WORKERS, "process")),
                    Peer::Serde | Peer::Expert => Some(peer(one, source, sink, 1, "thread")),
                    Peer::Threads => None,
                }));
            }
        }
        points
    }

    /// Those that do this workload.
    fn peers(&self) -> impl Iterator<Item = Peer> {
        let these = self.flags.peer.iter().copied();
        these.filter(|peer| peer.workload() == self.workload)
    }

    /// Whether it is to be measured beside what has one thread, which cannot use the sender's core: for the CPU of both to
    /// be compared, the daemon has to do without it, too.
    fn has_single_peers(&self) -> bool {
        self.cores > 1 && self.peers().any(Peer::has_one_thread)
    }

    fn daemons(
        &self,
        source: Source,
        sink: Sink,
        key: Option<&String>,
        workers: u32,
        points: &mut Vec<What>,
    ) {
        let plain = What {
            subject: Subject::Daemon,
            workload: self.workload,
            source,
            sink,
            workers,
            key: key.cloned(),
            isolation: String::new(),
            journal: false,
            off_sender: false,
        };
        // What a journal and what processes cost is seen beside the same without.
        let journals = if self.flags.journal {
            &[false, true][..]
        } else {
            &[false]
        };
        let ways = journals.iter().flat_map(|journal| {
            let isolations = self.flags.isolation.iter();
            isolations.map(move |isolation| (*journal, isolation.name().to_owned()))
        });
        for (journal, isolation) in ways {
            let daemon = What {
                journal,
                isolation,
                ..plain.clone()
            };
            points.push(daemon.clone());
            if self.has_single_peers() && source == Source::Tcp {
                points.push(What {
                    off_sender: true,
                    ..daemon.clone()
                });
            }
            if let Some(revision) = &self.flags.against {
                points.push(What {
                    subject: Subject::Revision(revision.clone()),
                    ..daemon
                });
            }
        }
    }

    fn sinks(&self) -> Vec<Sink> {
        match self.workload {
            _ if !self.flags.sink.is_empty() => self.flags.sink.clone(),
            Workload::W1 if self.peers().next().is_some() => vec![Sink::Blackhole, Sink::File],
            Workload::W1 => vec![Sink::File],
            _ => vec![Sink::Blackhole],
        }
    }

    /// Without a key a chunk goes whole to one worker. With sleeps of 1 ms that is most of a second in one hand, and a
    /// run would measure how chunks happen to divide by workers; so `delay` has a key, whose values are all different.
    fn keys(&self) -> Vec<Option<String>> {
        let mut keys: Vec<_> = self.flags.key.iter().cloned().map(Some).collect();
        if self.flags.no_key {
            keys.insert(0, None);
        } else if keys.is_empty() {
            let of_delay = (self.workload == Workload::Delay).then(|| "id".to_owned());
            keys.push(of_delay);
        }
        keys
    }

    fn workers(&self) -> Vec<u32> {
        let auto = || powers_of_two((2 * self.cores).max(LEAST_AUTO));
        let mut counts = Vec::new();
        for workers in &self.flags.workers {
            match workers {
                Workers::Auto => counts.extend(auto()),
                Workers::Count(count) => counts.push(count.get()),
            }
        }
        if counts.is_empty() {
            counts = match self.workload {
                // As many as the daemon has where its configuration does not say.
                Workload::W1 if self.peers().next().is_some() => {
                    vec![
                        u32::try_from(self.cores.saturating_sub(1))
                            .unwrap_or(1)
                            .max(1),
                    ]
                }
                _ if self.flags.quick => auto().take(FEWEST_FOR_A_LAW).collect(),
                _ => auto().collect(),
            };
        }
        counts.dedup();
        counts
    }
}

fn peer(peer: Peer, source: Source, sink: Sink, workers: u32, isolation: &str) -> What {
    What {
        subject: Subject::Peer(peer),
        workload: peer.workload(),
        source,
        sink,
        workers,
        key: None,
        isolation: isolation.to_owned(),
        journal: false,
        off_sender: false,
    }
}

impl Peer {
    /// The one that it does.
    pub(super) fn workload(self) -> Workload {
        match self {
            Self::Python | Self::Serde | Self::Expert => Workload::W1,
            Self::Threads => Workload::Cpu,
        }
    }
}

fn powers_of_two(most: usize) -> impl Iterator<Item = u32> {
    (0..u32::BITS - 1)
        .map(|power| 1 << power)
        .take_while(move |count| *count as usize <= most)
}
