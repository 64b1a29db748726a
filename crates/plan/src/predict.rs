use serde::Serialize;

use crate::burst::{Burst, Drain, Ground, drain};
use crate::error::PlanError;
use crate::look::Measured;
use crate::notes::notes;
use crate::parts::{Part, parts};
use crate::simulation::{Discipline, Outcome, Scene};
use crate::traffic::{Flow, Traffic};
use crate::waking::{Waking, queued};

/// The most workers that there can be.
const WORKERS_MAX: usize = 1024;
/// Beyond this utilisation a simulation would have to go on for too long to tell anything.
pub(crate) const STEADY: f64 = 0.99;
/// Until it is known how often workers have to wake.
const ROUNDS: usize = 6;
/// The least that workers get of the cores beside what the rest of the process wants.
const LEAST: f64 = 0.05;

/// What is to be predicted.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Numbers of workers.
    pub workers: Vec<usize>,
    /// Events a second over all pipelines; one that two of them read counts twice.
    pub rates: Vec<f64>,
    /// Without rates: those at which the workers are so busy, as shares of all that they can do.
    pub utilisations: Vec<f64>,
    /// A burst, each of the rates being that before and after.
    pub burst: Option<Burst>,
    /// Seconds for which a worker stays with a shard while others wait.
    pub slice: f64,
    /// Batches for which it does.
    pub turn: usize,
    /// Batches that are played through for each prediction.
    pub batches: usize,
    /// Decides what chance does.
    pub seed: u64,
}

impl Default for Ask {
    fn default() -> Self {
        Ask {
            workers: Vec::new(),
            rates: Vec::new(),
            utilisations: vec![0.5, 0.7, 0.85],
            burst: None,
            slice: 0.005,
            turn: 16,
            batches: 200_000,
            seed: 1,
        }
    }
}

/// What was predicted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Events a second when it was measured.
    pub measured_rate: f64,
    /// For how many seconds.
    pub measured_seconds: f64,
    /// Workers then.
    pub measured_workers: usize,
    /// Batches that were run then.
    pub measured_batches: u64,
    /// The 99th percentile of what they waited, in seconds.
    pub measured_p99: f64,
    /// Seconds of a worker for an event then.
    pub event_seconds: f64,
    /// Cores that the daemon may use.
    pub cores: usize,
    /// The part of their time that workers need a core for.
    pub on_core: f64,
    /// Where their time goes, the largest part first: that is the bottleneck.
    pub parts: Vec<Part>,
    /// What the reader should know about all this.
    pub notes: Vec<String>,
    /// A row for each number of workers at each rate.
    pub rows: Vec<Row>,
}

/// So many workers at such a rate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Workers.
    pub workers: usize,
    /// Events a second.
    pub rate: f64,
    /// How much of what they can do they have to do; from 1 on they do not keep up.
    pub utilisation: f64,
    /// What is used up first.
    pub limit: Limit,
    /// Events a second that they can run at most, sources holding back and batches growing.
    pub capacity: f64,
    /// Events a second by which what waits grows; 0 if they keep up.
    pub falls_behind: f64,
    /// How long batches wait; none where that has no end, or only with 8 MiB waiting.
    pub wait: Option<Wait>,
    /// Events that wait, on average.
    pub waiting_events: Option<f64>,
    /// Bytes in memory that batches pin at the 99th percentile of the waits, at most the budget.
    pub memory_bytes: Option<f64>,
    /// What a burst leaves behind.
    pub drain: Option<Drain>,
}

/// How long batches wait for a worker, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Wait {
    /// On average.
    pub mean: f64,
    /// Half of them no longer.
    pub p50: f64,
    /// All but one in a hundred no longer.
    pub p99: f64,
}

/// What is used up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The workers.
    Workers,
    /// The cores: more workers gain nothing.
    Cores,
    /// The one shard that has the most to do: more workers gain nothing.
    HotShard,
}

/// Predicts what is asked for.
///
/// # Errors
/// [`PlanError`] if something is asked for that cannot be.
pub fn plan(measured: &Measured, ask: &Ask) -> Result<Plan, PlanError> {
    check(ask)?;
    let look = &measured.look;
    let events: u64 = look.pipelines.iter().map(|one| one.events).sum();
    let waited = look.pipelines.iter().map(|one| &one.waited);
    let waited = waited.fold(crate::Spread::default(), crate::Spread::with);
    let model = Model::of(measured, ask);
    let mut rows = Vec::new();
    for &workers in &ask.workers {
        let rates = match &ask.rates[..] {
            [] => ask
                .utilisations
                .iter()
                .map(|&share| model.rate_at(share, workers, Traffic::at))
                .collect(),
            rates => rates.to_vec(),
        };
        rows.extend(rates.iter().map(|&rate| model.row(workers, rate)));
    }
    Ok(Plan {
        measured_rate: model.measured_rate,
        measured_seconds: measured.seconds,
        measured_workers: look.workers,
        measured_batches: look.pipelines.iter().map(|one| one.batches).sum(),
        measured_p99: waited.quantile(0.99),
        event_seconds: look.busy_seconds / events.max(1) as f64,
        cores: look.cores,
        on_core: model.on_core,
        parts: parts(measured),
        notes: notes(measured),
        rows,
    })
}

/// Whether what is asked for can be: what [`plan`] looks at first.
///
/// # Errors
/// [`PlanError`] names what cannot be.
pub fn check(ask: &Ask) -> Result<(), PlanError> {
    let wrong = |what, value: String, expected| {
        Err(PlanError::Ask {
            what,
            value,
            expected,
        })
    };
    if let Some(workers) = ask
        .workers
        .iter()
        .find(|workers| !(1..=WORKERS_MAX).contains(*workers))
    {
        return wrong("a number of workers", workers.to_string(), "1 to 1024");
    }
    let positive = |rate: &f64| rate.is_finite() && *rate > 0.0;
    let burst = ask
        .burst
        .iter()
        .flat_map(|burst| [burst.rate, burst.seconds]);
    if let Some(value) = ask
        .rates
        .iter()
        .copied()
        .chain(burst)
        .find(|value| !positive(value))
    {
        return wrong("a rate", value.to_string(), "a number above 0");
    }
    let share = |share: &&f64| !(0.0..1.0).contains(*share) || **share == 0.0;
    if let Some(value) = ask.utilisations.iter().find(share) {
        return wrong(
            "a utilisation",
            value.to_string(),
            "more than 0 and less than 1",
        );
    }
    if ask.batches < 100 {
        return wrong(
            "the number of batches",
            ask.batches.to_string(),
            "100 at least",
        );
    }
    Ok(())
}

/// Everything that does not depend on what is asked for.
struct Model<'a> {
    ask: &'a Ask,
    traffic: Vec<Traffic>,
    measured_rate: f64,
    cores: f64,
    on_core: f64,
    /// Seconds on a core for an event that are not a worker's.
    beside: f64,
    waking: Waking,
    budget: f64,
}

/// A pipeline at a rate, of the two ways that there are.
type At = for<'t> fn(&'t Traffic, f64, f64) -> Flow<'t>;

impl<'a> Model<'a> {
    fn of(measured: &Measured, ask: &'a Ask) -> Self {
        let look = &measured.look;
        let events: u64 = look.pipelines.iter().map(|one| one.events).sum();
        let on_core = look.on_core_seconds;
        let share = on_core.map(|seconds| seconds / look.busy_seconds.max(f64::MIN_POSITIVE));
        let beside = look.process_seconds.zip(on_core);
        let beside = beside.map_or(0.0, |(all, workers)| (all - workers).max(0.0));
        Model {
            ask,
            traffic: Traffic::of(measured),
            measured_rate: events as f64 / measured.seconds,
            cores: look.cores.max(1) as f64,
            on_core: share.unwrap_or(1.0).clamp(0.001, 1.0),
            beside: beside / events.max(1) as f64,
            waking: Waking::of(measured),
            budget: look.budget_bytes as f64,
        }
    }

    fn flows(&self, rate: f64, at: At) -> Vec<Flow<'_>> {
        let traffic = self.traffic.iter();
        traffic
            .map(|one| at(one, rate, self.measured_rate))
            .collect()
    }

    /// How much of what there is of everything is used.
    fn used(&self, workers: usize, rate: f64, flows: &[Flow<'_>]) -> (f64, Limit) {
        // The busier workers are, the seldomer one has to wake, and what it takes then is less.
        let (mut load, mut asleep) = (0.0, 0.0);
        for _ in 0..ROUNDS {
            load = flows.iter().map(|flow| flow.load(asleep)).sum();
            asleep = 1.0 - queued(workers, load);
        }
        let shard = flows.iter().map(|flow| flow.load(asleep) * flow.hottest());
        let all = [
            (load / workers as f64, Limit::Workers),
            (
                (rate * self.beside + load * self.on_core) / self.cores,
                Limit::Cores,
            ),
            (shard.fold(0.0, f64::max), Limit::HotShard),
        ];
        all.into_iter().fold((0.0, Limit::Workers), |most, one| {
            if one.0 > most.0 { one } else { most }
        })
    }

    /// The rate at which so much is used.
    fn rate_at(&self, share: f64, workers: usize, at: At) -> f64 {
        let used = |rate| self.used(workers, rate, &self.flows(rate, at)).0;
        let (mut low, mut high) = (0.0, 1.0);
        while used(high) < share && high < 1e12 {
            (low, high) = (high, high * 2.0);
        }
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if used(middle) < share {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    fn row(&self, workers: usize, rate: f64) -> Row {
        let flows = self.flows(rate, Traffic::at);
        let (utilisation, limit) = self.used(workers, rate, &flows);
        let capacity = self.rate_at(1.0, workers, Traffic::ahead);
        let outcome = (utilisation <= STEADY).then(|| self.play(workers, rate, &flows));
        let wait = outcome.as_ref().map(wait);
        let batches: f64 = flows.iter().map(Flow::batches).sum();
        let per_batch = flows
            .iter()
            .map(|flow| flow.batches() * flow.bytes())
            .sum::<f64>()
            / batches;
        let memory = |wait: Wait| (batches * wait.p99 + workers as f64) * per_batch;
        let memory = wait.map(|wait| memory(wait).min(self.budget));
        let ahead = self.flows(rate, Traffic::ahead);
        let packed = ahead
            .iter()
            .map(|flow| flow.batches() * flow.bytes())
            .sum::<f64>()
            / rate;
        let ground = Ground {
            capacity,
            rate,
            steady_bytes: memory.unwrap_or(0.0),
            event_bytes: (batches * per_batch / rate, packed),
            budget_bytes: self.budget,
        };
        Row {
            workers,
            rate,
            utilisation,
            limit,
            capacity,
            falls_behind: (rate - capacity).max(0.0),
            wait,
            waiting_events: outcome.map(|outcome| outcome.waiting * rate / batches),
            memory_bytes: memory,
            drain: self.ask.burst.map(|burst| drain(burst, &ground)),
        }
    }

    fn play(&self, workers: usize, rate: f64, flows: &[Flow<'_>]) -> Outcome {
        let left = (self.cores - rate * self.beside).max(self.cores * LEAST);
        Scene {
            workers,
            parallel: left / self.on_core,
            waking: &self.waking,
            discipline: Discipline {
                slice: self.ask.slice,
                turn: self.ask.turn,
            },
            flows,
            batches: self.ask.batches,
            seed: self.ask.seed,
        }
        .play()
    }
}

fn wait(outcome: &Outcome) -> Wait {
    let all = &outcome.waits;
    let quantile = |q: f64| {
        let at = (q * all.len() as f64) as usize;
        all.get(at.min(all.len().saturating_sub(1)))
            .map_or(0.0, |wait| f64::from(*wait))
    };
    Wait {
        mean: all.iter().map(|wait| f64::from(*wait)).sum::<f64>() / all.len().max(1) as f64,
        p50: quantile(0.5),
        p99: quantile(0.99),
    }
}
