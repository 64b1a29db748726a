use std::time::Duration;

use super::Elastic;
use super::decision::{Reason, Verdict};
use super::sample::Sample;
use super::smooth::{Mean, Ratio};

/// Workers are short when they are this busy; what they are then made enough for is [`ROOMY`].
const BUSY: f64 = 0.85;
/// How busy workers should be where the load is known: above, waiting grows out of proportion.
const ROOMY: f64 = 0.75;
/// A worker goes only if those that stay are no busier than this: well below [`BUSY`], so that the same
/// load does not bring it back.
const IDLE: f64 = 0.6;
/// Fewer shards than this, on average, do not wait for a worker: they are between two.
const SOME: f64 = 0.25;
/// What waits is worked off within this many times the target.
const CATCH_UP: f64 = 4.0;
/// How long fewer workers must have been enough before one goes, and how long until the next follows.
const CALM: Duration = Duration::from_secs(10);
const NEXT: Duration = Duration::from_secs(1);
/// How long an addition is given to show before another is made that the figures do not ask for.
const PATIENCE: Duration = Duration::from_secs(1);
/// A number of workers that was too few for a load is not tried again with such a load for this long.
const MEMORY: Duration = Duration::from_secs(300);
/// Something that keeps being the case is told again after this long.
const REMIND: Duration = Duration::from_secs(60);
/// The process has the cores to itself from here on, as far as anybody can tell.
const SATURATED: f64 = 0.9;

/// Decides how many workers there should be, from samples alone: it reads no clock and starts nothing.
///
/// Workers are added when those there are have no time to spare and shards wait for one: as many as the
/// arrivals need to keep them three quarters busy (offered load = arrivals times service time), and if
/// events wait for longer than the target, as many more as work those off within four targets. They are
/// not added where sinks or cores are what limits. One goes at a time, after ten seconds in which one
/// fewer would have been at most 60 % busy.
#[derive(Debug)]
pub struct Controller {
    elastic: Elastic,
    max: usize,
    last: Option<Sample>,
    /// Events per second.
    arriving: Mean,
    /// Workers that are busy, now and over the last second or so.
    busy: Mean,
    load: Mean,
    /// Shards that wait for a worker, and for a sink.
    ready: Mean,
    parked: Mean,
    /// Cores that the process uses.
    used: Mean,
    /// Worker-seconds an event.
    service: Ratio,
    /// Core-seconds a worker-second.
    share: Ratio,
    calm_since: Option<Duration>,
    late_since: Option<Duration>,
    changed_at: Duration,
    /// When how many workers were too few, and for what load.
    too_few: Option<(Duration, usize, f64)>,
    /// What was told last without a change.
    told: Option<(Duration, &'static str)>,
}

impl Controller {
    /// A controller of up to `max` workers.
    pub fn new(elastic: Elastic, max: usize) -> Self {
        Controller {
            elastic,
            max,
            last: None,
            arriving: Mean::over(0.3),
            busy: Mean::over(0.2),
            load: Mean::over(1.0),
            ready: Mean::over(0.2),
            parked: Mean::over(0.2),
            used: Mean::over(0.2),
            service: Ratio::over(2.0),
            share: Ratio::over(2.0),
            calm_since: None,
            late_since: None,
            changed_at: Duration::ZERO,
            too_few: None,
            told: None,
        }
    }

    /// Takes a sample in. What it returns is either a number of workers to have from now on, or a reason to
    /// leave it as it is although events are late.
    pub fn look(&mut self, sample: &Sample) -> Option<Verdict> {
        let last = self.last.replace(*sample)?;
        let seconds = sample.at.saturating_sub(last.at).as_secs_f64();
        if seconds < 1e-3 || sample.workers == 0 {
            return None;
        }
        let busy = self.learn(&last, sample, seconds);
        if sample.workers < self.elastic.min {
            return Some(self.change(sample, self.elastic.min, Reason::Minimum));
        }
        let workers = sample.workers as f64;
        let late = sample.waiting > 0 && sample.oldest > self.elastic.target;
        if !late {
            self.late_since = None;
        }
        // Where events are late a moment is proof enough; where none are there is time to look twice.
        let utilisation = if late { busy } else { self.load.get() } / workers;
        let short = utilisation >= BUSY && self.ready.get() >= SOME;
        if short {
            self.calm_since = None;
            return self.add(sample, late, utilisation);
        }
        if late {
            let since = *self.late_since.get_or_insert(sample.at);
            if sample.at.saturating_sub(since) >= PATIENCE {
                let reason = self.sinks(sample).unwrap_or(Reason::Shards {
                    oldest: sample.oldest,
                    utilisation: self.busy.get() / workers,
                });
                return self.tell(sample, reason).or_else(|| self.remove(sample));
            }
        }
        self.remove(sample)
    }

    /// Takes in what happened between two samples; returns how many workers were busy meanwhile.
    fn learn(&mut self, last: &Sample, now: &Sample, seconds: f64) -> f64 {
        let grown = |now: Duration, last: Duration| now.saturating_sub(last).as_secs_f64();
        let received = now.received.saturating_sub(last.received);
        let done = (received + last.waiting).saturating_sub(now.waiting);
        let worked = grown(now.busy, last.busy);
        let busy = (worked / seconds).min(now.workers.max(last.workers) as f64);
        self.arriving.add(received as f64 / seconds, seconds);
        self.service.add(worked, done as f64, seconds);
        self.busy.add(busy, seconds);
        self.load.add(busy, seconds);
        self.ready.add(now.ready as f64, seconds);
        self.parked.add(now.parked as f64, seconds);
        if let (Some(now), Some(last)) = (now.process, last.process) {
            self.used.add(grown(now, last) / seconds, seconds);
        }
        if let (Some(now), Some(last)) = (now.on_core, last.on_core) {
            self.share.add(grown(now, last), worked, seconds);
        }
        busy
    }

    /// Workers are short: adds some, or says why not.
    fn add(&mut self, sample: &Sample, late: bool, utilisation: f64) -> Option<Verdict> {
        let limit = self.sinks(sample).or_else(|| self.cores(sample));
        if let Some(reason) = limit {
            return if late {
                self.tell(sample, reason)
            } else {
                None
            };
        }
        if sample.workers >= self.max {
            let reason = Reason::Maximum {
                oldest: sample.oldest,
            };
            return if late {
                self.tell(sample, reason)
            } else {
                None
            };
        }
        let service = self.service.get().unwrap_or(0.0);
        let offered = (self.arriving.get() * service).max(self.busy.get());
        let steady = offered / ROOMY;
        let mut wanted = steady;
        let (arriving, cost) = (self.arriving.get(), Duration::from_secs_f64(service));
        let reason = if late {
            let within = self.elastic.target.as_secs_f64() * CATCH_UP;
            wanted += sample.waiting as f64 * service / within.max(0.1);
            Reason::Backlog {
                oldest: sample.oldest,
                waiting: sample.waiting,
                arriving,
                service: cost,
            }
        } else {
            Reason::Load {
                utilisation,
                arriving,
                service: cost,
            }
        };
        let wanted = wanted.ceil().min(self.max as f64) as usize;
        let settled = sample.at.saturating_sub(self.changed_at) >= PATIENCE;
        let to = match wanted.min(self.useful()) {
            wanted if wanted > sample.workers => wanted,
            // The figures say that this is enough, and it is not.
            _ if settled => sample.workers + sample.workers.div_ceil(4),
            _ => return None,
        };
        // Those who are added to work off a backlog say nothing about the load.
        if steady > sample.workers as f64 || wanted <= sample.workers {
            self.too_few = Some((sample.at, sample.workers, offered));
        }
        Some(self.change(sample, to.min(self.max), reason))
    }

    /// Lets one worker go if the others have been enough for long enough.
    fn remove(&mut self, sample: &Sample) -> Option<Verdict> {
        let fewer = sample.workers - 1;
        let load = self.load.get();
        let known = self.too_few.is_some_and(|(at, workers, was)| {
            fewer <= workers && load > was * 0.7 && sample.at.saturating_sub(at) < MEMORY
        });
        if fewer < self.elastic.min || load > fewer as f64 * IDLE || known {
            self.calm_since = None;
            return None;
        }
        let calm = sample
            .at
            .saturating_sub(*self.calm_since.get_or_insert(sample.at));
        let rested = sample.at.saturating_sub(self.changed_at) >= NEXT;
        (calm >= CALM && rested).then(|| self.change(sample, fewer, Reason::Calm { load, calm }))
    }

    fn sinks(&self, sample: &Sample) -> Option<Reason> {
        let limit = sample.overdrawn || self.parked.get() > self.ready.get().max(SOME);
        limit.then_some(Reason::Sinks {
            parked: sample.parked,
            overdrawn: sample.overdrawn,
        })
    }

    fn cores(&self, sample: &Sample) -> Option<Reason> {
        let cores = self.elastic.cores.max(1);
        let full = self.used.get() >= cores as f64 * SATURATED;
        (full || sample.workers >= self.useful()).then(|| Reason::Cores {
            used: self.used.get(),
            cores,
            share: self.share.get().unwrap_or(1.0).min(1.0),
        })
    }

    /// How many workers the cores can serve, by what a busy one asks of them.
    fn useful(&self) -> usize {
        match self.share.get() {
            Some(share) if share > 0.0 => {
                (self.elastic.cores.max(1) as f64 / share.min(1.0)).round() as usize
            }
            _ => usize::MAX,
        }
    }

    fn change(&mut self, sample: &Sample, to: usize, reason: Reason) -> Verdict {
        self.changed_at = sample.at;
        self.told = None;
        Verdict { to, reason }
    }

    /// Says why the number stays, unless that was said a short while ago.
    fn tell(&mut self, sample: &Sample, reason: Reason) -> Option<Verdict> {
        let known = self.told.is_some_and(|(at, name)| {
            name == reason.name() && sample.at.saturating_sub(at) < REMIND
        });
        if known {
            return None;
        }
        self.told = Some((sample.at, reason.name()));
        Some(Verdict {
            to: sample.workers,
            reason,
        })
    }
}
