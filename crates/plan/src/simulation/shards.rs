use std::collections::VecDeque;

/// The shards of all flows, one flow's behind the other's.
pub(super) struct Shards {
    shards: Vec<Shard>,
    /// The first shard of each flow.
    first: Vec<usize>,
}

#[derive(Default)]
struct Shard {
    mailbox: VecDeque<Batch>,
    current: Option<Current>,
    claimed: bool,
}

/// A batch in a mailbox.
pub(super) struct Batch {
    /// When it came.
    pub(super) came: f64,
    /// Seconds that it takes a worker that was at work, and one that had to wake for it.
    pub(super) warm: f64,
    pub(super) cold: f64,
    /// Seconds of an event in it, within which no slice ends.
    pub(super) event: f64,
}

/// The batch in work.
struct Current {
    /// Seconds that it still takes.
    left: f64,
    event: f64,
}

impl Shards {
    pub(super) fn new(per_flow: &[usize]) -> Self {
        let mut all = Shards {
            shards: Vec::new(),
            first: Vec::new(),
        };
        for count in per_flow {
            all.first.push(all.shards.len());
            all.shards.extend((0..*count).map(|_| Shard::default()));
        }
        all
    }

    pub(super) fn len(&self) -> usize {
        self.shards.len()
    }

    /// A batch comes to a shard of a flow; which of all that is, if it is ready now.
    pub(super) fn push(&mut self, flow: usize, inside: usize, batch: Batch) -> Option<usize> {
        let number = self.first[flow] + inside;
        let shard = &mut self.shards[number];
        shard.mailbox.push_back(batch);
        (!shard.claimed).then_some(number)
    }

    pub(super) fn claim(&mut self, shard: usize) {
        self.shards[shard].claimed = true;
    }

    /// Gives a shard back; true if it is ready again.
    pub(super) fn release(&mut self, shard: usize) -> bool {
        self.shards[shard].claimed = false;
        !self.is_idle(shard)
    }

    /// Whether nothing is left to do.
    pub(super) fn is_idle(&self, shard: usize) -> bool {
        let shard = &self.shards[shard];
        shard.current.is_none() && shard.mailbox.is_empty()
    }

    /// Takes on the batch in work, or else the next, for `seconds` and to the end of the event, at most: how long
    /// that is, and if the batch is begun with this, when it came. `woken` says that the worker slept until now.
    pub(super) fn piece(&mut self, shard: usize, seconds: f64, woken: bool) -> (f64, Option<f64>) {
        let shard = &mut self.shards[shard];
        let mut begun = None;
        if shard.current.is_none()
            && let Some(batch) = shard.mailbox.pop_front()
        {
            begun = Some(batch.came);
            shard.current = Some(Current {
                left: if woken { batch.cold } else { batch.warm },
                event: batch.event,
            });
        }
        let Some(current) = &mut shard.current else {
            return (0.0, None);
        };
        let events = (seconds / current.event.max(f64::MIN_POSITIVE)).ceil();
        let piece = current.left.min(events * current.event);
        current.left -= piece;
        (piece, begun)
    }

    /// The piece is done; true if its batch is.
    pub(super) fn done(&mut self, shard: usize) -> bool {
        let current = &mut self.shards[shard].current;
        let ended = current.as_ref().is_some_and(|current| current.left <= 0.0);
        if ended {
            *current = None;
        }
        ended
    }
}
