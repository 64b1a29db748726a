//! What the daemon is asked to do at a point of the sweep: its configuration, and what must come of it.

use super::counters::Counts;
use super::input::{Shape, Tally};
use super::record::{Sink, Source, What, Workload};

/// Where a `file` sink writes, relative to the daemon's working directory.
pub(super) const OUTPUT: &str = "out.ndjson";
/// The elements in the array of an event that [`Workload::Explode`] takes apart.
pub(super) const ELEMENTS: u64 = 40;
/// The share of malformed lines of the `demo` source: that of the generated input.
const BAD: f64 = 0.01;

pub(super) const W1_STAGES: &str = r#"stages = [
  { type = "filter", field = "type", in = ["click", "add_to_cart", "purchase"] },
  { type = "map", field = "type", into = "weight", values = { click = 1, add_to_cart = 3, purchase = 10 } },
  { type = "remove", fields = ["context.ua"] },
]
"#;
/// Steps of [`Workload::Cpu`] for an event: about 5 us, at 0.8 ns a step.
pub(super) const STEPS: u64 = 6_400;
const DELAY_STAGES: &str = "stages = [{ type = \"delay\", time = \"1ms\" }]\n";
const EXPLODE_STAGES: &str =
    "stages = [{ type = \"explode\", field = \"events\", carry = [\"id\", \"user_id\"] }]\n";

/// Where the daemon of a run listens and writes to.
pub(super) struct Ends {
    /// The port of the `tcp` source, which is there with the `demo` source too: it keeps the daemon from ending when
    /// all is made, so that it can be asked.
    pub(super) source: u16,
    pub(super) admin: u16,
    /// Write to this port of the loopback interface instead of the point's own sink.
    pub(super) sink: Option<u16>,
}

impl Workload {
    /// The lines that it works on.
    pub(super) fn shape(self) -> Shape {
        match self {
            Self::Explode => Shape::Sessions,
            _ => Shape::Clicks,
        }
    }

    /// Events of the warm-up run: some tenths of a second of work, whatever the machine.
    pub(super) fn first_events(self, workers: u32) -> u64 {
        match self {
            Self::W0 | Self::W1 => 400_000,
            Self::Cpu => 50_000,
            Self::Delay => 300 * u64::from(workers),
            Self::Explode => 10_000,
        }
    }

    fn stages(self) -> String {
        match self {
            Self::W0 => String::new(),
            Self::W1 => W1_STAGES.to_owned(),
            Self::Cpu => format!("stages = [{{ type = \"work\", steps = {STEPS} }}]\n"),
            Self::Delay => DELAY_STAGES.to_owned(),
            Self::Explode => EXPLODE_STAGES.to_owned(),
        }
    }

    /// Shards of the pipeline. A worker that sleeps for each event must find another shard with events as long as
    /// there are events at all, or the end of a run, when few shards are left, measures how evenly the keys fell.
    fn shards(self) -> u32 {
        match self {
            Self::Delay => 1024,
            _ => 64,
        }
    }
}

/// The daemon's configuration for a run of `events` events at `what`.
pub(super) fn config(what: &What, ends: &Ends, seed: u64, events: u64) -> String {
    let key = match &what.key {
        Some(key) => format!("key = {}\n", quoted(key)),
        None => String::new(),
    };
    let demo = match what.source {
        Source::Tcp => String::new(),
        Source::Demo => format!(
            "[sources.made]\ntype = \"demo\"\nrate = 0\nevents = {events}\nseed = {seed}\nbad = {BAD}\n\n"
        ),
    };
    let sink = match (ends.sink, what.sink) {
        (Some(port), _) => format!("type = \"tcp\"\naddress = \"127.0.0.1:{port}\"\n"),
        (None, Sink::Blackhole) => "type = \"blackhole\"\n".to_owned(),
        (None, Sink::File) => format!("type = \"file\"\npath = \"{OUTPUT}\"\n"),
    };
    let journal = if what.journal {
        "[journal]\ndir = \"journal\"\n\n"
    } else {
        ""
    };
    format!(
        "[sources.bench]\ntype = \"tcp\"\nlisten = \"127.0.0.1:{source}\"\n\n{demo}\
         [pipelines.bench]\nto = [\"out\"]\n{key}{stages}\n\
         [sinks.out]\n{sink}\n\
         [dead_letters]\npath = \"dead-letters\"\n\n{journal}\
         [runtime]\nworkers = {workers}\nisolation = \"{isolation}\"\nshards = {shards}\n\n\
         [admin]\nlisten = \"127.0.0.1:{admin}\"\n",
        source = ends.source,
        admin = ends.admin,
        stages = what.workload.stages(),
        workers = what.workers,
        isolation = what.isolation,
        shards = what.workload.shards(),
    )
}

/// W1 behind a door that acknowledges what it has received.
pub(super) fn over_http(source: u16, admin: u16) -> String {
    format!(
        "[sources.bench]\ntype = \"http\"\nlisten = \"127.0.0.1:{source}\"\n\n\
         [pipelines.bench]\n{W1_STAGES}\n\
         [sinks.out]\ntype = \"file\"\npath = \"{OUTPUT}\"\n\n\
         [dead_letters]\npath = \"dead-letters\"\n\n\
         [admin]\nlisten = \"127.0.0.1:{admin}\"\n"
    )
}

/// W1 behind a door that acknowledges what is durable.
pub(super) fn acknowledging(source: u16, admin: u16) -> String {
    format!(
        "[sources.bench]\ntype = \"http\"\nlisten = \"127.0.0.1:{source}\"\nack = \"durable\"\n\n\
         [pipelines.bench]\n{W1_STAGES}\n\
         [sinks.out]\ntype = \"blackhole\"\n\n\
         [dead_letters]\npath = \"dead-letters\"\n\n[journal]\ndir = \"journal\"\n\n\
         [admin]\nlisten = \"127.0.0.1:{admin}\"\n"
    )
}

/// What the counters must say once all of `sent` has gone through.
pub(super) fn expected(workload: Workload, sent: &Tally) -> Counts {
    let good = sent.lines - sent.malformed;
    let (filtered, consumed, rows) = match workload {
        Workload::W0 | Workload::Cpu | Workload::Delay => (0, 0, good),
        Workload::W1 => (sent.views, 0, good - sent.views),
        Workload::Explode => (0, good, good * ELEMENTS),
    };
    Counts {
        received: sent.lines,
        filtered,
        consumed,
        dead_lettered: sent.malformed,
        delivered: good - filtered - consumed,
        rows,
        ..Counts::default()
    }
}

/// `text` as a TOML string.
fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::names::tests::w1;

    const ENDS: Ends = Ends {
        source: 7071,
        admin: 7080,
        sink: None,
    };

    #[test]
    fn each_workload_is_told_to_the_daemon() {
        let keyed = What {
            key: Some("user_id".into()),
            ..w1()
        };
        let text = config(&keyed, &ENDS, 1, 10);
        for part in [
            "listen = \"127.0.0.1:7071\"",
            "listen = \"127.0.0.1:7080\"",
            "key = \"user_id\"\nstages = [\n  { type = \"filter\"",
            "workers = 2\n",
            "type = \"file\"\npath = \"out.ndjson\"\n",
        ] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
        let plain = What {
            workload: Workload::W0,
            sink: Sink::Blackhole,
            ..w1()
        };
        let text = config(&plain, &ENDS, 1, 10);
        for part in ["stages", "key", "demo", "file", "journal"] {
            assert!(!text.contains(part), "{part} is there: {text}");
        }
    }

    #[test]
    fn the_demo_source_makes_the_number_of_events_that_is_waited_for() {
        let what = What {
            source: Source::Demo,
            ..w1()
        };
        let text = config(&what, &ENDS, 7, 12_345);
        assert!(
            text.contains("rate = 0\nevents = 12345\nseed = 7\n"),
            "{text}"
        );
    }

    #[test]
    fn latency_is_measured_through_a_socket_whatever_the_sink() {
        let ends = Ends {
            sink: Some(9000),
            ..ENDS
        };
        let text = config(&w1(), &ends, 1, 10);
        assert!(
            text.contains("address = \"127.0.0.1:9000\"") && !text.contains(OUTPUT),
            "{text}"
        );
    }

    #[test]
    fn a_key_with_quotes_stays_one_string() {
        assert_eq!(quoted("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000A\"");
    }

    #[test]
    fn the_expected_counts_add_up() {
        let sent = Tally {
            lines: 100,
            malformed: 1,
            views: 70,
        };
        for (workload, delivered, rows) in [
            (Workload::W0, 99, 99),
            (Workload::W1, 29, 29),
            (Workload::Cpu, 99, 99),
            (Workload::Delay, 99, 99),
            (Workload::Explode, 0, 3_960),
        ] {
            let counts = expected(workload, &sent);
            assert_eq!(
                (counts.delivered, counts.rows),
                (delivered, rows),
                "{workload}"
            );
            assert_eq!(counts.ended(), 100, "{workload}");
        }
    }
}
