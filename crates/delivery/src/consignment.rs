use crate::hold::Inputs;
use crate::ledger::{ABANDONED, Ledger, Reasons, SinkLedger};
use crate::receipt::Receipt;
use crate::sync::{Arc, Mutex, lock};
use crate::ticket::Part;

/// What became of some inputs, counted by the worker that ran them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Went out through the end of the line: delivered once every required sink has confirmed.
    pub passed: u64,
    /// Refused by a stage.
    pub filtered: u64,
    /// Went into a stage's state.
    pub absorbed: u64,
    /// Became other events: the ordinals of these inputs in the consignment.
    pub consumed: Vec<u32>,
    /// Set aside: the ordinals of these inputs in the consignment.
    pub dead_lettered: Vec<u32>,
    /// Given up, by reason.
    pub dropped_by: Reasons,
}

impl Tally {
    /// How many inputs it speaks of.
    pub fn events(&self) -> u64 {
        self.immediate()
            + self.passed
            + self.consumed.len() as u64
            + self.dead_lettered.len() as u64
    }

    /// True for no inputs at all.
    pub fn is_empty(&self) -> bool {
        self.events() == 0
    }

    /// Inputs that no sink has to confirm.
    fn immediate(&self) -> u64 {
        self.filtered + self.absorbed + self.dropped_by.values().sum::<u64>()
    }
}

/// How a row ended that a sink did not deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Refused for good and set aside.
    DeadLettered,
    /// Given up, with the reason.
    Dropped(&'static str),
    /// Not delivered by this process, with the reason; counted as dropped here. The ticket asks for a
    /// retry: a source that can do it again does.
    Abandoned(&'static str),
}

/// What a worker makes of some parts: open while it works on them and while sinks owe answers.
pub struct Consignment {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    ledger: std::sync::Arc<Ledger>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    parts: Vec<Part>,
    tally: Tally,
    /// Inputs of which some row was not delivered.
    failed: Vec<(u32, Fate)>,
    abandoned: bool,
}

impl Consignment {
    /// Opens a consignment of a pipeline's inputs.
    pub fn open(ledger: &std::sync::Arc<Ledger>) -> Self {
        let inner = Inner {
            ledger: ledger.clone(),
            state: Mutex::new(State::default()),
        };
        Consignment {
            inner: Arc::new(inner),
        }
    }

    /// A receipt for `rows` rows to a sink. A required sink holds the consignment open until it
    /// has answered; a best-effort one does not. `received_nanos`: when the oldest of the inputs
    /// was read.
    pub fn receipt(
        &self,
        sink: &std::sync::Arc<SinkLedger>,
        rows: u64,
        required: bool,
        received_nanos: u64,
    ) -> Receipt {
        sink.route(rows);
        let inputs = match required {
            true => Inputs::Wait(self.inner.clone()),
            false => Inputs::None,
        };
        Receipt::new(inputs, sink, rows, received_nanos)
    }

    /// Says what became of the inputs. Those that no sink has to confirm end here; the others, and
    /// the parts, when the last receipt has been answered.
    ///
    /// A tally of fewer events than the parts hold leaves the rest to be counted as abandoned; what
    /// a tally has too many shows as [`Ledger::unaccounted`].
    pub fn seal(self, parts: Vec<Part>, tally: Tally) {
        let immediate = tally.immediate();
        let settling = held(&parts).saturating_sub(immediate);
        self.inner.ledger.end(immediate, |totals| {
            totals.settling += settling;
            totals.filtered += tally.filtered;
            totals.absorbed += tally.absorbed;
            for (reason, events) in &tally.dropped_by {
                *totals.dropped_by.entry(reason).or_default() += events;
            }
        });
        #[cfg(millpond_seed_bug = "leaked_ticket")]
        let parts = leak_now_and_then(parts);
        let mut state = lock(&self.inner.state);
        state.parts = parts;
        state.tally = tally;
    }
}

/// One part in a hundred is forgotten: what the proof has to notice.
#[cfg(millpond_seed_bug = "leaked_ticket")]
fn leak_now_and_then(mut parts: Vec<Part>) -> Vec<Part> {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    static SEALED: AtomicU64 = AtomicU64::new(0);
    if SEALED.fetch_add(1, Relaxed) % 100 == 99 {
        std::mem::forget(parts.pop());
    }
    parts
}

impl Inner {
    /// Rows of these inputs were not delivered.
    pub(crate) fn fail(&self, failed: &[(u32, Fate)]) {
        lock(&self.state).failed.extend_from_slice(failed);
    }

    /// Nobody knows what became of its rows.
    pub(crate) fn abandon(&self) {
        lock(&self.state).abandoned = true;
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let mut state = std::mem::take(&mut *lock(&self.state));
        let held = held(&state.parts);
        let counted = state.tally.events();
        // The tally must cover the parts; what it leaves out was never worked on to its end.
        let missing = held.saturating_sub(counted);
        let immediate = state.tally.immediate();
        let deferred = held.min(counted) - immediate.min(held);
        let abandoned = |&(_, fate): &(u32, Fate)| matches!(fate, Fate::Abandoned(_));
        if state.abandoned || missing > 0 || state.failed.iter().any(abandoned) {
            state.parts.iter().for_each(Part::ask_retry);
        }
        let ends = ends(&mut state, missing);
        if counted > immediate || missing > 0 {
            self.ledger.end(deferred + missing, |totals| {
                totals.settling = totals.settling.saturating_sub(deferred + missing);
                totals.delivered += ends.delivered;
                totals.consumed += ends.consumed;
                totals.dead_lettered += ends.dead_lettered;
                for (reason, events) in &ends.dropped_by {
                    *totals.dropped_by.entry(reason).or_default() += events;
                }
            });
        }
        state.parts.into_iter().for_each(Part::close);
    }
}

fn held(parts: &[Part]) -> u64 {
    parts.iter().map(Part::events).sum()
}

#[derive(Default)]
struct Ends {
    delivered: u64,
    consumed: u64,
    dead_lettered: u64,
    dropped_by: Reasons,
}

/// The outcomes of the inputs that had to wait for sinks: each failed input once, under its worst
/// fate, taken from the outcome that the worker had in mind for it.
fn ends(state: &mut State, missing: u64) -> Ends {
    let tally = &state.tally;
    let (consumed, dead_lettered) = (
        tally.consumed.len() as u64,
        tally.dead_lettered.len() as u64,
    );
    if state.abandoned {
        // Nobody knows which rows went out, so none of their inputs may count as delivered.
        let unknown = missing + tally.passed + consumed + dead_lettered;
        return Ends {
            dropped_by: Reasons::from([(ABANDONED, unknown)]),
            ..Ends::default()
        };
    }
    let mut ends = Ends {
        delivered: tally.passed,
        consumed,
        dead_lettered,
        dropped_by: Reasons::new(),
    };
    if missing > 0 {
        ends.dropped_by.insert(ABANDONED, missing);
    }
    if state.failed.is_empty() {
        return ends;
    }
    state.tally.consumed.sort_unstable();
    state.tally.dead_lettered.sort_unstable();
    let tally = &state.tally;
    // Dropped is worse than dead-lettered: sorted before it, it is the one that is kept.
    state
        .failed
        .sort_by_key(|&(input, fate)| (input, matches!(fate, Fate::DeadLettered)));
    state.failed.dedup_by_key(|&mut (input, _)| input);
    for (input, fate) in &state.failed {
        let meant = if tally.dead_lettered.binary_search(input).is_ok() {
            &mut ends.dead_lettered
        } else if tally.consumed.binary_search(input).is_ok() {
            &mut ends.consumed
        } else {
            &mut ends.delivered
        };
        // A stranger's ordinal must not count an input twice.
        if *meant == 0 {
            continue;
        }
        *meant -= 1;
        match fate {
            Fate::DeadLettered => ends.dead_lettered += 1,
            Fate::Dropped(reason) | Fate::Abandoned(reason) => {
                *ends.dropped_by.entry(reason).or_default() += 1;
            }
        }
    }
    ends
}
