use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::{Bytes, Frame};
use millpond_tap::Share;
use serde_json::json;

use crate::taps::Tapped;

/// How often it is looked whether something came: nobody on the way of the events has to wake anybody.
const LOOK: Duration = Duration::from_millis(50);
/// How often is told what passed and what of it was seen.
const TELL: Duration = Duration::from_secs(1);

/// The body of an answer: what comes out of a tap, as server-sent events.
pub(crate) struct TapStream {
    tapped: Tapped,
    /// How many may still be shown.
    left: Option<u64>,
    share: Share,
    counts: Counts,
    told: Option<Instant>,
    ended: bool,
    timer: Pin<Box<dyn Future<Output = ()> + Send>>,
}

#[derive(Default)]
struct Counts {
    looked_at: u64,
    shown: u64,
    /// Beyond the rate, or the limit.
    withheld: u64,
    /// Dropped, as the last sample was told.
    dropped: u64,
}

impl TapStream {
    /// Shows `rate` events a second at most, and ends after `limit` of them.
    pub(crate) fn new(tapped: Tapped, rate: u32, limit: Option<u64>) -> Self {
        TapStream {
            tapped,
            left: limit,
            share: Share::new(rate, Instant::now()),
            counts: Counts::default(),
            told: None,
            ended: false,
            timer: Box::pin(async_std::task::sleep(LOOK)),
        }
    }

    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            let said = self.look(Instant::now());
            if !said.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(said.into()))));
            }
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.timer = Box::pin(async_std::task::sleep(LOOK));
        }
    }

    /// What there is to say now.
    fn look(&mut self, now: Instant) -> String {
        let mut said = String::new();
        let samples = self.tapped.tap.take();
        self.counts.looked_at += samples.len() as u64;
        for (place, sample) in samples.iter().enumerate() {
            let dropped = self.dropped();
            let since = dropped.saturating_sub(self.counts.dropped);
            let Some(line) = (self.tapped.show)(sample, since) else {
                continue;
            };
            if self.share.left(now) == 0 {
                self.counts.withheld += 1;
                continue;
            }
            self.share.had();
            self.counts.dropped = dropped;
            self.counts.shown += 1;
            said.push_str(&format!("event: sample\ndata: {line}\n\n"));
            if let Some(left) = &mut self.left {
                *left -= 1;
                if *left == 0 {
                    self.ended = true;
                    self.counts.withheld += (samples.len() - place - 1) as u64;
                    said.push_str(&self.tell("end"));
                    return said;
                }
            }
        }
        if self
            .told
            .is_none_or(|told| now.saturating_duration_since(told) >= TELL)
        {
            self.told = Some(now);
            said.push_str(&self.tell("tap"));
        }
        said
    }

    fn tell(&self, name: &str) -> String {
        let counts = json!({
            "passed": self.passed(),
            "shown": self.counts.shown,
            "dropped": self.dropped(),
        });
        format!("event: {name}\ndata: {counts}\n\n")
    }

    fn passed(&self) -> u64 {
        let counted = self.tapped.passed.as_ref().map(|passed| passed());
        // Counted elsewhere, it may lag behind what was seen already.
        let passed = counted.unwrap_or_else(|| self.tapped.tap.passed());
        passed.max(self.counts.looked_at)
    }

    /// What passed and was not looked at, or not shown for the rate.
    fn dropped(&self) -> u64 {
        self.passed() - self.counts.looked_at + self.counts.withheld
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millpond_tap::{Point, Sample};

    use super::*;

    fn stream(point: &Arc<Point>, rate: u32, limit: Option<u64>) -> TapStream {
        let tapped = Tapped {
            tap: point.tap(1_000_000),
            passed: None,
            show: Box::new(|sample, dropped| {
                let text = String::from_utf8_lossy(&sample.bytes).into_owned();
                (text != "unwanted").then(|| format!("{text} {dropped}"))
            }),
        };
        TapStream::new(tapped, rate, limit)
    }

    #[test]
    fn the_first_word_says_that_it_is_open_and_the_last_what_there_was() {
        let point = Arc::new(Point::default());
        let mut stream = stream(&point, 100, Some(2));
        let now = Instant::now();
        assert_eq!(
            stream.look(now),
            "event: tap\ndata: {\"dropped\":0,\"passed\":0,\"shown\":0}\n\n"
        );
        for text in ["a", "unwanted", "b", "c"] {
            point.pass(1, |_| Sample::of(text.as_bytes()));
        }
        assert_eq!(
            stream.look(now),
            "event: sample\ndata: a 0\n\nevent: sample\ndata: b 0\n\n\
             event: end\ndata: {\"dropped\":1,\"passed\":4,\"shown\":2}\n\n"
        );
        assert!(stream.ended);
    }

    #[test]
    fn what_is_beyond_the_rate_or_found_no_room_is_counted_as_dropped() {
        let point = Arc::new(Point::default());
        let mut stream = stream(&point, 10, None);
        let now = Instant::now();
        stream.look(now);
        point.pass(500, |_| Sample::of(b"a"));
        // All were copied, one may be shown at once.
        let said = stream.look(now);
        assert_eq!(said.matches("event: sample").count(), 1, "{said}");
        let later = stream.look(now + TELL);
        assert_eq!(
            later,
            "event: tap\ndata: {\"dropped\":499,\"passed\":500,\"shown\":1}\n\n"
        );
        point.pass(1, |_| Sample::of(b"b"));
        let next = stream.look(now + TELL);
        assert!(next.contains("data: b 499\n"), "{next}");
    }
}
