use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use millpond_delivery::{Fate, Outbound, SinkLedger};
use millpond_event::Records;
use millpond_queue::{RoomReceiver, Spares};

use super::attempts::Attempts;
use super::hand::{Answered, Hand};
use super::letters::{Desk, unix_micros};
use super::refused::Refused;
use super::state::{Circuit, ClosedReason, Shared, SinkState};
use crate::rows::total_rows;
use crate::{WriteError, Writer};

/// What is taken for one write and one flush, unless one parcel alone is more.
const MOST_PARCELS: usize = 1024;
const MOST_BYTES: usize = 1 << 20;
/// A buffer that has grown beyond this is freed rather than used again.
const MOST_SPARE_BYTES: usize = 1 << 20;
/// How many rows an attempt is made with while the circuit is open.
const PROBE_ROWS: usize = 64;

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
    pub(crate) attempts: Attempts,
    /// Rows that the last attempt was made with and did not write.
    pub(crate) tried: usize,
    pub(crate) desk: Desk,
    pub(crate) tick_at: Option<Instant>,
    pub(crate) tick_failed: bool,
}

/// What to do after a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next one.
    Step,
    /// The next one, once more rows have gathered, for a writer that wants that.
    Gather,
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
        if self.shared.take_give_up() && self.writer.is_some() {
            return self.close(ClosedReason::GivenUp);
        }
        if self.shared.take_reopen() {
            self.reopen();
        }
        // Before the waker is registered: what a writer does may use up a thread's wake-up.
        if self.tick_at.is_some_and(|at| at <= now) {
            match self.call(|writer| writer.tick(now)) {
                Ok(at) => self.tick_at = at,
                Err(error) => {
                    (self.tick_failed, self.tried) = (true, 0);
                    return self.failed(error, now);
                }
            }
            if std::mem::take(&mut self.tick_failed) {
                self.recovered();
            }
        }
        let room = if self.hand.is_empty() {
            self.fill(context)
        } else {
            Room::Open
        };
        let delivers = !self.hand.is_empty();
        match self.deliver(context.waker()) {
            Err(error) => return self.failed(error, now),
            // The store of dead letters wakes this thread when it has space.
            Ok(false) => {
                self.shared.held(Some(now));
                return Next::Wait(self.tick_at);
            }
            Ok(true) => self.shared.held(None),
        }
        match room {
            Room::Open => Next::Step,
            // What came while the writer wrote came one by one, as what follows it will.
            Room::Empty if delivers && self.gathers_after_writes() => Next::Gather,
            // There may be more in hand, and the writer may have used up the wake-up for a parcel that
            // came meanwhile: look again.
            _ if delivers => Next::Step,
            Room::Empty => Next::Wait(self.tick_at),
            Room::Ended => {
                self.end();
                Next::End
            }
        }
    }

    /// How long rows may gather.
    pub(crate) fn gather(&self) -> Duration {
        let writer = self.writer.as_ref();
        writer.map(|writer| writer.gather()).unwrap_or_default()
    }

    /// True when nothing is won by waiting for more: nothing will come, or what would come finds no space.
    pub(crate) fn is_pressed(&self) -> bool {
        self.receiver.is_closed() || self.receiver.has_refused()
    }

    /// Wakes `waker` when what is said by [`is_pressed`](Self::is_pressed) may have become true for want of space.
    pub(crate) fn on_pressed(&self, waker: &Waker) {
        self.receiver.on_refusal(waker);
    }

    fn gathers_after_writes(&self) -> bool {
        let writer = self.writer.as_ref();
        writer.is_some_and(|writer| writer.gathers_after_writes())
            && self.hand.is_empty()
            && self.receiver.has_parcels()
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

    /// Writes what is in hand and answers for it, or for a part of it. False when that has to wait
    /// for the store of dead letters.
    fn deliver(&mut self, waker: &Waker) -> Result<bool, WriteError> {
        if self.hand.is_empty() {
            return Ok(true);
        }
        if !self.hand.is_done()
            && let Some(mut writer) = self.writer.take()
        {
            let done = self.write_and_flush(&mut *writer);
            self.writer = Some(writer);
            done?;
            if !self.hand.is_done() {
                return Ok(true);
            }
        }
        Ok(self.answer(waker))
    }

    fn write_and_flush(&mut self, writer: &mut dyn Writer) -> Result<(), WriteError> {
        let most = match self.attempts.circuit() {
            Circuit::Closed => usize::MAX,
            _ => {
                self.shared.half_open();
                PROBE_ROWS
            }
        };
        let rows = self.hand.unwritten(most);
        self.tried = total_rows(&rows);
        let span = millpond_spans::write(&self.name, self.tried as u64, self.hand.traces());
        if self.tried > 0
            && let Err(error) = guarded(|| writer.write(&rows))
        {
            let done = error.done().min(self.tried);
            millpond_spans::failed(span.as_ref(), &error);
            self.hand.wrote(done);
            self.tried -= done;
            if done > 0 {
                self.attempts.progress();
            }
            return Err(error);
        }
        self.hand.wrote(self.tried);
        if self.hand.has_unflushed() {
            guarded(|| writer.flush()).inspect_err(|error| {
                millpond_spans::failed(span.as_ref(), error);
                self.hand.undo(error.done());
            })?;
            self.recovered();
        }
        self.hand.flushed();
        Ok(())
    }

    /// Answers for what is in hand; false when some of it waits for the store of dead letters.
    fn answer(&mut self, waker: &Waker) -> bool {
        let fate = Fate::Abandoned(match &*self.shared.state() {
            SinkState::Closed(reason) => reason.as_str(),
            _ => ClosedReason::ReaderGone.as_str(),
        });
        let Pump {
            name,
            receiver,
            spares,
            desk,
            ..
        } = self;
        let letters = self.shared.letters();
        let mut bytes = 0;
        let all = self.hand.answer(
            fate,
            |taken, refused| desk.set_aside(name, letters.as_ref(), taken, refused, waker),
            |answered| {
                let Answered {
                    mut records,
                    events,
                    delivered,
                } = answered;
                bytes += delivered;
                receiver.done(events);
                if records.capacity() <= MOST_SPARE_BYTES {
                    records.clear();
                    let bytes = records.capacity();
                    spares.give(records, bytes);
                }
            },
        );
        if bytes > 0 {
            self.ledger.add_bytes(bytes);
        }
        all
    }

    fn failed(&mut self, error: WriteError, now: Instant) -> Next {
        match error {
            WriteError::Transient {
                error, not_before, ..
            } => {
                let error = error.to_string();
                if self.attempts.failed() && self.tried > 0 {
                    let attempts = self.attempts.of_these_rows();
                    self.refuse(self.tried, "retries_exhausted", error.clone(), attempts);
                    self.attempts.next_rows();
                } else {
                    self.ledger.add_retry();
                }
                self.retrying(now, error);
                let longest = self.writer.as_ref().map(|writer| writer.longest_pause());
                let longest = longest.unwrap_or_default();
                Next::Pause(self.attempts.pause(not_before, longest))
            }
            WriteError::Rejected { reason, detail, .. } => {
                let attempts = self.attempts.of_these_rows() + 1;
                self.refuse(1, reason, detail, attempts);
                // It answers, so it is there.
                self.recovered();
                Next::Step
            }
            WriteError::Closed { .. } => self.close(ClosedReason::ReaderGone),
            WriteError::Fatal { message, .. } => self.close(ClosedReason::Failed(message)),
        }
    }

    fn refuse(&mut self, rows: usize, reason: &'static str, detail: String, attempts: u32) {
        tracing::debug!(sink = self.name, rows, reason, detail, "rows are set aside");
        let why = Refused {
            reason,
            detail,
            attempts,
            time_micros: unix_micros(),
        };
        if let Some(mut writer) = self.writer.take() {
            let told = guarded(|| {
                writer.set_aside(&self.hand.unwritten(rows));
                Ok(())
            });
            self.writer = Some(writer);
            if let Err(error) = told {
                self.close(ClosedReason::Failed(error.to_string()));
                return;
            }
        }
        self.hand.refuse(rows, why);
    }

    fn retrying(&mut self, now: Instant, error: String) {
        let (failures, circuit) = (self.attempts.failures(), self.attempts.circuit());
        let mut state = self.shared.state();
        let (since, before) = match &*state {
            SinkState::Retrying { since, circuit, .. } => (*since, *circuit),
            _ => {
                tracing::warn!(sink = self.name, error, "cannot write, will try again");
                (now, Circuit::Closed)
            }
        };
        if (before, circuit) == (Circuit::Closed, Circuit::Open) {
            tracing::warn!(
                sink = self.name,
                failures,
                error,
                "the circuit is open: from here on a few rows are tried at a time"
            );
        }
        *state = SinkState::Retrying {
            since,
            error,
            failures,
            circuit,
        };
    }

    fn recovered(&mut self) {
        self.attempts.progress();
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
            ClosedReason::GivenUp => {
                tracing::warn!(
                    sink = self.name,
                    "nobody waits for the sink any more, it closes"
                )
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
        if let Some(on_closed) = self.on_closed.take() {
            on_closed(reason);
        }
        Next::Step
    }

    fn reopen(&mut self) {
        match self.call(|writer| writer.reopen()) {
            Ok(_) => {}
            Err(WriteError::Closed { .. }) => {
                self.close(ClosedReason::ReaderGone);
            }
            Err(WriteError::Fatal { message, .. }) => {
                self.close(ClosedReason::Failed(message));
            }
            Err(error) => tracing::warn!(
                sink = self.name,
                error = error.to_string(),
                "cannot reopen, goes on with what is open"
            ),
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
