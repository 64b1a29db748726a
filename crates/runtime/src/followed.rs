//! Batches of chunks that are followed: see `millpond-spans`.

use std::time::Duration;

use millpond_spans::Stage;

use crate::codec::Codec;
use crate::shard::Shard;

impl<C: Codec> Shard<C> {
    /// Runs the events of the current batch like any other's, but times each of them, and notes what each stage did
    /// meanwhile in the span of the batch.
    #[cold]
    pub(crate) fn work_followed(&mut self, begun: u64, until: u64, watched: bool) -> bool {
        let span = self
            .current
            .as_mut()
            .and_then(|current| current.span.take());
        self.line.publish();
        let over = match watched {
            true => self.work_through::<true, true>(begun, until),
            false => self.work_through::<true, false>(begun, until),
        };
        let Some(span) = span else { return over };
        for (name, counts) in self.line.unpublished() {
            if counts.entered == 0 {
                continue;
            }
            let done = Stage {
                name,
                events_in: counts.entered,
                events_out: counts.passed + counts.emitted,
                failed: counts.failed,
                took: Duration::from_nanos(counts.timed_nanos),
            };
            millpond_spans::stage(&span, &done);
        }
        if let Some(current) = &mut self.current {
            current.span = Some(span);
        }
        over
    }
}
