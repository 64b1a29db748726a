//! Chunks that are followed: whoever waits for their end, and the span that ends with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millpond_delivery::{Settled, TicketInfo};
use millpond_spans::Chunk;

/// Chooses whether a chunk of `source` is followed. If it is, `info` gets its trace, and the chunk another listener, which
/// tells the first one.
pub(crate) fn follow(
    source: &str,
    info: &mut TicketInfo,
    listener: Option<Arc<dyn Settled>>,
) -> Option<Arc<dyn Settled>> {
    let (partition, first) = (info.partition, info.first_sequence);
    let chunk = millpond_spans::chunk(source, partition, first, info.events, info.bytes);
    let Some(chunk) = chunk else {
        return listener;
    };
    info.trace = chunk.trace();
    Some(Arc::new(Traced {
        chunk,
        listener,
        done: AtomicBool::new(false),
    }))
}

struct Traced {
    chunk: Chunk,
    listener: Option<Arc<dyn Settled>>,
    /// The listener said that it waits for nothing more.
    done: AtomicBool,
}

impl Settled for Traced {
    fn durable(&self, ticket: &TicketInfo) {
        self.chunk.durable();
        if let Some(listener) = &self.listener {
            listener.durable(ticket);
        }
    }

    fn waits_for_the_end(&self) -> bool {
        let waits = |listener: &Arc<dyn Settled>| listener.waits_for_the_end();
        if !self.listener.as_ref().is_some_and(waits) {
            self.done.store(true, Ordering::Relaxed);
        }
        true
    }

    fn settled(&self, ticket: &TicketInfo, retry: bool) {
        self.chunk.settled(retry);
        if let Some(listener) = &self.listener
            && !self.done.load(Ordering::Relaxed)
        {
            listener.settled(ticket, retry);
        }
    }
}
