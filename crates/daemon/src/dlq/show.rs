//! `millpond dlq show`: the letters themselves.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use millpond_store::{Found, Letters};

use super::{DlqError, damages, filter, folder};
use crate::cli::StoreArgs;

/// How much of an event is shown to people.
const SHOWN: usize = 400;

pub(super) fn show(
    store: StoreArgs,
    wanted: &[String],
    limit: Option<u64>,
    json: bool,
) -> Result<ExitCode, DlqError> {
    let filter = filter(wanted)?;
    let letters = Letters::open(folder(store)?)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut left = limit.unwrap_or(u64::MAX);
    let mut text = Vec::new();
    if left > 0 {
        letters.each(&filter, |found| {
            text.clear();
            if json {
                found.write_line(&mut text);
            } else {
                describe(found, &mut text)?;
            }
            out.write_all(&text)?;
            left -= 1;
            Ok::<_, DlqError>(left > 0)
        })?;
    }
    out.flush()?;
    damages(&letters)
}

/// A few lines for people: nothing in an event can move their cursor.
fn describe(found: &Found<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    let letter = &found.letter;
    let replayed = if found.replayed { ", replayed" } else { "" };
    writeln!(
        out,
        "{}  {}  {} at {} in {}, from {} partition {} event {} byte {}{replayed}",
        found.id,
        found.time(),
        letter.reason.escape_debug(),
        letter.stage.escape_debug(),
        letter.pipeline.escape_debug(),
        letter.source.escape_debug(),
        letter.partition,
        letter.sequence,
        letter.offset,
    )?;
    writeln!(out, "    {}", letter.detail.escape_debug())?;
    let begin = &letter.event[..letter.event.len().min(SHOWN)];
    let whole = letter
        .truncated
        .map_or(letter.event.len() as u64, |cut| cut.length);
    write!(out, "    ")?;
    for character in String::from_utf8_lossy(begin).chars() {
        if character.is_control() {
            write!(out, "{}", character.escape_default())?;
        } else {
            write!(out, "{character}")?;
        }
    }
    if whole > begin.len() as u64 {
        write!(out, " ... {whole} bytes in all")?;
    }
    out.write_all(b"\n\n")
}
