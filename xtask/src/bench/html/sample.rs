//! A record like that of a real bench, for tests and for looking at the page.

use crate::bench::law;
use crate::bench::record::{
    Depth, Latency, Machine, Peer, Point, Record, Run, SCHEMA, Scaling, Sink, Source, Subject,
    What, Workload,
};
use crate::bench::stats::Spread;

/// A sweep of `w1` with and without a key, `delay`, and the peers.
pub(in crate::bench) fn record() -> Record {
    let mut points = Vec::new();
    let noise = [0.97, 1.02, 0.99, 1.03, 0.98, 1.01];
    for (key, one, kappa) in [
        (None, 1_450_000.0, 0.035),
        (Some("user_id"), 1_030_000.0, 0.005),
    ] {
        for (workers, noise) in [1_u32, 2, 4, 8].into_iter().zip(noise) {
            let n = f64::from(workers);
            let rate = one * n / (1.0 + 0.18 * (n - 1.0) + kappa * n * (n - 1.0)) * noise;
            let mut point = point(
                what(Subject::Daemon, Workload::W1, workers, key),
                rate,
                0.31 + 0.02 * n,
            );
            point.latency = match workers {
                2 => vec![latency(10_000, 1), latency(50_000, 2), latency(200_000, 9)],
                _ => Vec::new(),
            };
            point.depth = depth(workers);
            points.push(point);
        }
    }
    for (workers, noise) in [1_u32, 2, 4, 8, 16, 32].into_iter().zip(noise) {
        let rate = 9_400.0 * f64::from(workers) * noise;
        points.push(point(
            what(Subject::Daemon, Workload::Delay, workers, None),
            rate,
            2.1,
        ));
    }
    for (peer, workers, rate, cpu) in [
        (Peer::Expert, 1, 1_480_000.0, 0.61),
        (Peer::Serde, 1, 590_000.0, 1.69),
        (Peer::Python, 4, 83_000.0, 14.9),
    ] {
        points.push(point(
            what(Subject::Peer(peer), Workload::W1, workers, None),
            rate,
            cpu,
        ));
    }
    // One point that the machine disturbed.
    points[3].rate.min *= 0.7;
    Record {
        schema: SCHEMA,
        time: 1_790_000_000,
        command: "cargo xtask bench w1 delay --workers 1,2,4,8 --peer python".to_owned(),
        commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        machine: Machine {
            os: "linux".to_owned(),
            architecture: "x86_64".to_owned(),
            processor: Some("A Processor With A Long Name @ 2.10GHz".to_owned()),
            cores: Some(2),
            rustc: Some("rustc 1.90.0".to_owned()),
        },
        seed: 1,
        scaling: scaling(&points),
        points,
    }
}

/// `record` with these points alone.
pub(in crate::bench) fn with(points: Vec<Point>) -> Record {
    Record {
        scaling: scaling(&points),
        points,
        ..record()
    }
}

pub(in crate::bench) fn what(
    subject: Subject,
    workload: Workload,
    workers: u32,
    key: Option<&str>,
) -> What {
    What {
        subject,
        workload,
        source: Source::Tcp,
        sink: Sink::File,
        workers,
        key: key.map(str::to_owned),
        isolation: "thread".to_owned(),
        journal: false,
        off_sender: false,
    }
}

pub(in crate::bench) fn point(what: What, rate: f64, cpu: f64) -> Point {
    let around = |middle: f64| Spread {
        min: middle * 0.96,
        median: middle,
        max: middle * 1.05,
    };
    let run = Run {
        events: 2_000_000,
        seconds: 2e6 / rate,
        rate,
        cpu: Some(cpu),
        peak_resident: Some(31 << 20),
        context_switches: Some(1.7),
    };
    Point {
        what,
        rate: around(rate),
        cpu: Some(around(cpu)),
        peak_resident: Some(around(31.0 * 1024.0 * 1024.0)),
        context_switches: Some(around(1.7)),
        start_to_ready_seconds: Some(around(0.021)),
        latency: Vec::new(),
        depth: Vec::new(),
        runs: vec![run.clone(), run.clone(), run],
    }
}

pub(in crate::bench) fn latency(asked: u64, load: u64) -> Latency {
    Latency {
        asked,
        sent: asked as f64 * if load > 5 { 0.91 } else { 1.0 },
        events: asked * 5,
        p50_micros: 230 * load,
        p90_micros: 410 * load,
        p99_micros: 900 * load * load,
        p999_micros: 1_900 * load * load,
        max_micros: 7_000 * load * load,
        cpu: Some(0.5),
        peak_resident: Some(29 << 20),
    }
}

/// Fills up, then stays level.
fn depth(workers: u32) -> Vec<Depth> {
    let events = |step: u32| {
        let wobble = u64::from(step * 7_919 % 13) * 900;
        (u64::from(step.min(20)) * 4_500 + wobble) / u64::from(workers)
    };
    let sample = |step: u32| Depth {
        seconds: f64::from(step) * 0.02,
        events: events(step),
    };
    (0..90).map(sample).collect()
}

fn scaling(points: &[Point]) -> Vec<Scaling> {
    let mut all: Vec<Scaling> = Vec::new();
    for point in points {
        let of = What {
            workers: 1,
            ..point.what.clone()
        };
        let same = |other: &&Point| {
            What {
                workers: 1,
                ..other.what.clone()
            } == of
        };
        let rates: Vec<(u32, f64)> = points
            .iter()
            .filter(same)
            .map(|point| (point.what.workers, point.rate.median))
            .collect();
        if rates.len() > 1 && all.iter().all(|scaling| scaling.of != of) {
            all.push(Scaling {
                of,
                points: rates
                    .iter()
                    .map(|(workers, rate)| {
                        (*workers, *rate, rate / f64::from(*workers) / rates[0].1)
                    })
                    .collect(),
                law: law::fit(&rates),
            });
        }
    }
    all
}
