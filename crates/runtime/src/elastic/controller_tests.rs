//! The controller against a pond that exists only in figures: events that arrive in chunks, wait in turn, and are
//! worked off by as many workers as it asks for.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::{Controller, Elastic, Reason, Sample, Verdict};

const MIN: usize = 1;
const MAX: usize = 32;
const TARGET: Duration = Duration::from_millis(100);
/// Steps of the simulation, and how many of them lie between two samples.
const STEP: f64 = 0.01;
const STEPS: u64 = 10;

struct Pond {
    controller: Controller,
    /// Seconds of work that one event takes a worker.
    service: f64,
    /// Shards over which the events are spread: no more workers than that find work.
    shards: usize,
    /// Core-seconds a worker-second.
    share: f64,
    /// Cores that the process uses, if the system tells.
    used: Option<f64>,
    random: u64,
    now: f64,
    step: u64,
    workers: usize,
    queue: VecDeque<(f64, f64)>,
    sample: Sample,
    /// Every change: when, from, to.
    changes: Vec<(f64, usize, usize)>,
    told: Vec<Reason>,
}

impl Pond {
    fn new(service: f64) -> Self {
        let elastic = Elastic {
            min: MIN,
            target: TARGET,
            cores: 2,
        };
        Pond {
            controller: Controller::new(elastic, MAX),
            service,
            shards: 64,
            share: 0.01,
            used: None,
            random: 1,
            now: 0.0,
            step: 0,
            workers: MIN,
            queue: VecDeque::new(),
            sample: Sample::default(),
            changes: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Between 0 and 1.
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Lets `rate` events a second arrive for `seconds`, in chunks at random moments.
    fn run(&mut self, rate: f64, seconds: f64) {
        let until = self.now + seconds;
        while self.now < until {
            let (mean, mut chunks, mut left) = (4.0_f64, 0.0, (-4.0_f64).exp());
            let mut chance = self.random();
            // Poisson by inversion.
            while chance > left && chunks < 40.0 {
                chance -= left;
                chunks += 1.0;
                left *= mean / chunks;
            }
            self.step(rate * STEP * chunks / mean);
        }
    }

    fn step(&mut self, arrivals: f64) {
        self.now += STEP;
        self.step += 1;
        if arrivals > 0.0 {
            self.queue.push_back((self.now, arrivals));
        }
        self.sample.received = (self.sample.received as f64 + arrivals).round() as u64;
        let mut hands = self.workers.min(self.shards) as f64 * STEP / self.service;
        let mut done = 0.0;
        while hands > 0.0
            && let Some((_, events)) = self.queue.front_mut()
        {
            let taken = events.min(hands);
            *events -= taken;
            hands -= taken;
            done += taken;
            if *events <= 1e-9 {
                self.queue.pop_front();
            }
        }
        let worked = Duration::from_secs_f64(done * self.service);
        self.sample.busy += worked;
        let on_core = self.sample.on_core.unwrap_or_default();
        self.sample.on_core = Some(on_core + worked.mul_f64(self.share));
        if let Some(used) = self.used {
            let process = self.sample.process.unwrap_or_default();
            self.sample.process = Some(process + Duration::from_secs_f64(used * STEP));
        }
        if self.step.is_multiple_of(STEPS) {
            self.look();
        }
    }

    fn look(&mut self) {
        let waiting: f64 = self.queue.iter().map(|(_, events)| events).sum();
        let oldest = self.queue.front().map_or(0.0, |(at, _)| self.now - at);
        let spread = waiting.ceil().min(self.shards as f64) as usize;
        let sample = Sample {
            at: Duration::from_secs_f64(self.now),
            workers: self.workers,
            waiting: waiting.round() as u64,
            oldest: Duration::from_secs_f64(oldest),
            ready: spread.saturating_sub(self.workers),
            ..self.sample
        };
        let Some(Verdict { to, reason }) = self.controller.look(&sample) else {
            return;
        };
        assert!((MIN..=MAX).contains(&to), "{to} workers");
        if to != self.workers {
            self.changes.push((self.now, self.workers, to));
        }
        self.workers = to;
        self.told.push(reason);
    }

    fn oldest(&self) -> f64 {
        self.queue.front().map_or(0.0, |(at, _)| self.now - at)
    }

    /// How often the number of workers went the other way than before.
    fn turns(&self) -> usize {
        let ways: Vec<bool> = self.changes.iter().map(|(_, from, to)| to > from).collect();
        ways.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    fn names(&self) -> Vec<&'static str> {
        self.told.iter().map(Reason::name).collect()
    }
}

#[test]
fn a_burst_is_met_within_a_second_and_worked_off_within_five() {
    // 32 workers carry 400,000 events a second.
    let mut pond = Pond::new(80e-6);
    pond.run(10_000.0, 30.0);
    let before = pond.changes.len();
    let burst = pond.now;
    pond.run(300_000.0, 5.0);
    let (at, _, to) = pond.changes[before];
    assert!(at - burst < 1.0, "{:?}", pond.changes);
    assert!(to >= 16, "a burst is met with a leap: {:?}", pond.changes);
    assert!(pond.oldest() < 0.1, "{} s", pond.oldest());
    pond.run(300_000.0, 60.0);
    assert!(pond.oldest() < 0.1, "{} s", pond.oldest());
    let calm = pond.now;
    pond.run(10_000.0, 120.0);
    assert!(pond.workers <= 2, "{:?}", pond.changes);
    let first_down = pond.changes.iter().find(|(_, from, to)| to < from);
    assert!(first_down.is_some_and(|(at, ..)| at - calm >= 10.0));
    assert_eq!(pond.turns(), 1, "{:?}", pond.changes);
    assert!(
        pond.told
            .iter()
            .any(|reason| matches!(reason, Reason::Backlog { .. }))
    );
}

#[test]
fn a_second_burst_finds_the_pool_as_ready_as_the_first() {
    let mut pond = Pond::new(80e-6);
    for _ in 0..3 {
        pond.run(5_000.0, 60.0);
        pond.run(300_000.0, 5.0);
        assert!(pond.oldest() < 0.1, "{} s", pond.oldest());
    }
}

#[test]
fn sinks_that_take_nothing_are_named_and_no_worker_is_added() {
    for overdrawn in [false, true] {
        let mut pond = Pond::new(80e-6);
        pond.sample.parked = if overdrawn { 0 } else { 64 };
        pond.sample.overdrawn = overdrawn;
        pond.run(300_000.0, 30.0);
        assert_eq!(pond.changes, []);
        assert_eq!(pond.names(), ["sinks"], "told once, not every time");
        pond.run(300_000.0, 60.0);
        assert_eq!(pond.names(), ["sinks", "sinks"], "and again after a while");
    }
}

#[test]
fn work_that_keeps_a_core_busy_gets_no_more_workers_than_cores() {
    for (share, most) in [(1.0, 2), (0.5, 4), (0.02, 32)] {
        let mut pond = Pond::new(80e-6);
        pond.share = share;
        pond.run(600_000.0, 10.0);
        assert_eq!(pond.workers, most, "{:?}", pond.changes);
        let limit = if most == MAX { "maximum" } else { "cores" };
        assert_eq!(pond.names().last(), Some(&limit));
    }
}

#[test]
fn a_process_that_keeps_all_cores_busy_gets_no_more_workers() {
    let mut pond = Pond::new(80e-6);
    // Sources and sinks have the other core.
    pond.used = Some(1.95);
    pond.run(300_000.0, 20.0);
    assert_eq!(pond.changes, []);
    assert_eq!(pond.names(), ["cores"]);
}

#[test]
fn a_hot_key_is_named_and_no_worker_is_added() {
    let mut pond = Pond::new(80e-6);
    pond.shards = 1;
    pond.run(50_000.0, 30.0);
    assert_eq!(pond.changes, []);
    assert_eq!(pond.names(), ["shards"]);
}

#[test]
fn workers_below_the_minimum_are_made_up_for() {
    let elastic = Elastic {
        min: 3,
        target: TARGET,
        cores: 2,
    };
    let mut controller = Controller::new(elastic, MAX);
    let sample = |tenths: u64| Sample {
        at: Duration::from_millis(100 * tenths),
        workers: 2,
        ..Sample::default()
    };
    assert_eq!(controller.look(&sample(1)), None);
    let verdict = controller.look(&sample(2)).expect("too few");
    assert_eq!((verdict.to, verdict.reason), (3, Reason::Minimum));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever the load and the cost of an event, a steady load finds a number of workers and stays there.
    #[test]
    fn a_steady_load_makes_nothing_swing(
        load in 0.05..40.0_f64,
        micros in 5.0..5_000.0_f64,
        seed in 1..u64::MAX,
    ) {
        let mut pond = Pond::new(micros * 1e-6);
        pond.random = seed;
        pond.run(load / pond.service, 120.0);
        prop_assert!(pond.turns() <= 1, "{load} workers' work: {:?}", pond.changes);
        prop_assert!(pond.workers as f64 >= load.min(MAX as f64), "{load}: {:?}", pond.changes);
        prop_assert!(pond.workers as f64 <= (load / 0.55).ceil() + 2.0, "{load}: {:?}", pond.changes);
        if load < 0.9 * MAX as f64 {
            prop_assert!(pond.oldest() < 0.2, "{load}: {} s, {:?}", pond.oldest(), pond.changes);
        }
    }

    /// Loads that come and go at random moments: what waits is always worked off, and each rise and fall of the load
    /// brings at most one of the workers.
    #[test]
    fn a_load_that_changes_turns_the_workers_no_more_often_than_itself(
        loads in prop::collection::vec((0.1..24.0_f64, 20.0..90.0_f64), 2..6),
        seed in 1..u64::MAX,
    ) {
        let mut pond = Pond::new(100e-6);
        pond.random = seed;
        for (load, seconds) in &loads {
            pond.run(load / pond.service, *seconds);
            prop_assert!(pond.oldest() < 0.2, "{loads:?}: {} s, {:?}", pond.oldest(), pond.changes);
        }
        prop_assert!(pond.turns() <= 2 * loads.len(), "{loads:?}: {:?}", pond.changes);
    }
}
