//! Whether the figures have grown.

use anyhow::ensure;

use super::cases::Case;
use super::figures::Counts;

/// A figure may grow by this much and pass, or shrink by it without being worth a word.
const TOLERANCE: f64 = 0.03;
/// Figures are small where little is done; a difference below this is nobody's doing.
const LEAST: f64 = 1.0;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Same,
    Grown,
    Shrunk,
    /// There is no stored figure.
    New,
}

/// The figures beside the stored ones.
pub(super) struct Comparison {
    rows: Vec<Row>,
    /// Stored figures that no case answers for.
    orphans: Vec<String>,
}

struct Row {
    name: String,
    counted: f64,
    stored: Option<f64>,
    beyond: Option<String>,
}

impl Comparison {
    /// Of `cases`, which have all been `counted`; `partial`: there are others that have not.
    pub(super) fn new(
        cases: &[&Case],
        counted: &Counts,
        stored: Option<&Counts>,
        partial: bool,
    ) -> Self {
        let rows = cases.iter().filter_map(|case| {
            Some(Row {
                name: case.name.clone(),
                counted: *counted.get(&case.name)?,
                stored: stored.and_then(|stored| stored.get(&case.name)).copied(),
                beyond: case.beyond.clone(),
            })
        });
        let stored = stored.into_iter().flat_map(Counts::keys);
        let orphans = stored.filter(|name| !partial && !counted.contains_key(*name));
        Self {
            rows: rows.collect(),
            orphans: orphans.cloned().collect(),
        }
    }

    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "{:24}{:>16}{:>12}{:>10}\n",
            "instructions an event", "counted", "stored", "change"
        );
        for row in &self.rows {
            let name = match &row.beyond {
                Some(base) => format!("{} (on {base})", row.name),
                None => row.name.clone(),
            };
            let (stored, change) = match row.stored {
                Some(stored) => {
                    let percent = (row.counted / stored - 1.0) * 100.0;
                    (format!("{stored:.1}"), format!("{percent:+.1} %"))
                }
                None => ("none".to_owned(), String::new()),
            };
            let mark = match row.change() {
                Change::Grown => "  GROWN",
                Change::Shrunk => "  less",
                Change::New => "  new",
                Change::Same => "",
            };
            text += &format!(
                "{name:24}{:>16.1}{stored:>12}{change:>10}{mark}\n",
                row.counted
            );
        }
        if self.names(Change::Shrunk).next().is_some() {
            text += "less: keep it with cargo xtask instructions --update\n";
        }
        text
    }

    /// Fails where a figure has grown, or has nothing to be compared with.
    pub(super) fn verdict(&self) -> anyhow::Result<()> {
        let list = |names: Vec<&str>| names.join(", ");
        let grown = list(self.names(Change::Grown).collect());
        ensure!(
            grown.is_empty(),
            "more than {:.0} % above the stored figures: {grown}. If that is the price of something, say so in the \
             commit and run cargo xtask instructions --update",
            TOLERANCE * 100.0
        );
        let new = list(self.names(Change::New).collect());
        ensure!(
            new.is_empty(),
            "no figures are stored for {new}: run cargo xtask instructions --update"
        );
        ensure!(
            self.orphans.is_empty(),
            "there are no cases {}, whose figures are stored: run cargo xtask instructions --update",
            self.orphans.join(", ")
        );
        Ok(())
    }

    fn names(&self, change: Change) -> impl Iterator<Item = &str> {
        let rows = self.rows.iter().filter(move |row| row.change() == change);
        rows.map(|row| row.name.as_str())
    }
}

impl Row {
    fn change(&self) -> Change {
        let Some(stored) = self.stored else {
            return Change::New;
        };
        let slack = (stored * TOLERANCE).max(LEAST);
        match self.counted - stored {
            more if more > slack => Change::Grown,
            less if less < -slack => Change::Shrunk,
            _ => Change::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(figures: &[(&str, f64)]) -> Counts {
        let owned = |(name, figure): &(&str, f64)| ((*name).to_owned(), *figure);
        figures.iter().map(owned).collect()
    }

    /// The one case `filter`, with whatever is stored.
    fn compared(counted: f64, stored: &[(&str, f64)], partial: bool) -> Comparison {
        let case = Case {
            name: "filter".to_owned(),
            beyond: None,
        };
        let counted = counts(&[("filter", counted)]);
        Comparison::new(&[&case], &counted, Some(&counts(stored)), partial)
    }

    fn passes(counted: f64, stored: f64) -> bool {
        compared(counted, &[("filter", stored)], false)
            .verdict()
            .is_ok()
    }

    #[test]
    fn three_per_cent_more_passes_and_a_little_beyond_fails() {
        for (counted, pass) in [
            (1000.0, true),
            (1030.0, true),
            (1030.1, false),
            (1050.0, false),
            (2000.0, false),
        ] {
            assert_eq!(passes(counted, 1000.0), pass, "{counted}");
            let table = compared(counted, &[("filter", 1000.0)], false).table();
            assert_eq!(table.contains("GROWN"), !pass, "{table}");
        }
        let error = compared(105.0, &[("filter", 100.0)], false).verdict();
        let error = error.unwrap_err().to_string();
        let expected = "more than 3 % above the stored figures: filter. If";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn a_single_instruction_is_nobodys_doing() {
        assert!(passes(21.0, 20.0));
        assert!(!passes(21.1, 20.0));
    }

    #[test]
    fn an_improvement_passes_and_is_said() {
        assert!(passes(969.9, 1000.0));
        let table = compared(969.9, &[("filter", 1000.0)], false).table();
        assert!(table.contains("-3.0 %  less\n"), "{table}");
        assert!(table.contains("--update"), "{table}");
        let table = compared(970.1, &[("filter", 1000.0)], false).table();
        assert!(!table.contains("less"), "{table}");
    }

    #[test]
    fn a_case_without_a_figure_and_a_figure_without_a_case_are_no_pass() {
        let error = |stored: &[(&str, f64)]| {
            let verdict = compared(10.0, stored, false).verdict();
            verdict.unwrap_err().to_string()
        };
        assert!(error(&[]).contains("for filter:"));
        assert!(error(&[("filter", 10.0), ("gone", 1.0)]).contains("no cases gone,"));
    }

    #[test]
    fn what_was_not_chosen_is_not_missed() {
        let stored = [("filter", 10.0), ("decode", 1.0)];
        assert!(compared(10.0, &stored, true).verdict().is_ok());
        assert!(compared(20.0, &stored, true).verdict().is_err());
    }
}
