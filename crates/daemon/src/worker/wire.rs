//! How events and rows cross to the process of a worker and back.

use std::io;
use std::sync::{Arc, LazyLock};

use millpond_engine::Timestamp;
use millpond_event::{Buffer, BufferPool, Chunk, Event, Origin, Position, Records, Slice};
use millpond_runtime::process::{Rows, Wire};

use crate::codec::JsonCodec;

/// Memory that requests are read into, in the process of a worker: most fit.
static ARRIVING: LazyLock<BufferPool> = LazyLock::new(|| BufferPool::new(512 << 10, || 0));

impl Wire for JsonCodec {
    fn is_runnable(&self, slice: &Slice) -> bool {
        slice.chunk().refusal().is_none()
    }

    fn is_utf8(&self, slice: &Slice) -> bool {
        slice.chunk().is_utf8()
    }

    fn event_bytes(&self, slice: &Slice, index: usize) -> usize {
        slice.bytes(index).len()
    }

    fn batch_bytes(&self, slice: &Slice) -> u64 {
        slice.weight() as u64
    }

    fn put_event(&self, slice: &Slice, index: usize, into: &mut Vec<u8>) {
        into.extend_from_slice(slice.bytes(index));
    }

    fn batch(
        &mut self,
        ends: &[u32],
        utf8: bool,
        received: Timestamp,
        fill: &mut dyn FnMut(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<Slice> {
        let length = ends.last().copied().unwrap_or(0) as usize;
        let mut buffer = match length <= ARRIVING.buffer_bytes() {
            true => ARRIVING.take(),
            false => Buffer::from_vec(vec![0; length]),
        };
        fill(&mut buffer[..length])?;
        let origin = Origin {
            source: "".into(),
            partition: 0,
            first_sequence: 0,
            offset: 0,
            received_micros: received.0,
        };
        let chunk = Chunk::known(buffer, length, utf8, origin);
        Ok(Slice::packed(Arc::new(chunk), ends))
    }

    fn put_item(&self, event: &Event, into: &mut Vec<u8>) {
        event.write_to(into);
    }

    fn item(&self, bytes: &[u8]) -> Option<Event> {
        Event::parse(bytes).ok()
    }

    fn row_bytes<'a>(&self, rows: &'a Records) -> &'a [u8] {
        // A stage that panicked may have left more.
        &rows.bytes()[..rows.end()]
    }

    fn row_end(&self, rows: &Records, row: u64) -> u64 {
        rows.row_end(row as usize) as u64
    }

    fn clear(&self, rows: &mut Records) {
        rows.clear();
    }

    fn fill_rows(
        &self,
        rows: &mut Records,
        length: usize,
        fill: &mut dyn FnMut(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        rows.fill(length, fill)
    }

    fn unfill_rows(&self, rows: &mut Records) {
        rows.unfill();
    }

    fn add_rows<'a>(
        &self,
        output: &mut Records,
        rows: Rows<'_>,
        from: &mut dyn FnMut(u32) -> Option<(&'a Slice, usize)>,
    ) {
        let mut start = 0;
        for (row, (&event, &end)) in rows.inputs.iter().zip(rows.ends).enumerate() {
            let position = from(event).map_or(Position::NONE, |(slice, at)| slice.position(at));
            output.cut(rows.input(row), position, (end - start) as usize);
            start = end;
        }
    }
}
