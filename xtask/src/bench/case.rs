//! What one run asks of the daemon: a workload, a worker count, a key; and what must come of it.

use std::fmt;

use serde::Serialize;

use super::counters::Counts;
use super::input::Tally;

/// What the daemon does with the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Workload {
    /// Parse, count, discard.
    W0,
    /// Parse, keep three of four types, add a weight by type, drop a nested field, write to a file.
    W1,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Case {
    pub(super) workload: Workload,
    pub(super) workers: u32,
    /// The field whose order is kept, if any.
    pub(super) key: Option<String>,
}

/// Where the output of [`Workload::W1`] goes, relative to the daemon's working directory.
pub(super) const OUTPUT: &str = "out.ndjson";

const W1_STAGES: &str = r#"stages = [
  { type = "filter", field = "type", in = ["click", "add_to_cart", "purchase"] },
  { type = "map", field = "type", into = "weight", values = { click = 1, add_to_cart = 3, purchase = 10 } },
  { type = "remove", fields = ["context.ua"] },
]
"#;

impl Case {
    /// The daemon's configuration, with its source on `source` and its admin listener on `admin`.
    pub(super) fn config(&self, source: u16, admin: u16) -> String {
        let key = self
            .key
            .as_ref()
            .map_or(String::new(), |key| format!("key = {}\n", quoted(key)));
        let (stages, sink) = match self.workload {
            Workload::W0 => ("", "type = \"blackhole\"\n".to_owned()),
            Workload::W1 => (W1_STAGES, format!("type = \"file\"\npath = \"{OUTPUT}\"\n")),
        };
        format!(
            "[sources.bench]\ntype = \"tcp\"\nlisten = \"127.0.0.1:{source}\"\n\n\
             [pipelines.bench]\nfrom = [\"bench\"]\nto = [\"out\"]\n{key}{stages}\n\
             [sinks.out]\n{sink}\n\
             [dead_letters]\npath = \"dead-letters\"\n\n\
             [runtime]\nworkers = {workers}\nisolation = \"thread\"\n\n\
             [admin]\nlisten = \"127.0.0.1:{admin}\"\n",
            workers = self.workers,
        )
    }

    /// What the counters must say once all of `sent` has gone through.
    pub(super) fn expected(&self, sent: &Tally) -> Counts {
        let filtered = match self.workload {
            Workload::W0 => 0,
            Workload::W1 => sent.views,
        };
        Counts {
            received: sent.lines,
            filtered,
            dead_lettered: sent.malformed,
            delivered: sent.lines - sent.malformed - filtered,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let workload = self.workload;
        let plural = if self.workers == 1 { "" } else { "s" };
        match &self.key {
            Some(key) => write!(f, "{workload:?} by {key}, {} worker{plural}", self.workers),
            None => write!(f, "{workload:?}, {} worker{plural}", self.workers),
        }
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

    fn case(workload: Workload, key: Option<&str>) -> Case {
        Case {
            workload,
            workers: 4,
            key: key.map(str::to_owned),
        }
    }

    #[test]
    fn each_workload_is_told_to_the_daemon() {
        let w0 = case(Workload::W0, None).config(7071, 7080);
        assert!(
            w0.contains("listen = \"127.0.0.1:7071\"")
                && w0.contains("listen = \"127.0.0.1:7080\""),
            "{w0}"
        );
        assert!(
            w0.contains("blackhole") && !w0.contains("stages") && !w0.contains("key"),
            "{w0}"
        );
        let w1 = case(Workload::W1, Some("user_id")).config(1, 2);
        assert!(
            w1.contains("key = \"user_id\"\nstages = [\n  { type = \"filter\"")
                && w1.contains("workers = 4\n"),
            "{w1}"
        );
        assert!(
            w1.contains("type = \"file\"\npath = \"out.ndjson\"\n"),
            "{w1}"
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
        let w0 = case(Workload::W0, None).expected(&sent);
        assert_eq!(
            (w0.received, w0.filtered, w0.dead_lettered, w0.delivered),
            (100, 0, 1, 99)
        );
        let w1 = case(Workload::W1, None).expected(&sent);
        assert_eq!(
            (w1.received, w1.filtered, w1.dead_lettered, w1.delivered),
            (100, 70, 1, 29)
        );
    }
}
