//! The journal between sources and pipelines.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use millpond_delivery::Taken;
use millpond_event::{BufferPool, Slice};
use millpond_ingest::{JournalWay, Resume, Routes};
use millpond_queue::{Budget, RoomSender};
use millpond_runtime::Brake;
use millpond_runtime::admission::{self, Admission, AdmissionOptions, AdmissionView};

use crate::config::Config;
use crate::error::StartError;
use crate::journal::{Keeper, OpenJournal, Passage};
use crate::run::Happening;
use crate::wire::branches::OpenedSource;

/// No batch is charged less than this to a budget.
const LEAST: usize = 4 << 10;

/// How the memory is shared out.
pub(super) struct Shares {
    /// What sources take in, and the output.
    pub(super) input: Budget,
    /// What is read back from the journal.
    replay: Budget,
    /// The bytes that a crash may have delivered again.
    window: u64,
    /// By how much the input's budget has to be divided for the slots of a mailbox.
    pub(super) batch_bytes_min: usize,
}

impl Shares {
    /// A quarter is the reader's, where there is a journal: backlog and new input never starve each other.
    pub(super) fn of(config: &Config) -> Self {
        let memory = config.runtime.memory;
        let replay = match config.journal {
            Some(_) => memory / 4,
            None => 0,
        };
        let input = memory - replay;
        Shares {
            input: Budget::new(input),
            replay: Budget::new(replay),
            window: memory as u64,
            // Mailboxes hold what both budgets pay for.
            batch_bytes_min: match config.journal {
                Some(_) => LEAST / 4 * 3,
                None => LEAST,
            },
        }
    }
}

/// The ways into the journal, if there is one.
#[derive(Default)]
pub(super) struct Ways {
    room: Option<RoomSender<Taken<Slice>>>,
    view: Option<AdmissionView>,
    resume: HashMap<String, Resume>,
}

impl Ways {
    /// That of a source.
    pub(super) fn way(&self, source: &str) -> Option<JournalWay> {
        let room = self.room.clone()?;
        let resume = self.resume.get(source).cloned().unwrap_or_default();
        let view = self.view.clone()?;
        let seen = view.clone();
        Some(JournalWay {
            room,
            resume,
            is_full: Arc::new(move || view.is_full()),
            backlog: Arc::new(move || seen.backlog()),
        })
    }
}

/// Puts the journal between the sources, whose routes it takes over, and their pipelines.
pub(super) fn admit(
    open: OpenJournal,
    sources: &mut [OpenedSource],
    shares: &Shares,
    brakes: Vec<Brake>,
    pool: &BufferPool,
    happenings: &Sender<Happening>,
) -> Result<(Ways, Admission<Slice>), StartError> {
    let routes = sources.iter_mut().flat_map(|source| {
        let ledger = source.ledger.clone();
        let routes = source.take_routes().into_iter();
        routes.map(move |(name, routes)| {
            let routes = Routes::new(name.clone(), routes, ledger.clone());
            (name, routes)
        })
    });
    let passage = Passage::new(routes.collect(), pool.clone());
    let options = AdmissionOptions {
        window: shares.window,
        brakes,
        ..AdmissionOptions::new(shares.input.clone(), shares.replay.clone())
    };
    let tell = happenings.clone();
    let on_failed = move |reason| {
        // Nobody listens any more once the daemon is on its way out.
        let _ = tell.send(Happening::JournalFailed(reason));
    };
    let keeper = Keeper::new(&open.resume);
    let (room, admission) = admission::admit(open.journal, keeper, passage, options, on_failed)
        .map_err(|error| {
            StartError::failed_at(&open.at, format!("no thread for the journal: {error}"))
        })?;
    let ways = Ways {
        room: Some(room),
        view: Some(admission.view()),
        resume: open.resume,
    };
    Ok((ways, admission))
}
