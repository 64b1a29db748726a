//! How long a worker that sleeps takes to begin.

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
