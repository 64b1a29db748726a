//! How long a worker that sleeps takes to begin, and how often one has to.

use fastrand::Rng;

use crate::look::Measured;
use crate::spread::{Draw, Spread};

/// Seconds of it where it could not be measured.
const USUAL: f64 = 50e-6;
/// With fewer than this it could not.
const ENOUGH: u64 = 100;

/// Draws it as it was measured: a busy machine lets some wait for long.
pub(crate) struct Waking(Option<Draw>);

impl Waking {
    pub(crate) fn of(measured: &Measured) -> Self {
        let look = &measured.look;
        let all = look.pipelines.iter().map(|one| &one.woke);
        let woke = all.fold(Spread::default(), Spread::with);
        let known = !look.closed_loop && woke.count() >= ENOUGH;
        Waking(Draw::of(&woke).filter(|_| known))
    }

    pub(crate) fn seconds(&self, random: &mut Rng) -> f64 {
        let draw = self.0.as_ref();
        draw.map_or(USUAL, |draw| draw.at(random.f64()))
    }
}

/// The probability that a batch has to queue, with `workers` of which `busy` are busy on average: Erlang's formula. For
/// the others somebody has to wake.
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
