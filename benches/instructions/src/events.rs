//! What an event costs by itself: found, keyed, decoded, edited, written.

use std::hint::black_box;

use millpond_event::{Event, KeyPath, Path, Slice, SplitScratch};

use crate::case::{Case, Failure, Work};
use crate::lines::{CHUNK, CLICKS, Supply};
use crate::rig::SHARDS;

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, beyond, prepare| Case {
        name,
        beyond,
        prepare,
    };
    vec![
        case("frame", None, frame as fn() -> _),
        case("key", None, key),
        case("decode", None, decode),
        case("edit", Some("decode"), edit),
        case("encode", Some("edit"), encode),
    ]
}

/// UTF-8 is checked, and the lines of a chunk are found.
fn frame() -> Result<Work, Failure> {
    let supply = Supply::new(CLICKS);
    let round = move || {
        black_box(supply.slice().is_ok());
    };
    Ok(Work::new(Supply::new(CLICKS).events(), round))
}

/// The keys are found and hashed, and the lines sorted by shard.
fn key() -> Result<Work, Failure> {
    let slice = Supply::new(CLICKS).slice()?;
    let path = KeyPath::parse("user_id")?;
    let mut scratch = SplitScratch::default();
    let round = move || {
        slice.split(&path, SHARDS as u32, 0, &mut scratch, |shard, part| {
            black_box((shard, part.len()));
        });
    };
    Ok(Work::new(Supply::new(CLICKS).events(), round))
}

/// The text is judged and indexed.
fn decode() -> Result<Work, Failure> {
    over(Supply::new(CLICKS).slice()?, |event| {
        black_box(event);
    })
}

/// One field is read, one set, and one below another removed.
fn edit() -> Result<Work, Failure> {
    let edits = Edits::new()?;
    over(Supply::new(CLICKS).slice()?, move |event| {
        edits.make(event);
        black_box(event);
    })
}

/// The event is written with these edits.
fn encode() -> Result<Work, Failure> {
    let edits = Edits::new()?;
    let mut text = Vec::with_capacity(2 * CHUNK);
    over(Supply::new(CLICKS).slice()?, move |event| {
        edits.make(event);
        if text.len() > CHUNK {
            text.clear();
        }
        event.write_to(&mut text);
        text.push(b'\n');
        black_box(event);
    })
}

/// Rounds in which every event of the slice is read and, if it is one, worked on.
pub(crate) fn over(
    slice: Slice,
    mut work: impl FnMut(&mut Event) + 'static,
) -> Result<Work, Failure> {
    let mut event = Event::default();
    let events = slice.len() as u64;
    let round = move || {
        for i in 0..slice.len() {
            if read(&mut event, &slice, i) {
                work(&mut event);
            }
        }
    };
    Ok(Work::new(events, round))
}

/// Never inlined, so that it is the same code in every case whose count it is taken off.
#[inline(never)]
fn read(event: &mut Event, slice: &Slice, i: usize) -> bool {
    event.read(slice, i).is_ok()
}

struct Edits {
    kind: Path,
    weight: Path,
    agent: Path,
}

impl Edits {
    fn new() -> Result<Self, Failure> {
        Ok(Edits {
            kind: Path::parse("type")?,
            weight: Path::parse("weight")?,
            agent: Path::parse("context.ua")?,
        })
    }

    #[inline(never)]
    fn make(&self, event: &mut Event) {
        let weight = match event.get_str(&self.kind).as_deref() {
            Some("click") => 1,
            Some("add_to_cart") => 3,
            _ => 10,
        };
        black_box(event.set(&self.weight, weight).is_ok());
        black_box(event.remove(&self.agent));
    }
}
