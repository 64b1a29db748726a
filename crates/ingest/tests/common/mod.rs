//! A pipeline that only takes parcels out of its mailboxes.
#![allow(dead_code, unreachable_pub)]

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millpond_delivery::{Backlog, Consignment, Inbound, Ledger, SourceLedger, Taken, Tally};
use millpond_event::{BufferPool, KeyPath, Slice};
use millpond_ingest::{
    Inlet, JournalWay, Resume, Route, Source, SourceError, Stop, StopHandle, build, stop,
};
use millpond_queue::{
    Budget, Intake, Limits, Mailbox, Parcel, ReadySet, RoomReceiver, mailboxes, room,
};
use serde_json::Value;

pub const BUFFER: usize = 256 << 10;

pub struct Rig {
    pub budget: Budget,
    pub source: Arc<SourceLedger>,
    pub ledger: Arc<Ledger>,
    pub handle: StopHandle,
    pub boxes: Vec<Mailbox<Inbound<Slice>>>,
    pub seen: Vec<Seen>,
    /// The journal's end, if the inlet is one into a journal: the test plays the journal.
    pub journal: Option<RoomReceiver<Taken<Slice>>>,
    stop: Stop,
    intake: Option<Intake<Inbound<Slice>>>,
    key: Option<KeyPath>,
}

/// An event as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub shard: usize,
    pub partition: u64,
    pub sequence: u64,
    pub offset: u64,
    pub bytes: Vec<u8>,
    pub refused: Option<(&'static str, u64, u64)>,
}

impl Seen {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }
}

impl Rig {
    pub fn new(budget: usize, shards: usize, key: Option<&str>) -> Rig {
        Self::with_slots(budget, shards, key, 1 << 14)
    }

    pub fn with_slots(budget: usize, shards: usize, key: Option<&str>, slots: usize) -> Rig {
        let ready = Arc::new(ReadySet::new(shards));
        let limits = Limits {
            events: 1 << 30,
            bytes: 1 << 40,
        };
        let (intake, boxes) = mailboxes("p", ready, 0, shards, slots, limits);
        let (handle, stop) = stop();
        Rig {
            budget: Budget::new(budget),
            source: Arc::new(SourceLedger::new("s")),
            ledger: Arc::new(Ledger::new("p")),
            handle,
            boxes,
            seen: Vec::new(),
            journal: None,
            stop,
            intake: Some(intake),
            key: key.map(|key| KeyPath::parse(key).unwrap()),
        }
    }

    /// The one inlet: when the source lets go of it, the mailboxes close.
    pub fn inlet(&mut self) -> Inlet {
        let route = Route {
            intake: self.intake.take().unwrap(),
            ledger: self.ledger.clone(),
            key: self.key.clone(),
            arrears: None,
        };
        Inlet::new(
            "s".into(),
            vec![route],
            self.budget.clone(),
            BufferPool::new(BUFFER, || 0),
            self.source.clone(),
            self.stop.clone(),
        )
    }

    /// The one inlet, into a journal that the test plays. `resume`: how far partitions were read.
    pub fn journal_inlet(&mut self, resume: Resume) -> Inlet {
        self.journal_inlet_that(resume, || false, Backlog::default)
    }

    /// The same, into one that may be full, and drains in some way then.
    pub fn journal_inlet_that(
        &mut self,
        resume: Resume,
        is_full: impl Fn() -> bool + Send + Sync + 'static,
        backlog: impl Fn() -> Backlog + Send + Sync + 'static,
    ) -> Inlet {
        let limits = Limits {
            events: 1 << 20,
            bytes: 1 << 30,
        };
        let (room, receiver) = room("journal", limits);
        self.journal = Some(receiver);
        Inlet::with_journal(
            "s".into(),
            JournalWay {
                room,
                resume,
                is_full: Arc::new(is_full),
                backlog: Arc::new(backlog),
            },
            self.budget.clone(),
            BufferPool::new(BUFFER, || 0),
            self.source.clone(),
            self.stop.clone(),
        )
    }

    /// Opens a source and runs it on a thread of its own.
    pub fn start(&mut self, kind: &str, params: Value) -> Running {
        let inlet = self.inlet();
        self.start_with(kind, params, inlet)
    }

    /// The same with an inlet of one's own.
    pub fn start_with(&self, kind: &str, params: Value, inlet: Inlet) -> Running {
        let source = build(kind, params).unwrap_or_else(|error| panic!("{error}"));
        self.start_source(source, inlet)
    }

    /// The same with a source that is built already.
    pub fn start_source(&self, source: Box<dyn Source>, inlet: Inlet) -> Running {
        let opened = match async_std::task::block_on(source.open()) {
            Ok(opened) => opened,
            Err(error) => panic!("{error}"),
        };
        let address = opened.local_addr();
        let run = opened.run(inlet);
        let thread = std::thread::spawn(move || async_std::task::block_on(run));
        Running { address, thread }
    }

    /// Takes what waits, and counts it as filtered.
    pub fn take(&mut self) -> usize {
        let mut taken = 0;
        for shard in 0..self.boxes.len() {
            while let Some(parcel) = self.boxes[shard].take() {
                taken += self.open(shard, parcel);
            }
        }
        taken
    }

    /// Waits for the next parcel of shard 0, and leaves its events without an outcome.
    pub fn next_parcel(&mut self) -> Parcel<Inbound<Slice>> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(parcel) = self.boxes[0].take() {
                return parcel;
            }
            assert!(Instant::now() < deadline, "waited in vain for a parcel");
            std::thread::yield_now();
        }
    }

    pub fn open(&mut self, shard: usize, parcel: Parcel<Inbound<Slice>>) -> usize {
        let (item, _permit) = parcel.open();
        let events = item.batch.len();
        for i in 0..events {
            let chunk = item.batch.chunk();
            self.seen.push(Seen {
                shard,
                partition: chunk.origin().partition,
                sequence: item.batch.sequence(i),
                offset: item.batch.offset(i),
                bytes: item.batch.bytes(i).to_vec(),
                refused: chunk.refusal().map(|r| (r.reason, r.length, r.hash)),
            });
        }
        let tally = Tally {
            filtered: events as u64,
            ..Tally::default()
        };
        Consignment::open(&self.ledger).seal(vec![item.part], tally);
        self.boxes[shard].done(events as u64);
        events
    }

    /// Takes parcels until `done`, for at most 20 seconds.
    pub fn take_until(&mut self, what: &str, mut done: impl FnMut(&Rig) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !done(self) {
            assert!(Instant::now() < deadline, "waited in vain: {what}");
            if self.take() == 0 {
                std::thread::yield_now();
            }
        }
    }

    pub fn take_events(&mut self, events: usize) {
        self.take_until("events", |rig| rig.seen.len() >= events);
    }

    /// Waits for the source to end by itself or after a stop; then everything must add up.
    pub fn finish(&mut self, running: Running) -> Result<(), SourceError> {
        self.take_until("the source's end", |_| running.thread.is_finished());
        let result = running.thread.join().unwrap();
        self.take();
        assert!(
            self.boxes.iter().all(Mailbox::is_ended),
            "the routes are closed"
        );
        let totals = self.ledger.totals();
        assert_eq!((totals.live, totals.dropped()), (0, 0));
        assert_eq!(totals.received, self.seen.len() as u64);
        assert_eq!(self.source.totals().events, self.seen.len() as u64);
        assert_eq!((self.source.totals().open, self.budget.used()), (0, 0));
        result
    }

    pub fn stop(&mut self, running: Running) {
        self.handle.stop();
        self.finish(running).unwrap();
    }

    pub fn texts(&self) -> Vec<&str> {
        self.seen.iter().map(Seen::text).collect()
    }

    /// The texts of each partition in the order of their sequence, the partition that came first first:
    /// the numbers of files say nothing of their order.
    pub fn by_partition(&self) -> Vec<Vec<&Seen>> {
        let mut partitions: Vec<u64> = Vec::new();
        for seen in &self.seen {
            if !partitions.contains(&seen.partition) {
                partitions.push(seen.partition);
            }
        }
        let of = |partition| {
            let seen = self.seen.iter();
            let mut seen: Vec<_> = seen.filter(|seen| seen.partition == partition).collect();
            seen.sort_by_key(|seen| seen.sequence);
            assert!(
                seen.iter()
                    .enumerate()
                    .all(|(i, seen)| seen.sequence == i as u64)
            );
            seen
        };
        partitions.into_iter().map(of).collect()
    }
}

pub struct Running {
    pub address: Option<SocketAddr>,
    pub thread: JoinHandle<Result<(), SourceError>>,
}

impl Running {
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address.unwrap()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Connects, sends and closes.
    pub fn send(&self, bytes: &[u8]) {
        self.connect().write_all(bytes).unwrap();
    }
}

/// `count` lines with a key of `keys` and a running number.
pub fn lines(count: usize, keys: usize, connection: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for i in 0..count {
        let key = (i * 7919) % keys;
        writeln!(
            text,
            r#"{{"k":"k{key}","c":{connection},"i":{i},"pad":"{:0>100}"}}"#,
            i
        )
        .unwrap();
    }
    text
}
