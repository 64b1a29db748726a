use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::point::Point;
use crate::tap::{Sample, Tap};

/// The points in front of the stages of a line, by name: stages come and go while it runs. Whoever runs events through it
/// asks once a batch for all of them.
#[derive(Debug, Default)]
pub struct Line {
    taps: AtomicUsize,
    points: Mutex<BTreeMap<Arc<str>, Arc<Point>>>,
}

/// What is wanted of the next events, stage by stage.
#[derive(Debug, Default)]
pub struct Wanted(Vec<(Arc<str>, Arc<Point>, usize)>);

impl Line {
    /// Whether anybody looks at any of the stages: one relaxed load.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.taps.load(Ordering::Relaxed) > 0
    }

    /// What is wanted of the next events; false if nothing is, or if another thread is at it.
    pub fn wanted(&self, wanted: &mut Wanted) -> bool {
        wanted.0.clear();
        let Ok(points) = self.points.try_lock() else {
            return false;
        };
        for (stage, point) in points.iter().filter(|(_, point)| point.is_watched()) {
            let some = point.wanted();
            if some > 0 {
                wanted.0.push((stage.clone(), point.clone(), some));
            }
        }
        !wanted.0.is_empty()
    }

    /// Looks at so many events a second that come to a stage, at most. They are counted by whoever runs them.
    #[must_use]
    pub fn tap(self: &Arc<Self>, stage: &str, per_second: u32) -> Tap {
        let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        let point = points.entry(stage.into()).or_default();
        let tap = point.tap(per_second);
        self.taps.fetch_add(1, Ordering::Relaxed);
        tap.of(self.clone())
    }

    pub(crate) fn leave(&self) {
        self.taps.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Wanted {
    /// Shows an event that comes to a stage, if it is still wanted.
    pub fn show(&mut self, stage: &str, sample: impl FnMut() -> Sample) {
        let found = self.0.iter_mut().find(|(name, ..)| **name == *stage);
        if let Some((_, point, left)) = found
            && *left > 0
        {
            *left -= 1;
            point.show(sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_watched_while_any_of_its_stages_is() {
        let line = Arc::new(Line::default());
        let mut wanted = Wanted::default();
        assert!(!line.is_watched() && !line.wanted(&mut wanted));
        let tap = line.tap("map", 10);
        assert!(line.is_watched() && line.wanted(&mut wanted));
        wanted.show("filter", || unreachable!("nobody looks there"));
        wanted.show("map", || Sample::of(b"a"));
        wanted.show("map", || unreachable!("one is all that was wanted"));
        assert_eq!((tap.take().len(), tap.passed()), (1, 0));
        drop(tap);
        assert!(!line.is_watched() && !line.wanted(&mut wanted));
    }
}
