use millpond_engine::Timestamp;

use crate::codec::Codec;

/// How a codec's events and rows cross to a process and back, as bytes.
pub trait Wire: Codec {
    /// False for a batch whose events need not run because [`Codec::decode`] refuses them unseen.
    fn is_runnable(&self, batch: &Self::Batch) -> bool;

    /// Whether all events of the batch are known to be UTF-8, which the other side need not look at again.
    fn is_utf8(&self, batch: &Self::Batch) -> bool;

    /// How many bytes event `index` has.
    fn event_bytes(&self, batch: &Self::Batch, index: usize) -> usize;

    /// How many bytes all events have.
    fn batch_bytes(&self, batch: &Self::Batch) -> u64 {
        (0..self.len(batch))
            .map(|index| self.event_bytes(batch, index) as u64)
            .sum()
    }

    /// Appends the bytes of event `index`.
    fn put_event(&self, batch: &Self::Batch, index: usize, into: &mut Vec<u8>);

    /// Makes a batch of events that have crossed: event `i` ends at `ends[i]`, where the next one begins.
    /// `fill` writes all their bytes, `ends[ends.len() - 1]` of them.
    ///
    /// # Errors
    /// Whatever `fill` says.
    fn batch(
        &mut self,
        ends: &[u32],
        utf8: bool,
        received: Timestamp,
        fill: &mut dyn FnMut(&mut [u8]) -> std::io::Result<()>,
    ) -> std::io::Result<Self::Batch>;

    /// Appends an item's bytes.
    fn put_item(&self, item: &Self::Item, into: &mut Vec<u8>);

    /// The item of which [`put_item`](Wire::put_item) wrote the bytes, if they are those of one.
    fn item(&self, bytes: &[u8]) -> Option<Self::Item>;

    /// The bytes of an output's rows.
    fn row_bytes<'a>(&self, output: &'a Self::Output) -> &'a [u8];

    /// Where in them row `row` ends.
    fn row_end(&self, output: &Self::Output, row: u64) -> u64;

    /// Takes rows out; the memory stays.
    fn clear(&self, output: &mut Self::Output);

    /// Appends `length` bytes, which `fill` writes, and which become rows with [`add_rows`](Wire::add_rows).
    ///
    /// # Errors
    /// Whatever `fill` says.
    fn fill_rows(
        &self,
        output: &mut Self::Output,
        length: usize,
        fill: &mut dyn FnMut(&mut [u8]) -> std::io::Result<()>,
    ) -> std::io::Result<()>;

    /// Takes bytes away that were filled and did not become rows.
    fn unfill_rows(&self, output: &mut Self::Output);

    /// Says what rows the bytes are that [`fill_rows`](Wire::fill_rows) appended. `from` finds the batch
    /// and the place in it of the event that a row came from; it is asked in the order of the events.
    fn add_rows<'a>(
        &self,
        output: &mut Self::Output,
        rows: Rows<'_>,
        from: &mut dyn FnMut(u32) -> Option<(&'a Self::Batch, usize)>,
    );
}

/// The rows of a reply for one sink.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The ordinal of the request's first event in its consignment.
    pub base: u32,
    /// By row: which event of the request it came from; [`u32::MAX`] for none.
    pub inputs: &'a [u32],
    /// By row: where it ends in the bytes of this reply.
    pub ends: &'a [u32],
}

impl Rows<'_> {
    /// The input of a row, as given to [`Codec::encode`].
    pub fn input(&self, row: usize) -> u32 {
        match self.inputs[row] {
            u32::MAX => u32::MAX,
            input => self.base.wrapping_add(input),
        }
    }
}
