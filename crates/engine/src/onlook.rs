use crate::stats::{Counter, Tally};

/// Who looks on while stages run: takes their time, tells of what comes to them, or does neither. Decided at compile
/// time.
pub(crate) trait Clock {
    /// Whether the exits are told of each stage.
    const WATCHES: bool = false;

    fn time<T>(&mut self, tally: &mut Tally, work: impl FnOnce() -> T) -> T;
}

pub(crate) struct Untimed;

impl Clock for Untimed {
    #[inline]
    fn time<T>(&mut self, _tally: &mut Tally, work: impl FnOnce() -> T) -> T {
        work()
    }
}

pub(crate) struct Watched<'a>(pub(crate) Option<&'a mut dyn FnMut() -> u64>);

impl Clock for Watched<'_> {
    const WATCHES: bool = true;

    fn time<T>(&mut self, tally: &mut Tally, work: impl FnOnce() -> T) -> T {
        match &mut self.0 {
            Some(clock) => Timed(*clock).time(tally, work),
            None => work(),
        }
    }
}

pub(crate) struct Timed<'a>(pub(crate) &'a mut dyn FnMut() -> u64);

impl Clock for Timed<'_> {
    fn time<T>(&mut self, tally: &mut Tally, work: impl FnOnce() -> T) -> T {
        let start = (self.0)();
        let result = work();
        tally.add(Counter::TimedEvents, 1);
        tally.add(Counter::TimedNanos, (self.0)().saturating_sub(start));
        result
    }
}
