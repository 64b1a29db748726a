use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What Linux counts of the thread that opens it: nanoseconds on a core, nanoseconds of waiting for one.
const COUNTS: &str = "/proc/thread-self/schedstat";

/// How long workers have been on a core or waited for one. Time on a shard in which they did neither is
/// time in which they slept.
///
/// Waiting is counted in, so that workers that crowd the cores are not taken for workers that sleep.
#[derive(Default)]
pub(crate) struct Meters {
    slots: Vec<Mutex<Option<Meter>>>,
    total: Mutex<Option<u64>>,
}

struct Meter {
    counts: File,
    seen: u64,
}

impl Meters {
    /// For workers with numbers below `workers`.
    pub(crate) fn new(workers: usize) -> Self {
        Meters {
            slots: (0..workers).map(|_| Mutex::default()).collect(),
            total: Mutex::default(),
        }
    }

    /// Begins to count the calling thread as the worker with this number.
    pub(crate) fn begin(&self, worker: usize) {
        let Some(slot) = self.slots.get(worker) else {
            return;
        };
        // Where the system does not tell, nothing is known.
        let meter = File::open(COUNTS).ok().and_then(|counts| {
            let seen = read(&counts)?;
            Some(Meter { counts, seen })
        });
        *lock(slot) = meter;
    }

    /// The worker with this number ends.
    pub(crate) fn end(&self, worker: usize) {
        if let Some(slot) = self.slots.get(worker) {
            *lock(slot) = None;
        }
    }

    /// A total that grows with every look; `None` where the system does not tell.
    pub(crate) fn look(&self) -> Option<Duration> {
        let mut total = lock(&self.total);
        for slot in &self.slots {
            if let Some(meter) = &mut *lock(slot)
                && let Some(now) = read(&meter.counts)
            {
                *total = Some(total.unwrap_or(0) + now.saturating_sub(meter.seen));
                meter.seen = now;
            }
        }
        total.map(Duration::from_nanos)
    }
}

/// Of the whole process.
pub(crate) fn processor_time() -> Option<Duration> {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime)
        .try_into()
        .ok()
}

fn read(counts: &File) -> Option<u64> {
    let mut buffer = [0; 64];
    let length = counts.read_at(&mut buffer, 0).ok()?;
    let text = std::str::from_utf8(buffer.get(..length)?).ok()?;
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    Some(numbers.next()?.ok()? + numbers.next()?.ok()?)
}

/// Every change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_works_is_told_from_one_that_sleeps() {
        let meters = Meters::new(2);
        meters.begin(0);
        let before = meters.look().expect("Linux tells");
        // Where others have the cores it waits for one when it wakes, which counts: so it sleeps for long.
        std::thread::sleep(Duration::from_millis(300));
        let asleep = meters.look().expect("Linux tells") - before;
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(60) {
            std::hint::spin_loop();
        }
        let awake = meters.look().expect("Linux tells") - before - asleep;
        assert!(asleep < Duration::from_millis(150), "{asleep:?}");
        assert!(awake > Duration::from_millis(30), "{awake:?}");
        meters.end(0);
        assert_eq!(
            meters.look().expect("what was seen"),
            before + asleep + awake
        );
    }
}
