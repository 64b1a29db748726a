use std::ops::Range;
use std::sync::Arc;

use millpond_queue::{Permit, Weight};
use tracing::Span;

use super::doubt::Doubt;
use crate::codec::Codec;

/// Batches of one shard that go to a child together, request by request.
pub(crate) struct Haul<C: Codec> {
    batches: Vec<Loaded<C::Batch>>,
    /// How many of their events have been run.
    pub(super) done: usize,
    pub(super) doubt: Doubt,
    /// Events that were alone with children that died before, with how many, the last first.
    pub(super) suspects: Vec<(usize, u32)>,
    /// The worker slept before its first batch.
    pub(super) woken: bool,
    /// Nanoseconds spent on it so far.
    pub(super) spent: u64,
    /// Bytes of all its events.
    pub(super) bytes: u64,
    /// Of the batches whose chunks are followed.
    pub(super) spans: Vec<Span>,
}

/// A batch, and where its events lie in the haul.
struct Loaded<B> {
    batch: B,
    weight: Weight,
    /// False for one whose events are refused unseen.
    runnable: bool,
    /// Freed with the batch.
    _permit: Option<Arc<Permit>>,
    events: Range<usize>,
}

impl<C: Codec> Haul<C> {
    pub(super) fn new() -> Self {
        Haul {
            batches: Vec::new(),
            done: 0,
            doubt: Doubt::default(),
            suspects: Vec::new(),
            woken: false,
            spent: 0,
            bytes: 0,
            spans: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        batch: C::Batch,
        permit: Option<Arc<Permit>>,
        weight: Weight,
        events: usize,
        runnable: bool,
    ) {
        let from = self.events();
        self.batches.push(Loaded {
            batch,
            weight,
            runnable,
            _permit: permit,
            events: from..from + events,
        });
    }

    /// How many events all its batches have.
    pub(super) fn events(&self) -> usize {
        self.batches.last().map_or(0, |loaded| loaded.events.end)
    }

    pub(crate) fn batches(&self) -> usize {
        self.batches.len()
    }

    /// Every event's batch and place there.
    pub(super) fn each(&self) -> impl Iterator<Item = (&C::Batch, usize)> {
        let batches = self.batches.iter();
        batches.flat_map(|loaded| (0..loaded.events.len()).map(|index| (&loaded.batch, index)))
    }

    /// What has not been run: the place of each batch in the haul, the batch, and the events' places there.
    pub(crate) fn left(&self) -> impl Iterator<Item = (usize, &C::Batch, Range<usize>)> {
        let batches = self.batches.iter().enumerate();
        batches
            .map(|(at, loaded)| {
                let Range { start, end } = loaded.events;
                let from = self.done.clamp(start, end) - start;
                (at, &loaded.batch, from..end - start)
            })
            .filter(|(_, _, within)| !within.is_empty())
    }

    /// What the batches weigh.
    pub(super) fn weights(&self) -> impl Iterator<Item = Weight> {
        self.batches.iter().map(|loaded| loaded.weight)
    }

    /// How many events from `at` on may be run before one that is refused unseen.
    pub(super) fn runnable(&self, at: usize) -> usize {
        let first = self
            .batches
            .partition_point(|loaded| loaded.events.end <= at);
        let end = self.batches[first..]
            .iter()
            .find(|loaded| !loaded.runnable)
            .map_or(self.events(), |loaded| loaded.events.start);
        end.saturating_sub(at)
    }

    /// The batch that event `at` lies in, and its place there.
    pub(super) fn locate(&mut self, at: usize) -> Option<(&mut C::Batch, usize)> {
        let index = self
            .batches
            .partition_point(|loaded| loaded.events.end <= at);
        let loaded = self.batches.get_mut(index)?;
        Some((&mut loaded.batch, at - loaded.events.start))
    }

    /// The batches that these events lie in, with the events' places there.
    pub(super) fn parts(
        &self,
        events: Range<usize>,
    ) -> impl Iterator<Item = (&C::Batch, Range<usize>)> {
        let first = self
            .batches
            .partition_point(|loaded| loaded.events.end <= events.start);
        self.batches[first..]
            .iter()
            .map(move |loaded| {
                let Range { start, end } = loaded.events;
                let from = events.start.max(start) - start;
                (&loaded.batch, from..events.end.clamp(start, end) - start)
            })
            .filter(|(_, within)| !within.is_empty())
    }

    /// Finds the batch and the place in it of events counted from `start`, asked for in their order.
    pub(super) fn finder<'a>(
        &'a self,
        start: usize,
    ) -> impl FnMut(usize) -> Option<(&'a C::Batch, usize)> + use<'a, C> {
        let mut index = self
            .batches
            .partition_point(|loaded| loaded.events.end <= start);
        move |event| {
            let at = start + event;
            loop {
                let loaded = self.batches.get(index)?;
                if at < loaded.events.end {
                    return Some((&loaded.batch, at.checked_sub(loaded.events.start)?));
                }
                index += 1;
            }
        }
    }
}
