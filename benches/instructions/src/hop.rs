//! What the way costs an event when nothing is done to it: submitted, put into a mailbox, taken by a worker, handed
//! to the sink's room, confirmed and sealed.

use millpond_engine::{Blueprint, Timestamp};
use millpond_event::Slice;
use millpond_runtime::{Codec, Letter, Refused};

use crate::case::{Case, Failure, Work};
use crate::rig::{Rig, SHARDS};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "hop",
            beyond: Some("frame"),
            prepare: || hop(None),
        },
        Case {
            name: "hop_keyed",
            beyond: Some("frame"),
            prepare: || hop(Some("user_id")),
        },
    ]
}

/// A round is a chunk for every shard.
fn hop(key: Option<&str>) -> Result<Work, Failure> {
    let line = Blueprint::builder().exit("out").build()?;
    let mut rig = Rig::new(line, || Nothing, |rows| *rows = 0, key)?;
    rig.pass();
    let delivered = rig.ledger().totals().delivered;
    if delivered != rig.events() {
        return Err(format!("{delivered} of {} events came out", rig.events()).into());
    }
    Ok(Work::new(rig.events() * SHARDS as u64, move || {
        (0..SHARDS).for_each(|_| rig.pass());
    }))
}

/// Does nothing to an event but count its row.
struct Nothing;

impl Codec for Nothing {
    type Batch = Slice;
    type Item = ();
    type Output = u64;

    fn len(&self, slice: &Slice) -> usize {
        slice.len()
    }

    fn received(&self, slice: &Slice) -> Timestamp {
        Timestamp(slice.chunk().origin().received_micros)
    }

    fn decode(&mut self, _: &mut Slice, _: usize, item: &mut Option<()>) -> Result<(), Refused> {
        *item = Some(());
        Ok(())
    }

    fn encode(&mut self, _exit: usize, _: &mut (), _input: u32, rows: &mut u64) {
        *rows += 1;
    }

    fn encode_letter(&mut self, _: Letter<'_, Self>, _input: u32, _rows: &mut u64) -> bool {
        false
    }

    fn rows(&self, rows: &u64) -> u64 {
        *rows
    }

    fn filled(&self, rows: &u64) -> u64 {
        *rows
    }

    fn bytes(&self, rows: &u64) -> u64 {
        *rows
    }

    fn input(&self, _: &u64, row: u64) -> u32 {
        row as u32
    }
}
