//! What is shown of a round.

use std::fmt;
use std::time::Duration;

/// A round of the trial.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) round: u32,
    /// Events sent in this round, and how many of them were acknowledged.
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    /// How often the daemon was started again.
    pub(crate) restarts: u64,
    pub(crate) faults: String,
    /// The longest time from a kill to a daemon that runs.
    pub(crate) recovery: Option<Duration>,
    /// Different events that each sink has delivered since the trial began; the fewest of any sink.
    pub(crate) delivered: u64,
    /// Copies beyond what was sent, of all sinks, since the trial began.
    pub(crate) duplicates: u64,
}

/// The names of the columns.
pub(crate) const HEAD: &str =
    "round      sent  acknowledged  unanswered  restarts  recovery    delivered  duplicates  faults
                                                       ms       so far      so far";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recovery = self
            .recovery
            .map_or_else(|| "-".to_owned(), |time| time.as_millis().to_string());
        write!(
            f,
            "{:>5}  {:>8}  {:>12}  {:>10}  {:>8}  {recovery:>8}  {:>11}  {:>10}  {}",
            self.round,
            self.sent,
            self.acknowledged,
            self.sent - self.acknowledged,
            self.restarts,
            self.delivered,
            self.duplicates,
            self.faults,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_under_their_names() {
        let row = Row {
            round: 12,
            sent: 10_000,
            acknowledged: 9_700,
            restarts: 2,
            faults: "kill".to_owned(),
            recovery: Some(Duration::from_millis(48)),
            delivered: 119_000,
            duplicates: 31,
        };
        let text = row.to_string();
        let names = HEAD.lines().next().expect("a line");
        for (name, value) in [
            ("round", "12"),
            ("sent", "10000"),
            ("acknowledged", "9700"),
            ("unanswered", "300"),
            ("restarts", "2"),
            ("recovery", "48"),
            ("delivered", "119000"),
            ("duplicates", "31"),
        ] {
            let end = names.find(name).expect("a column") + name.len();
            assert!(
                text[..end].ends_with(&format!(" {value}")),
                "{name}: {text:?}"
            );
        }
        assert_eq!(text.find("kill"), names.find("faults"));
    }
}
