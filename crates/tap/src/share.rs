use std::time::Instant;

/// How many events somebody may have: so many a second, and a tenth of that at once, but always one.
#[derive(Debug)]
pub struct Share {
    per_second: f64,
    most: f64,
    left: f64,
    at: Instant,
}

impl Share {
    /// A share of so many events a second.
    #[must_use]
    pub fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        let most = (per_second / 10.0).max(1.0);
        Share {
            per_second,
            most,
            left: most,
            at: now,
        }
    }

    /// How many it may have now.
    pub fn left(&mut self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.left = (self.left + since * self.per_second).min(self.most);
        self.left as u64
    }

    /// It has had one of those.
    pub fn had(&mut self) {
        self.left -= 1.0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_share_grows_with_time_and_is_never_more_than_a_tenth_of_a_second_at_once() {
        let start = Instant::now();
        let mut share = Share::new(100, start);
        assert_eq!(share.left(start), 10);
        (0..10).for_each(|_| share.had());
        assert_eq!(share.left(start), 0);
        assert_eq!(share.left(start + Duration::from_millis(50)), 5);
        assert_eq!(share.left(start + Duration::from_secs(60)), 10);
        // A clock that another thread read a little earlier takes nothing back.
        assert_eq!(share.left(start), 10);
        assert_eq!(Share::new(1, start).left(start), 1);
    }
}
