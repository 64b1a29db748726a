use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// The minute is looked at in this many spans: the oldest is forgotten as a whole.
const SPANS: u64 = 6;
/// So many events more than the share allows have to be quarantined: a few bad ones among the first few say nothing
/// of the share.
const SURPLUS: f64 = 10.0;

/// How often a pipeline may crash before it is paused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Crashes that no quarantined event explains.
    pub crashes: usize,
    /// The share of events that may be quarantined because they crash their line, 0 to 1.
    pub max_poison: f64,
    /// The time over which both are counted.
    pub within: Duration,
}

impl Default for Tolerance {
    /// 5 crashes, and 5 % of the events, in a minute.
    fn default() -> Self {
        Tolerance {
            crashes: 5,
            max_poison: 0.05,
            within: Duration::from_secs(60),
        }
    }
}

/// Why a pipeline is paused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PauseReason {
    /// Too many crashes that no quarantined event explains.
    Crashes {
        /// How many.
        crashes: usize,
        /// In what time.
        within: Duration,
    },
    /// Too large a share of the events crashed their line.
    Poison {
        /// How many did.
        quarantined: u64,
        /// Of how many.
        ran: u64,
        /// The share that may.
        max_poison: f64,
    },
    /// Somebody wanted it.
    Operator,
}

impl PauseReason {
    /// One word for it.
    pub fn name(&self) -> &'static str {
        match self {
            PauseReason::Crashes { .. } => "crashes",
            PauseReason::Poison { .. } => "poison",
            PauseReason::Operator => "operator",
        }
    }
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PauseReason::Crashes { crashes, within } => write!(
                f,
                "{crashes} crashes in {} s that no event explains",
                within.as_secs()
            ),
            PauseReason::Poison {
                quarantined,
                ran,
                max_poison,
            } => write!(
                f,
                "{quarantined} of the last {ran} events crashed their line, more than the {} % of max_poison",
                // Not more digits than were written: 0.07 * 100 is 7.000000000000001.
                (max_poison * 1e6).round() / 1e4
            ),
            PauseReason::Operator => f.write_str("an operator wanted it"),
        }
    }
}

/// Counts crashes, and says when they are too many. Times are nanoseconds on a clock that the caller has.
pub(crate) struct Intensity {
    tolerance: Tolerance,
    /// When the last crashes happened that nothing explains, oldest first.
    unexplained: VecDeque<u64>,
    spans: VecDeque<Span>,
}

#[derive(Default)]
struct Span {
    from: u64,
    ran: u64,
    quarantined: u64,
}

impl Intensity {
    pub(crate) fn new(tolerance: Tolerance) -> Self {
        Intensity {
            tolerance,
            unexplained: VecDeque::new(),
            spans: VecDeque::new(),
        }
    }

    /// Events have been run, those that crashed included.
    pub(crate) fn ran(&mut self, events: u64, now: u64) {
        self.span(now).ran += events;
    }

    /// The line crashed; `attributed` to an event that is quarantined for it. Says why that is one crash too
    /// many, if it is.
    pub(crate) fn crashed(&mut self, attributed: bool, now: u64) -> Option<PauseReason> {
        if attributed {
            self.span(now).quarantined += 1;
            return self.poisoned(now);
        }
        let since = now.saturating_sub(self.within());
        self.unexplained.push_back(now);
        while self.unexplained.front().is_some_and(|&at| at < since) {
            self.unexplained.pop_front();
        }
        let crashes = self.unexplained.len();
        (crashes > self.tolerance.crashes).then_some(PauseReason::Crashes {
            crashes,
            within: self.tolerance.within,
        })
    }

    /// Begins anew.
    pub(crate) fn forget(&mut self) {
        self.unexplained.clear();
        self.spans.clear();
    }

    fn poisoned(&mut self, now: u64) -> Option<PauseReason> {
        let since = now.saturating_sub(self.within());
        self.spans.retain(|span| span.from >= since);
        let (ran, quarantined) = self.spans.iter().fold((0, 0), |(ran, quarantined), span| {
            (ran + span.ran, quarantined + span.quarantined)
        });
        // More cannot be quarantined than were run; whoever counts late counts them here.
        let ran = ran.max(quarantined);
        let max_poison = self.tolerance.max_poison;
        let allowed = max_poison * ran as f64 + SURPLUS;
        (quarantined as f64 >= allowed).then_some(PauseReason::Poison {
            quarantined,
            ran,
            max_poison,
        })
    }

    /// The span that `now` lies in. There are never more than the minute has, and one.
    fn span(&mut self, now: u64) -> &mut Span {
        let length = (self.within() / SPANS).max(1);
        let newest = self.spans.back().map(|span| span.from);
        if newest.is_none_or(|from| now >= from + length) {
            let since = now.saturating_sub(self.within());
            self.spans.retain(|span| span.from >= since);
            let from = now;
            self.spans.push_back(Span {
                from,
                ..Span::default()
            });
        }
        let last = self.spans.len() - 1;
        &mut self.spans[last]
    }

    fn within(&self) -> u64 {
        u64::try_from(self.tolerance.within.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
#[path = "intensity_tests.rs"]
mod tests;
