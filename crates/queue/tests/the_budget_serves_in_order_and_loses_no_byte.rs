//! Who gets bytes when, and that all of them come back.
#![cfg(not(millpond_model))]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures_lite::future::block_on;
use millpond_queue::{Acquire, Budget, Permit};

fn poll(acquire: &mut Pin<&mut Acquire>) -> Option<Permit> {
    let mut context = Context::from_waker(Waker::noop());
    match acquire.as_mut().poll(&mut context) {
        Poll::Ready(permit) => Some(permit),
        Poll::Pending => None,
    }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn waiters_are_served_in_the_order_they_came() {
    let budget = Budget::new(10);
    let held = budget.try_acquire(10).unwrap();
    let mut first = pin!(budget.acquire(6));
    let mut second = pin!(budget.acquire(2));
    let mut third = pin!(budget.acquire(4));
    assert!(
        poll(&mut first).is_none() && poll(&mut second).is_none() && poll(&mut third).is_none()
    );
    assert_eq!(budget.waiting(), 3);
    drop(held);
    assert_eq!(
        (budget.waiting(), budget.used()),
        (1, 8),
        "served before they notice"
    );
    assert!(poll(&mut third).is_none());
    let second = poll(&mut second).unwrap();
    let first = poll(&mut first).unwrap();
    assert!(budget.try_acquire(1).is_none(), "nobody passes the third");
    drop(second);
    assert_eq!(poll(&mut third).map(|permit| permit.bytes()), Some(4));
    drop(first);
    assert_eq!(budget.used(), 0, "the third went at once");
}

#[test]
fn a_small_request_does_not_starve_a_large_one() {
    let budget = Budget::new(10);
    let small = budget.try_acquire(1).unwrap();
    let mut large = pin!(budget.acquire(10));
    assert!(poll(&mut large).is_none());
    let mut later = pin!(budget.acquire(1));
    assert!(poll(&mut later).is_none(), "though nine are free");
    drop(small);
    let large = poll(&mut large).unwrap();
    assert!(poll(&mut later).is_none());
    drop(large);
    assert!(poll(&mut later).is_some());
}

#[test]
fn an_overdraft_stops_no_worker_and_holds_up_the_next_intake() {
    let budget = Budget::new(10);
    let input = budget.try_acquire(8).unwrap();
    let output = budget.charge(30);
    assert_eq!((budget.used(), budget.capacity()), (38, 10));
    let mut next = pin!(budget.acquire(1));
    assert!(poll(&mut next).is_none());
    assert!(budget.try_acquire(0).is_none(), "not even nothing");
    drop(input);
    assert!(poll(&mut next).is_none(), "still in debt");
    drop(output);
    assert!(poll(&mut next).is_some());
}

#[test]
fn a_request_larger_than_the_budget_is_granted_when_the_budget_is_whole() {
    for capacity in [0, 1, 10] {
        let budget = Budget::new(capacity);
        let whole = budget.try_acquire(100).unwrap();
        let mut again = pin!(budget.acquire(100));
        assert!(poll(&mut again).is_none(), "one at a time");
        drop(whole);
        assert_eq!(poll(&mut again).unwrap().bytes(), 100);
        assert_eq!(budget.used(), 0);
    }
    let budget = Budget::new(10);
    let one = budget.try_acquire(1).unwrap();
    assert!(budget.try_acquire(11).is_none(), "one byte is out");
    drop(one);
    assert_eq!(
        budget.try_acquire(usize::MAX).unwrap().bytes(),
        i64::MAX as u64
    );
    assert_eq!(budget.used(), 0);
}

#[test]
fn what_a_reader_did_not_use_serves_the_next_at_once() {
    let budget = Budget::new(100);
    let mut permit = budget.try_acquire(100).unwrap();
    let mut next = pin!(budget.acquire(40));
    assert!(poll(&mut next).is_none());
    permit.shrink_to(61);
    assert!(poll(&mut next).is_none());
    permit.shrink_to(60);
    let next = poll(&mut next).unwrap();
    permit.shrink_to(90);
    assert_eq!(permit.bytes(), 60, "a permit does not grow");
    permit.shrink_to(0);
    drop(permit);
    assert_eq!(budget.used(), 40);
    drop(next);
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_wait_may_be_given_up_at_any_time() {
    let budget = Budget::new(10);
    drop(budget.acquire(5));
    let held = budget.try_acquire(10).unwrap();
    {
        let mut waiting = pin!(budget.acquire(10));
        assert!(poll(&mut waiting).is_none());
    }
    assert_eq!(budget.waiting(), 0, "gone while it waited");
    {
        let mut served = pin!(budget.acquire(10));
        assert!(poll(&mut served).is_none());
        drop(held);
        assert_eq!(budget.used(), 10, "served");
    }
    assert_eq!(
        budget.used(),
        0,
        "gone after it was served, before it noticed"
    );
    let mut ready = pin!(budget.acquire(10));
    let permit = poll(&mut ready).unwrap();
    assert_eq!(budget.used(), 10);
    drop(permit);
    assert_eq!(budget.used(), 0, "what was handed out is given back once");
}

#[test]
fn a_large_request_that_gives_up_lets_those_behind_it_go_on() {
    let budget = Budget::new(10);
    let _held = budget.try_acquire(5).unwrap();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut small = pin!(budget.acquire(5));
    {
        let mut large = pin!(budget.acquire(6));
        assert!(poll(&mut large).is_none());
        let mut context = Context::from_waker(&waker);
        assert!(small.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert!(poll(&mut small).is_some());
}

#[test]
fn a_wait_that_moves_to_another_task_wakes_that_one() {
    let budget = Budget::new(1);
    let held = budget.try_acquire(1).unwrap();
    let (old, new) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
    let mut acquire = pin!(budget.acquire(1));
    for woken in [&old, &new] {
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        assert!(acquire.as_mut().poll(&mut context).is_pending());
    }
    drop(held);
    let times = |woken: &Woken| woken.0.load(Ordering::SeqCst);
    assert_eq!((times(&old), times(&new)), (0, 1));
}

/// A task that holds a permit and goes with the last of its wakers.
struct Task {
    _permit: Mutex<Option<Permit>>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_waker_that_takes_a_permit_with_it_does_not_lock_the_budget_up() {
    let budget = Budget::new(10);
    let _held = budget.try_acquire(8).unwrap();
    let holding = || {
        let permit = Mutex::new(budget.try_acquire(1));
        Waker::from(Arc::new(Task { _permit: permit }))
    };
    {
        let mut acquire = pin!(budget.acquire(5));
        for waker in [holding(), holding()] {
            let mut context = Context::from_waker(&waker);
            assert!(acquire.as_mut().poll(&mut context).is_pending());
            drop(waker);
        }
    }
    assert_eq!(budget.used(), 8);
}

#[test]
fn a_thread_that_blocks_is_woken_by_the_bytes() {
    let budget = Budget::new(1);
    let held = budget.acquire_blocking(1);
    let waiter = {
        let budget = budget.clone();
        thread::spawn(move || budget.acquire_blocking(1).bytes())
    };
    while budget.waiting() == 0 {
        thread::yield_now();
    }
    drop(held);
    assert_eq!(waiter.join().unwrap(), 1);
    assert_eq!((budget.used(), budget.waiting()), (0, 0));
}

#[test]
fn under_load_no_more_is_out_than_there_is_and_all_of_it_comes_back() {
    const CAPACITY: u64 = 100;
    let budget = Budget::new(CAPACITY as usize);
    let out = AtomicU64::new(0);
    let taken = |mut permit: Permit, round: u64| {
        let bytes = permit.bytes();
        let before = out.fetch_add(bytes, Ordering::SeqCst);
        assert!(before + bytes <= CAPACITY, "{before} + {bytes}");
        out.fetch_sub(bytes, Ordering::SeqCst);
        if round.is_multiple_of(3) {
            permit.shrink_to((bytes / 2) as usize);
        }
    };
    thread::scope(|scope| {
        for thread in 0..4 {
            let (budget, taken) = (&budget, &taken);
            scope.spawn(move || {
                for round in 0..5_000 {
                    let bytes = (1 + (round * 37 + thread * 11) % CAPACITY) as usize;
                    match (round + thread) % 4 {
                        0 => taken(budget.acquire_blocking(bytes), round),
                        1 => taken(block_on(budget.acquire(bytes)), round),
                        2 => {
                            if let Some(permit) = budget.try_acquire(bytes) {
                                taken(permit, round);
                            }
                        }
                        _ => drop(poll(&mut pin!(budget.acquire(bytes)))),
                    }
                }
            });
        }
    });
    assert_eq!((budget.used(), budget.waiting()), (0, 0));
    assert!(budget.try_acquire(CAPACITY as usize).is_some());
}
