//! Runs every point: first a warm-up of each that is not counted, then rounds in which they take turns.

use anyhow::Context;

use super::gather::Gathered;
use super::input::{Input, Shape};
use super::peer::PYTHON_WORKERS;
use super::plan::{Length, Plan};
use super::progress::Progress;
use super::record::{Peer, Point, Source, Subject, What, Workload};
use super::run::{Bench, Measured};
use super::subjects::Subjects;

/// The share of the rate at full speed up to which latency at a rate means something: beyond it events queue up, and
/// their latency is as long as the run.
const BEARABLE: f64 = 0.8;

pub(super) struct Rounds<'a> {
    bench: &'a Bench<'a>,
    plan: &'a Plan,
    subjects: &'a Subjects,
    inputs: Vec<(Shape, Input)>,
    progress: Progress,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(bench: &'a Bench<'a>, plan: &'a Plan, subjects: &'a Subjects) -> Self {
        let mut inputs: Vec<(Shape, Input)> = Vec::new();
        for shape in plan.points.iter().map(|what| what.workload.shape()) {
            if inputs.iter().all(|(other, _)| *other != shape) {
                inputs.push((shape, Input::new(shape, bench.seed)));
            }
        }
        let points = plan.points.len();
        let timed = (0..points).filter(|index| plan.has_latency(*index)).count() * plan.rates.len();
        let runs = points * (plan.runs as usize + 1) + timed * plan.runs as usize;
        Self {
            bench,
            plan,
            subjects,
            inputs,
            progress: Progress::new(runs as u64),
        }
    }

    pub(super) fn run(&self) -> anyhow::Result<Vec<Point>> {
        let events = self.warm_up()?;
        let mut gathered: Vec<Gathered> = self
            .plan
            .points
            .iter()
            .map(|_| Gathered::default())
            .collect();
        for round in 1..=self.plan.runs {
            for (index, what) in self.plan.points.iter().enumerate() {
                let name = format!("{what}, run {round} of {}", self.plan.runs);
                let measured = self.once(what, events[index], &name)?;
                let added = gathered[index].add(measured);
                added.with_context(|| format!("{name} failed"))?;
            }
        }
        for round in 1..=self.plan.runs {
            for (index, gathered) in gathered.iter_mut().enumerate() {
                self.time(index, round, gathered)?;
            }
        }
        let points = self.plan.points.iter().zip(gathered);
        let points = points.map(|(what, gathered)| gathered.point(what.clone()));
        Ok(points
            .collect::<anyhow::Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Runs each point once, and says how many events its counted runs get.
    fn warm_up(&self) -> anyhow::Result<Vec<u64>> {
        let mut rates = Vec::new();
        for what in &self.plan.points {
            let events = match self.plan.length {
                Length::Events(events) => events.min(first_events(what)),
                Length::Time(_) => first_events(what),
            };
            rates.push(
                self.once(what, events, &format!("{what}, warm-up"))?
                    .run
                    .rate,
            );
        }
        Ok(self.plan.events(&rates))
    }

    fn once(&self, what: &What, events: u64, name: &str) -> anyhow::Result<Measured> {
        self.progress.begin(events, name.to_owned());
        let bar = &self.progress.run;
        let input = self.input(what);
        let measured = match (&what.subject, self.subjects.daemon(&what.subject)) {
            (Subject::Peer(Peer::Threads), _) => {
                self.bench.run_threads(&self.subjects.peers, what.workers)
            }
            (Subject::Peer(peer), _) => {
                self.bench
                    .run_peer(&self.subjects.peers, *peer, what.sink, input, events, bar)
            }
            (_, Some(binary)) => self.bench.run(binary, what, input, events, bar),
            (_, None) => Err(anyhow::anyhow!("it was not built")),
        };
        self.progress.end(1);
        measured.with_context(|| format!("{name} failed"))
    }

    /// Takes the latency at each rate that the point can bear.
    fn time(&self, index: usize, round: u32, gathered: &mut Gathered) -> anyhow::Result<()> {
        let what = &self.plan.points[index];
        let Some(binary) = self.subjects.daemon(&what.subject) else {
            return Ok(());
        };
        if !self.plan.has_latency(index) {
            return Ok(());
        }
        for &rate in &self.plan.rates {
            if gathered
                .rate()
                .is_some_and(|most| rate as f64 <= BEARABLE * most)
            {
                let name = format!("{what} at {rate}/s, run {round} of {}", self.plan.runs);
                let time = self.plan.rate_time;
                self.progress
                    .begin((rate as f64 * time.as_secs_f64()) as u64, name.clone());
                let bar = &self.progress.run;
                let timed = self
                    .bench
                    .run_at(rate, time, binary, what, self.input(what), bar);
                gathered.add_timed(rate, timed.with_context(|| format!("{name} failed"))?);
            }
            self.progress.end(1);
        }
        Ok(())
    }

    fn input(&self, what: &What) -> &Input {
        let shape = what.workload.shape();
        let found = self.inputs.iter().find(|(of, _)| *of == shape);
        &found
            .expect("an input was made for the shape of every point")
            .1
    }
}

/// Events of a warm-up run.
fn first_events(what: &What) -> u64 {
    match what.subject {
        // Some tens of thousands a second.
        Subject::Peer(Peer::Python) => 5_000 * u64::from(PYTHON_WORKERS),
        Subject::Peer(_) => Workload::W1.first_events(1),
        // Some of them are made before the first look at the counters.
        _ if what.source == Source::Demo => 4 * what.workload.first_events(what.workers),
        _ => what.workload.first_events(what.workers),
    }
}
