use std::io;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::ConfigError;
use crate::{Rows, Sink, SinkError, WriteError, Writer};

/// A sink that takes everything and keeps nothing: for benches, and for pipelines run for their
/// counters. It can be away now and then, to see what a destination that fails does to a pipeline.
///
/// ```toml
/// [sinks.nowhere]
/// type = "blackhole"
/// away = { every = "1m", length = "5s" }
/// ```
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BlackholeConfig {
    /// When it fails as if it were away; never, unless it is said.
    pub away: Option<Away>,
}

/// At the end of every period all attempts fail.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Away {
    /// The period, from the end of one time away to the end of the next.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub every: Duration,
    /// How much of the period it is away.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub length: Duration,
}

impl Away {
    /// Whether it is away at this time from the start.
    fn is_now(self, at: Duration) -> bool {
        let phase = at.as_nanos() % self.every.as_nanos().max(1);
        phase >= self.every.saturating_sub(self.length).as_nanos()
    }
}

impl BlackholeConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let Some(Away { every, length }) = self.away else {
            return Ok(());
        };
        if length >= every {
            let message = format!("{length:?}, expected less than `every`, which is {every:?}");
            return Err(ConfigError::new("away.length", message));
        }
        Ok(())
    }
}

impl Sink for BlackholeConfig {
    fn open(self: Box<Self>, _: &str, _: Option<u64>) -> Result<Box<dyn Writer>, SinkError> {
        Ok(Box::new(Blackhole {
            away: self.away,
            start: Instant::now(),
        }))
    }
}

struct Blackhole {
    away: Option<Away>,
    start: Instant,
}

impl Writer for Blackhole {
    fn write(&mut self, _: &[Rows<'_>]) -> Result<(), WriteError> {
        match self.away {
            Some(away) if away.is_now(self.start.elapsed()) => Err(WriteError::Transient {
                done: 0,
                error: io::Error::other("away, as it was told to be"),
                not_before: None,
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{build, kinds};

    #[test]
    fn it_is_away_at_the_end_of_every_period() {
        let away = Away {
            every: Duration::from_secs(10),
            length: Duration::from_secs(2),
        };
        let at = |seconds| away.is_now(Duration::from_secs_f64(seconds));
        assert!(![0.0, 7.9, 10.0, 17.9].into_iter().any(at));
        assert!([8.0, 9.9, 18.0, 19.9].into_iter().all(at));
    }

    #[test]
    fn one_that_would_always_be_away_is_refused() {
        let away = |length: &str| {
            let params = json!({ "away": { "every": "5s", "length": length } });
            build(kinds(), "blackhole", params)
        };
        assert!(away("4s").is_ok());
        let error = away("5s").err().expect("refused").to_string();
        assert!(
            error.contains("away.length") && error.contains("less than"),
            "{error}"
        );
    }
}
