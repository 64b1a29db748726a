use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::line::Line;
use crate::point::Point;
use crate::share::Share;

/// So many samples wait at most,
const SAMPLES: usize = 1_024;
/// and so many bytes of them.
const BYTES: usize = 2 << 20;
/// Of a longer event only the beginning is copied.
const LONGEST: usize = 256 << 10;

/// A copy of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Its bytes, or how they begin.
    pub bytes: Vec<u8>,
    /// How many there are, 256 KiB at most of them here.
    pub length: usize,
    /// Partition and number in it, where that is known.
    pub place: Option<(u64, u64)>,
}

impl Sample {
    /// Copies an event.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Sample {
            bytes: bytes[..bytes.len().min(LONGEST)].to_vec(),
            length: bytes.len(),
            place: None,
        }
    }

    /// Whether it is only the beginning.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.bytes.len() < self.length
    }
}

/// Somebody who looks at what passes a [`Point`].
#[derive(Debug)]
pub struct Tap {
    point: Arc<Point>,
    queue: Arc<Queue>,
    /// What had passed before.
    before: u64,
    /// The line that it is in, if it is in one.
    line: Option<Arc<Line>>,
}

impl Tap {
    pub(crate) fn new(point: Arc<Point>, queue: Arc<Queue>) -> Self {
        let before = point.passed();
        Tap {
            point,
            queue,
            before,
            line: None,
        }
    }

    pub(crate) fn of(self, line: Arc<Line>) -> Self {
        let mut tap = self;
        tap.line = Some(line);
        tap
    }

    /// What has come since the last call, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<Sample> {
        self.queue.empty()
    }

    /// How many events have passed since the tap is there, as far as its point counts them.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.point.passed().saturating_sub(self.before)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.point.leave(&self.queue);
        if let Some(line) = &self.line {
            line.leave();
        }
    }
}

/// What waits for a tap.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    samples: VecDeque<Sample>,
    bytes: usize,
    share: Share,
}

impl Waiting {
    fn room(&mut self, now: Instant) -> usize {
        let share = usize::try_from(self.share.left(now)).unwrap_or(usize::MAX);
        match self.bytes < BYTES {
            true => share.min(SAMPLES - self.samples.len()),
            false => 0,
        }
    }
}

impl Queue {
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Queue {
            waiting: Mutex::new(Waiting {
                samples: VecDeque::new(),
                bytes: 0,
                share: Share::new(per_second, now),
            }),
        }
    }

    /// How many it would take in now. None while it is being emptied.
    pub(crate) fn wanted(&self, now: Instant) -> usize {
        self.waiting
            .try_lock()
            .map_or(0, |mut waiting| waiting.room(now))
    }

    /// Takes in some of so many events, as there is room for.
    pub(crate) fn take_in(
        &self,
        now: Instant,
        events: usize,
        sample: &mut impl FnMut(usize) -> Sample,
    ) {
        let Ok(mut waiting) = self.waiting.try_lock() else {
            return;
        };
        let some = waiting.room(now).min(events);
        for number in 0..some {
            if waiting.bytes >= BYTES {
                return;
            }
            let sample = sample(number * events / some);
            waiting.bytes += sample.bytes.len();
            waiting.samples.push_back(sample);
            waiting.share.had();
        }
    }

    fn empty(&self) -> Vec<Sample> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.bytes = 0;
        waiting.samples.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_over_a_batch_and_what_was_not_seen_is_known() {
        let point = Arc::new(Point::default());
        point.pass(5, |_| unreachable!("nobody looks"));
        let tap = point.tap(40);
        point.pass(100, |event| Sample::of(&[event as u8]));
        let seen: Vec<u8> = tap.take().iter().map(|sample| sample.bytes[0]).collect();
        assert_eq!(seen, [0, 25, 50, 75]);
        assert_eq!(tap.passed(), 100);
    }

    #[test]
    fn whoever_does_not_look_costs_no_memory_beyond_a_bound() {
        let point = Arc::new(Point::default());
        let tap = point.tap(1_000_000);
        for _ in 0..100 {
            point.pass(1_000, |_| Sample::of(&[b'x'; 16]));
        }
        assert_eq!(tap.take().len(), SAMPLES);
        let long = vec![b'x'; 2 * LONGEST];
        point.pass(100, |_| Sample::of(&long));
        let seen = tap.take();
        assert_eq!(seen.len(), BYTES / LONGEST);
        assert!(seen[0].is_cut());
        assert_eq!(
            (seen[0].bytes.len(), seen[0].length),
            (LONGEST, 2 * LONGEST)
        );
        assert_eq!(tap.passed(), 100_100);
    }

    #[test]
    fn nobody_waits_for_a_tap_that_is_being_emptied() {
        let point = Arc::new(Point::default());
        let tap = point.tap(1_000);
        let held = tap.queue.waiting.lock().unwrap();
        point.pass(10, |_| unreachable!("it is busy"));
        assert_eq!(point.wanted(), 0);
        drop(held);
        assert_eq!((tap.take(), tap.passed()), (Vec::new(), 10));
        assert!(point.wanted() > 0);
    }

    #[test]
    fn each_tap_has_its_own_share_and_the_last_one_to_leave_ends_the_looking() {
        let point = Arc::new(Point::default());
        let (one, other) = (point.tap(10), point.tap(30));
        point.pass(9, |event| Sample::of(&[event as u8]));
        assert_eq!((one.take().len(), other.take().len()), (1, 3));
        drop(one);
        assert!(point.is_watched());
        point.show(|| Sample::of(b"x"));
        assert_eq!(other.passed(), 9, "what is only shown is counted elsewhere");
        drop(other);
        assert!(!point.is_watched());
    }
}
