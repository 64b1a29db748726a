//! What a process uses, as the system counts it. Where a system does not tell, there is no figure.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// What was used up to some moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// User and system time.
    pub(super) cpu: Option<Duration>,
    /// Voluntary and involuntary context switches.
    pub(super) switches: Option<u64>,
}

impl Usage {
    /// Of a process that runs. Its CPU clock counts nanoseconds and goes on counting threads that have ended, unlike
    /// `/proc/PID/stat`, which counts hundredths of a second, and `/proc/PID/task`, which forgets them.
    pub(super) fn of(id: u32) -> Self {
        Self {
            cpu: cpu_clock(id),
            switches: switches(id),
        }
    }

    /// Of a process that runs and its descendants that run.
    pub(super) fn of_tree(id: u32) -> Self {
        let all = tree(id).into_iter().map(Self::of);
        all.reduce(Self::plus).unwrap_or_default()
    }

    /// Of all children of this process that have ended and been waited for, and of theirs.
    pub(super) fn of_ended_children() -> Self {
        let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else {
            return Self::default();
        };
        let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        let switches = usage.voluntary_context_switches() + usage.involuntary_context_switches();
        Self {
            cpu: u64::try_from(micros).ok().map(Duration::from_micros),
            switches: u64::try_from(switches).ok(),
        }
    }

    pub(super) fn since(self, before: Self) -> Self {
        let cpu = self.cpu.zip(before.cpu);
        let switches = self.switches.zip(before.switches);
        Self {
            cpu: cpu.map(|(now, then)| now.saturating_sub(then)),
            switches: switches.map(|(now, then)| now.saturating_sub(then)),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.zip(other.cpu).map(|(one, two)| one + two),
            switches: self
                .switches
                .zip(other.switches)
                .map(|(one, two)| one + two),
        }
    }

    /// CPU-seconds per million events.
    pub(super) fn cpu_per_million(&self, events: u64) -> Option<f64> {
        self.cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / events as f64)
    }

    /// Context switches per thousand events.
    pub(super) fn switches_per_thousand(&self, events: u64) -> Option<f64> {
        self.switches
            .map(|count| count as f64 * 1e3 / events as f64)
    }
}

#[cfg(target_os = "linux")]
fn cpu_clock(id: u32) -> Option<Duration> {
    let clock = nix::time::clock_getcpuclockid(super::process::pid(id)).ok()?;
    Some(clock.now().ok()?.into())
}

#[cfg(not(target_os = "linux"))]
fn cpu_clock(_: u32) -> Option<Duration> {
    None
}

fn switches(id: u32) -> Option<u64> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).ok()?;
    // A thread that ends while this reads is left out, as are those that have ended before.
    let counts = tasks
        .filter_map(Result::ok)
        .filter_map(|task| fs::read_to_string(task.path().join("status")).ok())
        .map(|status| {
            field(&status, "voluntary_ctxt_switches:").unwrap_or(0)
                + field(&status, "nonvoluntary_ctxt_switches:").unwrap_or(0)
        });
    Some(counts.sum())
}

/// The memory that is resident in a process that runs, in bytes.
pub(super) fn resident(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    Some(field(&status, "VmRSS:")? * 1024)
}

/// The most memory that was resident in a process that runs, and in its descendants that run, in bytes. Pages that
/// they share count for each.
pub(super) fn peak_resident(id: u32) -> Option<u64> {
    let peak = |id: u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        Some(field(&status, "VmHWM:")? * 1024)
    };
    tree(id)
        .into_iter()
        .filter_map(peak)
        .reduce(|one, two| one + two)
}

/// A process and its descendants.
pub(super) fn tree(id: u32) -> Vec<u32> {
    let mut all = vec![id];
    let mut next = 0;
    while let Some(id) = all.get(next) {
        // A child is that of the thread which started it.
        let threads = fs::read_dir(format!("/proc/{id}/task"));
        let children = threads
            .into_iter()
            .flatten()
            .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
        for children in children.collect::<Vec<_>>() {
            let ids = children.split_whitespace();
            all.extend(ids.filter_map(|id| id.parse::<u32>().ok()));
        }
        next += 1;
    }
    all
}

/// The number behind `name` in `/proc/PID/status`, without its unit.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_not_taken_for_one_whose_name_ends_alike() {
        let status = "Name:\tmillpond\nVmHWM:\t   40960 kB\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t9\n";
        assert_eq!(field(status, "VmHWM:"), Some(40960));
        assert_eq!(field(status, "voluntary_ctxt_switches:"), Some(7));
        assert_eq!(field(status, "nonvoluntary_ctxt_switches:"), Some(9));
        assert_eq!(field("Name:\tmillpond\n", "VmHWM:"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn work_that_is_done_shows_in_the_cpu_time() {
        let id = std::process::id();
        let before = Usage::of(id);
        let mut state = 1_u64;
        // Some 10 ms of work, far more than a clock of nanoseconds could miss.
        for step in 0..5_000_000_u64 {
            state = std::hint::black_box(state.wrapping_mul(3).wrapping_add(step));
        }
        let used = Usage::of(id).since(before);
        assert!(used.cpu.unwrap() > Duration::from_micros(500), "{used:?}");
        assert!(peak_resident(id).unwrap() > 1 << 20);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_a_thread_started_is_in_the_tree() {
        let started = std::thread::spawn(|| {
            let child = std::process::Command::new("sleep").arg("60").spawn();
            let mut child = child.expect("it starts");
            let there = tree(std::process::id()).contains(&child.id());
            child.kill().expect("it is there");
            child.wait().expect("it ends");
            there
        });
        assert!(started.join().expect("no panic"));
    }

    #[test]
    fn figures_are_per_million_and_per_thousand_events() {
        let usage = Usage {
            cpu: Some(Duration::from_secs(1)),
            switches: Some(500),
        };
        assert_eq!(usage.cpu_per_million(2_000_000), Some(0.5));
        assert_eq!(usage.switches_per_thousand(2_000_000), Some(0.25));
        assert_eq!(Usage::default().cpu_per_million(1), None);
    }
}
