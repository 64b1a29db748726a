//! The daemon beside others, and beside itself of earlier.

use super::super::compare::{Earlier, Since};
use super::super::ratio::{Ratio, Versus, versus};
use super::super::record::{Record, Subject};
use super::Rows;

/// The daemon beside what took turns with it; empty if nothing did.
pub(in crate::bench) fn beside(record: &Record) -> String {
    let all = versus(record);
    if all.is_empty() {
        return String::new();
    }
    let mut rows = Rows::new(
        "the daemon beside",
        &["times the events/s", "", "times less CPU", ""],
    );
    for Versus {
        daemon,
        other,
        rate,
        cpu,
    } in &all
    {
        let by = match &other.what.subject {
            // What else there is to say is said of the daemon's point.
            Subject::Daemon => continue,
            Subject::Revision(revision) => revision.clone(),
            Subject::Peer(peer) => peer.to_string(),
        };
        let name = format!("{} | {by}", daemon.what);
        rows.add(&name, &cells(*rate, cpu.map(inverse)), "");
    }
    rows.text()
        + "\nWith 95 % confidence intervals: Student's t of the logarithms of the ratios of runs that took turns.\n"
}

/// The daemon beside an earlier record.
pub(in crate::bench) fn since(earlier: &Earlier, now: &Record) -> String {
    let mut rows = Rows::new(
        "beside the earlier figures",
        &["times the events/s", "", "times less CPU", ""],
    );
    for Since { what, rate, cpu } in earlier.compare(now) {
        rows.add(&what.to_string(), &cells(rate, cpu.map(inverse)), "");
    }
    let mut text = rows.text()
        + "\nWith 95 % confidence intervals: Welch's t of the logarithms. The machine's speed may have changed since.\n";
    for name in earlier.unmatched(now) {
        text += &format!("not compared, measured only once: {name}\n");
    }
    for difference in earlier.other_machine(&now.machine) {
        text += &format!("another machine: {difference}\n");
    }
    text
}

/// More is better, as with the rate.
fn inverse(ratio: Ratio) -> Ratio {
    Ratio {
        value: 1.0 / ratio.value,
        interval: ratio.interval.map(|(low, high)| (1.0 / high, 1.0 / low)),
    }
}

fn cells(rate: Option<Ratio>, cpu: Option<Ratio>) -> [String; 4] {
    let value = |ratio: Option<Ratio>| {
        ratio.map_or_else(|| "n/a".to_owned(), |ratio| format!("{:.3}", ratio.value))
    };
    let interval = |ratio: Option<Ratio>| {
        let interval = ratio.and_then(|ratio| ratio.interval);
        interval.map_or_else(String::new, |(low, high)| {
            format!("({low:.3} to {high:.3})")
        })
    };
    [value(rate), interval(rate), value(cpu), interval(cpu)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::gather::tests::record;
    use crate::bench::record::{Peer, Point, What};

    fn with(subject: Subject, change: fn(&mut What), rates: &[f64]) -> Point {
        let mut point = record(rates).points.remove(0);
        point.what.subject = subject;
        change(&mut point.what);
        point
    }

    #[test]
    fn a_revision_is_compared_with_its_own_point_and_a_peer_with_every_daemon_on_its_task() {
        let mut record = record(&[2e6, 2e6, 2e6]);
        let same = |_: &mut What| {};
        record.points.extend([
            with(
                Subject::Daemon,
                |what| what.key = Some("id".into()),
                &[1e6, 1e6, 1e6],
            ),
            with(Subject::Revision("v1".into()), same, &[1e6, 1e6, 1e6]),
            with(
                Subject::Peer(Peer::Serde),
                |what| what.workers = 1,
                &[5e5, 5e5, 5e5],
            ),
        ]);
        let text = beside(&record);
        let names: Vec<&str> = text
            .lines()
            .skip(1)
            .take_while(|line| !line.is_empty())
            .collect();
        assert_eq!(names.len(), 3, "{text}");
        assert!(
            names[0].starts_with("w1 to file, 2 workers | v1 ") && names[0].contains("2.000"),
            "{text}"
        );
        assert!(
            names[1].contains("serde") && names[1].contains("4.000"),
            "{text}"
        );
        assert!(
            names[2].contains("by id") && names[2].contains("2.000"),
            "{text}"
        );
    }

    #[test]
    fn half_the_cpu_is_twice_less() {
        let ratio = Ratio {
            value: 0.5,
            interval: Some((0.4, 0.625)),
        };
        let [_, _, value, interval] = cells(None, Some(inverse(ratio)));
        assert_eq!(
            (value.as_str(), interval.as_str()),
            ("2.000", "(1.600 to 2.500)")
        );
    }

    #[test]
    fn nothing_beside_the_daemon_is_no_section() {
        assert_eq!(beside(&record(&[1e6])), "");
    }
}
