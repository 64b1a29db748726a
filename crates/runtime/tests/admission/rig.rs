//! A journal with a source and a pipeline at its ends that the test plays itself.

#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../common/heard.rs"]
mod heard;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use millpond_delivery::{
    Arrears, Consignment, Ledger, Owed, Part, Settled, Taken, Tally, Ticket, TicketInfo,
};
use millpond_journal::sim::Sim;
use millpond_journal::{Journal, Options};
use millpond_queue::{Budget, Parcel, Permit, RoomSender, Weight};
use millpond_runtime::admission::{
    Admission, AdmissionOptions, Dispatch, DispatchError, Keep, admit,
};

use heard::Heard;

/// A batch: one number, padded to some bytes.
pub type Batch = (u64, usize);

/// What the pipeline was given.
pub struct Given {
    pub sequence: u64,
    pub number: u64,
    pub part: Part,
    pub permit: Arc<Permit>,
}

/// The source's end.
#[derive(Clone)]
pub struct Door {
    room: RoomSender<Taken<Batch>>,
    budget: Budget,
    heard: Arc<Heard>,
}

pub struct Rig {
    pub door: Option<Door>,
    pub admission: Admission<Batch>,
    pub given: Receiver<Given>,
    pub failed: Receiver<String>,
    pub budget: Budget,
    pub ledger: Arc<Ledger>,
    pub heard: Arc<Heard>,
}

/// Summaries say the highest number so far.
struct Numbers {
    highest: Option<u64>,
}

impl Keep for Numbers {
    type Batch = Batch;

    fn write(&mut self, &(number, padding): &Batch, record: &mut Vec<u8>) {
        record.push(b'n');
        record.extend_from_slice(&number.to_le_bytes());
        record.resize(record.len() + padding, 0);
    }

    fn kept(&mut self, &(number, _): &Batch, _sequence: u64) {
        if let Some(highest) = &mut self.highest {
            *highest = number;
        }
    }

    fn remembers(&self) -> bool {
        self.highest.is_some_and(|highest| highest > 0)
    }

    fn summary(&mut self, record: &mut Vec<u8>) -> bool {
        if let Some(highest) = self.highest {
            record.push(b's');
            record.extend_from_slice(&highest.to_le_bytes());
        }
        self.highest.is_some()
    }
}

struct Pipeline {
    to: Sender<Given>,
    ledger: Arc<Ledger>,
}

/// The kind of a record and its number.
pub fn parse(record: &[u8]) -> (u8, u64) {
    (
        record[0],
        u64::from_le_bytes(record[1..9].try_into().unwrap()),
    )
}

impl Dispatch for Pipeline {
    type Batch = Batch;

    fn read(
        &mut self,
        record: &[u8],
        _sequence: u64,
    ) -> Result<Option<(Batch, TicketInfo)>, String> {
        Ok(match parse(record) {
            (b'n', number) => Some(((number, record.len() - 9), info(number, record.len()))),
            _ => None,
        })
    }

    fn dispatch(
        &mut self,
        (number, _): Batch,
        permit: Arc<Permit>,
        ticket: Ticket,
        sequence: u64,
        _received_nanos: u64,
    ) -> Result<(), DispatchError> {
        if number == u64::MAX {
            return Err(DispatchError::Refused("nobody wants it".to_owned()));
        }
        let part = ticket.part(&self.ledger, 1);
        let given = Given {
            sequence,
            number,
            part,
            permit,
        };
        self.to.send(given).map_err(|_| DispatchError::Gone)
    }

    fn is_for(&self, _batch: &Batch, _arrears: &Arrears) -> bool {
        false
    }

    fn dispatch_late(
        &mut self,
        _batch: Batch,
        _permit: Arc<Permit>,
        _ticket: Ticket,
        _owed: &Owed,
        _received_nanos: u64,
    ) -> Result<(), DispatchError> {
        unreachable!("nothing here is ever late")
    }
}

fn info(number: u64, bytes: usize) -> TicketInfo {
    TicketInfo {
        first_sequence: number,
        events: 1,
        bytes: bytes as u64,
        ..TicketInfo::default()
    }
}

/// Small segments, so that tests cross them.
pub fn small() -> Options {
    Options {
        segment_bytes: 64 << 10,
        max_bytes: 64 << 20,
        ..Options::default()
    }
}

impl Door {
    /// The source takes a number in, once there is room for it in the budget.
    pub fn send(&self, number: u64, padding: usize) {
        let permit = self.budget.acquire_blocking(padding.max(4096));
        let taken = Taken {
            batch: (number, padding),
            info: info(number, padding),
            listener: Some(self.heard.clone() as Arc<dyn Settled>),
            received_nanos: 0,
        };
        let weight = Weight {
            events: 1,
            bytes: padding as u64,
        };
        let parcel = Parcel::new(taken, weight).with_permit(permit);
        assert!(
            self.room.try_send(parcel).is_ok(),
            "the budget bounds the room"
        );
    }
}

impl Rig {
    pub fn open(sim: &Sim, options: Options, summaries: Option<u64>) -> Rig {
        Rig::with(sim, options, summaries, |options| options)
    }

    pub fn with(
        sim: &Sim,
        options: Options,
        summaries: Option<u64>,
        change: impl FnOnce(AdmissionOptions) -> AdmissionOptions,
    ) -> Rig {
        let (journal, _) = Journal::open(sim.clone(), options).unwrap();
        let budget = Budget::new(1 << 20);
        let ledger = Arc::new(Ledger::new("p"));
        let heard = Arc::new(Heard::default());
        let (to, given) = channel();
        let (fail, failed) = channel();
        let keep = Numbers { highest: summaries };
        let pipeline = Pipeline {
            to,
            ledger: ledger.clone(),
        };
        let options = change(AdmissionOptions {
            commit_every: Duration::from_millis(1),
            ..AdmissionOptions::new(budget.clone(), Budget::new(256 << 10))
        });
        let (room, admission) = admit(journal, keep, pipeline, options, move |reason| {
            let _ = fail.send(reason);
        })
        .unwrap();
        Rig {
            door: Some(Door {
                room,
                budget: budget.clone(),
                heard: heard.clone(),
            }),
            admission,
            given,
            failed,
            budget,
            ledger,
            heard,
        }
    }

    /// The source takes a number in.
    pub fn send(&self, number: u64, padding: usize) {
        let door = self.door.as_ref().expect("the source has not ended");
        door.send(number, padding);
    }

    /// The pipeline delivers what it was given.
    pub fn deliver(&self, given: Given) -> (u64, u64) {
        let Given {
            sequence,
            number,
            part,
            permit,
        } = given;
        drop(permit);
        let tally = Tally {
            passed: 1,
            ..Tally::default()
        };
        Consignment::open(&self.ledger).seal(vec![part], tally);
        (sequence, number)
    }

    /// Delivers everything that comes until the reader ends.
    pub fn deliver_all(&self) -> Vec<(u64, u64)> {
        let given = self.given.iter();
        given.map(|given| self.deliver(given)).collect()
    }

    /// The next one that the pipeline is given.
    pub fn next(&self) -> Given {
        let waited = self.given.recv_timeout(Duration::from_secs(30));
        waited.expect("the reader hands on")
    }
}

/// Waits for what a thread is about to do.
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..30_000 {
        if holds() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    panic!("{what} did not come about in 30 s");
}
