//! What a journal's record says, to the byte. Numbers are little-endian.
//!
//! | bytes | of every record |
//! |---|---|
//! | 0 | version, 1 |
//! | 1 | kind: 1 a letter, 2 marks |
//!
//! Marks are ranges of sequences of letters in the same journal that have been replayed, each as its first and
//! the one behind its last, in 8 bytes each. A letter goes on so:
//!
//! | bytes | of a letter |
//! |---|---|
//! | 2 | flags: 1 rejected, 2 truncated, 4 replayed, 8 a copy |
//! | 3..39 | time, partition, sequence and offset in 8 bytes each, attempts in 4 |
//! | 16, if truncated | length and hash of the original |
//! | 8, if a copy | the sequence of the letter that it is a copy of |
//! | then | pipeline, source, stage, reason, detail: each as its length in 4 bytes and its bytes |
//! | the rest | the original bytes |
//!
//! A purge moves the letters that stay behind the others, as copies, and then lets go of the originals. A copy
//! counts from the moment on that its original is gone, so that a crash between the two doubles and loses none.

use super::ranges::Ranges;
use super::{Class, Letter, Truncated};

const VERSION: u8 = 1;
const LETTER: u8 = 1;
const MARKS: u8 = 2;

const REJECTED: u8 = 1;
const TRUNCATED: u8 = 2;
const REPLAYED: u8 = 4;
const COPY: u8 = 8;

/// Names and details are cut to this, so that a record's fixed part fits into the smallest segment.
const MOST_NAME: usize = 256;
const MOST_DETAIL: usize = 1024;

/// What comes before the texts, at most.
const MOST_NUMBERS: usize = 39 + 16 + 8;

/// What a record says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    Letter(Kept<'a>),
    /// Letters that have been replayed: first and the one behind the last.
    Marks(Vec<(u64, u64)>),
}

/// A letter as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept<'a> {
    pub(crate) letter: Letter<'a>,
    pub(crate) replayed: bool,
    pub(crate) copy_of: Option<u64>,
}

impl Letter<'_> {
    /// Appends the record that the store keeps of this letter.
    pub fn write_record(&self, out: &mut Vec<u8>) {
        let kept = Kept {
            letter: *self,
            replayed: false,
            copy_of: None,
        };
        kept.write(out);
    }
}

impl<'a> Letter<'a> {
    /// Reads what [`Letter::write_record`] wrote.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub fn read_record(record: &'a [u8]) -> std::result::Result<Self, String> {
        match Record::read(record)? {
            Record::Letter(kept) => Ok(kept.letter),
            Record::Marks(_) => Err("marks, expected a letter".to_owned()),
        }
    }
}

impl<'a> Kept<'a> {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let letter = &self.letter;
        let mut flags = 0;
        for (flag, set) in [
            (REJECTED, letter.class == Class::Rejects),
            (TRUNCATED, letter.truncated.is_some()),
            (REPLAYED, self.replayed),
            (COPY, self.copy_of.is_some()),
        ] {
            flags |= if set { flag } else { 0 };
        }
        let texts = [
            (letter.pipeline, MOST_NAME),
            (letter.source, MOST_NAME),
            (letter.stage, MOST_NAME),
            (letter.reason, MOST_NAME),
            (letter.detail, MOST_DETAIL),
        ]
        .map(|(text, most)| beginning(text, most));
        // At once: a buffer that grows with each piece grows ten times for its first letter.
        let named = texts.iter().map(|text| 4 + text.len()).sum::<usize>();
        out.reserve(MOST_NUMBERS + named + letter.event.len());
        out.extend_from_slice(&[VERSION, LETTER, flags]);
        for number in [
            letter.time_micros,
            letter.partition,
            letter.sequence,
            letter.offset,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&letter.attempts.to_le_bytes());
        if let Some(Truncated { length, hash }) = letter.truncated {
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&hash.to_le_bytes());
        }
        if let Some(original) = self.copy_of {
            out.extend_from_slice(&original.to_le_bytes());
        }
        for text in texts {
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(letter.event);
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        let [flags] = take::<1>(&mut rest)?;
        let number = |rest: &mut &[u8]| take::<8>(rest).map(u64::from_le_bytes);
        let time_micros = number(&mut rest)?;
        let partition = number(&mut rest)?;
        let sequence = number(&mut rest)?;
        let offset = number(&mut rest)?;
        let attempts = u32::from_le_bytes(take(&mut rest)?);
        let truncated = match flags & TRUNCATED {
            0 => None,
            _ => Some(Truncated {
                length: number(&mut rest)?,
                hash: number(&mut rest)?,
            }),
        };
        let copy_of = match flags & COPY {
            0 => None,
            _ => Some(number(&mut rest)?),
        };
        let (pipeline, source) = (text(&mut rest)?, text(&mut rest)?);
        let (stage, reason) = (text(&mut rest)?, text(&mut rest)?);
        let detail = text(&mut rest)?;
        let class = match flags & REJECTED {
            0 => Class::Accepted,
            _ => Class::Rejects,
        };
        let letter = Letter {
            class,
            time_micros,
            pipeline,
            source,
            partition,
            sequence,
            offset,
            stage,
            reason,
            detail,
            attempts,
            event: rest,
            truncated,
        };
        Some(Kept {
            letter,
            replayed: flags & REPLAYED != 0,
            copy_of,
        })
    }
}

impl<'a> Record<'a> {
    /// Reads a record, or says what is wrong with it.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        match bytes {
            [VERSION, LETTER, rest @ ..] => Kept::read(rest).map(Record::Letter),
            [VERSION, MARKS, rest @ ..] => marks(rest).map(Record::Marks),
            [VERSION, kind, ..] => return Err(format!("is of kind {kind}, expected 1 or 2")),
            [version, ..] => {
                return Err(format!(
                    "is of version {version}, expected {VERSION}: it was written by another release"
                ));
            }
            [] => None,
        }
        .ok_or_else(|| format!("has {} bytes, expected more", bytes.len()))
    }
}

/// Records that mark these letters as replayed, none longer than `most`.
pub(crate) fn write_marks(ranges: &Ranges, most: usize) -> Vec<Vec<u8>> {
    let ranges: Vec<_> = ranges.iter().collect();
    let one = |ranges: &[(u64, u64)]| {
        let mut record = vec![VERSION, MARKS];
        for (from, to) in ranges {
            record.extend_from_slice(&from.to_le_bytes());
            record.extend_from_slice(&to.to_le_bytes());
        }
        record
    };
    ranges.chunks((most / 16).max(2) - 1).map(one).collect()
}

fn marks(rest: &[u8]) -> Option<Vec<(u64, u64)>> {
    let (pairs, left) = rest.as_chunks::<16>();
    let pair = |mut pair: &[u8]| Some((take(&mut pair)?, take(&mut pair)?));
    let number = u64::from_le_bytes;
    let pairs = pairs.iter().map(|bytes| pair(bytes));
    left.is_empty()
        .then(|| pairs.flatten().map(|(from, to)| (number(from), number(to))))
        .map(Iterator::collect)
}

/// At most `most` bytes of `text`, whole characters.
fn beginning(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = u32::from_le_bytes(take(rest)?) as usize;
    let (text, left) = rest.split_at_checked(length)?;
    *rest = left;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_letter_reads_back_as_written_and_cut_ones_are_refused(
            numbers: [u64; 7], attempts: u32, flags: [bool; 4], names in prop::array::uniform4(".{0,40}"),
            detail in ".{0,200}", event in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let [pipeline, source, stage, reason] = &names;
            let letter = Letter {
                class: if flags[0] { Class::Rejects } else { Class::Accepted },
                time_micros: numbers[0], partition: numbers[1], sequence: numbers[2], offset: numbers[3],
                pipeline, source, stage, reason, detail: &detail, attempts, event: &event,
                truncated: flags[1].then_some(Truncated { length: numbers[4], hash: numbers[5] }),
            };
            let kept = Kept { letter, replayed: flags[2], copy_of: flags[3].then_some(numbers[6]) };
            let mut bytes = Vec::new();
            kept.write(&mut bytes);
            prop_assert_eq!(Record::read(&bytes), Ok(Record::Letter(kept)));
            for cut in 0..bytes.len() - event.len() {
                prop_assert!(Record::read(&bytes[..cut]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::read(&bytes);
            let _ = Record::read(&[&[1, 1], &bytes[..]].concat());
        }
    }

    #[test]
    fn names_and_details_of_any_length_leave_a_record_that_fits_the_smallest_segment() {
        let long = "\u{fc}".repeat(5_000);
        let letter = Letter {
            pipeline: &long,
            source: &long,
            stage: &long,
            reason: &long,
            detail: &long,
            ..Letter::default()
        };
        let mut bytes = Vec::new();
        letter.write_record(&mut bytes);
        assert!(bytes.len() < 2_200, "{}", bytes.len());
        assert!(Record::read(&bytes).is_ok());
    }

    #[test]
    fn marks_are_cut_into_records_that_fit() {
        let mut ranges = Ranges::default();
        (0..100).for_each(|number| ranges.add(3 * number, 3 * number + 1));
        let records = write_marks(&ranges, 200);
        assert!(records.iter().all(|record| record.len() <= 200));
        let mut read = Vec::new();
        for record in &records {
            match Record::read(record) {
                Ok(Record::Marks(marks)) => read.extend(marks),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(read, ranges.iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_record_of_another_release_is_told() {
        let problem = Record::read(&[2, 1, 0]).unwrap_err();
        assert!(problem.contains("version 2, expected 1"), "{problem}");
    }
}
