use std::sync::OnceLock;
use std::time::Instant;

/// Nanoseconds on a monotonic clock that starts at 1 when it is first read in this process, so that
/// 0 is free to mean "none". Read once a parcel, never once an event.
pub fn monotonic_nanos() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX - 1) + 1
}
