//! A pipeline from its inlet to its sinks' rooms, with one worker that is stepped here, on this thread.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use millpond_delivery::{Ledger, Outbound, SinkLedger, SourceLedger};
use millpond_engine::Blueprint;
use millpond_event::{KeyPath, Slice};
use millpond_ingest::{Inlet, Route, StopHandle, stop};
use millpond_queue::{Budget, Limits, RoomReceiver, Spares, monotonic_nanos, room};
use millpond_runtime::{
    Assembled, Codec, Exit, Options, PipelineSpec, Step, Supervision, Worker, assemble,
};

use crate::case::Failure;
use crate::lines::{CHUNK, CLICKS, Supply};

pub(crate) const SHARDS: usize = 64;

pub(crate) struct Rig<C: Codec<Batch = Slice>> {
    supply: Supply,
    budget: Budget,
    inlet: Inlet,
    worker: Worker<C>,
    sinks: Vec<Sink<C::Output>>,
    ledger: Arc<Ledger>,
    /// Dropped, it would stop the inlet.
    _stop: StopHandle,
}

/// A room whose rows are confirmed and thrown away.
struct Sink<O> {
    room: RoomReceiver<Outbound<O>>,
    spares: Spares<O>,
    empty: fn(&mut O),
}

impl<C: Codec<Batch = Slice>> Rig<C> {
    /// With one exit and dead letters; `empty` makes an output of a sink fit to be filled again.
    pub(crate) fn new(
        blueprint: Blueprint<C::Item>,
        codec: fn() -> C,
        empty: fn(&mut C::Output),
        key: Option<&str>,
    ) -> Result<Self, Failure> {
        let supply = Supply::new(CLICKS);
        let budget = Budget::new(256 << 20);
        let ledger = Arc::new(Ledger::new("bench"));
        let (exit, out) = sink("out", empty);
        let (letters, dead) = sink("dead_letters", empty);
        let spec = PipelineSpec {
            ledger: ledger.clone(),
            design: blueprint.into(),
            codec: Box::new(codec),
            exits: vec![exit],
            dead_letters: Some(letters),
            supervision: Supervision::default(),
        };
        let options = Options {
            shards: SHARDS,
            // A slice ends by the clock, and under callgrind that would be anywhere.
            slice: Duration::from_secs(3600),
            ..Options::new(1, budget.clone())
        };
        let Assembled {
            mut workers,
            mut intakes,
            ..
        } = assemble(&options, vec![spec])?;
        let route = Route {
            intake: intakes.pop().ok_or("a pipeline without an intake")?,
            ledger: ledger.clone(),
            key: key.map(KeyPath::parse).transpose()?,
            arrears: None,
        };
        let (_stop, stopping) = stop();
        let inlet = Inlet::new(
            "bench".into(),
            vec![route],
            budget.clone(),
            supply.pool.clone(),
            Arc::new(SourceLedger::new("bench")),
            stopping,
        );
        Ok(Rig {
            supply,
            budget,
            inlet,
            worker: workers.pop().ok_or("a runtime without a worker")?,
            sinks: vec![out, dead],
            ledger,
            _stop,
        })
    }

    /// How many events a chunk has.
    pub(crate) fn events(&self) -> u64 {
        self.supply.events()
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Takes one chunk in, runs it, and confirms what came out.
    ///
    /// # Panics
    /// If it was not taken in as a whole, for then less is counted than is meant.
    pub(crate) fn pass(&mut self) {
        let permit = self.budget.try_acquire(CHUNK);
        let permit = Arc::new(permit.expect("one chunk at a time is below the budget"));
        let submitted = at_once(self.inlet.submit(self.supply.chunk(), permit, None));
        assert_eq!(submitted, Ok(self.supply.events()));
        while self.worker.step() == Step::Ran {}
        for sink in &mut self.sinks {
            sink.drain();
        }
    }
}

impl<O> Sink<O> {
    fn drain(&mut self) {
        while let Some(parcel) = self.room.try_recv() {
            let rows = parcel.weight.events;
            let (
                Outbound {
                    mut output,
                    receipt,
                    ..
                },
                _permit,
            ) = parcel.open();
            receipt.confirm(monotonic_nanos());
            self.room.done(rows);
            (self.empty)(&mut output);
            self.spares.give(output, 0);
        }
    }
}

fn sink<O>(name: &str, empty: fn(&mut O)) -> (Exit<O>, Sink<O>) {
    let limits = Limits {
        events: 1 << 20,
        bytes: 64 << 20,
    };
    let (sender, room) = room(name, limits);
    let exit = Exit::new(sender, Arc::new(SinkLedger::new(name)));
    let spares = exit.spares.clone();
    let sink = Sink {
        room,
        spares,
        empty,
    };
    (exit, sink)
}

/// The result of a future that has nothing to wait for.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("waits, although there is room for a chunk"),
    }
}
