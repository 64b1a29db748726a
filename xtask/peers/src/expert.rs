//! What an expert would write in a day: a struct for the event whose strings stay where they were read, `sonic-rs` to
//! read and to write it, large reads, and buffers that are used again.

mod blocks;
mod event;

use std::io::{Read, Write};

use anyhow::Context;

use crate::door::{Counts, is_blank};
use crate::output::{BUFFER, Outputs};
use blocks::Blocks;
use event::Event;

/// Rows are handed on when there are this many bytes of them; the room behind it is for the last one.
const FULL: usize = BUFFER - (16 << 10);

/// Works until the connection ends.
pub(crate) fn run(stream: impl Read, outputs: &mut Outputs) -> anyhow::Result<Counts> {
    let mut blocks = Blocks::of(stream);
    let mut counts = Counts::default();
    let mut rows = Vec::with_capacity(BUFFER);
    while let Some(block) = blocks.next().context("the connection broke")? {
        // One check for all lines. Only where it fails, each line is looked at by itself.
        let text = simdutf8::basic::from_utf8(block).ok();
        let mut begin = 0;
        while begin < block.len() {
            let end = memchr::memchr(b'\n', &block[begin..]).map_or(block.len(), |at| begin + at);
            let line = &block[begin..end];
            let line_text = match text {
                Some(text) => Some(&text[begin..end]),
                None => simdutf8::basic::from_utf8(line).ok(),
            };
            begin = end + 1;
            if is_blank(line) {
                continue;
            }
            counts.received += 1;
            let Some(mut event) = line_text.and_then(Event::read) else {
                counts.malformed += 1;
                outputs.reject(line)?;
                continue;
            };
            if !event.weigh() {
                counts.filtered += 1;
                continue;
            }
            event.write(&mut rows)?;
            counts.written += 1;
            if rows.len() >= FULL {
                outputs.rows.write_all(&rows).context("cannot write rows")?;
                rows.clear();
            }
        }
    }
    outputs.rows.write_all(&rows).context("cannot write rows")?;
    Ok(counts)
}
