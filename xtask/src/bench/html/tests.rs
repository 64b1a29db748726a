//! What the page shows, and what no record may do to it.

use super::*;
use crate::bench::record::{Depth, Subject, Workload};
use crate::bench::stats::Spread;

/// The page with each drawing replaced by its size.
fn skeleton(record: &Record) -> String {
    let page = page(record, &chart::all(record).unwrap());
    let (style, rest) = page.split_once("</style>").unwrap();
    let (head, _) = style.split_once("<style>").unwrap();
    let mut text = format!("{head}<style>(style)</style>");
    let mut parts = rest.split("<svg ");
    text += parts.next().unwrap();
    for part in parts {
        let (drawing, after) = part.split_once("</svg>").unwrap();
        let size = drawing.split(" viewBox").next().unwrap();
        text += &format!("<svg {size}/>{after}");
    }
    text
}

#[test]
fn the_page_s_skeleton_does_not_change_by_accident() {
    insta::assert_snapshot!(skeleton(&sample::record()));
}

#[test]
fn the_page_and_its_charts_need_nothing_but_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write(&sample::record(), folder.path()).unwrap();
    assert_eq!(paths[0], folder.path().join("report.html"));
    assert!(
        paths.len() > 5
            && paths[1..]
                .iter()
                .all(|path| path.extension().unwrap() == "svg")
    );
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for outside in [
            "http:", "https:", "//", "url(", "@import", "<script", "<link", "<img", "<iframe",
            " on",
        ] {
            let found = text
                .match_indices(outside)
                .find(|(at, _)| outside != " on" || is_attribute(&text[*at..]));
            assert!(found.is_none(), "{}: {outside}", path.display());
        }
        assert!(text.contains("prefers-color-scheme: dark"));
    }
}

/// Whether ` on` begins an event handler and not a word.
fn is_attribute(text: &str) -> bool {
    let word: String = text[1..]
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    text[1 + word.len()..].starts_with('=')
}

#[test]
fn every_drawing_is_well_formed_and_every_colour_has_a_dark_one() {
    let style = chart::style();
    for chart in chart::all(&sample::record()).unwrap() {
        let svg = &chart.svg;
        assert!(
            svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"),
            "{}",
            chart.name
        );
        assert!(
            !svg.contains("NaN") && !svg.contains("inf"),
            "{}",
            chart.name
        );
        for attribute in ["fill=\"", "stroke=\""] {
            for (at, _) in svg.match_indices(attribute) {
                let color = svg[at + attribute.len()..].split('"').next().unwrap();
                let known = color == "none" || style.contains(&format!("[{attribute}{color}\"]"));
                assert!(known, "{}: {color} has no dark counterpart", chart.name);
            }
        }
    }
}

#[test]
fn names_are_text_and_never_markup() {
    let nasty = "<script>alert(\"&\")</script>'";
    let revision = Subject::Revision(nasty.to_owned());
    let mut points = Vec::new();
    for workers in [1, 2, 4] {
        let what = sample::what(revision.clone(), Workload::W1, workers, Some(nasty));
        points.push(sample::point(what, 1e5 * f64::from(workers), 1.0));
        points.push(sample::point(
            sample::what(Subject::Daemon, Workload::W1, workers, None),
            2e5,
            1.0,
        ));
    }
    points[0].latency = vec![sample::latency(50_000, 1)];
    points[0].rate.max *= 2.0;
    let mut record = sample::with(points);
    record.command = nasty.to_owned();
    record.commit = Some(nasty.to_owned());
    record.machine.processor = Some(nasty.to_owned());
    record.machine.os = nasty.to_owned();
    let folder = tempfile::tempdir().unwrap();
    for path in write(&record, folder.path()).unwrap() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            !text.contains("<script") && !text.contains("\"&\""),
            "{}",
            path.display()
        );
        assert_eq!(path.parent(), Some(folder.path()));
    }
}

#[test]
fn a_wide_spread_is_flagged_at_the_top_and_in_its_row() {
    let page = page(&sample::record(), &[]);
    assert!(
        page.contains("The runs of 1 of 17 points differ")
            && page.contains("w1 to file, 8 workers.</p>")
    );
    assert_eq!(page.matches("class=\"flag\"").count(), 1);
}

/// The names of the charts of `record`; all that is written is read for what is no number.
fn charts(record: &Record) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for path in write(record, folder.path()).unwrap() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            !text.contains("NaN") && !text.contains(">inf"),
            "{}",
            path.display()
        );
    }
    chart::all(record)
        .unwrap()
        .into_iter()
        .map(|chart| chart.name)
        .collect()
}

#[test]
fn little_to_show_makes_a_short_page_and_no_error() {
    let none = sample::with(Vec::new());
    assert_eq!(charts(&none), [""; 0]);
    assert!(page(&none, &[]).contains("Nothing was measured"));

    let mut one = sample::with(vec![sample::point(
        sample::what(Subject::Daemon, Workload::W0, 2, None),
        3e6,
        0.2,
    )]);
    assert_eq!(charts(&one), ["cpu-w0-to-file"]);
    one.points[0].cpu = None;
    one.points[0].peak_resident = None;
    one.points[0].context_switches = None;
    one.points[0].start_to_ready_seconds = None;
    one.points[0].runs.clear();
    one.commit = None;
    one.machine.processor = None;
    one.time = u64::MAX;
    assert_eq!(charts(&one), [""; 0]);
    assert!(page(&one, &[]).contains("n/a") && page(&one, &[]).contains("unknown"));
}

#[test]
fn figures_of_zero_are_drawn_and_not_divided_by() {
    let mut record = sample::record();
    for point in &mut record.points {
        let zero = Spread {
            min: 0.0,
            median: 0.0,
            max: 0.0,
        };
        (point.rate, point.cpu) = (zero, Some(zero));
        point.depth = vec![Depth {
            seconds: 0.0,
            events: 0,
        }];
        for latency in &mut point.latency {
            (latency.asked, latency.sent) = (0, 0.0);
            (latency.p50_micros, latency.max_micros) = (0, 0);
        }
    }
    let record = sample::with(record.points);
    let names = charts(&record);
    assert!(
        names.contains(&"throughput-w1-to-file".to_owned())
            && names.contains(&"efficiency-w1-to-file".to_owned())
    );
    assert!(names.contains(&"depth-delay-to-file".to_owned()));
}

/// Writes the page of the sample to the folder in MILLPOND_REPORT, for looking at it.
#[test]
#[ignore = "for people: MILLPOND_REPORT=folder cargo test -p xtask -- --ignored look"]
fn look_at_the_page() {
    let folder = std::env::var_os("MILLPOND_REPORT").expect("MILLPOND_REPORT names a folder");
    fs::create_dir_all(&folder).unwrap();
    write(&sample::record(), Path::new(&folder)).unwrap();
}
