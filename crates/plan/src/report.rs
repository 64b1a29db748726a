use std::fmt;

use crate::burst::Drain;
use crate::predict::{Limit, Plan, Row};

/// A plan as a person reads it.
pub struct Report<'a>(pub &'a Plan);

/// Parts of the workers' time that are shown.
const PARTS: usize = 5;

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.0;
        writeln!(
            f,
            "Measured: {} events/s for {:.1} s, {} batches; {} on {}; an event takes a worker {}, {} of it on a core; 99 % of the batches waited {} at most.\n",
            count(plan.measured_rate),
            plan.measured_seconds,
            plan.measured_batches,
            workers(plan.measured_workers),
            cores(plan.cores),
            time(plan.event_seconds),
            percent(plan.on_core),
            time(plan.measured_p99),
        )?;
        writeln!(f, "Where the workers' time goes:")?;
        for part in plan.parts.iter().take(PARTS) {
            let what = part
                .stage
                .as_deref()
                .unwrap_or("decoding, encoding, handing over");
            let (share, each) = (percent(part.share), time(part.micros / 1e6));
            writeln!(
                f,
                "  {share:>5}  {}: {what}, {each} an event",
                part.pipeline
            )?;
        }
        if let Some(first) = plan.parts.first() {
            let what = match &first.stage {
                Some(stage) => format!("the stage {stage} of {}", first.pipeline),
                None => format!("what {} does beside its stages", first.pipeline),
            };
            writeln!(f, "The bottleneck is {what}.\n")?;
        }
        let bursts = plan.rows.iter().any(|row| row.drain.is_some());
        write!(
            f,
            "{:>7}  {:>10}  {:>5}  {:>9}  {:>9}  {:>9}",
            "workers", "events/s", "used", "wait p50", "wait p99", "memory"
        )?;
        if bursts {
            write!(f, "  {:>9}  {:>9}", "drains in", "peak")?;
        }
        writeln!(f, "  verdict")?;
        for row in &plan.rows {
            line(f, row)?;
        }
        for note in &plan.notes {
            writeln!(f, "\nNote: {note}.")?;
        }
        writeln!(f, "\n{MODEL}")
    }
}

const MODEL: &str = "\
Model: chunks come at random (Poisson) and as large as measured; a tcp connection rests 250 us after a little one, so
they grow with the rate. Each batch takes a time drawn from those measured. Any free worker takes the next ready shard,
which is one worker's at a time; workers that want more cores than there are share them. The waits come from playing
this through, all else is arithmetic. Sinks are taken to keep up. How far it is off: docs/PLAN.md.";

fn line(f: &mut fmt::Formatter<'_>, row: &Row) -> fmt::Result {
    let wait = |pick: fn(&crate::Wait) -> f64| {
        row.wait
            .as_ref()
            .map_or("-".to_owned(), |wait| time(pick(wait)))
    };
    write!(
        f,
        "{:>7}  {:>10}  {:>5}  {:>9}  {:>9}  {:>9}",
        row.workers,
        count(row.rate),
        percent(row.utilisation),
        wait(|wait| wait.p50),
        wait(|wait| wait.p99),
        row.memory_bytes.map_or("-".to_owned(), bytes),
    )?;
    if let Some(drain) = &row.drain {
        let drains = drain.seconds.map_or("never".to_owned(), time);
        write!(f, "  {drains:>9}  {:>9}", bytes(drain.peak_bytes))?;
    }
    write!(f, "  {}", verdict(row))?;
    if let Some(Drain {
        full_after_seconds: Some(seconds),
        ..
    }) = row.drain
    {
        write!(
            f,
            "; the budget is full {} into the burst, then sources wait",
            time(seconds)
        )?;
    }
    writeln!(f)
}

fn verdict(row: &Row) -> String {
    let most = format!("at most {} events/s", count(row.capacity));
    let limit = match row.limit {
        Limit::Workers => "",
        Limit::Cores => ", the cores are the limit: more workers gain nothing",
        Limit::HotShard => ", the busiest shard is the limit: more workers gain nothing",
    };
    if row.falls_behind > 0.0 {
        format!(
            "does not keep up: falls behind by {} events/s, {most}{limit}",
            count(row.falls_behind)
        )
    } else if row.utilisation >= 1.0 {
        format!("keeps up only with 8 MiB waiting, {most}{limit}")
    } else if row.wait.is_none() {
        format!("barely keeps up, {most}{limit}")
    } else {
        format!("keeps up, {most}{limit}")
    }
}

fn workers(count: usize) -> String {
    format!("{count} worker{}", if count == 1 { "" } else { "s" })
}

fn cores(count: usize) -> String {
    format!("{count} core{}", if count == 1 { "" } else { "s" })
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Three digits that count.
fn digits(value: f64) -> String {
    let decimals = match value {
        value if value >= 99.95 => 0,
        value if value >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

fn time(seconds: f64) -> String {
    match seconds {
        seconds if seconds >= 1.0 => format!("{} s", digits(seconds)),
        seconds if seconds >= 1e-3 => format!("{} ms", digits(seconds * 1e3)),
        seconds => format!("{} us", digits(seconds * 1e6)),
    }
}

fn bytes(bytes: f64) -> String {
    match bytes {
        bytes if bytes >= 1_048_576.0 => format!("{} MiB", digits(bytes / 1_048_576.0)),
        bytes => format!("{} KiB", digits(bytes / 1024.0)),
    }
}

/// With thousands apart; what is small with its decimals.
fn count(value: f64) -> String {
    if value < 100.0 {
        return digits(value);
    }
    let whole = format!("{value:.0}");
    let mut apart = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit_that_fits() {
        let times = [0.0, 4.56e-6, 99.97e-6, 1.0e-3, 12.34e-3, 0.25, 75.0].map(time);
        assert_eq!(
            times,
            [
                "0.00 us", "4.56 us", "100 us", "1.00 ms", "12.3 ms", "250 ms", "75.0 s"
            ]
        );
        assert_eq!(
            [99.0, 999.6, 1_234_567.0].map(count),
            ["99.0", "1,000", "1,234,567"]
        );
        assert_eq!([4096.0, 268_435_456.0].map(bytes), ["4.00 KiB", "256 MiB"]);
    }
}
