//! The figures as tables.

use super::text::{escaped, grouped, mebibytes, millis, spread};
use crate::bench::chart::workers;
use crate::bench::law::{Fit, Law};
use crate::bench::record::{Latency, Point, Scaling};

/// Says which points' runs differ too much; nothing if none do.
pub(super) fn wide(points: &[Point]) -> String {
    let wide = points.iter().filter(|point| point.rate.is_wide());
    let names: Vec<String> = wide.map(|point| escaped(&point.what.to_string())).collect();
    if names.is_empty() {
        return String::new();
    }
    format!(
        "<p class=\"warning\"><strong>Not quiet.</strong> The runs of {} of {} points differ by more than 1.3 times; \
         they say more about the machine than about what was measured: {}.</p>\n",
        names.len(),
        points.len(),
        names.join("; ")
    )
}

/// What was measured at full speed.
pub(super) fn figures(points: &[Point]) -> String {
    if points.is_empty() {
        return "<p>Nothing was measured.</p>\n".to_owned();
    }
    let row = |point: &Point| {
        let wide = if point.rate.is_wide() {
            " <span class=\"flag\">wide</span>"
        } else {
            ""
        };
        let deepest = point.depth.iter().map(|depth| depth.events).max();
        vec![
            escaped(&point.what.to_string()),
            spread(Some(point.rate), grouped) + wide,
            spread(point.cpu, |seconds| format!("{seconds:.3}")),
            spread(point.peak_resident, mebibytes),
            spread(point.context_switches, |switches| format!("{switches:.2}")),
            deepest.map_or_else(none, |events| grouped(events as f64)),
            spread(point.start_to_ready_seconds, |seconds| {
                format!("{:.0}", seconds * 1e3)
            }),
        ]
    };
    let names = [
        "",
        "events/s",
        "CPU-s per million events",
        "peak memory, MiB",
        "context switches per thousand events",
        "deepest queue, events",
        "start to ready, ms",
    ];
    let note = "Medians of the runs, with the lowest and the highest beside them. CPU, memory (resident) and context \
                switches are those of the measured process and its children, without the sender. Every run's counts \
                added up.";
    section("Figures", &names, points.iter().map(row), note)
}

/// The laws behind the curves.
pub(super) fn scaling(scaling: &[Scaling]) -> String {
    if scaling.is_empty() {
        return String::new();
    }
    let row = |scaling: &Scaling| {
        let mut name = scaling.of.clone();
        let counts: Vec<String> = scaling
            .points
            .iter()
            .map(|(workers, ..)| workers.to_string())
            .collect();
        name.workers = 1;
        let name = name.to_string();
        let name = name.replacen(", 1 worker", "", 1);
        let Law { amdahl, usl, best } = &scaling.law;
        let best = match best {
            Ok(best) => format!("{}, {} events/s", workers(best.workers), grouped(best.rate)),
            Err(reason) => escaped(reason),
        };
        let of =
            |fit: &Option<Fit>, figure: fn(&Fit) -> String| fit.as_ref().map_or_else(none, figure);
        vec![
            escaped(&name),
            counts.join(", "),
            format!("<span class=\"words\">{best}</span>"),
            of(usl, |fit| grouped(fit.lambda)),
            of(amdahl, |fit| format!("{:.3}", fit.sigma)),
            of(usl, |fit| format!("{:.3}", fit.sigma)),
            of(usl, |fit| format!("{:.5}", fit.kappa)),
            of(usl, |fit| format!("{:.3}", fit.r_squared)),
            of(usl, |fit| format!("{:.1}", fit.worst * 100.0)),
        ]
    };
    let names = [
        "",
        "workers",
        "best number of workers",
        "λ, events/s of one",
        "σ by Amdahl",
        "σ contention",
        "κ coherency",
        "r²",
        "worst, %",
    ];
    let note = "The Universal Scalability Law: rate(n) = λ n / (1 + σ (n − 1) + κ n (n − 1)). σ is the share of the work \
                that only one worker can do at a time, κ what each pair of workers costs; with κ = 0 it is Amdahl's law. \
                Worst is the largest distance of a median from the curve. A best number is predicted only from a curve \
                that holds, and not beyond twice what was measured.";
    section("Scaling", &names, scaling.iter().map(row), note)
}

/// What the latency charts show, in numbers.
pub(super) fn latency(points: &[Point]) -> String {
    let measured = points
        .iter()
        .flat_map(|point| point.latency.iter().map(move |latency| (point, latency)));
    let row = |(point, latency): (&Point, &Latency)| {
        let Latency {
            p50_micros,
            p90_micros,
            p99_micros,
            p999_micros,
            max_micros,
            ..
        } = *latency;
        let mut cells = vec![
            escaped(&point.what.to_string()),
            grouped(latency.asked as f64),
            grouped(latency.sent),
        ];
        cells.extend([p50_micros, p90_micros, p99_micros, p999_micros, max_micros].map(millis));
        cells.push(
            latency
                .cpu
                .map_or_else(none, |seconds| format!("{seconds:.3}")),
        );
        cells.push(
            latency
                .peak_resident
                .map_or_else(none, |bytes| mebibytes(bytes as f64)),
        );
        cells
    };
    let rows: Vec<Vec<String>> = measured.map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let names = [
        "",
        "events/s asked",
        "sent",
        "p50, ms",
        "p90",
        "p99",
        "p99.9",
        "max",
        "CPU-s per million events",
        "peak memory, MiB",
    ];
    let note =
        "From the moment an event was due to be sent until its row was seen behind the daemon.";
    section("Latency at fixed rates", &names, rows, note)
}

fn section(
    title: &str,
    names: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    note: &str,
) -> String {
    let mut text = format!(
        "<section>\n<h2>{title}</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\">\n\
         <table>\n<thead><tr>"
    );
    text.extend(
        names
            .iter()
            .map(|name| format!("<th scope=\"col\">{name}</th>")),
    );
    text += "</tr></thead>\n<tbody>\n";
    for row in rows {
        let mut cells = row.into_iter();
        let first = cells.next().unwrap_or_default();
        text += &format!("<tr><th scope=\"row\">{first}</th>");
        text.extend(cells.map(|cell| format!("<td>{cell}</td>")));
        text += "</tr>\n";
    }
    text + &format!("</tbody>\n</table>\n</div>\n<p class=\"note\">{note}</p>\n</section>\n")
}

fn none() -> String {
    "<span class=\"quiet\">n/a</span>".to_owned()
}
