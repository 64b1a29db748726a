//! A line of the log about a stage says which, and in which pipeline.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use millpond_engine::{Blueprint, map};
use millpond_queue::Budget;
use millpond_runtime::{LocalPipeline, Options};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_is_told_with_pipeline_and_stage() {
    let log = Log::default();
    let writer = log.clone();
    // Workers are other threads, so it is the process's: this file has one test.
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(move || writer.clone())
        .init();
    let stages =
        Blueprint::builder().stage("divide", map(|number: &mut u64| *number = 12 / *number));
    let options = Options::new(1, Budget::new(1 << 20));
    let (pipeline, mut feed) = LocalPipeline::start("numbers", &options, stages, |_| ()).unwrap();
    feed.push(vec![3, 0, 4]).unwrap();
    drop(feed);
    assert_eq!(pipeline.join().unwrap().delivered, 2);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = log.lines().find(|line| line.contains("a stage panicked"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    for field in [
        r#""level":"ERROR""#,
        r#""pipeline":"numbers""#,
        r#""stage":"divide""#,
        r#""panic":"attempt to divide by zero""#,
    ] {
        assert!(line.contains(field), "no {field} in {line}");
    }
}
