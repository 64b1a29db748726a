use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::ConfigError;

/// What happens when a destination fails.
///
/// Pauses are random between nothing and a bound that doubles with each failure, so that sinks which
/// failed together do not come back together. Where the destination says for how long it wants to be
/// left alone, the pause is at least that, up to `longest`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetryOptions {
    /// The bound of the first pause.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub first: Duration,
    /// The longest pause.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub longest: Duration,
    /// After this many failed attempts rows are set aside; 0 for never.
    pub attempts: u32,
    /// After this many failed attempts the circuit is open: a few rows are tried after each pause,
    /// and the others follow when those went through.
    pub open_after: u32,
}

impl Default for RetryOptions {
    fn default() -> Self {
        RetryOptions {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(60),
            attempts: 0,
            open_after: 5,
        }
    }
}

impl RetryOptions {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let span = |time| humantime::format_duration(time).to_string();
        if self.first < Duration::from_millis(1) {
            let message = format!("{} is no pause, expected at least 1ms", span(self.first));
            return Err(ConfigError::new("retry.first", message));
        }
        if self.longest < self.first {
            let (longest, first) = (span(self.longest), span(self.first));
            let message =
                format!("{longest} is shorter than the first pause, expected at least {first}");
            return Err(ConfigError::new("retry.longest", message));
        }
        if self.open_after == 0 {
            let message = "0 would open the circuit before anything failed, expected at least 1";
            return Err(ConfigError::new("retry.open_after", message));
        }
        Ok(())
    }
}
