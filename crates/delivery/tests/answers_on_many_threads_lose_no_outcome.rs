//! Workers and sinks on threads of their own, with readers of the ledger beside them.
#![cfg(not(millpond_model))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use millpond_delivery::{
    ABANDONED, Consignment, Fate, Ledger, Receipt, Settled, SinkLedger, Tally, Ticket, TicketInfo,
};

const WORKERS: u64 = 3;
const SINKS: u64 = 3;
const BATCHES: u64 = 4_000;
const EVENTS: u64 = 8;

#[derive(Default)]
struct Ends {
    ended: AtomicU64,
    retries: AtomicU64,
}

impl Settled for Ends {
    fn settled(&self, _: &TicketInfo, retry: bool) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.retries.fetch_add(u64::from(retry), Ordering::Relaxed);
    }
}

/// Every 7th receipt of a sink fails for one input, every 50th is dropped.
fn answer(sink: u64, receipts: mpsc::Receiver<(u64, Receipt)>) {
    for (batch, receipt) in receipts {
        match batch {
            batch if sink == 0 && batch % 50 == 0 => drop(receipt),
            batch if batch % 7 == 0 => {
                receipt.settle(1_000, [((sink % EVENTS) as u32, Fate::DeadLettered)]);
            }
            _ => receipt.confirm(1_000),
        }
    }
}

#[test]
fn the_equations_hold_at_every_moment_and_at_rest() {
    let ledger = Arc::new(Ledger::new("clicks"));
    let ends = Arc::new(Ends::default());
    let sinks: Vec<_> = (0..SINKS)
        .map(|sink| Arc::new(SinkLedger::new(format!("sink {sink}"))))
        .collect();
    thread::scope(|scope| {
        let rooms: Vec<_> = (0..SINKS)
            .map(|sink| {
                let (room, receipts) = mpsc::channel();
                scope.spawn(move || answer(sink, receipts));
                room
            })
            .collect();
        for worker in 0..WORKERS {
            let (ledger, ends, sinks, rooms) = (&ledger, &ends, &sinks, rooms.clone());
            scope.spawn(move || {
                for batch in (worker..BATCHES).step_by(WORKERS as usize) {
                    let ticket = Ticket::new(TicketInfo::default(), Some(ends.clone()));
                    let parts: Vec<_> = (0..2).map(|_| ticket.part(ledger, EVENTS / 2)).collect();
                    let consignment = Consignment::open(ledger);
                    for (sink, room) in sinks.iter().zip(&rooms) {
                        let receipt = consignment.receipt(sink, EVENTS - 1, true, 0);
                        room.send((batch, receipt)).expect("the sink is there");
                    }
                    let tally = Tally {
                        passed: EVENTS - 1,
                        filtered: 1,
                        ..Tally::default()
                    };
                    consignment.seal(parts, tally);
                }
            });
        }
        drop(rooms);
        for _ in 0..500 {
            let totals = ledger.totals();
            assert_eq!(totals.received, totals.ended() + totals.live);
            for sink in &sinks {
                let rows = sink.totals();
                let ended = rows.delivered + rows.dead_lettered + rows.dropped();
                assert_eq!(rows.routed, ended + rows.live);
            }
        }
    });

    let abandoned = BATCHES.div_ceil(50);
    let failing = (0..BATCHES).filter(|b| b % 7 == 0 && b % 50 != 0).count() as u64;
    let totals = ledger.totals();
    assert_eq!(totals.received, BATCHES * EVENTS);
    assert_eq!((totals.live, totals.ended()), (0, totals.received));
    assert_eq!(totals.filtered, BATCHES);
    assert_eq!(totals.dropped_by[ABANDONED], abandoned * (EVENTS - 1));
    assert_eq!(totals.dead_lettered, failing * SINKS);
    assert_eq!(ledger.unaccounted(|| 0), 0);
    assert_eq!(ends.ended.load(Ordering::Relaxed), BATCHES);
    assert_eq!(ends.retries.load(Ordering::Relaxed), abandoned);
    for sink in &sinks {
        assert_eq!(
            (sink.totals().live, sink.totals().routed),
            (0, BATCHES * (EVENTS - 1))
        );
    }
}
