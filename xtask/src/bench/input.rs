//! The events that are sent: lines made from a seed, held in memory and sent again and again.

mod lines;

pub(super) use lines::Random;
use lines::line;

/// What lines are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Clickstream events of about 300 bytes.
    Clicks,
    /// Events of about 2 KiB, each with an array of clicks.
    Sessions,
}

/// Lines in memory, and what each of them is.
pub(super) struct Input {
    bytes: Vec<u8>,
    /// The end of each line, behind its line break.
    ends: Vec<usize>,
    kinds: Vec<Kind>,
}

/// What a number of lines holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// All lines.
    pub(super) lines: u64,
    /// Lines that are no JSON.
    pub(super) malformed: u64,
    /// Good lines whose type is `view`.
    pub(super) views: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Malformed,
    View,
    Other,
}

impl Input {
    /// As many lines as a run needs that is not to see the same line again while a cache still holds it; the same seed
    /// makes the same bytes.
    pub(super) fn new(shape: Shape, seed: u64) -> Self {
        let lines = match shape {
            Shape::Clicks => 200_000,
            Shape::Sessions => 30_000,
        };
        Self::generate(shape, seed, lines)
    }

    fn generate(shape: Shape, seed: u64, lines: usize) -> Self {
        let mut random = Random(seed);
        let mut now = 1_790_000_000_000;
        let mut input = Self {
            bytes: Vec::new(),
            ends: Vec::with_capacity(lines),
            kinds: Vec::with_capacity(lines),
        };
        for _ in 0..lines {
            now += random.below(3);
            let (line, kind) = line(shape, &mut random, now);
            input.bytes.extend_from_slice(&line);
            input.bytes.push(b'\n');
            input.ends.push(input.bytes.len());
            input.kinds.push(kind);
        }
        input
    }

    /// The first `events` lines of the endless repetition, in pieces of about `size` bytes that end with a line, each
    /// with its number of lines.
    pub(super) fn pieces(&self, events: u64, size: usize) -> impl Iterator<Item = (&[u8], u64)> {
        let (mut next, mut left) = (0, events);
        std::iter::from_fn(move || {
            if left == 0 || self.ends.is_empty() {
                return None;
            }
            let most = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.ends.len() - next);
            let begin = next.checked_sub(1).map_or(0, |last| self.ends[last]);
            let fitting = self.ends[next..next + most]
                .partition_point(|end| end - begin <= size)
                .max(1);
            let end = self.ends[next + fitting - 1];
            left -= fitting as u64;
            next = (next + fitting) % self.ends.len();
            Some((&self.bytes[begin..end], fitting as u64))
        })
    }

    /// A line of the endless repetition, with its line break.
    pub(super) fn line(&self, index: u64) -> &[u8] {
        let index = (index % self.ends.len() as u64) as usize;
        let begin = index.checked_sub(1).map_or(0, |last| self.ends[last]);
        &self.bytes[begin..self.ends[index]]
    }

    /// What the first `events` lines hold.
    pub(super) fn tally(&self, events: u64) -> Tally {
        let mut tally = Tally {
            lines: events,
            ..Tally::default()
        };
        let distinct = self.kinds.len() as u64;
        for (index, kind) in (0_u64..).zip(&self.kinds) {
            let times = events / distinct + u64::from(index < events % distinct);
            match kind {
                Kind::Malformed => tally.malformed += times,
                Kind::View => tally.views += times,
                Kind::Other => {}
            }
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::workload::ELEMENTS;
    use serde_json::Value;

    /// What a JSON reader of somebody else's makes of `bytes`.
    fn judged(bytes: &[u8]) -> Tally {
        let mut tally = Tally::default();
        for line in bytes
            .strip_suffix(b"\n")
            .unwrap()
            .split(|byte| *byte == b'\n')
        {
            tally.lines += 1;
            match serde_json::from_slice::<Value>(line) {
                Ok(event) if event["type"] == "view" => tally.views += 1,
                Ok(event) => assert!(event["type"].is_string()),
                Err(_) => tally.malformed += 1,
            }
        }
        tally
    }

    #[test]
    fn the_tally_agrees_with_an_independent_reader() {
        let input = Input::generate(Shape::Clicks, 7, 20_000);
        assert_eq!(input.tally(20_000), judged(&input.bytes));
    }

    #[test]
    fn the_pieces_hold_exactly_what_the_tally_says() {
        let input = Input::generate(Shape::Clicks, 3, 1_000);
        for (events, size) in [
            (1, 4096),
            (999, 4096),
            (1_000, 1),
            (2_501, 64 << 10),
            (3_000, 1 << 30),
        ] {
            let mut sent = Vec::new();
            let mut lines = 0;
            for (piece, count) in input.pieces(events, size) {
                assert!(piece.ends_with(b"\n"));
                assert!(piece.len() <= size || count == 1);
                lines += count;
                sent.extend_from_slice(piece);
            }
            assert_eq!(lines, events);
            assert_eq!(
                judged(&sent),
                input.tally(events),
                "{events} in pieces of {size}"
            );
        }
        assert_eq!(input.pieces(0, 4096).count(), 0);
    }

    #[test]
    fn the_mix_is_the_reference_task_s() {
        let input = Input::generate(Shape::Clicks, 1, 50_000);
        let tally = input.tally(50_000);
        assert!((400..600).contains(&tally.malformed), "{tally:?}");
        assert!((34_000..35_300).contains(&tally.views), "{tally:?}");
        let mean = input.bytes.len() / 50_000;
        assert!((295..320).contains(&mean), "{mean} bytes a line");
        let text = String::from_utf8_lossy(&input.bytes);
        for part in [
            "\\u00fcber",
            "über",
            "\"exact\":1.10",
            "18446744073709551615",
            "\\\"quoted\\\"",
            "not json\n",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn every_good_session_has_the_elements_that_are_counted_on() {
        let input = Input::generate(Shape::Sessions, 1, 2_000);
        let tally = input.tally(2_000);
        let elements: Vec<usize> = (0..2_000)
            .filter_map(|index| serde_json::from_slice::<Value>(input.line(index)).ok())
            .filter_map(|event| event["events"].as_array().map(Vec::len))
            .collect();
        assert_eq!(elements.len() as u64, 2_000 - tally.malformed);
        assert!(elements.iter().all(|count| *count as u64 == ELEMENTS));
        assert_eq!(tally.views, 0);
    }

    #[test]
    fn single_lines_are_those_of_the_pieces() {
        let input = Input::generate(Shape::Clicks, 1, 10);
        let single: Vec<u8> = (0..25)
            .flat_map(|index| input.line(index).to_vec())
            .collect();
        let pieces: Vec<u8> = input
            .pieces(25, 4096)
            .flat_map(|piece| piece.0.to_vec())
            .collect();
        assert!(single == pieces);
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes() {
        assert_eq!(
            Input::generate(Shape::Clicks, 1, 100).bytes,
            Input::generate(Shape::Clicks, 1, 100).bytes
        );
        assert_ne!(
            Input::generate(Shape::Clicks, 1, 100).bytes,
            Input::generate(Shape::Clicks, 2, 100).bytes
        );
    }
}
