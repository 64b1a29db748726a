//! `delay`: takes time, to stand in for heavy work. The one stage that sleeps and reads a clock.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use millpond_engine::{Flow, Output, Stage, StageError, factory};
use millpond_event::Event;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::ConfigError;
use crate::config::parse;
use crate::kinds::{Factory, Kind};

pub(crate) const KIND: Kind = Kind {
    name: "delay",
    summary: "takes a fixed or random time for each event, asleep or busy",
    example: r#"
type = "delay"
time = "1ms"
max = "3ms"
mode = "sleep"
"#,
    schema: || schema_for!(DelayConfig),
    build,
};

/// Takes time for each event, to stand in for heavy work.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DelayConfig {
    /// How long, such as `1ms`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    time: Duration,
    /// With it, the time is random and uniform between `time` and this.
    #[serde(default, with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    max: Option<Duration>,
    /// How the time is spent.
    #[serde(default)]
    mode: Mode,
    /// Seed of the random times.
    #[serde(default)]
    seed: u64,
    /// Takes the time once for this many events, at the last of them; at least 1.
    #[serde(default = "one")]
    every: NonZeroU64,
}

fn one() -> NonZeroU64 {
    NonZeroU64::MIN
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// The thread sleeps, as if it waited for somebody.
    #[default]
    Sleep,
    /// The thread spins until the time is over.
    Busy,
}

fn build(params: Value) -> Result<Factory, ConfigError> {
    let config: DelayConfig = parse(params)?;
    let DelayConfig {
        time, mode, every, ..
    } = config;
    let max = config.max.unwrap_or(time);
    if max < time {
        let message = format!("{max:?} is less than `time` ({time:?}), expected at least that");
        return Err(ConfigError::new("max", message));
    }
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let range = (nanos(time), nanos(max));
    let seeds = Seeds::new(config.seed);
    Ok(Box::new(factory(move || Delay {
        range,
        mode,
        random: seeds.next(),
        every: every.get(),
        run: 0,
    })))
}

/// A generator for each instance: reproducible, and not the same in every instance.
pub(crate) struct Seeds(AtomicU64);

impl Seeds {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(crate) fn next(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.0.fetch_add(1, Relaxed))
    }
}

struct Delay {
    /// Nanoseconds, both ends included.
    range: (u64, u64),
    mode: Mode,
    random: fastrand::Rng,
    every: u64,
    /// Events since it last took its time.
    run: u64,
}

impl Delay {
    fn time(&mut self) -> Duration {
        let (time, max) = self.range;
        Duration::from_nanos(if time == max {
            time
        } else {
            self.random.u64(time..=max)
        })
    }
}

impl Stage<Event> for Delay {
    fn process(&mut self, _: &mut Event, _: &mut Output<Event>) -> Result<Flow, StageError> {
        self.run += 1;
        if self.run < self.every {
            return Ok(Flow::Pass);
        }
        self.run = 0;
        let time = self.time();
        match self.mode {
            Mode::Sleep => std::thread::sleep(time),
            Mode::Busy => {
                let start = Instant::now();
                while start.elapsed() < time {
                    std::hint::spin_loop();
                }
            }
        }
        Ok(Flow::Pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{errors, run};

    #[test]
    fn an_event_takes_at_least_its_time() {
        for mode in ["sleep", "busy"] {
            let start = Instant::now();
            let seen = run(
                "delay",
                &format!("time = '2ms'\nmode = '{mode}'"),
                &["{}", "{}"],
            );
            assert_eq!(seen, ["{}", "{}"]);
            assert!(start.elapsed() >= Duration::from_millis(4), "{mode}");
        }
    }

    #[test]
    fn time_is_taken_once_for_as_many_events_as_it_says() {
        let lines = ["{}"; 10];
        let start = Instant::now();
        run("delay", "time = '10s'\nevery = 11", &lines);
        assert!(start.elapsed() < Duration::from_secs(10));
        let start = Instant::now();
        run("delay", "time = '2ms'\nevery = 5", &lines);
        assert!(start.elapsed() >= Duration::from_millis(4));
    }

    #[test]
    fn random_times_stay_in_range_and_differ_between_instances() {
        let seeds = Seeds::new(7);
        let times = || {
            let mut delay = Delay {
                range: (10, 20),
                mode: Mode::Busy,
                random: seeds.next(),
                every: 1,
                run: 0,
            };
            (0..100)
                .map(|_| delay.time().as_nanos())
                .collect::<Vec<_>>()
        };
        let (first, second) = (times(), times());
        assert_ne!(first, second);
        assert!(first.iter().all(|time| (10..=20).contains(time)));
        assert!(first.contains(&10) && first.contains(&20));
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        errors(
            "delay",
            &[
                ("", "missing field `time`"),
                (
                    "time = 1",
                    "time: invalid type: integer `1`, expected a duration",
                ),
                (
                    "time = '1 parsec'",
                    "time: invalid value: string \"1 parsec\", expected a duration",
                ),
                (
                    "time = '2ms'\nmax = '1ms'",
                    "max: 1ms is less than `time` (2ms)",
                ),
                (
                    "time = '1ms'\nevery = 0",
                    "every: invalid value: integer `0`, expected a nonzero u64",
                ),
                (
                    "time = '1ms'\nmode = 'lazy'",
                    "mode: unknown variant `lazy`, expected `sleep` or `busy`",
                ),
            ],
        );
    }
}
