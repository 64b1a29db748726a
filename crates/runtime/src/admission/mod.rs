//! Admission through a journal: what sources take in is made durable first, in one order, and goes to the
//! pipelines from there.
//!
//! Two threads. The *writer* takes batches from its room, appends whatever has arrived, syncs once for
//! all of it, and tells the sources. The *reader* follows behind and hands batches to the pipelines in
//! the order of the journal: from memory while it keeps up (the journal's cached tail), from disk when a
//! burst has outrun it or after a restart. Neither waits for the other's work; what bounds memory is that
//! the tail is kept only while half of the budget is free, and what is read back has a budget of its own.
//!
//! What has settled without a gap is committed about ten times a second, and at the end.
//!
//! A pipeline that is paused stops nobody: the reader goes on without it, and reads the journal a second time for it
//! once it is resumed. Until then nothing is committed from its first missed event on, so the journal fills
//! up, and no more than that.

mod commit;
mod keep;
mod late;
mod problems;
mod reader;
mod state;
mod view;
mod writer;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use millpond_delivery::Taken;
use millpond_journal::{Journal, Storage};
use millpond_queue::{Budget, Limits, RoomSender, RoomView, room};

use crate::brake::Brake;
pub use keep::{Dispatch, DispatchError, Keep};
use reader::Reader;
use state::Shared;
pub use view::{AdmissionView, JournalState};
use writer::Writer;

/// How admission works.
#[derive(Clone)]
pub struct AdmissionOptions {
    /// The name of the writer's room.
    pub name: String,
    /// The budget that sources take their permits from: while half of it is free, batches stay in memory
    /// until they are handed on.
    pub budget: Budget,
    /// The budget for what is read back from disk.
    pub replay: Budget,
    /// At most this many bytes of records are handed on beyond the committed position: what a crash may
    /// have delivered again.
    pub window: u64,
    /// A group takes in no more once it has this many bytes.
    pub group_bytes: usize,
    /// How often the committed position is stored while it moves.
    pub commit_every: Duration,
    /// The brakes of all pipelines that the journal's batches go to.
    pub brakes: Vec<Brake>,
}

impl AdmissionOptions {
    /// The defaults: groups of 4 MiB, a commit every 100 ms, a window as large as the budget.
    pub fn new(budget: Budget, replay: Budget) -> Self {
        AdmissionOptions {
            name: "journal".to_owned(),
            window: budget.capacity(),
            budget,
            replay,
            group_bytes: 4 << 20,
            commit_every: Duration::from_millis(100),
            brakes: Vec::new(),
        }
    }
}

/// A running admission.
pub struct Admission<B> {
    shared: Arc<Shared<B>>,
    room: RoomView,
    ended: Receiver<()>,
}

/// The way in, and the running admission behind it.
pub type Admitted<B> = (RoomSender<Taken<B>>, Admission<B>);

/// Starts the two threads over an open journal. Sources send through the room that comes back; when the
/// last of its senders is dropped, everything is made durable, handed on, and `dispatch` is dropped.
/// `on_failed` is called when the journal has failed for good; what was not durable by then is refused.
///
/// # Errors
/// When the system gives no threads.
pub fn admit<K, D, S>(
    journal: Journal<S>,
    keep: K,
    dispatch: D,
    options: AdmissionOptions,
    on_failed: impl FnOnce(String) + Send + 'static,
) -> std::io::Result<Admitted<K::Batch>>
where
    K: Keep,
    D: Dispatch<Batch = K::Batch>,
    S: Storage + 'static,
{
    // The budget bounds what waits here; a room of fewer bytes would only make sources wait twice.
    let limits = Limits {
        events: u64::MAX,
        bytes: options.budget.capacity().saturating_mul(2),
    };
    let (sender, receiver) = room(options.name.as_str(), limits);
    let shared = Arc::new(Shared::new(
        journal.committed_sequence(),
        journal.next_sequence(),
        options.brakes.iter().map(|brake| brake.arrears().clone()),
    ));
    for arrears in &shared.arrears {
        let shared = Arc::downgrade(&shared);
        arrears.keep(move || {
            if let Some(shared) = shared.upgrade() {
                shared.change(|state| state.roused = true);
            }
        });
    }
    let (alive, ended) = channel::<()>();
    let admission = Admission {
        shared: shared.clone(),
        room: sender.view(),
        ended,
    };
    let reader = Reader::new(journal.readers(), dispatch, shared.clone(), &options);
    let writer = Writer::new(journal, keep, receiver, shared, options);
    let also_alive = alive.clone();
    std::thread::Builder::new()
        .name("journal-reader".to_owned())
        .spawn(move || {
            reader.run();
            drop(alive);
        })?;
    std::thread::Builder::new()
        .name("journal-writer".to_owned())
        .spawn(move || {
            writer.run(on_failed);
            drop(also_alive);
        })?;
    Ok((sender, admission))
}

impl<B> Admission<B> {
    /// What stops it from elsewhere.
    pub fn stopper(&self) -> Stopper<B> {
        Stopper {
            shared: self.shared.clone(),
        }
    }

    /// Everything that was handed on has come to its end, as far as it ever will: stores the committed
    /// position and ends. Waits for that until `deadline`; false when it has passed.
    pub fn finish(self, deadline: Option<Instant>) -> bool {
        self.shared.finish();
        let wait = deadline.map_or(Duration::MAX, |at| {
            at.saturating_duration_since(Instant::now())
        });
        !matches!(
            self.ended.recv_timeout(wait),
            Err(RecvTimeoutError::Timeout)
        )
    }

    /// A read-only view, for metrics and health.
    pub fn view(&self) -> AdmissionView
    where
        B: Send + 'static,
    {
        AdmissionView::new(self.shared.clone(), self.room.clone())
    }
}

/// Stops an [`Admission`] that somebody else has.
pub struct Stopper<B> {
    shared: Arc<Shared<B>>,
}

impl<B> Stopper<B> {
    /// Nothing more is handed on: what the journal holds stays there for the next time. The pipelines
    /// end once they have run what they were given.
    pub fn stop(&self) {
        self.shared.stop();
    }
}
