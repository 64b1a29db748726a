//! A writer that wants rows to gather gets them together, those too that came while it wrote if it says so; but none waits
//! for what cannot come.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::mpsc;
use std::task::Waker;
use std::time::{Duration, Instant};

use common::Line;
use millpond_delivery::Outbound;
use millpond_event::Records;
use millpond_queue::{Limits, RoomReceiver};
use millpond_sinks::{Recourse, Rows, SinkHandle, WriteError, Writer, spawn};

const LONG: Duration = Duration::from_secs(60);

/// Says of each write how many batches it has, and waits until it may go on.
struct Gathering {
    began: mpsc::Sender<usize>,
    go_on: mpsc::Receiver<()>,
    after_writes: bool,
}

impl Writer for Gathering {
    fn write(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        self.began.send(batches.len()).unwrap();
        self.go_on.recv().unwrap();
        Ok(())
    }

    /// Longer than the test: it is ended from outside.
    fn gather(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    fn gathers_after_writes(&self) -> bool {
        self.after_writes
    }
}

/// A sink with such a writer, what it says of its writes, and what makes it go on.
fn start(
    line: &Line,
    receiver: RoomReceiver<Outbound<Records>>,
    after_writes: bool,
) -> (SinkHandle, mpsc::Receiver<usize>, mpsc::Sender<()>) {
    let (began, begins) = mpsc::channel();
    let (go, go_on) = mpsc::channel();
    let writer = Box::new(Gathering {
        began,
        go_on,
        after_writes,
    });
    let sink = spawn(
        "gathering",
        receiver,
        line.spares.clone(),
        writer,
        line.sink.clone(),
        Recourse::default(),
        |_| (),
    );
    (sink.unwrap(), begins, go)
}

#[test]
fn what_came_during_a_write_waits_for_what_follows_it() {
    let (mut line, receiver) = Line::roomy();
    // What waits when the sink begins is written at once.
    line.send(1);
    let (sink, begins, go) = start(&line, receiver, true);
    assert_eq!(begins.recv_timeout(LONG).unwrap(), 1);
    line.send(1);
    go.send(()).unwrap();
    line.send(1);
    let since = Instant::now();
    let batches = loop {
        assert!(since.elapsed() < LONG, "nothing is written");
        // Ends the time in which they gather.
        sink.control().reopen();
        if let Ok(batches) = begins.recv_timeout(Duration::from_millis(2)) {
            break batches;
        }
    };
    assert_eq!(batches, 2);
    go.send(()).unwrap();
    // Nobody has to end the time in which they would gather: nothing more comes.
    let books = line.close();
    sink.join().unwrap();
    books.balance();
}

#[test]
fn a_writer_that_gathers_only_what_comes_alone_is_not_kept_from_what_came_during_a_write() {
    let (mut line, receiver) = Line::new(Limits {
        events: 4,
        bytes: 1 << 30,
    });
    line.send(1);
    let (sink, begins, go) = start(&line, receiver, false);
    assert_eq!(begins.recv_timeout(LONG).unwrap(), 1);
    // The room is full, so nothing could come that would be worth waiting for.
    (0..4).for_each(|_| line.send(1));
    go.send(()).unwrap();
    assert_eq!(begins.recv_timeout(LONG).unwrap(), 4);
    go.send(()).unwrap();
    let books = line.close();
    sink.join().unwrap();
    books.balance();
}

#[test]
fn rows_that_gather_are_written_once_one_finds_no_space_or_the_room_is_closed() {
    for waits in [true, false] {
        let (mut line, receiver) = Line::new(Limits {
            events: 4,
            bytes: 1 << 30,
        });
        line.send(1);
        let (sink, begins, go) = start(&line, receiver, true);
        assert_eq!(begins.recv_timeout(LONG).unwrap(), 1);
        line.send(1);
        go.send(()).unwrap();
        (0..3).for_each(|_| line.send(1));
        if waits {
            line.sender.on_space(Waker::noop());
        } else {
            // Nobody waits for space, as where rows that find none are dropped.
            line.send(1);
        }
        let first = begins.recv_timeout(LONG).unwrap();
        // The one that was refused may be tried again while the others are taken out, and then goes with them.
        assert!(first == 4 || first == 5 && !waits, "{first} at once");
        line.send(1);
        go.send(()).unwrap();
        let books = line.close();
        let rest = begins.recv_timeout(LONG).unwrap();
        assert_eq!(first + rest, if waits { 5 } else { 6 });
        go.send(()).unwrap();
        sink.join().unwrap();
        books.balance();
    }
}
