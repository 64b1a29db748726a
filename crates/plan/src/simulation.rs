//! How long batches wait, by playing through how workers take shards.
//!
//! A batch goes to its shard's mailbox; the shard becomes ready; a worker that is free claims the next ready shard
//! behind the one it had last, and works through its mailbox until that is empty, the slice is over, or it has run
//! its turn of batches while others wait. All as in the runtime, but for the batches, whose times are drawn.

mod ring;
mod shards;

use std::collections::{BinaryHeap, VecDeque};

use fastrand::Rng;

use crate::traffic::Flow;
use crate::waking::Waking;
use ring::Ring;
use shards::{Batch, Shards};

/// How a worker stays with a shard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Discipline {
    /// For at most so many seconds while others wait, and one event more.
    pub(crate) slice: f64,
    /// For at most so many batches while others wait.
    pub(crate) turn: usize,
}

/// What is played.
pub(crate) struct Scene<'a> {
    pub(crate) workers: usize,
    /// So many workers at once get on as if each were alone; more share what these get.
    pub(crate) parallel: f64,
    /// How long a worker that sleeps takes to begin.
    pub(crate) waking: &'a Waking,
    pub(crate) discipline: Discipline,
    pub(crate) flows: &'a [Flow<'a>],
    /// How many batches come, a tenth of which only brings the scene to life.
    pub(crate) batches: usize,
    pub(crate) seed: u64,
}

/// What was seen.
pub(crate) struct Outcome {
    /// What batches waited in seconds, in ascending order.
    pub(crate) waits: Vec<f32>,
    /// Batches that waited at a time, on average.
    pub(crate) waiting: f64,
}

impl Scene<'_> {
    pub(crate) fn play(&self) -> Outcome {
        let mut random = Rng::with_seed(self.seed);
        let per_flow: Vec<usize> = self.flows.iter().map(|flow| flow.traffic.shards).collect();
        let shards = Shards::new(&per_flow);
        let next = self
            .flows
            .iter()
            .map(|flow| gap(flow, &mut random))
            .collect();
        let all = shards.len();
        let workers = (0..self.workers).map(|number| Worker {
            cursor: number * all / self.workers,
            doing: Doing::Sleeping,
        });
        Play {
            scene: self,
            ready: Ring::new(all),
            shards,
            workers: workers.collect(),
            asleep: (0..self.workers).collect(),
            ends: BinaryHeap::new(),
            next,
            turns: vec![0; self.flows.len()],
            random,
            now: 0.0,
            work: 0.0,
            came: 0,
            waits: Vec::with_capacity(self.batches),
            waiting: 0,
            area: 0.0,
            counted_from: None,
        }
        .run()
    }
}

struct Play<'a> {
    scene: &'a Scene<'a>,
    ready: Ring,
    shards: Shards,
    workers: Vec<Worker>,
    /// In the order in which they fell asleep.
    asleep: VecDeque<usize>,
    ends: BinaryHeap<End>,
    /// When the next chunk of each flow comes.
    next: Vec<f64>,
    /// Without a key, shards take turns.
    turns: Vec<usize>,
    random: Rng,
    now: f64,
    /// How far a worker would be that never slept: it gets on more slowly than time while workers share cores.
    work: f64,
    came: usize,
    waits: Vec<f32>,
    waiting: usize,
    /// Batches waiting, times how long, since waits are counted.
    area: f64,
    counted_from: Option<f64>,
}

struct Worker {
    cursor: usize,
    doing: Doing,
}

#[derive(Clone, Copy)]
enum Doing {
    Sleeping,
    Waking,
    Running {
        shard: usize,
        /// Where the work stood when the slice began.
        since: f64,
        /// Batches run to their end in it.
        batches: usize,
    },
}

/// A worker has done what it was at.
struct End {
    work: f64,
    worker: usize,
}

impl Play<'_> {
    fn run(mut self) -> Outcome {
        let warm = self.scene.batches / 10;
        while self.came < self.scene.batches {
            let (flow, at) = self.first();
            let speed = self.speed();
            let end = self
                .ends
                .peek()
                .map(|end| self.now + (end.work - self.work) / speed);
            match end {
                Some(end) if end <= at => {
                    self.pass_until(end, speed);
                    // Exactly there: else rounding could leave a remainder of time that ends nothing.
                    if let Some(End { work, worker }) = self.ends.pop() {
                        self.work = work;
                        self.ended(worker);
                    }
                }
                _ => {
                    self.pass_until(at, speed);
                    self.arrive(flow);
                }
            }
            if self.counted_from.is_none() && self.came >= warm {
                self.counted_from = Some(self.now);
            }
        }
        let seconds = self.now - self.counted_from.unwrap_or(0.0);
        self.waits.sort_unstable_by(f32::total_cmp);
        Outcome {
            waits: self.waits,
            waiting: self.area / seconds,
        }
    }

    /// Which flow's chunk comes next, and when.
    fn first(&self) -> (usize, f64) {
        let mut first = (0, f64::INFINITY);
        for (flow, at) in self.next.iter().enumerate() {
            if *at < first.1 {
                first = (flow, *at);
            }
        }
        first
    }

    fn speed(&self) -> f64 {
        let busy = self.ends.len() as f64;
        (self.scene.parallel / busy).min(1.0)
    }

    fn pass_until(&mut self, at: f64, speed: f64) {
        let passed = at - self.now;
        if self.counted_from.is_some() {
            self.area += passed * self.waiting as f64;
        }
        self.work += passed * speed;
        self.now = at;
    }

    fn arrive(&mut self, number: usize) {
        let flow = &self.scene.flows[number];
        self.next[number] = self.now + gap(flow, &mut self.random);
        let whole = flow.clump.floor();
        let more = self.random.f64() < flow.clump - whole;
        for _ in 0..whole as usize + usize::from(more) {
            let inside = match &flow.traffic.weights {
                Some(weights) => pick(weights, self.random.f64()),
                None => {
                    self.turns[number] = (self.turns[number] + 1) % flow.traffic.shards;
                    self.turns[number]
                }
            };
            let (warm, cold) = flow.draw(&mut self.random);
            let batch = Batch {
                came: self.now,
                warm,
                cold,
                event: warm / flow.batch_events().max(1.0),
            };
            if let Some(shard) = self.shards.push(number, inside, batch) {
                self.ready.put(shard);
            }
            self.came += 1;
            self.waiting += 1;
        }
        self.wake();
    }

    /// One is woken, which wakes the next if there is more.
    fn wake(&mut self) {
        if self.ready.is_empty() {
            return;
        }
        if let Some(worker) = self.asleep.pop_front() {
            self.workers[worker].doing = Doing::Waking;
            let work = self.work + self.scene.waking.seconds(&mut self.random);
            self.ends.push(End { work, worker });
        }
    }

    /// A worker has woken, or come to the end of a batch or of a slice.
    fn ended(&mut self, worker: usize) {
        let Doing::Running {
            shard,
            since,
            batches,
        } = self.workers[worker].doing
        else {
            return self.claim(worker);
        };
        let batches = batches + usize::from(self.shards.done(shard));
        let Discipline { slice, turn } = self.scene.discipline;
        let over = self.work - since >= slice || batches >= turn && !self.ready.is_empty();
        if over || self.shards.is_idle(shard) {
            if self.shards.release(shard) {
                self.ready.put(shard);
            }
            return self.claim(worker);
        }
        self.work_on(worker, shard, since, batches, false);
    }

    fn claim(&mut self, worker: usize) {
        let Some(shard) = self.ready.claim(self.workers[worker].cursor) else {
            self.workers[worker].doing = Doing::Sleeping;
            self.asleep.push_back(worker);
            return;
        };
        let woken = matches!(self.workers[worker].doing, Doing::Waking);
        self.workers[worker].cursor = shard + 1;
        self.shards.claim(shard);
        self.wake();
        self.work_on(worker, shard, self.work, 0, woken);
    }

    /// Works on the next batch of a shard, to its end or that of the slice.
    fn work_on(&mut self, worker: usize, shard: usize, since: f64, batches: usize, woken: bool) {
        let slice = self.scene.discipline.slice;
        let (piece, begun) = self
            .shards
            .piece(shard, (since + slice - self.work).max(0.0), woken);
        if let Some(came) = begun {
            self.waiting -= 1;
            if self.counted_from.is_some() {
                self.waits.push((self.now - came) as f32);
            }
        }
        self.workers[worker].doing = Doing::Running {
            shard,
            since,
            batches,
        };
        let work = self.work + piece;
        self.ends.push(End { work, worker });
    }
}

/// Until the next chunk of a flow.
fn gap(flow: &Flow<'_>, random: &mut Rng) -> f64 {
    -(1.0 - random.f64()).ln() / flow.arrivals
}

/// The shard in whose part of all `at` lies.
fn pick(weights: &[f64], at: f64) -> usize {
    let mut below = 0.0;
    for (shard, weight) in weights.iter().enumerate() {
        below += weight;
        if at < below {
            return shard;
        }
    }
    weights.len() - 1
}

// The heap gives the end that comes first; of two at once the one of the lower worker.
impl Ord for End {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_work = other.work.total_cmp(&self.work);
        by_work.then(other.worker.cmp(&self.worker))
    }
}

impl PartialOrd for End {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for End {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for End {}
