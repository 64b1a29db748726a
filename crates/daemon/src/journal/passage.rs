use std::collections::HashMap;
use std::sync::Arc;

use millpond_delivery::{Arrears, Owed, Ticket, TicketInfo};
use millpond_event::{Buffer, BufferPool, Slice};
use millpond_ingest::Routes;
use millpond_queue::Permit;
use millpond_runtime::admission::{Dispatch, DispatchError};

use super::record::{self, Record};

/// From the journal into the pipelines.
pub(crate) struct Passage {
    routes: HashMap<Arc<str>, Routes>,
    pool: BufferPool,
}

impl Passage {
    /// Into the pipelines that `routes` lead to, by source; with buffers from `pool`.
    pub(crate) fn new(routes: HashMap<Arc<str>, Routes>, pool: BufferPool) -> Self {
        Passage { routes, pool }
    }

    fn buffer(&self, lines: &[u8]) -> Buffer {
        let usual = self.pool.buffer_bytes();
        if (usual / 2..=usual).contains(&lines.len()) {
            let mut buffer = self.pool.take();
            buffer[..lines.len()].copy_from_slice(lines);
            return buffer;
        }
        Buffer::from_vec(lines.to_vec())
    }
}

impl Dispatch for Passage {
    type Batch = Slice;

    fn read(
        &mut self,
        record: &[u8],
        sequence: u64,
    ) -> Result<Option<(Slice, TicketInfo)>, String> {
        let Record::Chunk(kept) = record::read(record)? else {
            return Ok(None);
        };
        // A source that is no longer read keeps its name, for the error that says so.
        let known = self.routes.get_key_value(kept.source);
        let source = known.map_or_else(|| kept.source.into(), |(name, _)| name.clone());
        let bytes = kept.lines.len() as u64;
        let chunk = kept.chunk(source, |lines| self.buffer(lines));
        chunk.set_kept(sequence);
        let chunk = Arc::new(chunk);
        let slice = Slice::whole(chunk).ok_or("a chunk without events")?;
        let origin = slice.chunk().origin();
        let info = TicketInfo {
            partition: origin.partition,
            first_sequence: origin.first_sequence,
            events: slice.len() as u64,
            bytes,
            ..TicketInfo::default()
        };
        Ok(Some((slice, info)))
    }

    fn dispatch(
        &mut self,
        slice: Slice,
        permit: Arc<Permit>,
        ticket: Ticket,
        sequence: u64,
        received_nanos: u64,
    ) -> Result<(), DispatchError> {
        let source = &slice.chunk().origin().source;
        let Some(routes) = self.routes.get(source) else {
            return Err(DispatchError::Refused(format!(
                "no pipeline reads source {source:?} any more"
            )));
        };
        // What has no key goes to the same shard whenever it is read: what a sink has of it is told by
        // shard.
        let submitted = routes.submit(&slice, &permit, ticket, sequence, received_nanos);
        futures_lite::future::block_on(submitted).map_err(|_| DispatchError::Gone)
    }

    fn is_for(&self, slice: &Slice, arrears: &Arrears) -> bool {
        let routes = self.routes.get(&slice.chunk().origin().source);
        routes.is_some_and(|routes| routes.lead_to(arrears))
    }

    fn dispatch_late(
        &mut self,
        slice: Slice,
        permit: Arc<Permit>,
        ticket: Ticket,
        owed: &Owed,
        received_nanos: u64,
    ) -> Result<(), DispatchError> {
        let Some(routes) = self.routes.get(&slice.chunk().origin().source) else {
            return Err(DispatchError::Refused("no pipeline reads it".to_owned()));
        };
        let submitted = routes.submit_late(&slice, &permit, ticket, owed, received_nanos);
        futures_lite::future::block_on(submitted).map_err(|_| DispatchError::Gone)
    }
}
