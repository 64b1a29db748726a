//! A pipeline's end without the pipeline: rows with true receipts on one side, a writer that fails
//! as it is told on the other.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millpond_delivery::{Consignment, Lane, Ledger, Outbound, SinkLedger, Tally, Ticket};
use millpond_event::Records;
use millpond_queue::{
    Budget, Limits, Parcel, RoomReceiver, RoomSender, Spares, TrySendError, Weight,
    monotonic_nanos, room,
};
use millpond_sinks::{Letters, RetryOptions, Rows, WriteError, Writer};
use millpond_store::Letter;

/// How long a test waits for what is to come at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// The workers' side.
pub(crate) struct Line {
    pub(crate) pipeline: Arc<Ledger>,
    pub(crate) sink: Arc<SinkLedger>,
    pub(crate) sender: RoomSender<Outbound<Records>>,
    pub(crate) spares: Spares<Records>,
    pub(crate) budget: Budget,
    sent: u64,
}

impl Line {
    pub(crate) fn new(limits: Limits) -> (Self, RoomReceiver<Outbound<Records>>) {
        let (sender, receiver) = room("sink", limits);
        let line = Line {
            pipeline: Arc::new(Ledger::new("pipeline")),
            sink: Arc::new(SinkLedger::new("sink")),
            sender,
            spares: Spares::new(8, 1 << 20),
            budget: Budget::new(1 << 30),
            sent: 0,
        };
        (line, receiver)
    }

    /// A room that does not fill up.
    pub(crate) fn roomy() -> (Self, RoomReceiver<Outbound<Records>>) {
        Line::new(Limits {
            events: 1 << 20,
            bytes: 1 << 30,
        })
    }

    /// Sends one parcel of as many numbered rows, waiting for space.
    pub(crate) fn send(&mut self, rows: u32) {
        let mut records = self.spares.take().unwrap_or_default();
        assert!(records.is_empty(), "a spare must come back empty");
        for input in 0..rows {
            let number = self.sent;
            self.sent += 1;
            records.push(input, |out| {
                out.extend_from_slice(format!("{{\"n\":{number}}}\n").as_bytes());
            });
        }
        let rows = u64::from(rows);
        let part = Ticket::new(Default::default(), None).part(&self.pipeline, rows);
        let consignment = Consignment::open(&self.pipeline);
        let receipt = consignment.receipt(&self.sink, rows, true, 1);
        let passed = rows;
        consignment.seal(
            vec![part],
            Tally {
                passed,
                ..Tally::default()
            },
        );
        let bytes = records.capacity();
        let weight = Weight {
            events: rows,
            bytes: bytes as u64,
        };
        let outbound = Outbound {
            output: records,
            lane: Lane {
                pipeline: "p".into(),
                shard: 0,
            },
            receipt,
        };
        let mut parcel = Parcel::new(outbound, weight).with_permit(self.budget.charge(bytes));
        let since = Instant::now();
        loop {
            assert!(since.elapsed() < PATIENCE, "the sink makes no space");
            match self.sender.try_send(parcel) {
                Ok(()) => return,
                Err(TrySendError::Full(back)) => parcel = back,
                Err(TrySendError::Closed(_)) => panic!("the sink's end of the room is gone"),
            }
            std::thread::yield_now();
        }
    }

    /// What the destination must hold when every row was written once, in order.
    pub(crate) fn expected(&self) -> String {
        (0..self.sent)
            .map(|number| format!("{{\"n\":{number}}}\n"))
            .collect()
    }

    /// Closes the room, and returns what is to be checked when the sink has ended.
    pub(crate) fn close(self) -> Books {
        Books {
            pipeline: self.pipeline,
            sink: self.sink,
            budget: self.budget,
            sent: self.sent,
        }
    }
}

/// What must balance at rest.
pub(crate) struct Books {
    pub(crate) pipeline: Arc<Ledger>,
    pub(crate) sink: Arc<SinkLedger>,
    pub(crate) budget: Budget,
    pub(crate) sent: u64,
}

impl Books {
    /// Every row is answered for and no byte of the budget kept; returns (delivered, dropped).
    pub(crate) fn balance(&self) -> (u64, u64) {
        let (inputs, rows) = (self.pipeline.totals(), self.sink.totals());
        assert_eq!((inputs.live, rows.live), (0, 0));
        assert_eq!(inputs.received, self.sent);
        assert_eq!(rows.routed, rows.delivered + rows.dropped());
        assert_eq!(
            (inputs.delivered, inputs.dropped()),
            (rows.delivered, rows.dropped())
        );
        assert_eq!(self.pipeline.unaccounted(|| 0), 0);
        assert_eq!(self.budget.used(), 0);
        (rows.delivered, rows.dropped())
    }
}

/// The dead letters of a test.
pub(crate) struct Store {
    pub(crate) ledger: Arc<SinkLedger>,
    pub(crate) receiver: RoomReceiver<Outbound<Records>>,
}

/// A room for `events` letters, and the way to it.
pub(crate) fn store(line: &Line, events: u64) -> (Letters, Store) {
    let (sender, receiver) = room(
        "letters",
        Limits {
            events,
            bytes: 1 << 20,
        },
    );
    let ledger = Arc::new(SinkLedger::new("letters"));
    let letters = Letters {
        room: sender,
        ledger: ledger.clone(),
        budget: line.budget.clone(),
    };
    (letters, Store { ledger, receiver })
}

/// A letter as JSON.
fn shown(letter: &Letter<'_>) -> String {
    let event = std::str::from_utf8(letter.event).unwrap();
    let shown = serde_json::json!({
        "pipeline": letter.pipeline,
        "stage": letter.stage,
        "reason": letter.reason,
        "detail": letter.detail,
        "attempts": letter.attempts,
        "event": event,
    });
    shown.to_string()
}

impl Store {
    /// Keeps what comes, until nobody can send any more.
    pub(crate) fn keep(mut self) -> JoinHandle<Vec<String>> {
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            while let Some(parcel) = self.receiver.recv() {
                let events = parcel.weight.events;
                let outbound = parcel.item;
                let rows = (0..outbound.output.len()).map(|row| outbound.output.row(row).to_vec());
                kept.extend(rows.map(|row| shown(&Letter::read_record(&row).unwrap())));
                outbound.receipt.confirm(monotonic_nanos());
                self.receiver.done(events);
            }
            assert_eq!(self.ledger.totals().live, 0);
            kept
        })
    }
}

/// Pauses that a test can wait for.
pub(crate) fn quick(attempts: u32) -> RetryOptions {
    RetryOptions {
        first: Duration::from_micros(100),
        attempts,
        ..RetryOptions::default()
    }
}

/// What a [`Puppet`] does at a call; when nothing is left to do it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Succeed,
    /// A write stops after this many rows; a flush undoes all but this many.
    FailAfter(usize),
    CloseAfter(usize),
    /// A write stops after this many rows and refuses the one behind them, if there is one.
    RejectAfter(usize),
    Break,
    Panic,
}

/// A destination that does as it is told.
#[derive(Default)]
pub(crate) struct Puppet {
    pub(crate) writes: VecDeque<Act>,
    pub(crate) flushes: VecDeque<Act>,
    /// Told of each write before it is done, and waited for.
    pub(crate) gate: Option<(mpsc::Sender<usize>, mpsc::Receiver<()>)>,
    /// The longest pause, if not a tiny one.
    pub(crate) pause: Option<Duration>,
    pub(crate) reopened: Option<mpsc::Sender<()>>,
    pub(crate) written: Arc<Mutex<String>>,
    /// The rows that it was told will not come.
    pub(crate) aside: Arc<Mutex<String>>,
    /// Where each row of `written` behind the last flush begins.
    pub(crate) unflushed: Vec<usize>,
}

impl Puppet {
    fn take(&mut self, rows: &[Rows<'_>], most: usize) -> usize {
        let mut written = self.written.lock().unwrap();
        let all = rows
            .iter()
            .flat_map(|rows| (0..rows.len()).map(|row| rows.row(row)));
        let mut taken = 0;
        for row in all.take(most) {
            self.unflushed.push(written.len());
            written.push_str(std::str::from_utf8(row).unwrap());
            taken += 1;
        }
        taken
    }
}

impl Writer for Puppet {
    fn write(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        if let Some((told, go)) = &self.gate {
            let _ = told.send(batches.iter().map(Rows::len).sum());
            let _ = go.recv();
        }
        match self.writes.pop_front().unwrap_or(Act::Succeed) {
            Act::Succeed => {
                self.take(batches, usize::MAX);
                Ok(())
            }
            Act::FailAfter(rows) => {
                Err(WriteError::transient(io::Error::other("as told"))
                    .after(self.take(batches, rows)))
            }
            Act::RejectAfter(rows) => {
                let done = self.take(batches, rows);
                if done == batches.iter().map(Rows::len).sum::<usize>() {
                    return Ok(());
                }
                Err(WriteError::Rejected {
                    done,
                    reason: "rejected",
                    detail: "as told".to_owned(),
                })
            }
            Act::CloseAfter(rows) => Err(WriteError::Closed {
                done: self.take(batches, rows),
            }),
            Act::Break => Err(WriteError::Fatal {
                done: 0,
                message: "broken".into(),
            }),
            Act::Panic => panic!("as told"),
        }
    }

    fn set_aside(&mut self, rows: &[Rows<'_>]) {
        let mut aside = self.aside.lock().unwrap();
        for rows in rows {
            aside.push_str(std::str::from_utf8(rows.bytes()).unwrap());
        }
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        match self.flushes.pop_front().unwrap_or(Act::Succeed) {
            Act::Succeed => {
                self.unflushed.clear();
                Ok(())
            }
            Act::FailAfter(rows) => {
                let done = rows.min(self.unflushed.len());
                if let Some(&keep) = self.unflushed.get(done) {
                    self.written.lock().unwrap().truncate(keep);
                }
                self.unflushed.clear();
                let error = io::Error::other("as told");
                Err(WriteError::transient(error).after(done))
            }
            other => panic!("{other:?} is no act for a flush"),
        }
    }

    fn longest_pause(&self) -> Duration {
        self.pause.unwrap_or(Duration::from_micros(200))
    }

    fn reopen(&mut self) -> Result<(), WriteError> {
        if let Some(told) = &self.reopened {
            let _ = told.send(());
        }
        Ok(())
    }
}

/// Waits for what another thread is about to do.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}
