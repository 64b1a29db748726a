use std::time::Instant;

use millpond_event::KeyPath;

use crate::memory::{Memory, Reservation, UnderWay};

/// Leaves out what was taken in already.
pub(crate) struct Dedupe {
    /// Where lines have their ids, if they have any.
    pub(crate) field: Option<KeyPath>,
    pub(crate) memory: Memory,
}

/// What is left of a body.
pub(crate) struct Fresh {
    /// How many bytes, at its front.
    pub(crate) filled: usize,
    /// How many events were left out.
    pub(crate) duplicates: u64,
    pub(crate) reservation: Reservation,
}

impl Dedupe {
    /// Moves the lines that are new to the front. `ids`: those of the lines, where the format has them.
    ///
    /// # Errors
    /// When another request has one of them under way.
    pub(crate) fn fresh(
        &self,
        lines: &mut [u8],
        ids: Option<Vec<Option<u128>>>,
        now: Instant,
    ) -> Result<Fresh, UnderWay> {
        let ids = ids.unwrap_or_else(|| match &self.field {
            Some(field) => events(lines).map(|line| field.fingerprint(line)).collect(),
            None => Vec::new(),
        });
        let (reservation, fresh) = self.memory.reserve(ids, now)?;
        let duplicates = fresh.iter().filter(|fresh| !**fresh).count() as u64;
        let mut filled = lines.len();
        if duplicates > 0 {
            filled = retain(lines, &fresh);
        }
        Ok(Fresh {
            filled,
            duplicates,
            reservation,
        })
    }
}

/// The lines that are events.
fn events(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines
        .split(|&byte| byte == b'\n')
        .filter(|line| !is_blank(line))
}

/// Blank lines are no events; see `Chunk`.
fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

/// Keeps the events of which that is said, and those of which nothing is. Says how many bytes are left.
fn retain(lines: &mut [u8], keep: &[bool]) -> usize {
    let mut keep = keep.iter();
    let (mut from, mut to) = (0, 0);
    while from < lines.len() {
        let end = memchr::memchr(b'\n', &lines[from..]).map_or(lines.len(), |at| from + at + 1);
        let text = &lines[from..end];
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        if is_blank(text) || *keep.next().unwrap_or(&true) {
            lines.copy_within(from..end, to);
            to += end - from;
        }
        from = end;
    }
    to
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lines_that_were_taken_in_are_left_out_and_the_others_stay_as_they_are() {
        let dedupe = Dedupe {
            field: Some(KeyPath::parse("id").unwrap()),
            memory: Memory::new(100, Duration::from_secs(60)),
        };
        let now = Instant::now();
        let fresh = |text: &str| {
            let mut lines = text.as_bytes().to_vec();
            let fresh = dedupe.fresh(&mut lines, None, now).unwrap();
            lines.truncate(fresh.filled);
            fresh.reservation.keep(now);
            (String::from_utf8(lines).unwrap(), fresh.duplicates)
        };
        let first = "{\"id\":\"a\"}\n\r\n{\"id\":1}\nnot json\n{\"id\":\"a\",\"n\":2}\n{}";
        let kept = "{\"id\":\"a\"}\n\r\n{\"id\":1}\nnot json\n{}".to_owned();
        assert_eq!(fresh(first), (kept, 1));
        assert_eq!(
            fresh("{\"id\":\"b\"}\n{\"id\":\"a\"}"),
            ("{\"id\":\"b\"}\n".to_owned(), 1)
        );
        assert_eq!(fresh("not json\n{}"), ("not json\n{}".to_owned(), 0));
    }
}
