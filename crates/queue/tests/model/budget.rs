use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use millpond_queue::{Acquire, Budget, Permit};

use crate::explore;

fn poll(acquire: &mut std::pin::Pin<&mut Acquire>) -> Poll<Permit> {
    acquire
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

fn assert_whole(budget: &Budget) {
    assert_eq!(budget.used(), 0, "bytes went missing");
    assert_eq!(budget.waiting(), 0);
    assert!(budget.try_acquire(budget.capacity() as usize).is_some());
}

#[test]
fn three_takers_never_hold_more_than_there_is_and_none_waits_for_ever() {
    explore(2, || {
        let budget = Budget::new(2);
        let held = Arc::new(AtomicUsize::new(0));
        let take = |budget: Budget, held: Arc<AtomicUsize>, bytes: usize| {
            let permit = block_on(budget.acquire(bytes));
            assert!(held.fetch_add(bytes, Ordering::AcqRel) + bytes <= 2);
            held.fetch_sub(bytes, Ordering::AcqRel);
            drop(permit);
        };
        let takers = [1, 2].map(|bytes| {
            let (budget, held) = (budget.clone(), held.clone());
            thread::spawn(move || take(budget, held, bytes))
        });
        take(budget.clone(), held, 2);
        for taker in takers {
            taker.join().unwrap();
        }
        assert_whole(&budget);
    });
}

#[test]
fn a_wait_that_is_dropped_as_it_is_served_gives_its_bytes_back() {
    explore(3, || {
        let budget = Budget::new(2);
        let permit = budget.try_acquire(2).unwrap();
        let patient = {
            let budget = budget.clone();
            thread::spawn(move || drop(block_on(budget.acquire(1))))
        };
        let quitter = {
            let budget = budget.clone();
            thread::spawn(move || {
                let mut acquire = pin!(budget.acquire(2));
                let _ = poll(&mut acquire);
            })
        };
        drop(permit);
        patient.join().unwrap();
        quitter.join().unwrap();
        assert_whole(&budget);
    });
}

#[test]
fn a_later_small_request_does_not_overtake_an_earlier_large_one() {
    explore(3, || {
        let budget = Budget::new(2);
        let (one, two) = (
            budget.try_acquire(1).unwrap(),
            budget.try_acquire(1).unwrap(),
        );
        let mut large = pin!(budget.acquire(2));
        assert!(poll(&mut large).is_pending());
        let mut small = pin!(budget.acquire(1));
        assert!(poll(&mut small).is_pending());
        let givers = [one, two].map(|permit| thread::spawn(move || drop(permit)));
        assert!(budget.try_acquire(1).is_none(), "nobody jumps the queue");
        if let Poll::Ready(permit) = poll(&mut small) {
            panic!("{permit:?} was granted past the large request");
        }
        for giver in givers {
            giver.join().unwrap();
        }
        let Poll::Ready(permit) = poll(&mut large) else {
            panic!("the large request was not served");
        };
        assert!(poll(&mut small).is_pending());
        drop(permit);
        assert!(poll(&mut small).is_ready());
    });
}

#[test]
fn an_overdraft_that_is_paid_back_serves_who_waited_for_it() {
    explore(3, || {
        let budget = Budget::new(1);
        let overdraft = budget.charge(2);
        let waiter = {
            let budget = budget.clone();
            thread::spawn(move || drop(block_on(budget.acquire(1))))
        };
        let mut other = budget.charge(1);
        drop(overdraft);
        other.shrink_to(0);
        waiter.join().unwrap();
        drop(other);
        assert_whole(&budget);
    });
}

#[test]
fn who_waits_for_an_overdraft_to_be_paid_back_is_woken() {
    explore(3, || {
        let budget = Budget::new(1);
        let debts = [20 << 20, 5 << 20].map(|bytes| budget.charge(bytes));
        let parked = {
            let budget = budget.clone();
            thread::spawn(move || {
                block_on(std::future::poll_fn(|context| {
                    if !budget.is_overdrawn() {
                        return Poll::Ready(());
                    }
                    budget.on_paid_back(context.waker());
                    Poll::Pending
                }));
            })
        };
        let payers = debts.map(|debt| thread::spawn(move || drop(debt)));
        parked.join().unwrap();
        for payer in payers {
            payer.join().unwrap();
        }
        assert_whole(&budget);
    });
}
