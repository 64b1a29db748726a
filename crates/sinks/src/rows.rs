use millpond_delivery::Lane;
use millpond_event::{Position, Records};

/// Where in its lane a row belongs: the same when its event is run again, and rising from row to row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Where the journal keeps the event that it came from.
    pub position: Position,
    /// Which of that event's rows in this sink it is, from 0.
    pub output: u32,
}

/// A run of encoded rows: a batch, or what is left of one.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    records: &'a Records,
    first: usize,
    count: usize,
    bytes: &'a [u8],
    lane: Option<&'a Lane>,
}

impl<'a> Rows<'a> {
    /// All rows of a batch that no lane is known of.
    pub fn whole(records: &'a Records) -> Self {
        Rows {
            records,
            first: 0,
            count: records.len(),
            bytes: records.bytes(),
            lane: None,
        }
    }

    /// All rows of a batch of `lane`.
    pub fn of(records: &'a Records, lane: &'a Lane) -> Self {
        Rows {
            lane: Some(lane),
            ..Rows::whole(records)
        }
    }

    /// The lane that the rows come from, if it is known.
    pub fn lane(&self) -> Option<&'a Lane> {
        self.lane
    }

    /// Where in its lane a row belongs, if a journal keeps the event that it came from.
    ///
    /// # Panics
    /// When `index` is not below [`Rows::len`].
    pub fn place(&self, index: usize) -> Option<Place> {
        assert!(index < self.count, "row {index} of {}", self.count);
        let at = self.first + index;
        let position = self.records.position(at);
        if !position.is_some() {
            return None;
        }
        let before = (0..at).rev();
        let before = before.take_while(|&row| self.records.position(row) == position);
        let here = u32::try_from(before.count()).unwrap_or(u32::MAX);
        // A batch holds all rows of its events, unless it was cut in the midst of its first one.
        let first = usize::try_from(here) == Ok(at);
        let earlier = if first { self.records.earlier() } else { 0 };
        Some(Place {
            position,
            output: here.saturating_add(earlier),
        })
    }

    /// Where a journal keeps the event that a row came from, if one does.
    ///
    /// # Panics
    /// When `index` is not below [`Rows::len`].
    pub fn position(&self, index: usize) -> Position {
        assert!(index < self.count, "row {index} of {}", self.count);
        self.records.position(self.first + index)
    }

    /// The rows one after the other, each with its newline.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True for no rows.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One row.
    ///
    /// # Panics
    /// When `index` is not below [`Rows::len`].
    pub fn row(&self, index: usize) -> &'a [u8] {
        assert!(index < self.count, "row {index} of {}", self.count);
        self.records.row(self.first + index)
    }

    /// The first `rows` rows (at most all) and the others.
    pub fn split_at(&self, rows: usize) -> (Rows<'a>, Rows<'a>) {
        let rows = rows.min(self.count);
        let bytes = (0..rows).map(|index| self.row(index).len()).sum();
        let (head, tail) = self.bytes.split_at(bytes);
        (
            Rows {
                count: rows,
                bytes: head,
                ..*self
            },
            Rows {
                first: self.first + rows,
                count: self.count - rows,
                bytes: tail,
                ..*self
            },
        )
    }
}

/// How many bytes the rows of all batches have.
pub(crate) fn total_bytes(batches: &[Rows<'_>]) -> usize {
    batches.iter().map(|rows| rows.bytes().len()).sum()
}

/// How many rows there are in all batches.
pub(crate) fn total_rows(batches: &[Rows<'_>]) -> usize {
    batches.iter().map(Rows::len).sum()
}

/// The leading rows that fit into `space` bytes, and the others.
pub(crate) fn split_to_fit<'a>(
    batches: &[Rows<'a>],
    mut space: u64,
) -> (Vec<Rows<'a>>, Vec<Rows<'a>>) {
    let mut fitting = Vec::new();
    for (index, batch) in batches.iter().enumerate() {
        let bytes = batch.bytes().len() as u64;
        if bytes <= space {
            space -= bytes;
            fitting.push(*batch);
            continue;
        }
        let rows = (0..batch.len())
            .take_while(|&row| {
                let left = space.checked_sub(batch.row(row).len() as u64);
                space = left.unwrap_or(space);
                left.is_some()
            })
            .count();
        let (head, tail) = batch.split_at(rows);
        if !head.is_empty() {
            fitting.push(head);
        }
        let rest = std::iter::once(tail)
            .chain(batches[index + 1..].iter().copied())
            .collect();
        return (fitting, rest);
    }
    (fitting, Vec::new())
}

/// The first `rows` rows (at most all), and the others.
pub(crate) fn split_rows<'a>(
    batches: &[Rows<'a>],
    mut rows: usize,
) -> (Vec<Rows<'a>>, Vec<Rows<'a>>) {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    for batch in batches {
        let (before, behind) = if rows >= batch.len() {
            (*batch, None)
        } else {
            let (before, behind) = batch.split_at(rows);
            (before, Some(behind))
        };
        rows -= before.len();
        head.extend(Some(before).filter(|rows| !rows.is_empty()));
        tail.extend(behind);
    }
    (head, tail)
}

/// Where `written` leading bytes end: whole rows, and bytes of the row after them.
pub(crate) fn locate(batches: &[Rows<'_>], mut written: usize) -> (usize, usize) {
    let mut rows = 0;
    for batch in batches {
        if written >= batch.bytes().len() {
            written -= batch.bytes().len();
            rows += batch.len();
            continue;
        }
        for index in 0..batch.len() {
            let bytes = batch.row(index).len();
            if written < bytes {
                break;
            }
            written -= bytes;
            rows += 1;
        }
        break;
    }
    (rows, written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    fn texts(rows: &[Rows<'_>]) -> String {
        rows.iter()
            .map(|rows| String::from_utf8_lossy(rows.bytes()).into_owned())
            .collect()
    }

    #[test]
    fn a_split_loses_and_repeats_no_row() {
        let (one, two) = (records(["a", "bb", "ccc"]), records(["d"]));
        let all = [Rows::whole(&one), Rows::whole(&two)];
        for space in 0..15 {
            let (fitting, rest) = split_to_fit(&all, space);
            assert!(total_bytes(&fitting) as u64 <= space);
            assert_eq!(texts(&fitting) + &texts(&rest), "a\nbb\nccc\nd\n");
            assert_eq!(total_rows(&fitting) + total_rows(&rest), 4);
            if let Some(next) = rest.first() {
                let fits = total_bytes(&fitting) + next.row(0).len();
                assert!(fits as u64 > space, "a row that fits is left at {space}");
            }
        }
    }

    #[test]
    fn a_split_by_rows_loses_and_repeats_none() {
        let (one, two) = (records(["a", "bb", "ccc"]), records(["d"]));
        let all = [Rows::whole(&one), Rows::whole(&two)];
        for rows in 0..6 {
            let (head, tail) = split_rows(&all, rows);
            assert_eq!(total_rows(&head), rows.min(4));
            assert_eq!(texts(&head) + &texts(&tail), "a\nbb\nccc\nd\n");
        }
    }

    #[test]
    fn a_torn_write_is_located_at_its_row() {
        let (one, two) = (records(["a", "bb"]), records(["ccc"]));
        let all = [Rows::whole(&one), Rows::whole(&two)];
        let expected = [
            (0, 0),
            (0, 1),
            (1, 0),
            (1, 1),
            (1, 2),
            (2, 0),
            (2, 1),
            (2, 2),
            (2, 3),
            (3, 0),
        ];
        for (written, expected) in expected.into_iter().enumerate() {
            assert_eq!(locate(&all, written), expected, "after {written} bytes");
        }
    }

    #[test]
    fn the_tail_of_a_batch_keeps_its_own_rows() {
        let records = records(["a", "bb", "ccc"]);
        let (head, tail) = Rows::whole(&records).split_at(1);
        assert_eq!((head.len(), tail.len()), (1, 2));
        assert_eq!(tail.row(0), b"bb\n");
        assert_eq!(tail.split_at(1).1.bytes(), b"ccc\n");
        assert!(tail.split_at(9).1.is_empty());
    }
}
