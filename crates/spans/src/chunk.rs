use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::Empty;

use crate::{TARGET, int, open};

/// A chunk is followed if its number, mixed, is below; 0: none is.
static THRESHOLD: AtomicU64 = AtomicU64::new(0);
/// How many chunks were asked about while any could be followed.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// Has this share of the chunks followed from now on, 0 to 1; what is outside counts as the nearer end.
pub fn set_rate(rate: f64) {
    let rate = rate.clamp(0.0, 1.0);
    // A float's `as` saturates: 1.0 gives the largest number.
    THRESHOLD.store((rate * u64::MAX as f64) as u64, Ordering::Relaxed);
}

/// A chunk that is followed: its span ends when this is dropped.
#[derive(Debug)]
pub struct Chunk {
    trace: u64,
}

/// A chunk of `source` that begins its way; none if it is not followed.
#[inline]
pub fn chunk(
    source: &str,
    partition: u64,
    first_sequence: u64,
    events: u64,
    bytes: u64,
) -> Option<Chunk> {
    let threshold = THRESHOLD.load(Ordering::Relaxed);
    if threshold == 0 {
        return None;
    }
    let asked = ASKED.fetch_add(1, Ordering::Relaxed) + 1;
    if mix(asked) > threshold {
        return None;
    }
    follow(asked, source, partition, first_sequence, events, bytes)
}

#[cold]
fn follow(
    trace: u64,
    source: &str,
    partition: u64,
    first_sequence: u64,
    events: u64,
    bytes: u64,
) -> Option<Chunk> {
    if open::is_full() {
        return None;
    }
    let span = tracing::debug_span!(
        target: TARGET,
        parent: None,
        "chunk",
        source,
        trace,
        partition,
        first_sequence,
        events = int(events),
        bytes = int(bytes),
        durable = Empty,
        again = Empty,
    );
    let followed = !span.is_disabled() && open::insert(trace, span);
    followed.then_some(Chunk { trace })
}

impl Chunk {
    /// What its ticket and receipts carry; never 0.
    pub fn trace(&self) -> u64 {
        self.trace
    }

    /// It is on stable storage.
    pub fn durable(&self) {
        if let Some(span) = open::get(self.trace) {
            span.record("durable", true);
        }
    }

    /// Every event has its outcome; `again` if some were given up, so that the chunk has to come again.
    pub fn settled(&self, again: bool) {
        if let Some(span) = open::get(self.trace) {
            span.record("again", again);
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        open::remove(self.trace);
    }
}

/// Spreads numbers in a row over all numbers (the finalizer of splitmix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_that_is_followed_is_the_one_that_was_asked_for() {
        let share = |rate: f64| {
            let threshold = (rate * u64::MAX as f64) as u64;
            (1..=100_000).filter(|&n| mix(n) <= threshold).count()
        };
        assert_eq!(share(1.0), 100_000);
        assert!((9_500..=10_500).contains(&share(0.1)), "{}", share(0.1));
        assert!((60..=140).contains(&share(0.001)), "{}", share(0.001));
    }
}
