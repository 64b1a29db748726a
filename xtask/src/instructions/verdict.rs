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

    fn compared(figures: &[(&str, f64, Option<f64>)], partial: bool) -> Comparison {
        let cases: Vec<Case> = figures
            .iter()
            .map(|(name, ..)| Case {
                name: (*name).to_owned(),
                beyond: None,
            })
            .collect();
        let counted = figures
            .iter()
            .map(|(name, counted, _)| ((*name).to_owned(), *counted))
            .collect();
        let mut stored: Counts = figures
            .iter()
            .filter_map(|(name, _, stored)| Some(((*name).to_owned(), (*stored)?)))
            .collect();
        stored.insert("decode".to_owned(), 1000.0);
        let mut cases: Vec<&Case> = cases.iter().collect();
        let decode = Case {
            name: "decode".to_owned(),
            beyond: None,
        };
        let mut counted: Counts = counted;
        if !partial {
            counted.insert("decode".to_owned(), 1000.0);
            cases.push(&decode);
        }
        Comparison::new(&cases, &counted, Some(&stored), partial)
    }

    #[test]
    fn three_per_cent_more_pass_and_a_little_beyond_fails() {
        for (counted, passes) in [
            (1000.0, true),
            (1030.0, true),
            (1030.1, false),
            (1050.0, false),
        ] {
            let comparison = compared(&[("filter", counted, Some(1000.0))], false);
            assert_eq!(comparison.verdict().is_ok(), passes, "{counted}");
            assert_eq!(comparison.table().contains("GROWN"), !passes, "{counted}");
        }
        let error = compared(&[("filter", 105.0, Some(100.0))], false).verdict();
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("more than 3 % above the stored figures: filter."),
            "{error}"
        );
    }

    #[test]
    fn one_instruction_is_nobodys_doing() {
        assert!(
            compared(&[("line", 21.0, Some(20.0))], false)
                .verdict()
                .is_ok()
        );
        assert!(
            compared(&[("line", 21.1, Some(20.0))], false)
                .verdict()
                .is_err()
        );
    }

    #[test]
    fn an_improvement_passes_and_is_said() {
        let comparison = compared(&[("w1", 969.9, Some(1000.0))], false);
        assert!(comparison.verdict().is_ok());
        let table = comparison.table();
        assert!(
            table.contains("-3.0 %  less\n") && table.contains("--update"),
            "{table}"
        );
        let table = compared(&[("w1", 970.1, Some(1000.0))], false).table();
        assert!(!table.contains("less"), "{table}");
    }

    #[test]
    fn a_case_without_a_figure_and_a_figure_without_a_case_are_no_pass() {
        let new = compared(&[("set", 10.0, None)], false);
        assert!(new.table().contains("new"));
        assert!(new.verdict().unwrap_err().to_string().contains("set"));
        let counted = Counts::new();
        let stored = Counts::from([("gone".to_owned(), 1.0)]);
        let gone = Comparison::new(&[], &counted, Some(&stored), false).verdict();
        assert!(gone.unwrap_err().to_string().contains("gone"));
        let nothing = Case {
            name: "w1".to_owned(),
            beyond: None,
        };
        let counted = Counts::from([("w1".to_owned(), 1.0)]);
        assert!(
            Comparison::new(&[&nothing], &counted, None, false)
                .verdict()
                .is_err()
        );
    }

    #[test]
    fn what_was_not_chosen_is_not_missed() {
        assert!(
            compared(&[("set", 10.0, Some(10.0))], true)
                .verdict()
                .is_ok()
        );
    }
}
