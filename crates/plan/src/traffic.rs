//! What comes into a pipeline, and what a batch of it takes, at any rate.

use crate::look::{Measured, PipelineLook};
use crate::spread::Draw;

/// A connection that brought little rests for so long, and what comes meanwhile is read at once.
const GATHER: f64 = 250e-6;
/// What is little, in bytes.
const LITTLE: f64 = 16_384.0;
/// While this much waits in the process, in bytes, sources rest for so long before each read.
pub(crate) const AHEAD: f64 = 8_388_608.0;
const AHEAD_REST: f64 = 1e-3;
/// The largest chunk that a source reads, in bytes.
const CHUNK: f64 = 524_288.0;
/// What a batch pins at least, in bytes.
const PAGE: f64 = 4096.0;
/// With fewer batches a shard than this, chance decides which seem hot.
const ENOUGH: u64 = 10;
/// With fewer batches than this it is not told how much longer a worker takes that had to wake.
const ENOUGH_TO_TELL: u64 = 200;
/// The sum of more batches than this is taken for their mean.
const MANY: f64 = 32.0;

/// A pipeline at the rate at which it was measured, and how to take it to others.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    /// Its part of all events that are run.
    pub(crate) share: f64,
    /// Chunks a second and connection, if each were read as it comes.
    offered: f64,
    /// Whether connections rest after a read.
    rests: bool,
    /// Events in a chunk.
    pub(crate) chunk: f64,
    /// Batches that become of a chunk.
    pub(crate) clump: f64,
    /// Draws how long a batch takes.
    draw: Draw,
    mean: f64,
    /// How many times as long it takes a worker that had to wake for it, and one that was at work.
    cold: f64,
    warm: f64,
    /// Seconds of it that do not depend on its events.
    fixed: f64,
    /// Seconds between batches, for each.
    between: f64,
    /// Bytes of an event on its way in.
    raw: f64,
    /// Where a key decides: each shard's part of the work.
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) shards: usize,
}

/// A pipeline at some rate.
#[derive(Clone, Debug)]
pub(crate) struct Flow<'a> {
    pub(crate) traffic: &'a Traffic,
    /// Chunks a second.
    pub(crate) arrivals: f64,
    /// Batches that become of one.
    pub(crate) clump: f64,
    /// So many times the events of a measured batch are in one.
    growth: f64,
    pub(crate) events: f64,
}

impl Traffic {
    pub(crate) fn of(measured: &Measured) -> Vec<Traffic> {
        let look = &measured.look;
        let ran = look.pipelines.iter().filter(|one| one.took.count() > 0);
        let all: u64 = ran.clone().map(|one| one.events).sum();
        let raw = look.received_bytes as f64 / look.received_events.max(1) as f64;
        ran.filter_map(|one| Self::one(one, measured, all as f64, raw))
            .collect()
    }

    fn one(look: &PipelineLook, measured: &Measured, all: f64, raw: f64) -> Option<Self> {
        let (batches, events) = (look.batches as f64, look.events as f64);
        // What was taken in before is run meanwhile, too.
        let arrivals = look.arrivals.max(1) as f64;
        let chunk = events / arrivals;
        let whole = &measured.look;
        let readers = whole.connections.max(1) as f64;
        let read = arrivals / measured.seconds / readers;
        let rests = chunk * raw < LITTLE;
        let rest = if rests { GATHER } else { 0.0 };
        let spent: f64 = look.shards.iter().sum();
        let (fixed, mean) = (fixed(look), look.took.mean());
        let (cold, warm) = cold_and_warm(look);
        Some(Traffic {
            share: events / all,
            // Where nobody waited for anything, batches are as they are.
            offered: if whole.closed_loop {
                0.0
            } else {
                read / (1.0 - read * rest).max(0.05)
            },
            rests,
            chunk,
            clump: (batches / arrivals).max(1.0),
            draw: Draw::of(&look.took)?,
            mean,
            cold,
            warm,
            fixed,
            between: ((spent - look.took.seconds) / batches).max(0.0),
            raw,
            weights: weights(look),
            shards: look.shards.len().max(1),
        })
    }

    /// At so many events a second over all pipelines.
    pub(crate) fn at(&self, rate: f64, measured_rate: f64) -> Flow<'_> {
        let rest = if self.rests { GATHER } else { 0.0 };
        self.flow(rate, measured_rate, rest)
    }

    /// The same while so much waits that sources hold back.
    pub(crate) fn ahead(&self, rate: f64, measured_rate: f64) -> Flow<'_> {
        self.flow(rate, measured_rate, AHEAD_REST)
    }

    fn flow(&self, rate: f64, measured_rate: f64, rest: f64) -> Flow<'_> {
        let measured = 1.0 + self.offered * if self.rests { GATHER } else { 0.0 };
        let now = 1.0 + self.offered * rate / measured_rate * rest;
        let most = (CHUNK / (self.raw * self.chunk).max(1.0)).max(1.0);
        let grown = (now / measured).clamp(1.0 / self.chunk.max(1.0), most);
        let clump = self.clump_of(self.chunk * grown);
        let events = rate * self.share;
        Flow {
            traffic: self,
            arrivals: events / (self.chunk * grown),
            clump,
            growth: grown * self.clump / clump,
            events,
        }
    }

    /// Into how many batches a chunk of so many events falls.
    fn clump_of(&self, events: f64) -> f64 {
        let Some(weights) = &self.weights else {
            return self.clump;
        };
        let hit = |events: f64| -> f64 {
            let hit = |weight: &f64| 1.0 - (1.0 - weight).powf(events);
            weights.iter().map(hit).sum::<f64>().max(1.0)
        };
        (self.clump * hit(events) / hit(self.chunk)).clamp(1.0, self.shards as f64)
    }
}

impl Flow<'_> {
    /// Batches a second.
    pub(crate) fn batches(&self) -> f64 {
        self.arrivals * self.clump
    }

    /// Events in a batch, on average.
    pub(crate) fn batch_events(&self) -> f64 {
        self.traffic.chunk / self.traffic.clump * self.growth
    }

    /// Seconds of workers a second, if they have to wake for this share of the batches.
    pub(crate) fn load(&self, asleep: f64) -> f64 {
        let Traffic {
            mean,
            fixed,
            between,
            cold,
            warm,
            ..
        } = *self.traffic;
        let takes = fixed + self.growth * (mean - fixed);
        self.batches() * (takes * (warm + (cold - warm) * asleep) + between)
    }

    /// How long a batch takes a worker that was at work, and one that had to wake for it.
    pub(crate) fn draw(&self, random: &mut fastrand::Rng) -> (f64, f64) {
        let Traffic {
            between,
            cold,
            warm,
            ..
        } = *self.traffic;
        let takes = self.takes(random);
        (takes * warm + between, takes * cold + between)
    }

    /// Draws how long a batch takes, workers being as they were.
    fn takes(&self, random: &mut fastrand::Rng) -> f64 {
        let Traffic { draw, fixed, .. } = self.traffic;
        let mut one = || (draw.at(random.f64()) - fixed).max(0.0);
        if self.growth <= 1.0 {
            return fixed + self.growth * one();
        }
        // What comes while a connection rests is a matter of chance, too.
        let mut sum = one();
        let more = self.growth - 1.0;
        if more > MANY {
            sum += more * (self.traffic.mean - fixed);
        } else {
            let (least, mut product) = ((-more).exp(), random.f64());
            while product > least {
                product *= random.f64();
                sum += (draw.at(random.f64()) - fixed).max(0.0);
            }
        }
        fixed + sum
    }

    /// Bytes that a batch pins: its part of the pages of its chunk.
    pub(crate) fn bytes(&self) -> f64 {
        let chunk = self.events * self.traffic.raw / self.arrivals.max(f64::MIN_POSITIVE);
        (chunk / PAGE).ceil().max(1.0) * PAGE / self.clump
    }

    /// The largest part of the work that is one shard's.
    pub(crate) fn hottest(&self) -> f64 {
        let even = 1.0 / self.traffic.shards as f64;
        let weights = self.traffic.weights.iter().flatten().copied();
        weights.fold(even, f64::max)
    }
}

/// Seconds of a batch that do not depend on its events: where the line through all batches meets none.
fn fixed(look: &PipelineLook) -> f64 {
    let (batches, events) = (look.batches as f64, look.events as f64);
    let squares = batches * look.event_squares as f64 - events * events;
    // Batches that are all of one size tell nothing: then all is taken to depend on events.
    if squares < 1e-3 * events * events {
        return 0.0;
    }
    let slope = batches * look.event_nanos as f64 / 1e9 - events * look.took.seconds;
    let slope = (slope / squares).max(0.0);
    let mean = look.took.mean();
    (mean - slope * events / batches).clamp(0.0, mean)
}

/// How many times the mean a batch takes a worker that had to wake for it, and one that was at work: what it needs is
/// in no cache of a core that slept.
fn cold_and_warm(look: &PipelineLook) -> (f64, f64) {
    let (all, woken) = (look.took.count(), look.woke.count());
    let warm = all.saturating_sub(woken);
    if woken < ENOUGH_TO_TELL || warm < ENOUGH_TO_TELL {
        return (1.0, 1.0);
    }
    let mean = look.took.mean().max(f64::MIN_POSITIVE);
    let of = |seconds: f64, count: u64| (seconds / count as f64 / mean).clamp(0.5, 2.0);
    (
        of(look.woken_seconds, woken),
        of(look.took.seconds - look.woken_seconds, warm),
    )
}

/// Each shard's part of the work, where a key decides and enough was run to tell.
fn weights(look: &PipelineLook) -> Option<Vec<f64>> {
    if !look.keyed {
        return None;
    }
    let (all, shards) = (look.shards.iter().sum::<f64>(), look.shards.len());
    let known = all > 0.0 && look.batches >= ENOUGH * shards as u64;
    let even = 1.0 / shards.max(1) as f64;
    Some(
        look.shards
            .iter()
            .map(|seconds| if known { seconds / all } else { even })
            .collect(),
    )
}
