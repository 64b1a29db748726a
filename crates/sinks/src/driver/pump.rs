use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use millpond_delivery::{Fate, Outbound, SinkLedger};
use millpond_event::Records;
use millpond_queue::{RoomReceiver, Spares};

use super::backoff::Backoff;
use super::hand::{Answered, Hand};
use super::state::{ClosedReason, Shared, SinkState};
use crate::rows::total_rows;
use crate::{WriteError, Writer};

/// What is taken for one write and one flush, unless one parcel alone is more.
const MOST_PARCELS: usize = 256;
const MOST_BYTES: usize = 1 << 20;
/// A buffer that has grown beyond this is freed rather than used again.
const MOST_SPARE_BYTES: usize = 1 << 20;

/// Moves rows from a room into a writer, step by step.
pub(crate) struct Pump<F> {
    pub(crate) name: String,
    pub(crate) receiver: RoomReceiver<Outbound<Records>>,
    pub(crate) spares: Spares<Records>,
    pub(crate) ledger: Arc<SinkLedger>,
    pub(crate) shared: Arc<Shared>,
    /// Gone once the sink has closed.
    pub(crate) writer: Option<Box<dyn Writer>>,
    /// Called when the sink closes.
    pub(crate) on_closed: Option<F>,
    pub(crate) hand: Hand,
    pub(crate) backoff: Backoff,
    pub(crate) tick_at: Option<Instant>,
}

/// What to do after a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next one.
    Step,
    /// Nothing to do until the waker is woken, or this time has come.
    Wait(Option<Instant>),
    /// The attempt failed: another one after this pause.
    Pause(Duration),
    /// The room is closed and empty, and everything is answered.
    End,
}

enum Room {
    /// There may be more.
    Open,
    /// The waker is registered.
    Empty,
    Ended,
}

impl<F: FnOnce(ClosedReason)> Pump<F> {
    /// Takes what waits, writes it, makes it durable and answers for it. Rows that could not be
    /// written stay in hand, so the next step begins with them.
    pub(crate) fn step(&mut self, now: Instant, context: &mut Context<'_>) -> Next {
        if self.shared.take_reopen() {
            self.reopen();
        }
        // Before the waker is registered: what a writer does may use up a thread's wake-up.
        if self.tick_at.is_some_and(|at| at <= now) {
            match self.call(|writer| writer.tick(now)) {
                Ok(at) => self.tick_at = at,
                Err(error) => return self.failed(error, now),
            }
        }
        let room = if self.hand.is_empty() {
            self.fill(context)
        } else {
            Room::Open
        };
        let delivers = !self.hand.is_empty();
        if let Err(error) = self.deliver() {
            return self.failed(error, now);
        }
        self.recovered();
        match room {
            Room::Open => Next::Step,
            // The writer may have used up the wake-up for a parcel that came meanwhile: look again.
            Room::Empty if delivers => Next::Step,
            Room::Empty => Next::Wait(self.tick_at),
            Room::Ended => {
                self.end();
                Next::End
            }
        }
    }

    fn fill(&mut self, context: &mut Context<'_>) -> Room {
        while self.hand.parcels() < MOST_PARCELS && self.hand.bytes() < MOST_BYTES {
            // Each poll is a future of its own: none is kept while this thread does other things.
            match pin!(self.receiver.recv_async()).poll(context) {
                Poll::Ready(Some(parcel)) => self.hand.take(parcel),
                Poll::Ready(None) => return Room::Ended,
                Poll::Pending => return Room::Empty,
            }
        }
        Room::Open
    }

    fn deliver(&mut self) -> Result<(), WriteError> {
        if self.hand.is_empty() {
            return Ok(());
        }
        let Some(mut writer) = self.writer.take() else {
            self.answer();
            return Ok(());
        };
        let done = self.write_and_flush(&mut *writer);
        self.writer = Some(writer);
        done?;
        self.answer();
        Ok(())
    }

    fn write_and_flush(&mut self, writer: &mut dyn Writer) -> Result<(), WriteError> {
        let rows = self.hand.unwritten();
        if total_rows(&rows) > 0
            && let Err(error) = guarded(|| writer.write(&rows))
        {
            self.hand.wrote(error.done());
            if error.done() > 0 {
                self.backoff.progress();
            }
            return Err(error);
        }
        self.hand.wrote_all();
        guarded(|| writer.flush()).inspect_err(|error| self.hand.undo(error.done()))
    }

    fn answer(&mut self) {
        let fate = Fate::Abandoned(match &*self.shared.state() {
            SinkState::Closed(reason) => reason.as_str(),
            _ => ClosedReason::ReaderGone.as_str(),
        });
        let Pump {
            receiver, spares, ..
        } = self;
        let bytes = self.hand.answer(fate, |Answered { records, events }| {
            receiver.done(events);
            if records.capacity() <= MOST_SPARE_BYTES {
                let mut records = records;
                records.clear();
                spares.give(records);
            }
        });
        if bytes > 0 {
            self.ledger.add_bytes(bytes);
        }
    }

    fn failed(&mut self, error: WriteError, now: Instant) -> Next {
        match error {
            WriteError::Transient { error, .. } => {
                self.ledger.add_retry();
                self.retrying(now, error.to_string());
                let longest = self.writer.as_ref().map(|writer| writer.longest_pause());
                Next::Pause(self.backoff.pause(longest.unwrap_or_default()))
            }
            WriteError::Closed { .. } => self.close(ClosedReason::ReaderGone),
            WriteError::Fatal { message, .. } => self.close(ClosedReason::Failed(message)),
        }
    }

    fn retrying(&mut self, now: Instant, error: String) {
        let mut state = self.shared.state();
        let since = match &*state {
            SinkState::Retrying { since, .. } => *since,
            _ => {
                tracing::warn!(sink = self.name, error, "cannot write, will try again");
                now
            }
        };
        *state = SinkState::Retrying { since, error };
    }

    fn recovered(&mut self) {
        self.backoff.progress();
        let mut state = self.shared.state();
        if let SinkState::Retrying { since, .. } = *state {
            let seconds = since.elapsed().as_secs_f64();
            tracing::info!(sink = self.name, seconds, "writing again");
            *state = SinkState::Running;
        }
    }

    /// From here on the sink takes rows only to say that they are dropped, so that nobody upstream
    /// waits for it.
    fn close(&mut self, reason: ClosedReason) -> Next {
        match &reason {
            ClosedReason::ReaderGone => {
                tracing::debug!(sink = self.name, "the reader is gone, the sink closes")
            }
            ClosedReason::Failed(message) => {
                tracing::error!(
                    sink = self.name,
                    error = message,
                    "the sink failed and closes"
                )
            }
        }
        *self.shared.state() = SinkState::Closed(reason.clone());
        self.tick_at = None;
        let writer = self.writer.take();
        let _ = guarded(|| {
            drop(writer);
            Ok(())
        });
        self.answer();
        if let Some(on_closed) = self.on_closed.take() {
            on_closed(reason);
        }
        Next::Step
    }

    fn reopen(&mut self) {
        match self.call(|writer| writer.reopen()) {
            Ok(_) => {}
            Err(WriteError::Transient { error, .. }) => tracing::warn!(
                sink = self.name,
                error = error.to_string(),
                "cannot reopen, goes on with what is open"
            ),
            Err(WriteError::Closed { .. }) => {
                self.close(ClosedReason::ReaderGone);
            }
            Err(WriteError::Fatal { message, .. }) => {
                self.close(ClosedReason::Failed(message));
            }
        }
    }

    fn end(&mut self) {
        let Some(mut writer) = self.writer.take() else {
            return;
        };
        let finished = guarded(|| {
            writer.finish();
            drop(writer);
            Ok(())
        });
        match finished {
            Ok(()) => *self.shared.state() = SinkState::Ended,
            Err(error) => {
                self.close(ClosedReason::Failed(error.to_string()));
            }
        }
    }

    fn call<T: Default>(
        &mut self,
        call: impl FnOnce(&mut dyn Writer) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        match &mut self.writer {
            Some(writer) => guarded(|| call(&mut **writer)),
            None => Ok(T::default()),
        }
    }
}

/// Turns a panic into an error: the writer is not used again.
fn guarded<T>(call: impl FnOnce() -> Result<T, WriteError>) -> Result<T, WriteError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        Err(WriteError::Fatal {
            done: 0,
            message: format!("the writer panicked: {text}"),
        })
    })
}
