//! A small pipeline over `(key, number)` pairs, and a till that collects what comes out.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its part of this"
)]

use std::sync::{Arc, Once};
use std::thread::JoinHandle;
use std::time::Duration;

use millpond_delivery::{Ledger, Outbound, SinkLedger};
use millpond_engine::{Blueprint, Stage, StageFactory};
use millpond_queue::{Budget, Limits, RoomReceiver, monotonic_nanos, room};
use millpond_runtime::{
    Design, Elastic, Exit, Feed, KeepCrash, Options, Passthrough, PipelineSpec, Row, Rows, Runtime,
    Supervision, Tolerance,
};

pub type Pair = (u64, u64);
pub type Till = RoomReceiver<Outbound<Rows<Pair>>>;

pub struct Bench {
    pub design: Design<Pair>,
    pub ledger: Arc<Ledger>,
    pub sink: Arc<SinkLedger>,
    pub letters: Arc<SinkLedger>,
    pub budget: Budget,
    pub runtime: Runtime,
    pub feed: Feed<Pair>,
    pub till: Till,
    pub dead: Till,
}

pub struct Setup {
    pub workers: usize,
    /// No fewer than `workers`, whatever it says.
    pub workers_max: usize,
    pub elastic: Option<Elastic>,
    pub shards: usize,
    pub tick: Option<Duration>,
    pub tolerance: Tolerance,
    pub keep_crash: Option<KeepCrash>,
    pub room: Limits,
    pub adjust: fn(&mut Exit<Rows<Pair>>),
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            workers: 4,
            workers_max: 4,
            elastic: None,
            shards: 16,
            tick: None,
            // Tests of other things may crash as often as they like.
            tolerance: Tolerance {
                max_poison: 1.0,
                ..Tolerance::default()
            },
            keep_crash: None,
            room: Limits {
                events: 100_000,
                bytes: 1 << 30,
            },
            adjust: |_| {},
        }
    }
}

impl Setup {
    pub fn start<S: Stage<Pair> + 'static>(
        self,
        stage: impl Fn() -> S + Send + Sync + 'static,
    ) -> Bench {
        self.start_with(millpond_engine::factory(stage))
    }

    pub fn start_with(self, stage: impl StageFactory<Pair> + 'static) -> Bench {
        let budget = Budget::new(16 << 20);
        let ledger = Arc::new(Ledger::new("pairs"));
        let (sink, letters) = (
            Arc::new(SinkLedger::new("till")),
            Arc::new(SinkLedger::new("dead")),
        );
        let (sender, till) = room("till", self.room);
        let (dead_sender, dead) = room(
            "dead",
            Limits {
                events: 100_000,
                bytes: 1 << 30,
            },
        );
        let mut exit = Exit::new(sender, sink.clone());
        (self.adjust)(&mut exit);
        let blueprint = Blueprint::builder()
            .stage("work", stage)
            .exit("till")
            .build()
            .expect("a valid line");
        let design = Design::new(blueprint);
        let spec = PipelineSpec {
            ledger: ledger.clone(),
            design: design.clone(),
            codec: Box::new(Passthrough::default),
            exits: vec![exit],
            dead_letters: Some(Exit::new(dead_sender, letters.clone())),
            supervision: Supervision {
                tolerance: self.tolerance,
                keep_crash: self.keep_crash,
            },
        };
        let options = Options {
            shards: self.shards,
            tick: self.tick,
            workers_max: self.workers_max,
            elastic: self.elastic,
            ..Options::new(self.workers, budget.clone())
        };
        let (runtime, mut intakes) = Runtime::start(&options, vec![spec]).expect("starts");
        let feed = Feed::new(intakes.remove(0), ledger.clone(), budget.clone())
            .keyed(|pair: &Pair| pair.0);
        Bench {
            design,
            ledger,
            sink,
            letters,
            budget,
            runtime,
            feed,
            till,
            dead,
        }
    }
}

/// Says nothing of panics in workers, which are on purpose here.
pub fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let said = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            if thread
                .name()
                .is_none_or(|name| !name.starts_with("worker-"))
            {
                said(info);
            }
        }));
    });
}

/// Takes and confirms everything until the room closes.
pub fn collect(mut till: Till) -> JoinHandle<Vec<Row<Pair>>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        while let Some(parcel) = till.recv() {
            let rows = parcel.weight.events;
            let outbound = parcel.open().0;
            all.extend(outbound.output.rows);
            outbound.receipt.confirm(monotonic_nanos());
            till.done(rows);
        }
        all
    })
}
