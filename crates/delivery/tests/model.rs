//! Every interleaving, within a bound on preemptions, of receipts, parts and tickets that end on
//! several threads:
//!
//! `RUSTFLAGS="--cfg millpond_model" cargo test -p millpond-delivery --release --test model --target-dir target/model`
#![cfg(millpond_model)]

use std::sync::Arc;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use millpond_delivery::{
    ABANDONED, Consignment, Fate, Ledger, Settled, SettledPrefix, SinkLedger, Tally, Ticket,
    TicketInfo,
};

/// Runs `model` under all schedules with at most this many preemptions.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(model);
}

/// Counts the ends of a ticket, and looks at the ledger at that moment.
struct Listener {
    ledger: Arc<Ledger>,
    ends: AtomicUsize,
    retries: AtomicUsize,
}

impl Settled for Listener {
    fn settled(&self, ticket: &TicketInfo, retry: bool) {
        let totals = self.ledger.totals();
        assert!(
            totals.ended() >= ticket.events,
            "the ticket ended before its events: {totals:?}"
        );
        self.ends.fetch_add(1, Ordering::AcqRel);
        self.retries.fetch_add(usize::from(retry), Ordering::AcqRel);
    }
}

struct House {
    ledger: Arc<Ledger>,
    sink: Arc<SinkLedger>,
    listener: Arc<Listener>,
}

impl House {
    fn new() -> Self {
        let ledger = Arc::new(Ledger::new("clicks"));
        let listener = Arc::new(Listener {
            ledger: ledger.clone(),
            ends: AtomicUsize::new(0),
            retries: AtomicUsize::new(0),
        });
        House {
            ledger,
            sink: Arc::new(SinkLedger::new("rows")),
            listener,
        }
    }

    fn ticket(&self, events: u64) -> Ticket {
        let info = TicketInfo {
            events,
            ..TicketInfo::default()
        };
        Ticket::new(info, Some(self.listener.clone()))
    }

    fn assert_rest(&self, retries: usize) {
        let totals = self.ledger.totals();
        assert_eq!((totals.live, totals.received), (0, totals.ended()));
        assert_eq!(self.ledger.unaccounted(|| 0), 0);
        assert_eq!(self.sink.totals().live, 0);
        assert_eq!(self.listener.ends.load(Ordering::Acquire), 1);
        assert_eq!(self.listener.retries.load(Ordering::Acquire), retries);
    }
}

#[test]
fn answers_of_two_sinks_while_the_worker_seals_count_every_outcome_once() {
    explore(3, || {
        let house = House::new();
        let ticket = house.ticket(4);
        let part = ticket.part(&house.ledger, 4);
        drop(ticket);
        let consignment = Consignment::open(&house.ledger);
        let confirmed = consignment.receipt(&house.sink, 2, true, 0);
        let settled = consignment.receipt(&house.sink, 2, true, 0);
        let answers = [
            thread::spawn(move || confirmed.confirm(1)),
            thread::spawn(move || settled.settle(1, [(1, Fate::Dropped("closed"))])),
        ];
        let tally = Tally {
            passed: 2,
            filtered: 1,
            consumed: vec![3],
            ..Tally::default()
        };
        consignment.seal(vec![part], tally);
        for answer in answers {
            answer.join().unwrap();
        }
        let totals = house.ledger.totals();
        assert_eq!(
            (totals.delivered, totals.filtered, totals.consumed),
            (1, 1, 1)
        );
        assert_eq!(totals.dropped(), 1);
        assert_eq!(house.sink.totals().delivered, 3);
        house.assert_rest(0);
    });
}

#[test]
fn a_receipt_abandoned_while_others_answer_asks_for_one_retry() {
    explore(3, || {
        let house = House::new();
        let ticket = house.ticket(2);
        let part = ticket.part(&house.ledger, 2);
        drop(ticket);
        let consignment = Consignment::open(&house.ledger);
        let confirmed = consignment.receipt(&house.sink, 2, true, 0);
        let forgotten = consignment.receipt(&house.sink, 2, true, 0);
        let answers = [
            thread::spawn(move || confirmed.confirm(1)),
            thread::spawn(move || drop(forgotten)),
        ];
        let tally = Tally {
            passed: 2,
            ..Tally::default()
        };
        consignment.seal(vec![part], tally);
        for answer in answers {
            answer.join().unwrap();
        }
        let totals = house.ledger.totals();
        assert_eq!((totals.delivered, totals.dropped_by[ABANDONED]), (0, 2));
        house.assert_rest(1);
    });
}

#[test]
fn parts_of_one_ticket_that_end_on_three_threads_end_it_once() {
    explore(3, || {
        let house = House::new();
        let ticket = house.ticket(3);
        let [first, second, dropped] = [(); 3].map(|()| ticket.part(&house.ledger, 1));
        let workers = [first, second].map(|part| {
            let consignment = Consignment::open(&house.ledger);
            let receipt = consignment.receipt(&house.sink, 1, true, 0);
            thread::spawn(move || {
                let tally = Tally {
                    passed: 1,
                    ..Tally::default()
                };
                consignment.seal(vec![part], tally);
                receipt.confirm(1);
            })
        });
        drop(ticket);
        drop(dropped);
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(house.ledger.totals().delivered, 2);
        house.assert_rest(1);
    });
}

#[test]
fn an_event_on_the_move_is_never_taken_for_a_leak() {
    explore(3, || {
        let house = House::new();
        let ticket = house.ticket(1);
        let part = ticket.part(&house.ledger, 1);
        drop(ticket);
        // The places in the order of the way: each is filled before the one before is emptied.
        let places = Arc::new([AtomicUsize::new(1), AtomicUsize::new(0)]);
        let worker = {
            let (ledger, places) = (house.ledger.clone(), places.clone());
            thread::spawn(move || {
                places[1].fetch_add(1, Ordering::AcqRel);
                places[0].fetch_sub(1, Ordering::AcqRel);
                let tally = Tally {
                    filtered: 1,
                    ..Tally::default()
                };
                Consignment::open(&ledger).seal(vec![part], tally);
                places[1].fetch_sub(1, Ordering::AcqRel);
            })
        };
        let held = || {
            places
                .iter()
                .map(|place| place.load(Ordering::Acquire) as u64)
                .sum()
        };
        assert_eq!(house.ledger.unaccounted(held), 0);
        worker.join().unwrap();
        house.assert_rest(0);
    });
}

/// The last of three records settles while another thread looks: whatever it sees of the prefix is below
/// the first record that has not ended.
#[test]
fn the_prefix_never_passes_a_record_that_is_on_its_way() {
    explore(3, || {
        let prefix = Arc::new(SettledPrefix::new(0));
        (0..3).for_each(|position| prefix.begin(position, 1));
        let ended = Arc::new(AtomicUsize::new(0));
        let end = |position: u64| {
            let (prefix, ended) = (prefix.clone(), ended.clone());
            thread::spawn(move || {
                ended.fetch_or(1 << position, Ordering::AcqRel);
                prefix.end(position, false);
            })
        };
        let threads = [end(2), end(0)];
        let seen = prefix.progress().settled;
        let ended = ended.load(Ordering::Acquire);
        assert!(
            seen == 0 || (seen == 1 && ended & 1 == 1),
            "{seen} of {ended:b}"
        );
        threads.map(|thread| thread.join().unwrap());
        assert_eq!(prefix.progress().settled, 1);
        assert!(prefix.end(1, false));
        assert_eq!(prefix.progress().settled, 3);
    });
}
