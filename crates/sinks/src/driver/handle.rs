use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use millpond_delivery::{Outbound, SinkLedger};
use millpond_event::Records;
use millpond_queue::{RoomReceiver, Spares};

use super::attempts::Attempts;
use super::hand::Hand;
use super::letters::{Desk, Letters};
use super::pump::{Next, Pump};
use super::state::{ClosedReason, Shared, SinkState, SinkView};
use crate::{RetryOptions, SinkError, Writer};

/// Runs a writer behind its room, on a thread of its own, until the room is closed and empty.
///
/// Rows are answered for after they are written and flushed. What fails is tried again, in order, and
/// what is refused for good is set aside, as `recourse` says. When the destination is gone for good, `on_closed` is called once, and
/// rows that are left or still come count as dropped: nobody upstream is kept waiting. Emptied
/// buffers go to `spares`.
///
/// # Errors
/// [`SinkError::Thread`] when the system gives no thread.
pub fn spawn(
    name: impl Into<String>,
    receiver: RoomReceiver<Outbound<Records>>,
    spares: Spares<Records>,
    writer: Box<dyn Writer>,
    ledger: Arc<SinkLedger>,
    recourse: Recourse,
    on_closed: impl FnOnce(ClosedReason) + Send + 'static,
) -> Result<SinkHandle, SinkError> {
    let name = name.into();
    let shared = Arc::new(Shared::new(recourse.letters));
    let view = SinkView {
        room: receiver.view(),
        shared: shared.clone(),
    };
    let pump = Pump {
        name: name.clone(),
        receiver,
        spares,
        ledger,
        shared,
        writer: Some(writer),
        on_closed: Some(on_closed),
        hand: Hand::default(),
        attempts: Attempts::new(recourse.retry),
        tried: 0,
        desk: Desk::default(),
        tick_at: Some(Instant::now()),
        tick_failed: false,
    };
    let thread = thread::Builder::new()
        .name(format!("sink-{name}"))
        .spawn(move || run(pump))
        .map_err(|error| SinkError::Thread {
            sink: name.clone(),
            error,
        })?;
    Ok(SinkHandle { name, thread, view })
}

/// What a sink does when its destination fails or refuses.
#[derive(Clone, Default)]
pub struct Recourse {
    /// When what failed is tried again, and how often.
    pub retry: RetryOptions,
    /// Where rows go that are refused for good or have used up their attempts. When the room there is
    /// full, the sink waits. Without it they count as dropped.
    pub letters: Option<Letters>,
}

/// A running sink. Dropping the handle leaves it running.
pub struct SinkHandle {
    name: String,
    thread: JoinHandle<()>,
    view: SinkView,
}

/// How long the thread of a sink that was given up may take to notice.
const GRACE: Duration = Duration::from_millis(200);

/// Tells a running sink what to do; outlives the [`SinkHandle`].
#[derive(Clone)]
pub struct SinkControl {
    shared: Arc<Shared>,
    thread: Thread,
}

impl SinkControl {
    /// Asks the writer to open its destination anew. Returns at once.
    pub fn reopen(&self) {
        self.shared.ask_reopen();
        self.thread.unpark();
    }

    /// Stops waiting for the sink: it closes, and rows that are left or still come are dropped
    /// (`drain`). Returns at once. A writer that is in the middle of something is not interrupted; see
    /// [`SinkHandle::join`].
    pub fn give_up(&self) {
        self.shared.ask_give_up();
        self.thread.unpark();
    }
}

impl SinkHandle {
    /// A handle for whoever tells the sink what to do while somebody else waits for the end.
    pub fn control(&self) -> SinkControl {
        SinkControl {
            shared: self.view.shared.clone(),
            thread: self.thread.thread().clone(),
        }
    }

    /// Rows in the writer's hands: see [`SinkView::held`].
    pub fn held(&self) -> u64 {
        self.view.held()
    }

    /// True once the sink's thread has ended.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// A read-only view of the sink.
    pub fn view(&self) -> SinkView {
        self.view.clone()
    }

    /// Waits until the room is closed and everything in it is answered for. The thread of a sink that
    /// was given up is left alone if it does not notice: what it holds stays unanswered.
    ///
    /// # Errors
    /// [`SinkError::Failed`] when the writer failed for good. A reader that has gone is no error.
    pub fn join(self) -> Result<(), SinkError> {
        if !self.view.shared.wait(GRACE) {
            return Ok(());
        }
        let message = match self.thread.join() {
            Err(_) => "its thread panicked".to_owned(),
            Ok(()) => match self.view.state() {
                SinkState::Closed(ClosedReason::Failed(message)) => message,
                _ => return Ok(()),
            },
        };
        Err(SinkError::Failed {
            sink: self.name,
            message,
        })
    }
}

fn run<F: FnOnce(ClosedReason)>(mut pump: Pump<F>) {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let shared = pump.shared.clone();
    /// Also when the thread panics.
    struct Done(Arc<Shared>);
    impl Drop for Done {
        fn drop(&mut self) {
            self.0.done();
        }
    }
    let _done = Done(shared.clone());
    loop {
        match pump.step(Instant::now(), &mut context) {
            Next::Step => {}
            Next::Gather => gather(&pump, &waker),
            // Asked again because a wake-up for it may have been used up by the writer.
            Next::Wait(_) if shared.is_called() => {}
            Next::Wait(until) => {
                match until {
                    None => thread::park(),
                    Some(at) => thread::park_timeout(at.saturating_duration_since(Instant::now())),
                }
                gather(&pump, &waker);
            }
            Next::Pause(pause) => pause_for(pause, &shared),
            Next::End => return,
        }
    }
}

/// How often a sink that lets rows gather looks whether it should go on doing so, though the room wakes it when it has no
/// more space: that nothing more will come may be told only once.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Lets rows gather for as long as the writer wants, unless nothing is won by that.
fn gather<F: FnOnce(ClosedReason)>(pump: &Pump<F>, waker: &Waker) {
    let until = Instant::now() + pump.gather();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        // Before it is asked: whoever finds no space after that wakes this thread.
        pump.on_pressed(waker);
        if pump.is_pressed() || pump.shared.is_called() {
            return;
        }
        thread::park_timeout(left.min(LOOK_EVERY));
    }
}

/// Waits, though the room may wake this thread; somebody who asks for a reopen has mended what was
/// broken, so that ends the pause, and so does somebody who gives the sink up.
fn pause_for(pause: Duration, shared: &Shared) {
    let until = Instant::now() + pause;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || shared.is_called() {
            return;
        }
        thread::park_timeout(left);
    }
}
