//! Two pipelines that add nothing to the numbers they are given, behind a journal on a simulated disk.

#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../common/heard.rs"]
mod heard;
#[path = "numbers.rs"]
mod numbers;

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use millpond_delivery::{
    Arrears, Inbound, Ledger, Outbound, Owed, Part, Settled, SinkLedger, Taken, Ticket, TicketInfo,
};
use millpond_engine::{Blueprint, Flow, stage_fn};
use millpond_journal::sim::Sim;
use millpond_journal::{Journal, Options as JournalOptions};
use millpond_queue::{
    Budget, Intake, Limits, Parcel, Permit, RoomReceiver, RoomSender, Weight, monotonic_nanos, room,
};
use millpond_runtime::admission::{
    Admission, AdmissionOptions, Dispatch, DispatchError, Keep, admit,
};
use millpond_runtime::{Brake, Design, Exit, Options, PipelineSpec, Runtime, Supervision};

use heard::Heard;
use numbers::{Batch, Numbers};

/// Numbers in a record, of so many keys.
pub const EACH: u64 = 20;
pub const KEYS: u64 = 7;
const SHARDS: u64 = 4;
pub const MEMORY: u64 = 512 << 10;
/// Bytes of a record beside its numbers.
pub const PADDING: usize = 2_000;

/// A record is its first number, and padding.
struct Records;

impl Keep for Records {
    type Batch = u64;

    fn write(&mut self, first: &u64, record: &mut Vec<u8>) {
        record.extend_from_slice(&first.to_le_bytes());
        record.resize(record.len() + PADDING, 0);
    }

    fn kept(&mut self, _: &u64, _: u64) {}
}

/// Small segments, so that tests cross them.
pub fn small(max_bytes: u64) -> JournalOptions {
    JournalOptions {
        segment_bytes: 64 << 10,
        max_bytes,
        ..JournalOptions::default()
    }
}

/// The first number of a record.
pub fn first(record: &[u8]) -> u64 {
    u64::from_le_bytes(record[..8].try_into().unwrap())
}

fn info(first: u64) -> TicketInfo {
    TicketInfo {
        first_sequence: first,
        events: EACH,
        bytes: PADDING as u64,
        ..TicketInfo::default()
    }
}

/// A pipeline, seen from the journal.
struct Way {
    intake: Intake<Inbound<Batch>>,
    ledger: Arc<Ledger>,
    arrears: Arrears,
}

impl Way {
    /// Gives each shard what it gets of a record, but for what lies before the ordinal that `from` says; the parts are
    /// made by `part`. False if that is nothing.
    fn give(
        &self,
        (first, sequence): (u64, u64),
        permit: &Arc<Permit>,
        from: impl Fn(usize) -> Option<u32>,
        part: impl Fn(usize, u64) -> Part,
    ) -> bool {
        let mut given = false;
        let _arriving = self.intake.arriving(EACH);
        for shard in 0..SHARDS as usize {
            let Some(from) = from(shard) else { continue };
            let all = (0..).zip(first..first + EACH);
            let numbers: Vec<_> = all
                .filter(|(ordinal, number)| {
                    *ordinal >= from && number % KEYS % SHARDS == shard as u64
                })
                .collect();
            let events = numbers.len() as u64;
            if events == 0 {
                continue;
            }
            given = true;
            let batch = Inbound {
                batch: Batch { sequence, numbers },
                part: part(shard, events),
                received_nanos: monotonic_nanos(),
            };
            let weight = Weight { events, bytes: 100 };
            let parcel = Parcel::new(batch, weight).with_shared_permit(permit.clone());
            assert!(self.intake.send(shard, parcel).is_ok(), "there is a slot");
        }
        self.intake.ring();
        given
    }
}

struct Ways(Vec<Way>);

impl Dispatch for Ways {
    type Batch = u64;

    fn read(&mut self, record: &[u8], _: u64) -> Result<Option<(u64, TicketInfo)>, String> {
        let first = first(record);
        Ok(Some((first, info(first))))
    }

    fn dispatch(
        &mut self,
        first: u64,
        permit: Arc<Permit>,
        ticket: Ticket,
        sequence: u64,
        _: u64,
    ) -> Result<(), DispatchError> {
        let mut given = false;
        for way in &self.0 {
            if !way.arrears.withhold(sequence, EACH) {
                let part = |_, events| ticket.part(&way.ledger, events);
                given |= way.give((first, sequence), &permit, |_| Some(0), part);
            }
        }
        if !given {
            ticket.close();
        }
        Ok(())
    }

    fn is_for(&self, _: &u64, _: &Arrears) -> bool {
        true
    }

    fn dispatch_late(
        &mut self,
        first: u64,
        permit: Arc<Permit>,
        ticket: Ticket,
        owed: &Owed,
        _: u64,
    ) -> Result<(), DispatchError> {
        let way = self.0.iter().find(|way| owed.is_of(&way.arrears)).unwrap();
        let part = |shard, events| owed.part(&ticket, shard, events);
        let record = (first, owed.sequence());
        if !way.give(record, &permit, |shard| owed.from(shard), part) {
            ticket.close();
        }
        Ok(())
    }
}

/// What comes out of a pipeline, in the order in which it does.
pub type Till = Arc<Mutex<Vec<u64>>>;

/// The source's end.
#[derive(Clone)]
pub struct Door {
    room: RoomSender<Taken<u64>>,
    budget: Budget,
    heard: Arc<Heard>,
}

impl Door {
    /// The source takes a record in, once there is room for it.
    pub fn send(&self, record: u64) {
        let first = record * EACH;
        let taken = Taken {
            batch: first,
            info: info(first),
            listener: Some(self.heard.clone() as Arc<dyn Settled>),
            received_nanos: 0,
        };
        let weight = Weight {
            events: EACH,
            bytes: PADDING as u64,
        };
        let permit = self.budget.acquire_blocking(4096);
        let parcel = Parcel::new(taken, weight).with_permit(permit);
        assert!(
            self.room.try_send(parcel).is_ok(),
            "the budget bounds the room"
        );
    }
}

pub struct Line {
    pub door: Option<Door>,
    pub admission: Admission<u64>,
    pub runtime: Runtime,
    pub tills: Vec<Till>,
    pub ledgers: Vec<Arc<Ledger>>,
    pub heard: Arc<Heard>,
    pub budget: Budget,
    pub replay: Budget,
    sinks: Vec<JoinHandle<()>>,
}

fn collect(mut from: RoomReceiver<Outbound<Vec<(u32, u64)>>>, till: Till) -> JoinHandle<()> {
    std::thread::spawn(move || {
        while let Some(parcel) = from.recv() {
            let rows = parcel.weight.events;
            let Outbound {
                output, receipt, ..
            } = parcel.open().0;
            till.lock().unwrap().extend(output.iter().map(|row| row.1));
            receipt.confirm(monotonic_nanos());
            from.done(rows);
        }
    })
}

impl Line {
    /// Two pipelines, `p` and `q`, whose stage takes `nanos` for each number.
    pub fn start(sim: &Sim, nanos: u64, max_bytes: u64) -> Line {
        let (budget, replay) = (
            Budget::new(MEMORY as usize / 4 * 3),
            Budget::new(MEMORY as usize / 4),
        );
        let mut tills = Vec::new();
        let mut sinks = Vec::new();
        let mut ledgers = Vec::new();
        let specs = ["p", "q"].map(|name| {
            let limits = Limits {
                events: 10_000,
                bytes: 1 << 20,
            };
            let (sender, receiver) = room(name, limits);
            let till = Till::default();
            sinks.push(collect(receiver, till.clone()));
            tills.push(till);
            let ledger = Arc::new(Ledger::new(name));
            ledgers.push(ledger.clone());
            let stage = move || {
                stage_fn(move |_: &mut u64, _: &mut _| {
                    let until = monotonic_nanos() + nanos;
                    while monotonic_nanos() < until {
                        std::hint::spin_loop();
                    }
                    Ok(Flow::Pass)
                })
            };
            let blueprint = Blueprint::builder()
                .stage("work", millpond_engine::factory(stage))
                .exit("till");
            PipelineSpec {
                ledger,
                design: Design::new(blueprint.build().unwrap()),
                codec: Box::new(|| Numbers),
                exits: vec![Exit::new(sender, Arc::new(SinkLedger::new(name)))],
                dead_letters: None,
                supervision: Supervision::default(),
            }
        });
        let options = Options {
            shards: SHARDS as usize,
            // So short that a batch is seldom run in one go.
            slice: Duration::from_micros(5),
            batch_bytes_min: 1 << 10,
            ..Options::new(2, budget.clone())
        };
        let (runtime, intakes) = Runtime::start(&options, specs.into()).unwrap();
        let views = runtime.pipelines().iter().zip(intakes);
        let ways = views.map(|(view, intake)| Way {
            intake,
            ledger: view.ledger().clone(),
            arrears: view.brake().arrears().clone(),
        });
        let (journal, _) = Journal::open(sim.clone(), small(max_bytes)).unwrap();
        let brakes = runtime.pipelines().iter().map(|view| view.brake().clone());
        let options = AdmissionOptions {
            commit_every: Duration::from_millis(1),
            brakes: brakes.collect(),
            ..AdmissionOptions::new(budget.clone(), replay.clone())
        };
        let heard = Arc::<Heard>::default();
        let (room, admission) =
            admit(journal, Records, Ways(ways.collect()), options, |_| {}).unwrap();
        Line {
            door: Some(Door {
                room,
                budget: budget.clone(),
                heard: heard.clone(),
            }),
            admission,
            runtime,
            tills,
            ledgers,
            heard,
            budget,
            replay,
            sinks,
        }
    }

    /// The source takes a record in, once there is room for it.
    pub fn send(&self, record: u64) {
        self.door.as_ref().unwrap().send(record);
    }

    /// What pauses a pipeline.
    pub fn brake(&self, pipeline: usize) -> &Brake {
        self.runtime.pipelines()[pipeline].brake()
    }

    /// Pauses a pipeline, if it is not paused.
    pub fn pause(&self, pipeline: usize) {
        self.brake(pipeline).hold();
    }

    /// How much has come out of a pipeline.
    pub fn came_out(&self, pipeline: usize) -> usize {
        self.tills[pipeline].lock().unwrap().len()
    }

    /// Nothing more comes: waits until everything has come out, and gives the numbers of each pipeline.
    pub fn end(mut self) -> (Vec<Vec<u64>>, Arc<Heard>) {
        self.door = None;
        self.runtime.join(None).unwrap();
        drop(self.runtime);
        self.sinks.into_iter().for_each(|sink| sink.join().unwrap());
        let view = self.admission.view();
        assert!(self.admission.finish(None));
        let state = view.state();
        assert_eq!(
            (state.committed, state.held_records),
            (state.durable, 0),
            "everything is committed: {:?}",
            state.problems
        );
        assert_eq!((self.budget.used(), self.replay.used()), (0, 0));
        let tills = self.tills.into_iter();
        let out = tills.map(|till| till.lock().unwrap().clone());
        (out.collect(), self.heard)
    }
}
