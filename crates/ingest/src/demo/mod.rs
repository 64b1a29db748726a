mod line;
mod pace;
mod random;
mod shoppers;

use std::io;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::shoppers::Shoppers;

use self::pace::Pace;
use crate::feed::Feed;
use crate::lease::Lease;
use crate::routes::Waited;
use crate::{BoxFuture, ConfigError, Inlet, Opened, Source, SourceError, Wake, WakePipe};

/// How often events that are due are handed on.
const TICK: Duration = Duration::from_millis(5);
/// Events that nobody asked for at a rate are not made while more bytes of them than this wait: further ahead they would
/// only fill memory.
const ENOUGH: u64 = 16 << 20;
/// How long it rests then. Workers that go through a gigabyte a second still find some.
const REST: Duration = Duration::from_millis(4);

/// Synthetic shoppers: `type = "demo"`.
///
/// ```toml
/// [sources.shop]
/// type = "demo"
/// rate = 50000          # events a second; 0 = as fast as the pipelines take them, 16 MiB ahead at most
/// burst = { every = "10s", length = "1s", factor = 10 }   # factor = 1: no bursts
/// events = 1000000      # ends after so many; without it, when told to stop
/// users = 100000
/// items = 50000
/// seed = 1
/// bad = 0.0             # the share of malformed lines, 0 to 1
/// ```
///
/// The events are clicks, carts and purchases among views, in sessions whose lengths follow those of
/// real shops (median 6 events, mean 17), by users and on items with a Zipf-like tail. The same
/// configuration gives the same bytes; only their timing differs. A source that was held up by the
/// budget catches up on a second's worth of events at most.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DemoConfig {
    /// Events a second outside bursts; 0: as fast as the pipelines take them, at most 16 MiB ahead of them.
    pub rate: u64,
    /// The bursts on top of the rate.
    pub burst: Burst,
    /// How many events there are in all; without it there is no end to them.
    pub events: Option<u64>,
    /// How many users there are.
    pub users: u64,
    /// How many items there are.
    pub items: u64,
    /// Where the random numbers begin.
    pub seed: u64,
    /// The share of lines that are malformed, 0 to 1.
    pub bad: f64,
}

/// Bursts: at the end of every period the rate is multiplied.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Burst {
    /// The period, from the end of one burst to the end of the next.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub every: Duration,
    /// How much of the period is the burst.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub length: Duration,
    /// What the rate is multiplied by; 1 for no bursts.
    pub factor: f64,
}

impl Default for DemoConfig {
    fn default() -> Self {
        DemoConfig {
            rate: 50_000,
            burst: Burst::default(),
            events: None,
            users: 100_000,
            items: 50_000,
            seed: 1,
            bad: 0.0,
        }
    }
}

impl Default for Burst {
    fn default() -> Self {
        Burst {
            every: Duration::from_secs(10),
            length: Duration::from_secs(1),
            factor: 10.0,
        }
    }
}

impl DemoConfig {
    pub(crate) fn checked(self) -> Result<Box<dyn Source>, ConfigError> {
        let wrong = |key: &str, message: String| Err(ConfigError::new(key, message));
        for (key, count) in [("users", self.users), ("items", self.items)] {
            if !(1..=1 << 32).contains(&count) {
                return wrong(
                    key,
                    format!("{count}, expected at least 1 and at most 4294967296"),
                );
            }
        }
        if !(0.0..=1.0).contains(&self.bad) {
            return wrong("bad", format!("{}, expected 0 to 1", self.bad));
        }
        let Burst {
            every,
            length,
            factor,
        } = self.burst;
        if every.is_zero() {
            return wrong("burst.every", "0s, expected a time".into());
        }
        if length > every {
            let message = format!("{length:?}, expected at most `every`, which is {every:?}");
            return wrong("burst.length", message);
        }
        if !(0.0..=1e6).contains(&factor) {
            return wrong("burst.factor", format!("{factor}, expected 0 to 1000000"));
        }
        Ok(Box::new(Demo { config: self }))
    }
}

struct Demo {
    config: DemoConfig,
}

impl Source for Demo {
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Opened>, SourceError>> {
        Box::pin(async move { Ok(self as Box<dyn Opened>) })
    }
}

impl Opened for Demo {
    fn run(self: Box<Self>, inlet: Inlet) -> BoxFuture<'static, Result<(), SourceError>> {
        Box::pin(async_std::task::spawn_blocking(move || {
            self.emit(inlet).map_err(|source| SourceError::Pipe {
                input: "demo".into(),
                source,
            })
        }))
    }
}

impl Demo {
    fn emit(&self, inlet: Inlet) -> io::Result<()> {
        let _open = inlet.ledger().open();
        let pipe = inlet.stop().pipe()?;
        let mut shoppers = Shoppers::new(&self.config);
        let mut feed = Feed::new(inlet, usize::MAX);
        let mut left = self.config.events.unwrap_or(u64::MAX);
        let mut pace = Pace::new(self.config.rate, &self.config.burst);
        let start = Instant::now();
        while left > 0 {
            let mut due = pace.due(start.elapsed()).min(left);
            if due == 0 {
                if pipe.sleep(TICK)? == Wake::Stopped {
                    return Ok(());
                }
                continue;
            }
            while due > 0 {
                let Some(mut lease) = self.lease(&feed, &pipe)? else {
                    return Ok(());
                };
                let (filled, events) = shoppers.fill(lease.bytes(), due);
                feed.inlet().ledger().add_bytes(filled as u64);
                if block_on(feed.take(lease, filled, false)).is_err() {
                    return Ok(());
                }
                pace.sent(events);
                due -= events;
                left -= events;
            }
        }
        Ok(())
    }

    /// A buffer for the next events; `None` when the source should end.
    fn lease(&self, feed: &Feed, pipe: &WakePipe) -> io::Result<Option<Lease>> {
        let inlet = feed.inlet();
        let mut at_once = None;
        if self.config.rate == 0 {
            while inlet.waiting() > ENOUGH && !inlet.is_ended() {
                let _waited = Waited::new(inlet.ledger());
                pipe.sleep(REST)?;
            }
            if !inlet.is_ended() {
                at_once = inlet.try_lease_ahead(feed.need());
            }
        }
        Ok(at_once.or_else(|| block_on(inlet.lease(feed.need()))))
    }
}
