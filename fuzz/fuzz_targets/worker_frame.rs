//! Whatever bytes the process of a worker answers, reading them ends without a panic, takes memory in proportion to
//! them, and what is accepted is consistent: each event that was run has one outcome, each row a known event.
#![no_main]

use libfuzzer_sys::{arbitrary, fuzz_target};
use millpond_runtime::process::{Expected, Note, Reply, What};

#[derive(Debug, arbitrary::Arbitrary)]
struct Input {
    events: u16,
    exits: u8,
    stages: u8,
    /// A reply that is in order, as far as numbers chosen by chance can be, damaged afterwards.
    passed: u8,
    consumed: Vec<u8>,
    dropped: Vec<(u8, u8)>,
    notes: Vec<(u8, u8, u8, Vec<u8>)>,
    rows: Vec<Vec<(u8, u8)>>,
    flips: Vec<(u16, u8)>,
    /// Or bytes that are no reply at all.
    raw: Option<Vec<u8>>,
}

fn reply(input: &Input) -> Reply {
    let mut reply = Reply {
        passed: input.passed.into(),
        consumed: input.consumed.iter().map(|event| u32::from(*event)).collect(),
        dropped: (input.dropped.iter())
            .map(|(reason, events)| (format!("reason_{reason}"), u32::from(*events)))
            .collect(),
        ..Reply::default()
    };
    for (event, stage, what, bytes) in &input.notes {
        let text = String::from_utf8_lossy(bytes).into_owned();
        reply.notes.push(Note {
            event: (*event).into(),
            stage: (*stage).into(),
            what: match what % 4 {
                0 => What::Failed,
                1 => What::Panicked(text.clone()),
                2 => What::Derived(bytes.clone()),
                _ => What::Tick,
            },
            reason: "bad".to_owned(),
            message: text,
        });
    }
    reply.exits.resize_with(input.exits.into(), Default::default);
    for (column, rows) in reply.exits.iter_mut().zip(&input.rows) {
        for (event, length) in rows {
            column.inputs.push((*event).into());
            column.ends.push(column.bytes() + u32::from(*length));
        }
    }
    reply.stages.resize_with(input.stages.into(), Default::default);
    let outcomes = reply.notes.iter().filter(|note| note.is_outcome()).count() as u32;
    let dropped: u32 = reply.dropped.iter().map(|(_, events)| events).sum();
    reply.done = reply.passed + reply.consumed.len() as u32 + dropped + outcomes;
    reply
}

fuzz_target!(|input: Input| {
    let mut said = Vec::new();
    match &input.raw {
        Some(raw) => said.extend(raw),
        None => reply(&input).put(&mut said),
    }
    for (at, bits) in &input.flips {
        if let Some(byte) = said.get_mut(usize::from(*at)) {
            *byte ^= bits;
        }
    }
    let expected = Expected {
        events: input.events.into(),
        exits: input.exits.into(),
        stages: input.stages.into(),
    };
    let mut read = Reply::default();
    if read.read(&said, &expected).is_err() {
        return;
    }
    let outcomes = read.notes.iter().filter(|note| note.is_outcome()).count() as u64;
    let dropped: u64 = read.dropped.iter().map(|(_, events)| u64::from(*events)).sum();
    let counts = [read.passed, read.filtered, read.absorbed].map(u64::from);
    let ended = counts.iter().sum::<u64>() + read.consumed.len() as u64 + dropped + outcomes;
    assert_eq!(ended, read.done.into());
    assert!(read.done <= expected.events);
    assert_eq!((read.exits.len(), read.stages.len()), (expected.exits, expected.stages));
    for column in &read.exits {
        assert_eq!(column.inputs.len(), column.ends.len());
        assert!(column.ends.is_sorted() && column.inputs.is_sorted());
        let known = |event: &u32| *event < read.done || (read.done == 0 && *event == u32::MAX);
        assert!(column.inputs.iter().all(known));
    }
    // What is accepted is what a child would have written.
    let mut again = Vec::new();
    read.put(&mut again);
    assert_eq!(again, said);
});
