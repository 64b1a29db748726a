//! What the daemon's own books say, and whether it has come to rest.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;

use crate::http::page;

/// `/api/v1/ledger` at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Books(Value);

/// The terms that make up what a pipeline has received.
const PIPELINE: [&str; 7] = [
    "delivered",
    "filtered",
    "consumed",
    "absorbed",
    "dead_lettered",
    "dropped",
    "live",
];
/// The terms that make up what a sink was sent.
const SINK: [&str; 4] = ["delivered", "dead_lettered", "dropped", "live"];

impl Books {
    pub(crate) fn read(admin: SocketAddr) -> io::Result<Self> {
        let text = page(admin, "/api/v1/ledger")?;
        Ok(Books(serde_json::from_str(&text)?))
    }

    /// Why the journal takes nothing at the moment.
    pub(crate) fn full(&self) -> Option<&str> {
        self.0["journal"]["full"].as_str()
    }

    /// Events made durable since the start.
    pub(crate) fn kept(&self) -> u64 {
        number(&self.0["journal"]["kept"])
    }

    /// Records that wait to be done again at the next start.
    pub(crate) fn held(&self) -> u64 {
        number(&self.0["journal"]["records"]["held"])
    }

    /// Events that the pipelines cannot account for: 0 at every moment.
    pub(crate) fn unaccounted(&self) -> u64 {
        let pipelines = entries(&self.0["pipelines"]);
        pipelines.map(|one| number(&one["unaccounted"])).sum()
    }

    /// Nothing is on its way, and nothing is left in the journal.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.unrest().is_empty()
    }

    /// What is left where.
    pub(crate) fn unrest(&self) -> Vec<String> {
        let journal = &self.0["journal"];
        let records = &journal["records"];
        let backlog = number(&records["durable"]).saturating_sub(number(&records["committed"]));
        let mut left = vec![
            ("records in the journal".to_owned(), backlog),
            (
                "events before the pipelines".to_owned(),
                number(&journal["waiting"]),
            ),
        ];
        for (kind, all) in [
            ("pipeline", &self.0["pipelines"]),
            ("sink", &self.0["sinks"]),
        ] {
            left.extend(entries(all).map(|one| {
                let name = one[kind].as_str().unwrap_or("?");
                (format!("live in {kind} {name}"), number(&one["live"]))
            }));
        }
        left.retain(|(_, count)| *count > 0);
        let said = left.iter().map(|(what, count)| format!("{count} {what}"));
        said.collect()
    }

    /// What does not add up, at rest.
    pub(crate) fn imbalances(&self) -> Vec<String> {
        let mut found = Vec::new();
        let kinds = [
            ("pipeline", "pipelines", "received", &PIPELINE[..]),
            ("sink", "sinks", "routed", &SINK[..]),
        ];
        for (kind, all, total, terms) in kinds {
            for one in entries(&self.0[all]) {
                let name = one[kind].as_str().unwrap_or("?");
                let sum: u64 = terms.iter().map(|term| number(&one[term])).sum();
                let whole = number(&one[total]);
                if sum != whole {
                    found.push(format!(
                        "{kind} {name}: {total} {whole}, but its terms add up to {sum}"
                    ));
                }
                let unaccounted = number(&one["unaccounted"]);
                if unaccounted > 0 {
                    found.push(format!(
                        "{kind} {name}: {unaccounted} events unaccounted for"
                    ));
                }
            }
        }
        let journal = &self.0["journal"];
        let unaccounted = number(&journal["unaccounted"]);
        if unaccounted > 0 {
            found.push(format!("journal: {unaccounted} events unaccounted for"));
        }
        for problem in entries(&journal["problems"]) {
            found.push(format!("journal: {problem}"));
        }
        found
    }
}

fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A term that is missing must not pass for 0.
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(u64::MAX / 1024)
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// Books of ten events.
    pub(crate) fn books(live: u64, delivered: u64, unaccounted: u64, committed: u64) -> Books {
        let pipeline = json!({
            "pipeline": "p", "received": 10, "delivered": delivered, "filtered": 0, "consumed": 0, "absorbed": 0,
            "dead_lettered": 0, "dropped": 0, "live": live, "unaccounted": unaccounted,
        });
        let sink = json!({
            "sink": "s", "routed": 10, "delivered": 10, "dead_lettered": 0, "dropped": 0, "live": 0, "unaccounted": 0,
        });
        let records = json!({ "durable": 5, "committed": committed, "held": 0 });
        let journal = json!({ "waiting": 0, "unaccounted": 0, "records": records, "problems": [], "full": null });
        Books(json!({ "journal": journal, "pipelines": [pipeline], "sinks": [sink] }))
    }

    #[test]
    fn only_books_that_add_up_with_nothing_left_are_at_rest_and_right() {
        let right = books(0, 10, 0, 5);
        assert!(right.is_at_rest() && right.imbalances().is_empty());
        assert_eq!(books(0, 10, 0, 4).unrest(), ["1 records in the journal"]);
        assert_eq!(books(1, 9, 0, 5).unrest(), ["1 live in pipeline p"]);
        assert_eq!(books(0, 9, 0, 5).imbalances().len(), 1);
        assert_eq!(books(0, 10, 2, 5).imbalances().len(), 1);
        assert_eq!(books(0, 10, 2, 5).unaccounted(), 2);
        let nothing = Books(json!({}));
        assert!(!nothing.is_at_rest() && !nothing.imbalances().is_empty());
    }
}
