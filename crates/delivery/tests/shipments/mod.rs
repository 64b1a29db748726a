//! Random consignments: what comes in, what becomes of it, and what the sinks answer.

use millpond_delivery::Fate;
use proptest::prelude::*;
use proptest::sample::Index;

/// What the worker says of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Passed,
    Filtered,
    Absorbed,
    Consumed,
    DeadLettered,
    Dropped,
}
impl Outcome {
    /// Only these can have rows, and wait for them.
    pub(crate) fn waits(self) -> bool {
        matches!(
            self,
            Outcome::Passed | Outcome::Consumed | Outcome::DeadLettered
        )
    }
}

/// What a sink does with a receipt; each failure names a row of it.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Settle(Vec<(Index, Fate)>),
    Forget,
}

/// A debt of a sink: each row comes from one of the inputs that wait.
#[derive(Clone, Debug)]
pub(crate) struct Debt {
    pub(crate) sink: usize,
    pub(crate) required: bool,
    pub(crate) rows: Vec<Index>,
    pub(crate) answer: Answer,
}

/// One consignment.
#[derive(Clone, Debug)]
pub(crate) struct Shipment {
    /// Per part: the ticket it is cut from, and what becomes of its events.
    pub(crate) parts: Vec<(Index, Vec<Outcome>)>,
    /// So many outcomes at the end are left out of the tally.
    pub(crate) missing: usize,
    pub(crate) debts: Vec<Debt>,
    /// After so many answers the consignment is sealed, or dropped if it never is.
    pub(crate) sealed_after: usize,
    pub(crate) sealed: bool,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Passed),
        1 => Just(Outcome::Filtered),
        1 => Just(Outcome::Absorbed),
        1 => Just(Outcome::Consumed),
        1 => Just(Outcome::DeadLettered),
        1 => Just(Outcome::Dropped),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::DeadLettered),
        Just(Fate::Dropped("closed")),
        Just(Fate::Dropped("refused")),
        Just(Fate::Abandoned("gone")),
    ]
}

fn debt() -> impl Strategy<Value = Debt> {
    let failures = prop::collection::vec((any::<Index>(), fate()), 0..4);
    let answer = prop_oneof![
        8 => failures.prop_map(Answer::Settle),
        1 => Just(Answer::Forget),
    ];
    let rows = prop::collection::vec(any::<Index>(), 1..5);
    (0..2usize, prop::bool::weighted(0.7), rows, answer).prop_map(
        |(sink, required, rows, answer)| Debt {
            sink,
            required,
            rows,
            answer,
        },
    )
}

pub(crate) fn shipment() -> impl Strategy<Value = Shipment> {
    let part = (any::<Index>(), prop::collection::vec(outcome(), 0..5));
    (
        prop::collection::vec(part, 1..4),
        prop_oneof![4 => Just(0usize), 1 => 0..3usize],
        prop::collection::vec(debt(), 0..4),
        0..4usize,
        prop::bool::weighted(0.9),
    )
        .prop_map(|(parts, missing, debts, sealed_after, sealed)| Shipment {
            parts,
            missing,
            debts,
            sealed_after,
            sealed,
        })
}
