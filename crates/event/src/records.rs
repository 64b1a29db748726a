//! Encoded records on their way to a sink.

use crate::Position;

/// Rows of bytes in one buffer, each with the input it came from. Nothing is put between rows: an encoder of
/// lines ends each row in its own `\n`.
///
/// ```
/// use millpond_event::{Event, Records};
/// # fn main() -> Result<(), millpond_event::ParseError> {
/// let event = Event::parse(br#"{"a":1}"#)?;
/// let mut records = Records::default();
/// records.push(0, |row| {
///     event.write_to(row);
///     row.push(b'\n');
/// });
/// assert_eq!(records.bytes(), b"{\"a\":1}\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Records {
    bytes: Vec<u8>,
    rows: Vec<Row>,
    /// Rows of the first event that lie in a batch before this one.
    earlier: u32,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    end: usize,
    sequence: u64,
    ordinal: u32,
    input: u32,
}

impl Records {
    /// The bytes of all rows, one after another.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes all rows out; the memory stays for the next ones.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.earlier = 0;
    }

    /// How many rows of the first row's event came before this batch: 0, unless somebody cut it.
    pub fn earlier(&self) -> u32 {
        self.earlier
    }

    /// Says that `rows` rows of the first row's event came before this batch.
    pub fn set_earlier(&mut self, rows: u32) {
        self.earlier = rows;
    }

    /// The bytes of row `i`.
    ///
    /// # Panics
    /// If `i` is not below [`len`](Self::len), as does [`input`](Self::input).
    pub fn row(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.rows[i - 1].end };
        &self.bytes[start..self.rows[i].end]
    }

    /// The input that row `i` came from, as given to [`push`](Self::push).
    pub fn input(&self, i: usize) -> u32 {
        self.rows[i].input
    }

    /// Where a journal keeps the event that row `i` came from, if one does.
    ///
    /// # Panics
    /// If `i` is not below [`len`](Self::len).
    pub fn position(&self, i: usize) -> Position {
        let Row {
            sequence, ordinal, ..
        } = self.rows[i];
        Position { sequence, ordinal }
    }

    /// Appends one row that came from `input`: what `write` appends to the buffer, even if that is nothing.
    #[inline]
    pub fn push(&mut self, input: u32, write: impl FnOnce(&mut Vec<u8>)) {
        self.push_at(input, Position::NONE, write);
    }

    /// The same for an event that a journal keeps at `position`.
    #[inline]
    pub fn push_at(&mut self, input: u32, position: Position, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        let start = self.end();
        debug_assert!(
            self.bytes.len() >= start,
            "a row's writer cut into the rows before it"
        );
        self.rows.push(Row {
            end: self.bytes.len().max(start),
            sequence: position.sequence,
            ordinal: position.ordinal,
            input,
        });
    }

    /// Appends `length` bytes that `fill` writes, and that are to become rows with [`cut`](Self::cut).
    ///
    /// # Errors
    /// What `fill` says.
    pub fn fill<E>(
        &mut self,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let from = self.bytes.len();
        self.bytes.resize(from + length, 0);
        fill(&mut self.bytes[from..])
    }

    /// Makes the next `length` of the bytes that were filled a row.
    ///
    /// # Panics
    /// If there are not as many.
    #[inline]
    pub fn cut(&mut self, input: u32, position: Position, length: usize) {
        let end = self.end() + length;
        assert!(end <= self.bytes.len(), "{length} bytes are not there");
        self.rows.push(Row {
            end,
            sequence: position.sequence,
            ordinal: position.ordinal,
            input,
        });
    }

    /// Takes away what was filled and did not become rows.
    pub fn unfill(&mut self) {
        self.bytes.truncate(self.end());
    }

    /// Where the last row ends.
    pub fn end(&self) -> usize {
        self.rows.last().map_or(0, |row| row.end)
    }

    /// Where row `i` ends.
    ///
    /// # Panics
    /// If `i` is not below [`len`](Self::len).
    #[inline]
    pub fn row_end(&self, i: usize) -> usize {
        self.rows[i].end
    }

    /// How much memory the rows' buffers hold, in bytes.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity() + self.rows.capacity() * size_of::<Row>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_becomes_rows_or_goes() {
        let mut records = Records::default();
        records.push(1, |row| row.push(b'a'));
        let fill = |text: &'static [u8]| {
            move |bytes: &mut [u8]| {
                bytes.copy_from_slice(text);
                Ok::<(), ()>(())
            }
        };
        records.fill(4, fill(b"bccx")).expect("filled");
        records.cut(2, Position::NONE, 1);
        records.cut(2, Position::NONE, 2);
        records.unfill();
        assert_eq!(records.fill(9, |_| Err(7)), Err(7));
        records.unfill();
        assert_eq!((records.bytes(), records.end()), (&b"abcc"[..], 4));
        let rows: Vec<_> = (0..records.len()).map(|i| records.row(i)).collect();
        assert_eq!(rows, [&b"a"[..], b"b", b"cc"]);
    }

    #[test]
    fn an_empty_row_is_a_row() {
        let mut records = Records::default();
        records.push(7, |row| row.extend_from_slice(b"ab\n"));
        records.push(8, |_| {});
        records.push(8, |row| row.push(b'c'));
        let rows: Vec<_> = (0..records.len())
            .map(|i| (records.input(i), records.row(i)))
            .collect();
        assert_eq!(rows, [(7, &b"ab\n"[..]), (8, b""), (8, b"c")]);
        assert_eq!(records.bytes(), b"ab\nc");
        let held = records.capacity();
        records.clear();
        assert!(records.is_empty() && records.bytes().is_empty() && records.capacity() == held);
    }
}
