//! What a test's process holds.

/// What a process may grow by, whatever is sent to it: a body's limit, and what allocators keep.
pub const FLAT: u64 = 64 << 20;

pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        << 10
}
