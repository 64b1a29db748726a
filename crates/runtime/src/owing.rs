use millpond_delivery::Part;

use crate::codec::Codec;
use crate::shard::{Open, Shard};

/// What a shard does that stands still while the journal goes on for others.
impl<C: Codec> Shard<C> {
    /// Gives back what has not been run: it will be read from the journal again, from the first event that was not.
    /// What came in by another way ends as abandoned, which asks whoever brought it for a retry.
    pub(crate) fn give_back(&mut self) {
        self.give_back_current();
        self.give_back_haul();
        while let Some(parcel) = self.mailbox.take() {
            let events = parcel.weight.events;
            let (mut inbound, permit) = parcel.open();
            self.owe(&inbound.batch, 0, &mut inbound.part, events);
            drop((inbound, permit));
            self.mailbox.done(events);
        }
    }

    /// The rest of the batch that was begun.
    fn give_back_current(&mut self) {
        if let (Some(current), Some(Open { parts, .. })) = (&self.current, &mut self.open)
            && current.index < current.len
            // It was taken last.
            && let Some(mut part) = parts.pop()
        {
            let left = current.len - current.index;
            self.owe(&current.batch, current.index, &mut part, left as u64);
            self.put_back(part);
        }
        self.close_batch();
    }

    /// The rest of the batches that go to a process together.
    fn give_back_haul(&mut self) {
        let Some(haul) = self.haul.take() else {
            return;
        };
        let mut parts = match &mut self.open {
            Some(open) => std::mem::take(&mut open.parts),
            None => return,
        };
        // They were taken last, one by one.
        let first = parts.len() - haul.batches();
        for (at, batch, within) in haul.left() {
            let events = within.len() as u64;
            self.owe(batch, within.start, &mut parts[first + at], events);
        }
        if let Some(open) = &mut self.open {
            open.parts = parts;
        }
    }

    fn put_back(&mut self, part: Part) {
        if let Some(open) = &mut self.open {
            open.parts.push(part);
        }
    }

    /// Notes that `events` events of the batch, from the one at `index` on, are owed to the shard, and takes them off
    /// the part.
    fn owe(&self, batch: &C::Batch, index: usize, part: &mut Part, events: u64) {
        let Some(mark) = self.codec.kept_at(batch, index) else {
            return;
        };
        let arrears = self.shared.brake.arrears();
        if arrears.give_back(self.number(), mark, events) {
            part.give_back(events);
        }
    }
}
