//! A small pond to look at, and a plain HTTP client.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use millpond_admin::{
    BufferStore, BuildInfo, Health, JournalObserved, KeptLetters, LatestLetter, LetterCount,
    LetterStore, Observed, PausedPipeline, PipelineObserved, SinkObserved, SinkState, SpanCounts,
    StageCounts, Supervision, WorkerCounts, WorkerDecision, WorkerProcesses,
};
use millpond_delivery::{Consignment, Fate, Ledger, Part, SinkLedger, SourceLedger, Tally, Ticket};
use millpond_queue::{
    Budget, Limits, Parcel, Permit, ReadySet, RoomReceiver, Weight, mailboxes, room,
};
use millpond_runtime::admission::JournalState;
use millpond_runtime::{Service, TIMES};

/// What the pond is made of, so that a test can go on with it.
pub(crate) struct Pond {
    pub(crate) observed: Arc<Observed>,
    pub(crate) ready: Arc<AtomicBool>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) live: Option<Part>,
    _permit: Permit,
    _room: RoomReceiver<u8>,
}

struct Switch(Arc<AtomicBool>);

impl Health for Switch {
    fn ready(&self) -> Result<(), String> {
        if self.0.load(Ordering::SeqCst) {
            Ok(())
        } else {
            Err("sink out: no such directory".to_owned())
        }
    }
}

/// Ten events of `clicks`: 5 delivered, 2 filtered, 1 dead letter, 1 dropped, and 1 still on its way.
pub(crate) fn pond() -> Pond {
    let budget = Budget::new(1 << 20);
    let permit = budget.charge(4096);
    let source = Arc::new(SourceLedger::new("web"));
    source.add_events(10);
    source.add_bytes(2_430);
    source.add_backpressure(1_500_000_000);
    source.add_closed("idle");
    source.add_refused("shed");
    source.add_request(1);

    let ledger = Arc::new(Ledger::new("clicks"));
    let sink = Arc::new(SinkLedger::new("out"));
    let ticket = Ticket::new(Default::default(), None);
    let (worked, live) = (ticket.part(&ledger, 9), ticket.part(&ledger, 1));
    drop(ticket);
    let consignment = Consignment::open(&ledger);
    let early = consignment.receipt(&sink, 4, true, 0);
    consignment.seal(
        vec![worked],
        Tally {
            passed: 6,
            filtered: 2,
            dead_lettered: vec![0],
            ..Tally::default()
        },
    );
    early.settle(4_000_000, [(1, Fate::Dropped("closed"))]);

    let (sender, receiver) = room::<u8>(
        "sink/out",
        Limits {
            events: 1_000,
            bytes: 1 << 16,
        },
    );
    let parcel = Parcel::new(
        0,
        Weight {
            events: 2,
            bytes: 500,
        },
    );
    assert!(sender.try_send(parcel).is_ok());
    drop(sender);
    let ready_set = Arc::new(ReadySet::new(2));
    let limits = Limits {
        events: u64::MAX,
        bytes: 1 << 18,
    };
    let (intake, boxes) = mailboxes::<u8>("pipeline/clicks", ready_set, 0, 2, 4, limits);
    drop(boxes);

    let (_, journal) = room::<u8>("journal", limits);
    let ready = Arc::new(AtomicBool::new(true));
    let observed = Observed {
        build: BuildInfo {
            name: "millpond",
            version: "1.2.3",
            target: "linux-x86_64",
        },
        sources: vec![source],
        pipelines: vec![PipelineObserved {
            ledger: ledger.clone(),
            from: vec!["web".to_owned()],
            to: vec!["out".to_owned()],
            key: Some("user_id".to_owned()),
            intake: intake.view(),
            stages: Arc::new(|| {
                let counts = StageCounts {
                    passed: 6,
                    filtered: 2,
                    timed_events: 1,
                    timed_nanos: 250,
                    ..StageCounts::default()
                };
                vec![("filter".to_owned(), counts)]
            }),
            held: Arc::new(|| 10),
            letters: Arc::new(|| {
                vec![LetterCount {
                    stage: "decode".to_owned(),
                    reason: "bad_syntax".to_owned(),
                    letters: 1,
                }]
            }),
            supervision: Arc::new(|| Supervision {
                paused: Some(PausedPipeline {
                    seconds: 2.5,
                    reason: "poison",
                    because: "11 of the last 11 events crashed".to_owned(),
                }),
                crashes_explained: 11,
                crashes_unexplained: 1,
                state_lost: 2,
                behind: 7,
            }),
            service: Arc::new(service),
            parked_shards: Arc::new(|| 1),
        }],
        sinks: vec![SinkObserved {
            ledger: sink,
            room: receiver.view(),
            kind: "file".to_owned(),
            required: true,
            state: Arc::new(|| SinkState::Running),
            buffer: Some(Arc::new(|| BufferStore {
                rows: 7,
                bytes: 512,
            })),
        }],
        letters: Arc::new(|| LetterStore {
            deleted: 3,
            bytes: 4_096,
            full: false,
        }),
        kept_letters: Arc::new(|| {
            vec![KeptLetters {
                class: "rejects",
                pipeline: "clicks".to_owned(),
                stage: "decode".to_owned(),
                reason: "bad_syntax".to_owned(),
                letters: 1,
                oldest_micros: 5,
                newest_micros: 5,
            }]
        }),
        latest_letters: Arc::new(|| {
            vec![LatestLetter {
                id: "rejects-7".to_owned(),
                pipeline: "clicks".to_owned(),
                stage: "decode".to_owned(),
                reason: "bad_syntax".to_owned(),
                detail: "expected a value at byte 5".to_owned(),
                event: b"{\"a\":secret".to_vec(),
                bytes: 500,
                ..LatestLetter::default()
            }]
        }),
        journal: Some(JournalObserved {
            room: journal.view(),
            state: Arc::new(|| JournalState {
                kept_events: 12,
                kept_bytes: 3_000,
                passed_events: 14,
                restored_events: 5,
                waiting_events: 3,
                durable: 9,
                committed: 7,
                ..JournalState::default()
            }),
        }),
        budget,
        workers: Arc::new(|| WorkerCounts {
            running: 2,
            wanted: 3,
            min: 1,
            max: 8,
            busy_nanos: 3_000_000_000,
            on_core_nanos: Some(2_000_000_000),
            process_nanos: Some(2_500_000_000),
            cores: 4,
            restarts: 0,
        }),
        processes: Some(Arc::new(|| WorkerProcesses {
            ids: vec![Some(4711), None],
            replaced: vec![("signal", 3), ("deadline", 1)],
            set_aside: 1,
        })),
        resident_bytes: Arc::new(|| Some(38 << 20)),
        decisions: Arc::new(|| {
            vec![WorkerDecision {
                time: 1.5,
                from: 2,
                to: 3,
                reason: "load",
                because: "workers are 90 % busy".to_owned(),
            }]
        }),
        spans: Some(Arc::new(|| SpanCounts {
            sent: 120,
            failed: 3,
            dropped: 1,
        })),
        health: Arc::new(Switch(ready.clone())),
        control: None,
        taps: None,
    };
    Pond {
        observed: Arc::new(observed),
        ready,
        ledger,
        live: Some(live),
        _permit: permit,
        _room: receiver,
    }
}

/// Two batches, one of them of eight events.
fn service() -> Service {
    let mut service = Service {
        batches: 2,
        events: 9,
        bytes: 8_192,
        event_squares: 65,
        event_nanos: 9_000_000,
        shards: vec![1_250_000, 0],
        ..Service::default()
    };
    for (times, bounds) in [
        (&mut service.took, [100_000, 1_000_000]),
        (&mut service.waited, [20_000, 40_000]),
    ] {
        for bound in bounds {
            times.counts[TIMES.partition_point(|&upper| upper < bound)] += 1;
            times.nanos += bound;
        }
    }
    service
}

/// Serves `observed` on a free port while `test` runs.
pub(crate) fn serving<T>(observed: Arc<Observed>, test: impl FnOnce(SocketAddr) -> T) -> T {
    let (tell, told) = mpsc::channel();
    let server = async_std::task::spawn(async move {
        let admin = millpond_admin::bind("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        tell.send(admin.local_addr()).unwrap();
        admin.serve(observed).await;
    });
    let result = test(told.recv().unwrap());
    wait(server.cancel());
    result
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    async_std::task::block_on(future)
}

/// Sends `request` as it is and reads until the server closes.
pub(crate) fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The status and the body of `METHOD path`.
pub(crate) fn ask(address: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let answer = raw(
        address,
        &format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"),
    );
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (status, body)
}
