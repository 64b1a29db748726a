//! A sink with a disk buffer hangs, fails, is left or breaks for good. Inputs end once their rows are on
//! disk, memory stays bounded, and every row is delivered in order, in this run or the next.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use common::{Act, Books, Line, Puppet, quick};
use millpond_queue::{Limits, room};
use millpond_sinks::{BufferHandle, Buffered, Recourse, SinkHandle, buffer, spawn};
use millpond_store::{Buffer, BufferView};
use proptest::prelude::*;

/// Few rows, so that tests soon fill them.
const FRONT: Limits = Limits {
    events: 400,
    bytes: 1 << 20,
};
const BEHIND: Limits = Limits {
    events: 100,
    bytes: 1 << 20,
};

/// A sink with a buffer, and its input.
struct Rig {
    line: Line,
    buffer: BufferHandle,
    view: BufferView,
    sink: SinkHandle,
}

/// When everything has ended.
struct Ended {
    books: Books,
    rows_left: u64,
}

impl Rig {
    fn new(folder: &Path, writer: Puppet) -> Self {
        let (line, front) = Line::new(FRONT);
        let (back, receiver) = room("behind", BEHIND);
        let (spares, ledger) = (line.spares.clone(), line.sink.clone());
        let recourse = Recourse {
            retry: quick(0),
            letters: None,
        };
        let writer = Box::new(writer);
        let sink = spawn(
            "sink",
            receiver,
            spares.clone(),
            writer,
            ledger.clone(),
            recourse,
            |_| (),
        )
        .expect("a thread");
        let kept = Buffer::open(folder, 64 << 20).expect("a buffer");
        let view = kept.view();
        let between = Buffered {
            name: "sink".to_owned(),
            front,
            back,
            sink: sink.control(),
            spares,
            ledger,
            required: true,
            journal: None,
        };
        Rig {
            line,
            buffer: buffer(between, kept).expect("a thread"),
            view,
            sink,
        }
    }

    fn end(self, leave: bool) -> Ended {
        let control = self.buffer.control();
        let books = self.line.close();
        if leave {
            control.leave();
        }
        self.buffer.join().expect("it ends");
        // Broken for good is one of the ways to end.
        let _ = self.sink.join();
        Ended {
            books,
            rows_left: self.view.rows(),
        }
    }
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::yield_now();
    }
}

fn text(written: &Mutex<String>) -> String {
    written.lock().expect("whole").clone()
}

/// What the destination must hold after `sent` rows.
fn numbered(sent: u64) -> String {
    (0..sent)
        .map(|number| format!("{{\"n\":{number}}}\n"))
        .collect()
}

#[test]
fn a_sink_that_hangs_holds_no_input_and_gets_everything_in_order_afterwards() {
    let folder = tempfile::tempdir().expect("a directory");
    let (told, writes) = mpsc::channel();
    let (go, gate) = mpsc::channel();
    let writer = Puppet {
        gate: Some((told, gate)),
        ..Puppet::default()
    };
    let written = writer.written.clone();
    let mut rig = Rig::new(folder.path(), writer);
    let mut most = 0;
    for _ in 0..200 {
        rig.line.send(50);
        most = most.max(rig.line.budget.used());
    }
    writes.recv().expect("it hangs in its first write");
    until("the inputs end while nothing is delivered", || {
        rig.line.pipeline.totals().live == 0
    });
    let totals = rig.line.sink.totals();
    assert_eq!((totals.delivered, totals.live), (0, 10_000));
    assert_eq!(text(&written), "");
    assert!(rig.view.rows() == 10_000 && rig.view.bytes() > 10_000);
    // What is charged is what the sink has, and what was in the room.
    assert!(most < 64 << 10, "{most}");

    drop((go, writes));
    let ended = rig.end(false);
    assert_eq!(text(&written), numbered(10_000));
    assert_eq!(ended.books.balance(), (10_000, 0));
    assert_eq!(ended.rows_left, 0);
}

#[test]
fn a_sink_that_keeps_up_puts_nothing_on_disk() {
    let folder = tempfile::tempdir().expect("a directory");
    let writer = Puppet::default();
    let written = writer.written.clone();
    let mut rig = Rig::new(folder.path(), writer);
    for sent in 1..=100 {
        rig.line.send(3);
        until("it is delivered", || {
            rig.line.sink.totals().delivered == sent * 3
        });
        assert_eq!(rig.view.rows(), 0);
    }
    assert_eq!(rig.end(false).books.balance(), (300, 0));
    assert_eq!(text(&written), numbered(300));
    let kept = std::fs::read_dir(folder.path()).expect("a directory");
    let names = kept.map(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("text")
    });
    assert!(names.into_iter().all(|name| !name.ends_with(".segment")));
}

/// Left with most of its rows in memory, with all of them on disk, or after it broke for good.
fn what_is_left_is_delivered_by_the_next_run(parcels: u64, breaks: bool) {
    let folder = tempfile::tempdir().expect("a directory");
    let (told, _writes) = mpsc::channel();
    let (_go, gate) = mpsc::channel();
    let writer = match breaks {
        true => Puppet {
            writes: VecDeque::from([Act::FailAfter(7), Act::Break]),
            ..Puppet::default()
        },
        false => Puppet {
            gate: Some((told, gate)),
            ..Puppet::default()
        },
    };
    let first = writer.written.clone();
    let mut rig = Rig::new(folder.path(), writer);
    (0..parcels).for_each(|_| rig.line.send(20));
    let ended = rig.end(true);
    let sent = parcels * 20;
    let (inputs, rows) = (ended.books.pipeline.totals(), ended.books.sink.totals());
    assert_eq!(inputs.live, 0);
    assert_eq!(rows.routed, rows.delivered + rows.dropped() + rows.live);
    // Inputs may have been given up only by a sink that broke, and their rows are kept all the same.
    assert!(breaks || inputs.delivered == sent);
    assert_eq!(rows.live, sent - rows.delivered);
    // A parcel of which the sink has taken a part is kept as a whole.
    assert!((rows.live..=sent).contains(&ended.rows_left));

    let writer = Puppet::default();
    let second = writer.written.clone();
    let mut rig = Rig::new(folder.path(), writer);
    assert!(rig.line.sink.totals().routed >= sent - rows.delivered);
    rig.line.send(3);
    let ended = rig.end(false);
    let totals = ended.books.sink.totals();
    assert_eq!((totals.live, totals.dropped(), ended.rows_left), (0, 0, 0));
    let (first, second) = (text(&first), text(&second));
    let all = numbered(sent);
    let behind = second
        .strip_suffix(&numbered(3))
        .expect("what is new comes last");
    assert!(all.starts_with(&first) && all.ends_with(behind));
    assert!(
        first.len() + behind.len() >= all.len(),
        "nothing is missing"
    );
}

#[test]
fn what_is_in_memory_when_the_run_ends_is_delivered_by_the_next() {
    what_is_left_is_delivered_by_the_next_run(3, false);
}

#[test]
fn what_is_on_disk_when_the_run_ends_is_delivered_by_the_next() {
    what_is_left_is_delivered_by_the_next_run(300, false);
}

#[test]
fn what_a_broken_sink_was_owed_is_delivered_by_the_next_run() {
    what_is_left_is_delivered_by_the_next_run(3, true);
    what_is_left_is_delivered_by_the_next_run(300, true);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever fails and for however long, through memory and disk and back, nothing is lost, repeated
    /// or overtaken.
    #[test]
    fn rows_are_delivered_once_and_in_order_whatever_fails(
        parcels in prop::collection::vec(1..60_u32, 1..120),
        failures in prop::collection::vec((0..9_usize, any::<bool>()), 0..60),
        pause in 1..3_000_u64,
    ) {
        let folder = tempfile::tempdir().expect("a directory");
        let (writes, flushes): (Vec<_>, Vec<_>) = failures.into_iter().partition(|(_, write)| *write);
        let acts = |acts: Vec<(usize, bool)>| acts.into_iter().map(|(rows, _)| Act::FailAfter(rows)).collect();
        let writer = Puppet {
            writes: acts(writes),
            flushes: acts(flushes),
            pause: Some(Duration::from_micros(pause)),
            ..Puppet::default()
        };
        let written: Arc<Mutex<String>> = writer.written.clone();
        let mut rig = Rig::new(folder.path(), writer);
        parcels.iter().for_each(|rows| rig.line.send(*rows));
        let expected = rig.line.expected();
        let ended = rig.end(false);
        prop_assert_eq!(text(&written), expected);
        let sent = ended.books.sent;
        prop_assert_eq!(ended.books.balance(), (sent, 0));
        prop_assert_eq!(ended.rows_left, 0);
    }
}
