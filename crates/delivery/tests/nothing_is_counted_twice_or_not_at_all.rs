//! Random sequences of what can happen to parts and receipts, against a plain model that says for
//! each event what must become of it.
#![cfg(not(millpond_model))]

mod shipments;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use millpond_delivery::{
    ABANDONED, Consignment, Fate, Ledger, Part, Receipt, Settled, SinkLedger, SinkTotals, Tally,
    Ticket, TicketInfo, Totals,
};
use proptest::prelude::*;
use proptest::sample::Index;

use shipments::Outcome::*;
use shipments::{Answer, Outcome, Shipment, shipment};

/// What must have happened once all is at rest.
#[derive(Default)]
struct Expected {
    totals: Totals,
    sinks: [SinkTotals; 2],
    retry: HashMap<u64, bool>,
}

impl Expected {
    fn drop_inputs(&mut self, reason: &'static str, events: u64) {
        if events > 0 {
            *self.totals.dropped_by.entry(reason).or_default() += events;
        }
    }

    fn input(&mut self, outcome: Outcome, worst: Option<Fate>) {
        match worst {
            Some(Fate::Dropped(reason) | Fate::Abandoned(reason)) => {
                return self.drop_inputs(reason, 1);
            }
            Some(Fate::DeadLettered) => return self.totals.dead_lettered += 1,
            None => {}
        }
        match outcome {
            Passed => self.totals.delivered += 1,
            Filtered => self.totals.filtered += 1,
            Absorbed => self.totals.absorbed += 1,
            Consumed => self.totals.consumed += 1,
            DeadLettered => self.totals.dead_lettered += 1,
            Dropped => self.drop_inputs("late", 1),
        }
    }

    fn sink(&mut self, debt: &Run) {
        let sink = &mut self.sinks[debt.sink];
        let rows = debt.rows.len() as u64;
        sink.routed += rows;
        match &debt.answer {
            None => *sink.dropped_by.entry(ABANDONED).or_default() += rows,
            Some(failed) => {
                sink.delivered += rows - failed.len() as u64;
                for (_, fate) in failed {
                    match fate {
                        Fate::DeadLettered => sink.dead_lettered += 1,
                        Fate::Dropped(reason) | Fate::Abandoned(reason) => {
                            *sink.dropped_by.entry(reason).or_default() += 1
                        }
                    }
                }
            }
        }
    }

    fn shipment(&mut self, run: &Plan) {
        let events = run.outcomes.len();
        self.totals.received += events as u64;
        for debt in &run.debts {
            self.sink(debt);
        }
        let told = if run.sealed { events - run.missing } else { 0 };
        let missing = events - told;
        let abandoned = run.sealed && run.debts.iter().any(|d| d.required && d.answer.is_none());
        let given_up = run
            .debts
            .iter()
            .filter(|debt| debt.required)
            .flat_map(|debt| debt.answer.iter().flatten())
            .any(|(_, fate)| matches!(fate, Fate::Abandoned(_)));
        for (part, events) in &run.tickets {
            let lost = if run.sealed {
                abandoned || given_up || missing > 0
            } else {
                *events > 0
            };
            *self.retry.entry(*part).or_default() |= lost;
        }
        self.drop_inputs(ABANDONED, missing as u64);
        for (input, &outcome) in run.outcomes[..told].iter().enumerate() {
            if abandoned && outcome.waits() {
                self.drop_inputs(ABANDONED, 1);
                continue;
            }
            let fates = run
                .debts
                .iter()
                .filter(|debt| debt.required)
                .flat_map(|debt| debt.answer.iter().flatten())
                .filter(|&&(failed, _)| failed as usize == input)
                .map(|&(_, fate)| fate);
            // A drop is worse than a dead letter; of two drops the first that was told counts.
            let worst = fates.reduce(|worst, fate| match worst {
                Fate::Dropped(_) | Fate::Abandoned(_) => worst,
                Fate::DeadLettered => fate,
            });
            self.input(outcome, worst);
        }
    }
}

/// A receipt and its answer with all indices resolved; no answer = forgotten.
struct Run {
    sink: usize,
    required: bool,
    rows: Vec<u32>,
    answer: Option<Vec<(u32, Fate)>>,
}

/// A shipment with all indices resolved.
struct Plan {
    tickets: Vec<(u64, u64)>,
    outcomes: Vec<Outcome>,
    missing: usize,
    debts: Vec<Run>,
    sealed_after: usize,
    sealed: bool,
}

impl Plan {
    fn new(shipment: &Shipment, tickets: usize) -> Self {
        let outcomes: Vec<Outcome> = shipment
            .parts
            .iter()
            .flat_map(|part| part.1.iter().copied())
            .collect();
        let missing = shipment.missing.min(outcomes.len());
        let told = &outcomes[..outcomes.len() - missing];
        let waiting: Vec<u32> = (0..told.len() as u32)
            .filter(|&input| told[input as usize].waits())
            .collect();
        let debts = shipment
            .debts
            .iter()
            .filter(|_| !waiting.is_empty())
            .map(|debt| {
                let rows: Vec<u32> = debt.rows.iter().map(|row| *row.get(&waiting)).collect();
                let answer = match &debt.answer {
                    Answer::Forget => None,
                    // Each row fails once at most.
                    Answer::Settle(failures) => {
                        let by_row: HashMap<usize, Fate> = failures
                            .iter()
                            .map(|(row, fate)| (row.index(rows.len()), *fate))
                            .collect();
                        let mut by_row: Vec<_> = by_row.into_iter().collect();
                        by_row.sort_unstable_by_key(|&(row, _)| row);
                        Some(
                            by_row
                                .into_iter()
                                .map(|(row, fate)| (rows[row], fate))
                                .collect(),
                        )
                    }
                };
                Run {
                    sink: debt.sink,
                    required: debt.required,
                    rows,
                    answer,
                }
            })
            .collect();
        Plan {
            tickets: shipment
                .parts
                .iter()
                .map(|(at, events)| (at.index(tickets) as u64, events.len() as u64))
                .collect(),
            outcomes,
            missing,
            debts,
            sealed_after: shipment.sealed_after,
            sealed: shipment.sealed,
        }
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        let told = self.outcomes.len() - self.missing;
        for (input, outcome) in (0..).zip(&self.outcomes[..told]) {
            match outcome {
                Passed => tally.passed += 1,
                Filtered => tally.filtered += 1,
                Absorbed => tally.absorbed += 1,
                Consumed => tally.consumed.push(input),
                DeadLettered => tally.dead_lettered.push(input),
                Dropped => *tally.dropped_by.entry("late").or_default() += 1,
            }
        }
        tally
    }
}

/// A shipment on its way.
struct Sailing<'a> {
    plan: &'a Plan,
    open: Option<(Consignment, Vec<Part>)>,
    receipts: std::vec::IntoIter<Receipt>,
    answered: usize,
}

impl Sailing<'_> {
    /// Takes the next step; false when there is none.
    fn step(&mut self) -> bool {
        if self.answered >= self.plan.sealed_after.min(self.plan.debts.len())
            && let Some((consignment, parts)) = self.open.take()
        {
            if self.plan.sealed {
                consignment.seal(parts, self.plan.tally());
            }
            return true;
        }
        let Some(receipt) = self.receipts.next() else {
            return false;
        };
        if let Some(failed) = &self.plan.debts[self.answered].answer {
            receipt.settle(1_000, failed.iter().copied());
        }
        self.answered += 1;
        true
    }
}

#[derive(Default)]
struct Ends(Mutex<Vec<(u64, bool)>>);

impl Settled for Ends {
    fn settled(&self, ticket: &TicketInfo, retry: bool) {
        let mut ends = self.0.lock().expect("nothing panics under it");
        ends.push((ticket.partition, retry));
    }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_event_ends_once_and_as_the_model_says(
        shipments in prop::collection::vec(shipment(), 1..5),
        tickets in 1..4usize,
        schedule in prop::collection::vec(any::<Index>(), 0..40),
    ) {
        let ledger = Arc::new(Ledger::new("clicks"));
        let sinks = ["one", "two"].map(|name| Arc::new(SinkLedger::new(name)));
        let ends = Arc::new(Ends::default());
        let plans: Vec<Plan> = shipments.iter().map(|one| Plan::new(one, tickets)).collect();
        let mut expected = Expected::default();
        let handles: Vec<Ticket> = (0..tickets as u64)
            .map(|partition| {
                // A ticket of which nobody took a part was done by nobody.
                let cut = plans.iter().any(|plan| plan.tickets.iter().any(|&(at, _)| at == partition));
                expected.retry.insert(partition, !cut);
                let info = TicketInfo { partition, ..TicketInfo::default() };
                Ticket::new(info, Some(ends.clone()))
            })
            .collect();
        let mut sailings: Vec<Sailing> = plans
            .iter()
            .map(|plan| {
                let consignment = Consignment::open(&ledger);
                let receipts: Vec<Receipt> = plan
                    .debts
                    .iter()
                    .map(|debt| {
                        let rows = debt.rows.len() as u64;
                        consignment.receipt(&sinks[debt.sink], rows, debt.required, 0)
                    })
                    .collect();
                let parts = plan
                    .tickets
                    .iter()
                    .map(|&(ticket, events)| handles[ticket as usize].part(&ledger, events))
                    .collect();
                expected.shipment(plan);
                Sailing { plan, open: Some((consignment, parts)), receipts: receipts.into_iter(), answered: 0 }
            })
            .collect();
        drop(handles);

        let balanced = || {
            let totals = ledger.totals();
            prop_assert_eq!(totals.received, totals.ended() + totals.live);
            prop_assert_eq!(ledger.unaccounted(|| totals.live), 0);
            for sink in &sinks {
                let rows = sink.totals();
                prop_assert_eq!(rows.routed, rows.delivered + rows.dead_lettered + rows.dropped() + rows.live);
            }
            Ok(())
        };
        balanced()?;
        for next in schedule {
            next.get_mut(&mut sailings).step();
            balanced()?;
        }
        for sailing in &mut sailings {
            while sailing.step() {
                balanced()?;
            }
        }
        drop(sailings);

        prop_assert_eq!(ledger.totals(), expected.totals);
        prop_assert_eq!(ledger.unaccounted(|| 0), 0);
        for (sink, expected) in sinks.iter().zip(&expected.sinks) {
            prop_assert_eq!(&sink.totals(), expected);
        }
        let mut ended = ends.0.lock().unwrap().clone();
        ended.sort_unstable();
        let mut wanted: Vec<_> = expected.retry.into_iter().collect();
        wanted.sort_unstable();
        prop_assert_eq!(ended, wanted, "each ticket ends once, and asks for a retry if it must");
    }
}

/// A row that its sink cannot take is set aside in another: its input is open until that has answered.
#[test]
fn what_stands_in_for_a_row_holds_its_input_open() {
    for (stands_in, expected) in [(None, (1, 0)), (Some(Fate::Dropped("full")), (0, 1))] {
        let (ledger, sink) = (Arc::new(Ledger::new("p")), Arc::new(SinkLedger::new("out")));
        let letters = Arc::new(SinkLedger::new("letters"));
        let part = Ticket::new(TicketInfo::default(), None).part(&ledger, 1);
        let consignment = Consignment::open(&ledger);
        let receipt = consignment.receipt(&sink, 1, true, 0);
        let tally = Tally {
            passed: 1,
            ..Tally::default()
        };
        consignment.seal(vec![part], tally);
        let letter = receipt.refer(&letters, 1);
        receipt.settle(1, [(0, Fate::DeadLettered)]);
        assert_eq!((sink.totals().dead_lettered, ledger.totals().live), (1, 1));
        letter.settle(2, stands_in.map(|fate| (0, fate)));
        let totals = ledger.totals();
        assert_eq!((totals.dead_lettered, totals.dropped()), expected);
        assert_eq!(totals.live, 0);
    }
}
