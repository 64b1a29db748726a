//! The buffer on a storage that loses what was not synced, against what it was told.

use std::collections::VecDeque;

use millpond_journal::sim::Sim;
use proptest::prelude::*;

use super::*;

const NEVER_SYNCED: u8 = 255;

fn open(sim: &Sim) -> Buffer<Sim> {
    let options = Options {
        segment_bytes: 1 << 10,
        max_bytes: 16 << 10,
        ..Options::default()
    };
    let sim = sim.clone();
    Buffer::open_within(Path::new("b"), options, Box::new(move || Ok(sim.clone())))
        .expect("it opens")
}

fn all(buffer: &mut Buffer<Sim>) -> Vec<(Kept, u8)> {
    let mut read = Vec::new();
    while buffer
        .read(|kept, record| read.push((kept, record[0])))
        .expect("readable")
    {}
    read
}

proptest! {
    /// Whatever is put in, read, settled and cut short by a power cut: what was synced and not settled
    /// comes again, in order, and its rows are counted without reading it.
    #[test]
    fn what_was_synced_and_is_not_delivered_comes_again_in_order(
        rounds in prop::collection::vec((0..40_u8, 0..40_usize, any::<bool>(), 1..9_u32), 1..20),
    ) {
        let sim = Sim::new(7);
        let mut buffer = open(&sim);
        let mut owed: VecDeque<(u8, u32)> = VecDeque::new();
        let mut next = 0_u8;
        for (appends, settles, cut, rows) in rounds {
            for _ in 0..appends {
                match buffer.append(rows, |out| out.extend_from_slice(&[next; 40])) {
                    Ok(_) => {
                        owed.push_back((next, rows));
                        next = (next + 1) % 200;
                    }
                    Err(error) => prop_assert!(error.is_full(), "{}", error),
                }
            }
            buffer.sync().expect("synced");
            if cut {
                // Nobody was told that it is kept, and it may be.
                let _ = buffer.append(1, |out| out.extend_from_slice(&[NEVER_SYNCED; 40]));
                drop(buffer);
                sim.cut_power();
                buffer = open(&sim);
            } else {
                let read = buffer.settled;
                buffer.read = read;
                buffer.open.as_mut().expect("open").reader = None;
            }
            // What was let go of late may come again, and nothing else may.
            let mut read = all(&mut buffer);
            if read.last().is_some_and(|(_, record)| *record == NEVER_SYNCED) {
                owed.push_back((NEVER_SYNCED, 1));
            }
            let again = read.len() - owed.len();
            prop_assert!(cut || again == 0);
            let (held, lost): (u64, u64) = (buffer.held().rows, read.iter().map(|(kept, _)| kept.lost).sum());
            prop_assert_eq!(lost, 0);
            if again == 0 {
                prop_assert_eq!(held, owed.iter().map(|(_, rows)| u64::from(*rows)).sum::<u64>());
            }
            let rest: Vec<u8> = read.drain(again..).map(|(_, record)| record).collect();
            prop_assert_eq!(rest, owed.iter().map(|(record, _)| *record).collect::<Vec<_>>());
            prop_assert!(buffer.is_read());

            buffer.read = buffer.settled;
            buffer.open.as_mut().expect("open").reader = None;
            let read = all(&mut buffer);
            let done = settles.min(owed.len());
            if let Some((kept, _)) = (again + done).checked_sub(1).and_then(|last| read.get(last)) {
                buffer.settle(*kept).expect("settled");
                owed.drain(..done);
            }
        }
    }
}
