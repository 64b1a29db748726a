//! What the things that are measured are called, in the table, the report and messages.

use std::fmt;

use super::record::{Peer, Sink, Source, Subject, What, Workload};

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Daemon => {}
            Subject::Revision(revision) => write!(f, "{revision}: ")?,
            Subject::Peer(peer) => write!(f, "{peer}: ")?,
        }
        write!(f, "{} to {}", self.workload, self.sink)?;
        if self.source != Source::Tcp {
            write!(f, " from {}", self.source)?;
        }
        if let Some(key) = &self.key {
            write!(f, " by {key}")?;
        }
        let plural = if self.workers == 1 { "" } else { "s" };
        write!(f, ", {} worker{plural}", self.workers)?;
        // A peer works as it works; the daemon's usual way goes without saying.
        if self.isolation != "thread" && !matches!(self.subject, Subject::Peer(_)) {
            write!(f, " in a {} each", self.isolation)?;
        }
        if self.journal {
            f.write_str(", with a journal")?;
        }
        if self.off_sender {
            f.write_str(", off the sender's core")?;
        }
        Ok(())
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::W0 => "w0",
            Self::W1 => "w1",
            Self::Cpu => "cpu",
            Self::Delay => "delay",
            Self::Explode => "explode",
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Demo => "demo",
        })
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blackhole => "blackhole",
            Self::File => "file",
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python => "python",
            Self::Serde => "serde",
            Self::Expert => "expert",
            Self::Threads => "threads",
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The daemon on W1 with two workers.
    pub(in crate::bench) fn w1() -> What {
        What {
            subject: Subject::Daemon,
            workload: Workload::W1,
            source: Source::Tcp,
            sink: Sink::File,
            workers: 2,
            key: None,
            isolation: "thread".into(),
            journal: false,
            off_sender: false,
        }
    }

    #[test]
    fn points_that_differ_have_names_that_differ() {
        let others = [
            w1(),
            What {
                subject: Subject::Revision("HEAD~1".into()),
                ..w1()
            },
            What {
                subject: Subject::Peer(Peer::Expert),
                ..w1()
            },
            What {
                workload: Workload::W0,
                ..w1()
            },
            What {
                source: Source::Demo,
                ..w1()
            },
            What {
                sink: Sink::Blackhole,
                ..w1()
            },
            What { workers: 1, ..w1() },
            What {
                key: Some("user_id".into()),
                ..w1()
            },
            What {
                isolation: "process".into(),
                ..w1()
            },
            What {
                journal: true,
                ..w1()
            },
            What {
                off_sender: true,
                ..w1()
            },
        ];
        let names: Vec<String> = others.iter().map(ToString::to_string).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{name} is taken");
        }
        assert_eq!(names[0], "w1 to file, 2 workers");
        assert_eq!(names[2], "expert: w1 to file, 2 workers");
    }
}
