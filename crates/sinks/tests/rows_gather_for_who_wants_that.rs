//! A writer that wants rows to gather gets them together, those too that came while it wrote.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::Line;
use millpond_sinks::{Recourse, Rows, WriteError, Writer, spawn};

const LONG: Duration = Duration::from_secs(60);

/// Says of each write how many batches it has, and waits until it may go on.
struct Gathering {
    began: mpsc::Sender<usize>,
    go_on: mpsc::Receiver<()>,
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
}

#[test]
fn what_came_during_a_write_waits_for_what_follows_it() {
    let (mut line, receiver) = Line::roomy();
    let (began, begins) = mpsc::channel();
    let (go, go_on) = mpsc::channel();
    // What waits when the sink begins is written at once.
    line.send(1);
    let writer = Box::new(Gathering { began, go_on });
    let ledger = line.sink.clone();
    let sink = spawn(
        "gathering",
        receiver,
        line.spares.clone(),
        writer,
        ledger,
        Recourse::default(),
        |_| (),
    )
    .unwrap();
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
    let books = line.close();
    while !sink.is_finished() {
        assert!(since.elapsed() < 2 * LONG, "the sink does not end");
        sink.control().reopen();
        std::thread::yield_now();
    }
    sink.join().unwrap();
    books.balance();
}
