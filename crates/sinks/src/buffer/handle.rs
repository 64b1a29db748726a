use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::Instant;

use millpond_delivery::{Outbound, SinkLedger};
use millpond_event::Records;
use millpond_queue::{RoomReceiver, RoomSender, Spares};
use millpond_store::Buffer;

use super::answers::Answers;
use super::feeder::{Feeder, Next};
use super::flights::Flights;
use crate::{SinkControl, SinkError};

/// What a disk buffer stands between.
pub struct Buffered {
    /// The sink's name.
    pub name: String,
    /// The room that workers fill.
    pub front: RoomReceiver<Outbound<Records>>,
    /// The room of the running sink, which nobody else fills.
    pub back: RoomSender<Outbound<Records>>,
    /// That sink.
    pub sink: SinkControl,
    /// Emptied outputs.
    pub spares: Spares<Records>,
    /// The sink's ledger.
    pub ledger: Arc<SinkLedger>,
    /// Whether inputs wait for the sink.
    pub required: bool,
    /// The journal that the places of rows mean: a sink that compares places gets those of no other.
    pub journal: Option<u64>,
}

/// Runs a buffer between two rooms, on a thread of its own, until the front one is closed and empty and
/// everything is delivered, or kept and [left](BufferControl::leave).
///
/// What an earlier process left in it goes first, and is on the sink's ledger from here on.
///
/// # Errors
/// [`SinkError::Thread`] when the system gives no thread.
pub fn buffer(between: Buffered, buffer: Buffer) -> Result<BufferHandle, SinkError> {
    let Buffered {
        name,
        front,
        back,
        sink,
        spares,
        ledger,
        required,
        journal,
    } = between;
    let left = buffer.held().rows;
    ledger.restore(left);
    if left > 0 {
        tracing::info!(
            sink = name,
            rows = left,
            "the buffer holds rows of an earlier run"
        );
    }
    let answers = Arc::new(Answers::default());
    let feeder = Feeder {
        name: name.clone(),
        front,
        back: Some(back),
        sink,
        spares,
        ledger,
        required,
        buffer,
        journal,
        answers: answers.clone(),
        flights: Flights::default(),
        waiting: Default::default(),
        read: Default::default(),
        spill_at: None,
        read_at: None,
        moved_at: None,
    };
    let thread = thread::Builder::new()
        .name(format!("buffer-{name}"))
        .spawn(move || run(feeder))
        .map_err(|error| SinkError::Thread {
            sink: name.clone(),
            error,
        })?;
    Ok(BufferHandle {
        name,
        thread,
        answers,
    })
}

/// A running buffer. Dropping the handle leaves it running.
pub struct BufferHandle {
    name: String,
    thread: JoinHandle<()>,
    answers: Arc<Answers>,
}

/// Tells a running buffer what to do; outlives the [`BufferHandle`].
#[derive(Clone)]
pub struct BufferControl {
    answers: Arc<Answers>,
}

impl BufferControl {
    /// Lets what is on disk stay there when the room in front has closed, and puts there what the sink does
    /// not take. Returns at once.
    pub fn leave(&self) {
        self.answers.leave();
    }
}

impl BufferHandle {
    /// A handle for whoever ends the run while somebody else waits for the end.
    pub fn control(&self) -> BufferControl {
        BufferControl {
            answers: self.answers.clone(),
        }
    }

    /// Waits until the front room is closed, and nothing of what came through it is in memory alone.
    ///
    /// # Errors
    /// [`SinkError::Failed`] when its thread panicked.
    pub fn join(self) -> Result<(), SinkError> {
        self.thread.join().map_err(|_| SinkError::Failed {
            sink: self.name,
            message: "the thread of its buffer panicked".to_owned(),
        })
    }
}

fn run(mut feeder: Feeder) {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    feeder.answers.listen();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match feeder.step(Instant::now(), &mut context) {
            Next::Step => {}
            Next::Wait(None) => thread::park(),
            Next::Wait(Some(at)) => {
                thread::park_timeout(at.saturating_duration_since(Instant::now()))
            }
            Next::End => return,
        }
    }
}
