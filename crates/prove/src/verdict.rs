//! What is promised, and whether it was kept.

use std::fmt;
use std::time::Duration;

use crate::arrivals::Judgement;
use crate::client::BODY_MAX;
use crate::issued::Counts;
use crate::options::{Fault, Options};
use crate::rest::Books;

/// Behind a journal the file sink writes no row twice.
const FILE_DUPLICATES: u64 = 0;
/// What a tcp sink has in hand when its peer goes, in bytes: its fate is unknown, and it is sent again.
const HAND: u64 = 2 << 20;

/// How often what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Starts of the daemon, the first one included.
    pub(crate) starts: u64,
    pub(crate) crashes: u64,
    /// How often the peer of the tcp sink went away.
    pub(crate) partings: u64,
    /// How often the journal found no room.
    pub(crate) fills: u64,
    /// The longest time from room to an event that was taken.
    pub(crate) healing: Duration,
    /// Starts for what the daemon could not do before.
    pub(crate) returns: u64,
}

/// Everything that the verdict rests on.
pub(crate) struct Evidence<'a> {
    pub(crate) options: &'a Options,
    pub(crate) issued: Counts,
    pub(crate) file: Judgement,
    pub(crate) tcp: Judgement,
    /// The daemon's books at rest, or as they stood when it had stopped.
    pub(crate) books: Option<Books>,
    /// The code that SIGTERM ended it with.
    pub(crate) code: Option<i32>,
    pub(crate) tally: Tally,
    /// What was noticed on the way.
    pub(crate) complaints: Vec<String>,
    /// What the daemon said of its troubles.
    pub(crate) troubles: Vec<String>,
}

/// What was found, with the figures that it rests on.
pub(crate) struct Verdict {
    figures: Vec<String>,
    findings: Vec<String>,
    troubles: Vec<String>,
}

impl Verdict {
    pub(crate) fn new(evidence: &Evidence<'_>) -> Self {
        let mut verdict = Verdict {
            figures: Vec::new(),
            findings: evidence.complaints.clone(),
            troubles: evidence.troubles.clone(),
        };
        verdict.load(evidence);
        let memory = evidence.options.settings.memory;
        let Tally {
            crashes,
            partings,
            returns,
            ..
        } = evidence.tally;
        let again = (crashes + returns) * (memory + BODY_MAX);
        verdict.sink("file", &evidence.file, FILE_DUPLICATES, crashes);
        let tcp = again + partings * HAND;
        verdict.sink("tcp", &evidence.tcp, tcp, crashes + partings);
        verdict.books(evidence);
        verdict
    }

    pub(crate) fn is_proved(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, finding: String) {
        self.findings.push(finding);
    }

    /// What was done. A trial in which nothing happened proves nothing.
    fn load(&mut self, evidence: &Evidence<'_>) {
        let Counts { sent, acknowledged } = evidence.issued;
        let Tally {
            crashes,
            partings,
            fills,
            healing,
            ..
        } = evidence.tally;
        self.figures.push(format!(
            "sent {sent} events, {acknowledged} acknowledged, {} unanswered; {crashes} kills, {partings} times without \
             the peer, {fills} times without room (taking events {} ms after there was some at the latest)",
            sent - acknowledged,
            healing.as_millis()
        ));
        if acknowledged == 0 {
            self.find("no event was acknowledged: nothing is proved".to_owned());
        }
        let faults = &evidence.options.faults;
        for (fault, count) in [
            (Fault::Kill, crashes),
            (Fault::SinkDown, partings),
            (Fault::DiskFull, fills),
        ] {
            let had_its_turn = u64::from(evidence.options.rounds) >= faults.len() as u64;
            if faults.contains(&fault)
                && had_its_turn
                && count == 0
                && evidence.complaints.is_empty()
            {
                self.find(format!("{fault} was asked for and never came about"));
            }
        }
    }

    fn sink(&mut self, name: &str, rows: &Judgement, duplicate_bytes: u64, torn: u64) {
        self.figures.push(format!(
            "{name}: {} events, {} lost, {} corrupt or never sent, {} out of order, {} duplicates ({} bytes, at most \
             {duplicate_bytes}), {} rows torn by a crash",
            rows.distinct, rows.lost, rows.bad, rows.inversions, rows.duplicates, rows.duplicate_bytes, rows.torn,
        ));
        if let Some((client, n)) = rows.first_lost {
            self.find(format!(
                "{name}: {} acknowledged events were never delivered, the first of them event {n} of client {client}",
                rows.lost
            ));
        }
        if rows.bad > 0 {
            self.find(format!(
                "{name}: {} rows are corrupt or were never sent, such as {}",
                rows.bad,
                rows.shown.join(" and ")
            ));
        }
        if rows.inversions > 0 {
            let count = rows.inversions;
            self.find(format!(
                "{name}: {count} events came after a later one of their key"
            ));
        }
        if rows.duplicate_bytes > duplicate_bytes {
            self.find(format!(
                "{name}: {} bytes of duplicates, expected at most {duplicate_bytes}",
                rows.duplicate_bytes
            ));
        }
        if rows.torn > torn {
            self.find(format!(
                "{name}: {} torn rows, expected at most {torn}",
                rows.torn
            ));
        }
    }

    fn books(&mut self, evidence: &Evidence<'_>) {
        let found = match &evidence.books {
            Some(books) => {
                let unrest = books.unrest();
                let mut found = books.imbalances();
                if !unrest.is_empty() {
                    found.push(format!(
                        "the daemon did not come to rest: {}",
                        unrest.join(", ")
                    ));
                }
                found
            }
            None => vec!["the daemon could not be asked for its ledger at the end".to_owned()],
        };
        if found.is_empty() {
            let line = "ledger: balanced, 0 unaccounted for, nothing left in the journal";
            self.figures.push(line.to_owned());
        }
        self.findings.extend(found);
        match evidence.code {
            Some(0) => self.figures.push("SIGTERM: exit code 0".to_owned()),
            code => self.find(format!(
                "SIGTERM ended the daemon with {code:?}, expected code 0"
            )),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for figure in &self.figures {
            writeln!(f, "{figure}")?;
        }
        if self.is_proved() {
            return writeln!(f, "\nPROVED: every acknowledged event was delivered");
        }
        writeln!(f, "\nNOT PROVED:")?;
        for finding in &self.findings {
            writeln!(f, "  {finding}")?;
        }
        for line in &self.troubles {
            writeln!(f, "  the daemon said: {line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Settings;
    use crate::rest::tests::books;

    /// The verdict on a trial that went as it should, but for what `change` does to it.
    fn verdict(change: impl FnOnce(&mut Evidence<'_>)) -> Verdict {
        let options = Options {
            binary: "millpond".into(),
            rounds: 10,
            seed: 1,
            events_per_round: 1,
            clients: 2,
            faults: Fault::ALL.to_vec(),
            settings: Settings::default(),
            scratch_in: None,
            keep: None,
        };
        let rows = Judgement {
            distinct: 10,
            duplicates: 2,
            duplicate_bytes: 500,
            ..Judgement::default()
        };
        let mut evidence = Evidence {
            options: &options,
            issued: Counts {
                sent: 12,
                acknowledged: 10,
            },
            file: Judgement {
                duplicates: 0,
                duplicate_bytes: 0,
                ..rows.clone()
            },
            tcp: rows,
            books: Some(books(0, 10, 0, 5)),
            code: Some(0),
            tally: Tally {
                starts: 2,
                crashes: 1,
                partings: 1,
                fills: 1,
                ..Tally::default()
            },
            complaints: Vec::new(),
            troubles: Vec::new(),
        };
        change(&mut evidence);
        Verdict::new(&evidence)
    }

    #[test]
    fn a_trial_that_went_as_promised_proves_it() {
        let verdict = verdict(|_| {});
        assert!(verdict.is_proved(), "{verdict}");
        assert!(verdict.to_string().contains("\nPROVED"), "{verdict}");
    }

    type Break = fn(&mut Evidence<'_>);

    #[test]
    fn nothing_that_was_promised_can_be_broken_unnoticed() {
        let many = (8 << 20) + BODY_MAX + HAND + 1;
        let breaks: [(&str, Break); 12] = [
            ("never delivered", |it| {
                (it.tcp.lost, it.tcp.first_lost) = (1, Some((0, 3)));
            }),
            ("corrupt", |it| it.file.bad = 1),
            ("later one of their key", |it| it.file.inversions = 1),
            ("torn", |it| it.file.torn = 2),
            ("rest", |it| it.books = Some(books(0, 10, 0, 4))),
            ("unaccounted", |it| it.books = Some(books(0, 10, 1, 5))),
            ("add up", |it| it.books = Some(books(0, 9, 0, 5))),
            ("ledger", |it| it.books = None),
            ("code", |it| it.code = Some(1)),
            ("code", |it| it.code = None),
            ("never came about", |it| it.tally.fills = 0),
            ("no event", |it| it.issued.acknowledged = 0),
        ];
        for (words, change) in breaks {
            let verdict = verdict(change);
            let text = verdict.to_string();
            let found = text.split_once("NOT PROVED").expect("a finding").1;
            assert!(found.contains(words), "{words}: {text}");
        }
        for sink in [0, 1] {
            let verdict = verdict(|it| {
                let rows = if sink == 0 { &mut it.file } else { &mut it.tcp };
                rows.duplicate_bytes = many;
            });
            assert!(!verdict.is_proved(), "{verdict}");
        }
    }

    #[test]
    fn what_was_noticed_on_the_way_counts() {
        let verdict = verdict(|it| it.complaints.push("it ended by itself".to_owned()));
        assert!(verdict.to_string().contains("by itself"), "{verdict}");
        assert!(!verdict.is_proved());
    }
}
