use std::io::{self, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{ClientError, document};
use crate::format::{bytes, percent, short, span};
use crate::overview::Overview;

/// The names of the columns are said again after this many lines.
const HEADED: u64 = 20;

const HEADINGS: &str = "      in/s      out/s   waiting   oldest      p50      p99 workers  busy   cpu    memory unacc state";

/// How many lines are written, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Every {
    /// Time from one line to the next. Rates are of the last whole second, whatever this is.
    pub interval: Duration,
    /// Ends after this many lines.
    pub count: Option<u64>,
}

/// Writes lines about the daemon at `address` to `out`, with headings now and then; and to `aside`, what is to be said
/// about the daemon itself. Once it has answered, a daemon that goes away is waited for.
///
/// # Errors
/// When it does not answer the first time, or `out` cannot be written.
pub fn print(
    address: SocketAddr,
    every: Every,
    out: &mut impl Write,
    aside: &mut impl Write,
) -> Result<(), PrintError> {
    let mut lines = 0;
    let mut away = false;
    let mut next = Instant::now();
    while every.count.is_none_or(|count| lines < count) {
        match document::<Overview>(address, "/api/v1/overview") {
            Ok(now) => {
                if std::mem::take(&mut away) {
                    writeln!(aside, "the daemon at {address} is back")?;
                }
                if lines.is_multiple_of(HEADED) {
                    writeln!(out, "{HEADINGS}")?;
                }
                writeln!(out, "{}", line(&now))?;
                out.flush()?;
                lines += 1;
                if every.count == Some(lines) {
                    break;
                }
            }
            Err(error) if lines == 0 => return Err(error.into()),
            Err(error) => {
                if !std::mem::replace(&mut away, true) {
                    writeln!(aside, "{error}; waiting for it")?;
                }
            }
        }
        // After a long wait for an answer, no hurry to make up for it.
        next = (next + every.interval).max(Instant::now());
        // Should it be shorter: a line comes early.
        thread::park_timeout(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// No line could be written.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// There is no daemon.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Whoever reads the lines is gone, or the like.
    #[error("a line cannot be written: {0}")]
    Write(#[from] io::Error),
}

fn line(now: &Overview) -> String {
    let (totals, workers) = (&now.totals, &now.workers);
    let brief = |number: Option<f64>| number.map_or("-".to_owned(), short).replace(' ', "");
    let time = |seconds| span(seconds).replace(' ', "").replace('\u{2013}', "-");
    let state = match (&now.pressure, now.health.ready, now.health.live) {
        (_, _, false) => "not-alive".to_owned(),
        (_, false, true) => "not-ready".to_owned(),
        (None, ..) => "ready".to_owned(),
        (Some(pressure), ..) if pressure.name.is_empty() => format!("pressure:{}", pressure.place),
        (Some(pressure), ..) => format!("pressure:{}:{}", pressure.place, pressure.name),
    };
    format!(
        "{:>10} {:>10} {:>9} {:>8} {:>8} {:>8} {:>7} {:>5} {:>5} {:>9} {:>5} {state}",
        brief(totals.in_per_second),
        brief(totals.out_per_second),
        brief(Some(totals.queued_events as f64)),
        time(totals.oldest_age_seconds),
        time(totals.p50_seconds),
        time(totals.p99_seconds),
        workers.running,
        percent(workers.busy)
            .replace(' ', "")
            .replace('\u{2013}', "-"),
        now.process
            .cpu_cores
            .map_or("-".to_owned(), |cores| format!("{cores:.2}")),
        bytes(now.process.resident_bytes.map(|bytes| bytes as f64))
            .replace(' ', "")
            .replace('\u{2013}', "-"),
        totals.unaccounted,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::examples;

    #[test]
    fn a_line_has_as_many_words_as_there_are_headings() {
        let mut now = examples::overview(1, 8);
        let calm = line(&now);
        now.pressure = None;
        now.health.ready = false;
        now.workers.busy = None;
        now.totals.p50_seconds = None;
        let unready = line(&now);
        insta::assert_snapshot!(format!("{HEADINGS}\n{calm}\n{unready}"));
        for line in [&calm, &unready] {
            let words = line.split_whitespace().count();
            assert_eq!(words, HEADINGS.split_whitespace().count(), "{line}");
        }
    }
}
