//! What can be said without playing it through.

use crate::look::Measured;
use crate::spread::Spread;

/// What a worker that sleeps takes to begin, where it could not be measured.
const WAKE: f64 = 50e-6;
/// Beyond this share of batches that have to queue, waits tell nothing about waking.
const MOSTLY: f64 = 0.9;

/// The probability that a batch has to queue, with `workers` of which `busy` are busy on average: Erlang's formula.
pub(crate) fn queued(workers: usize, busy: f64) -> f64 {
    if busy >= workers as f64 {
        return 1.0;
    }
    // The recursion of Erlang's loss formula, which neither overflows nor cancels.
    let mut lost = 1.0;
    for count in 1..=workers {
        lost = busy * lost / (count as f64 + busy * lost);
    }
    let share = busy / workers as f64;
    lost / (1.0 - share + share * lost)
}

/// Seconds until a worker that sleeps has begun: what most of those batches waited that did not have to queue.
pub(crate) fn wake(measured: &Measured) -> f64 {
    let look = &measured.look;
    if look.closed_loop {
        return WAKE;
    }
    let busy = look.busy_seconds / measured.seconds;
    let queued = queued(look.workers, busy);
    if queued > MOSTLY {
        return WAKE;
    }
    let all = look.pipelines.iter().map(|one| &one.waited);
    let waited = all.fold(Spread::default(), Spread::with);
    waited.quantile((1.0 - queued) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_that_queues_is_that_of_the_tables() {
        for (workers, busy, expected) in [
            (1, 0.5, 0.5),
            (2, 1.0, 1.0 / 3.0),
            (10, 8.0, 0.4092),
            (4, 4.0, 1.0),
            (3, 0.0, 0.0),
        ] {
            let seen = queued(workers, busy);
            assert!((seen - expected).abs() < 1e-4, "{workers} {busy}: {seen}");
        }
    }
}
