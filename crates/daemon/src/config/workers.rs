//! `runtime.workers`: how many workers there are, or between what their number moves.

use std::time::Duration;

use millpond_runtime::Elastic;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The most workers there can be.
const MOST: usize = 1024;
/// How old what waits may be before workers are added, unless something else is said.
const TARGET: Duration = Duration::from_millis(100);

/// `runtime.workers`, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Workers {
    /// The fewest, which is what there are at the start.
    pub(crate) min: usize,
    pub(crate) max: usize,
    /// How old what waits may be before workers are added.
    pub(crate) target: Duration,
}

impl Workers {
    /// From one to as many as there are cores, as far as this process may use them: work that keeps a core
    /// busy gains nothing from more.
    pub(crate) fn auto() -> Self {
        Workers {
            min: 1,
            max: cores().min(MOST),
            target: TARGET,
        }
    }

    /// One, always.
    pub(crate) fn one() -> Self {
        Self::fixed(1)
    }

    fn fixed(count: usize) -> Self {
        Workers {
            min: count,
            max: count,
            target: TARGET,
        }
    }

    /// As many as there are where their number does not move; `None` where bounds were given for it.
    pub(crate) fn unmoved(self) -> Option<Self> {
        let auto = Workers::auto();
        (self == auto || self.min == self.max).then(|| Workers::fixed(self.max))
    }

    /// What makes their number move, if it does.
    pub(crate) fn elastic(self) -> Option<Elastic> {
        (self.min < self.max).then(|| Elastic {
            min: self.min,
            target: self.target,
            cores: cores(),
        })
    }
}

/// Cores that the process may use: on Linux the least of those there are, its affinity and its control
/// group's quota.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `{ min, max, target }` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    #[serde(default = "one")]
    min: Value,
    max: Value,
    #[serde(default = "target", with = "humantime_serde")]
    target: Duration,
}

fn one() -> Value {
    Value::from(1)
}

fn target() -> Duration {
    TARGET
}

/// What `runtime.workers` may be.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) enum WorkersSchema {
    /// "auto": from one to as many as there are cores.
    Name(String),
    /// As many, always.
    Number(u32),
    /// As many as the load needs, within bounds.
    Bounds {
        /// The fewest, 1 by default.
        min: Option<u32>,
        /// The most.
        max: u32,
        /// How old what waits may be before workers are added, "100ms" by default.
        target: Option<String>,
    },
}

impl<'de> Deserialize<'de> for Workers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if value == "auto" {
            return Ok(Workers::auto());
        }
        if value.is_object() {
            return bounds(value).map_err(D::Error::custom);
        }
        count(&value).map(Workers::fixed).ok_or_else(|| {
            D::Error::custom(format!(
                "{value} is no number of workers, expected \"auto\", 1 to {MOST}, or a table of min and max"
            ))
        })
    }
}

fn count(value: &Value) -> Option<usize> {
    let count = usize::try_from(value.as_u64()?).ok()?;
    (1..=MOST).contains(&count).then_some(count)
}

fn bounds(value: Value) -> Result<Workers, String> {
    let Bounds { min, max, target } =
        serde_json::from_value(value).map_err(|error| error.to_string())?;
    let number = |name: &str, value: &Value| {
        count(value).ok_or_else(|| {
            format!("{name} is {value}, which is no number of workers, expected 1 to {MOST}")
        })
    };
    let (min, max) = (number("min", &min)?, number("max", &max)?);
    if max < min {
        return Err(format!(
            "max is {max}, expected at least min, which is {min}"
        ));
    }
    if target < Duration::from_millis(1) {
        return Err(format!(
            "target is {}, expected at least \"1ms\"",
            humantime::format_duration(target)
        ));
    }
    Ok(Workers { min, max, target })
}
