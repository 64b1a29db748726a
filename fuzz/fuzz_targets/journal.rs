//! Whatever bytes lie in a journal's files, opening it ends without a panic, what can be read of it is
//! bounded by the files, and what is appended afterwards is there at the next opening.
#![no_main]

use libfuzzer_sys::{arbitrary, fuzz_target};
use millpond_journal::sim::Sim;
use millpond_journal::{Header, Home, Journal, Options, Origin, decode};

/// Frames whose checksum is right, so that what lies behind the checksum is reached, too.
#[derive(Debug, arbitrary::Arbitrary)]
struct Frame {
    segment: u8,
    offset: u16,
    group: u8,
    first: u8,
    count: u8,
    group_start: u16,
    payload: Vec<u8>,
}

#[derive(Debug, arbitrary::Arbitrary)]
struct Input {
    checkpoint: Vec<u8>,
    accepted: Vec<u8>,
    segments: [Vec<u8>; 3],
    frames: Vec<Frame>,
    /// Places to damage in a journal that was in order: file, offset and bits.
    flips: Vec<(u8, u16, u8)>,
}

fn options() -> Options {
    Options {
        segment_bytes: 1024,
        max_bytes: 64 * 1024,
        origin: Origin { journal: Some(0), ..Origin::default() },
    }
}

fn name(segment: usize) -> String {
    format!("{segment:016x}.segment")
}

/// Some segments of records, then whatever the input does to them.
fn damaged(input: &Input) -> Sim {
    let sim = Sim::new(1);
    let (mut journal, _) = Journal::open(sim.clone(), options()).expect("nothing is there yet");
    for record in 0..20 {
        journal.append(&[[record; 90]]).expect("there is room");
        journal.sync().expect("no fault is injected");
    }
    drop(journal);
    if !input.checkpoint.is_empty() {
        sim.put("checkpoint", &input.checkpoint);
    }
    if !input.accepted.is_empty() {
        sim.put("accepted", &input.accepted);
    }
    for (segment, bytes) in input.segments.iter().enumerate().filter(|(_, bytes)| !bytes.is_empty()) {
        sim.put(&name(segment), bytes);
    }
    for frame in &input.frames {
        let segment = usize::from(frame.segment % 4);
        let home = Home { journal: 0, segment: segment as u64 };
        let header = Header {
            length: frame.payload.len() as u32,
            checksum: 0,
            group: frame.group.into(),
            first: frame.first.into(),
            count: frame.count.into(),
            group_start: frame.group_start.into(),
        };
        let mut bytes = header.sealed(home, &frame.payload).bytes().to_vec();
        bytes.extend_from_slice(&frame.payload);
        if let Some((header, records)) = decode(home, &bytes) {
            assert_eq!(records.count(), header.count as usize);
        }
        let mut file = sim.contents(&name(segment)).unwrap_or_default();
        let begin = usize::from(frame.offset) % 1024 / 8 * 8;
        file.resize(file.len().max(begin + bytes.len()), 0);
        file[begin..begin + bytes.len()].copy_from_slice(&bytes);
        sim.put(&name(segment), &file);
    }
    for (file, offset, bits) in &input.flips {
        let name = if file % 4 == 3 { "checkpoint".to_owned() } else { name(usize::from(file % 4)) };
        let length = sim.contents(&name).map_or(0, |bytes| bytes.len());
        if length > 0 {
            sim.flip(&name, u64::from(*offset) % length as u64, *bits);
        }
    }
    sim
}

fuzz_target!(|input: Input| {
    let sim = damaged(&input);
    let Ok((mut journal, report)) = Journal::open(sim.clone(), options()) else { return };
    let _ = report.damages.iter().map(ToString::to_string).collect::<Vec<_>>();
    for accepted in [false, true] {
        if accepted {
            journal.accept_damage().expect("no fault is injected");
        }
        let mut reader = journal.reader(journal.committed_sequence()).expect("it is in range");
        let mut read = 0;
        while let Ok(Some(records)) = reader.next_records() {
            read += records.count();
            assert!(read < 100_000, "more was read than the files can hold");
        }
    }
    let Ok(range) = journal.append(&["new"]) else { return };
    journal.sync().expect("no fault is injected");
    drop(journal);
    let (mut journal, _) = Journal::open(sim, options()).expect("it was open a moment ago");
    journal.accept_damage().expect("no fault is injected");
    let mut reader = journal.reader(range.start).expect("it was synced");
    let records = reader.next_records().expect("it is whole").expect("it was synced");
    assert_eq!(records.collect::<Vec<_>>(), [(range.start, &b"new"[..])]);
});
