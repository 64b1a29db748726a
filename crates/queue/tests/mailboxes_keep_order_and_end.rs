//! Mailboxes, their intake and the ready set, on real threads.
#![cfg(not(millpond_model))]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use millpond_queue::{
    After, Budget, Intake, Limits, Mailbox, Parcel, ReadySet, TrySendError, Weight, mailboxes,
    monotonic_nanos,
};

const LIMITS: Limits = Limits {
    events: 1_000,
    bytes: 100_000,
};

fn parcel<T>(item: T, events: u64, bytes: u64) -> Parcel<T> {
    Parcel::new(item, Weight { events, bytes })
}

fn open<T>(shards: usize, slots: usize) -> (Arc<ReadySet>, Intake<T>, Vec<Mailbox<T>>) {
    let ready = Arc::new(ReadySet::new(shards));
    let (intake, boxes) = mailboxes("clicks", ready.clone(), 0, shards, slots, LIMITS);
    (ready, intake, boxes)
}

#[test]
fn each_shard_gets_its_own_parcels_in_order() {
    let (ready, intake, mut boxes) = open(3, 10);
    for item in 0..9 {
        intake.send(item % 3, parcel(item, 1, 1)).unwrap();
    }
    for (shard, mailbox) in boxes.iter_mut().enumerate() {
        assert_eq!(ready.claim(0), Some(shard));
        let items: Vec<_> = std::iter::from_fn(|| mailbox.take())
            .map(|parcel| parcel.item)
            .collect();
        assert_eq!(items, [shard, shard + 3, shard + 6]);
        assert!(!mailbox.is_ended());
    }
    assert_eq!(ready.claim(0), None);
}

#[test]
fn the_depth_is_the_sum_over_the_shards_and_the_age_that_of_the_oldest() {
    let (_ready, intake, mut boxes) = open(3, 10);
    let view = intake.view();
    let mut old = parcel((), 2, 30);
    old.packed_at = 1;
    let mut older_than_now = parcel((), 5, 10);
    older_than_now.packed_at = monotonic_nanos();
    let recent = older_than_now.packed_at;
    intake.send(1, old).unwrap();
    intake.send(1, older_than_now).unwrap();
    intake.send(2, parcel((), 1, 1)).unwrap();
    let depth = view.depth();
    assert_eq!((depth.events, depth.bytes, depth.capacity), (8, 41, LIMITS));
    assert_eq!(
        [0, 1, 2].map(|shard| view.arrived(shard)),
        [0, 7, 1].map(Some)
    );
    assert_eq!(view.events(), 8);
    assert_eq!(view.shard(1).unwrap().events, 7);
    assert_eq!(view.shard(0).unwrap().oldest, Duration::ZERO);
    assert!(view.shard(3).is_none());
    let full_age = Duration::from_nanos(monotonic_nanos() - 1);
    assert!(view.depth().oldest >= full_age);
    boxes[1].take();
    // The first of two has gone: what counts is the age of the second.
    let before = monotonic_nanos() - recent;
    let age = view.depth().oldest.as_nanos() as u64;
    assert!(age >= before && age <= monotonic_nanos() - recent);
    boxes[1].take();
    boxes[2].take();
    let depth = view.depth();
    assert_eq!(
        (depth.events, depth.bytes, depth.oldest),
        (0, 0, Duration::ZERO)
    );
    assert_eq!(view.in_hand(), 8);
    boxes[1].done(7);
    boxes[2].done(1);
    assert_eq!(view.in_hand(), 0);
}

#[test]
fn the_last_intake_that_goes_makes_every_shard_see_the_end() {
    let (ready, intake, mut boxes) = open(70, 10);
    let other = intake.clone();
    let view = intake.view();
    intake.send(69, parcel(7, 1, 1)).unwrap();
    drop(intake);
    assert_eq!(ready.claim(0), Some(69));
    assert!(!boxes[69].is_ended(), "a clone is left");
    ready.release(69, After::Again);
    drop(other);
    let mut ended = 0;
    let mut from = 0;
    while let Some(shard) = ready.claim(from) {
        while boxes[shard].take().is_some() {}
        assert!(boxes[shard].is_ended());
        ready.release(shard, After::Finished);
        ended += 1;
        from = shard + 1;
    }
    assert_eq!(ended, 70);
    assert!(ready.is_finished() && !ready.any_ready());
    assert_eq!(view.events(), 0, "a view keeps nothing open");
    ready.mark_all(0..70);
    assert_eq!(
        ready.claim(0),
        None,
        "a finished shard is never ready again"
    );
}

#[test]
fn a_send_without_a_slot_and_one_without_a_pipeline_give_the_parcel_back() {
    let (_ready, intake, boxes) = open(1, 2);
    intake.send(0, parcel(0, 1, 1)).unwrap();
    intake.send(0, parcel(1, 1, 1)).unwrap();
    let refused = intake.send(0, parcel(2, 1, 1));
    assert!(matches!(refused, Err(TrySendError::Full(back)) if back.item == 2));
    assert_eq!(intake.view().events(), 2, "a refused parcel weighs nothing");
    drop(boxes);
    assert_eq!(intake.view().events(), 0);
    let refused = intake.send(0, parcel(3, 1, 1));
    assert!(matches!(refused, Err(TrySendError::Closed(back)) if back.item == 3));
}

#[test]
fn a_mailbox_that_goes_gives_the_permits_of_what_waits_back() {
    let budget = Budget::new(100);
    let (_ready, intake, mut boxes) = open(1, 10);
    for _ in 0..4 {
        let permit = budget.try_acquire(25).unwrap();
        intake
            .send(0, parcel((), 1, 25).with_permit(permit))
            .unwrap();
    }
    drop(boxes[0].take());
    assert_eq!(budget.used(), 75);
    drop(boxes);
    assert_eq!(budget.used(), 0, "a source would wait for these for ever");
}

#[test]
fn a_permit_shared_by_the_parts_of_a_chunk_returns_with_the_last() {
    let budget = Budget::new(100);
    let (_ready, intake, mut boxes) = open(2, 10);
    let permit = Arc::new(budget.try_acquire(100).unwrap());
    for shard in 0..2 {
        let part = parcel((), 1, 50).with_shared_permit(permit.clone());
        intake.send(shard, part).unwrap();
    }
    drop(permit);
    boxes[0].take();
    assert_eq!(budget.used(), 100);
    let ((), kept) = boxes[1].take().unwrap().open();
    assert_eq!(budget.used(), 100, "held apart from the item");
    drop(kept);
    assert_eq!(budget.used(), 0);
}

#[test]
fn shards_of_two_pipelines_share_one_ready_set() {
    let ready = Arc::new(ReadySet::new(5));
    let (one, _boxes) = mailboxes::<()>("one", ready.clone(), 0, 2, 4, LIMITS);
    let (two, _others) = mailboxes::<()>("two", ready.clone(), 2, 3, 4, LIMITS);
    two.send(1, parcel((), 1, 1)).unwrap();
    assert_eq!(ready.claim(0), Some(3));
    drop(one);
    let mut ended: Vec<_> = std::iter::from_fn(|| ready.claim(0)).collect();
    ended.sort_unstable();
    assert_eq!(ended, [0, 1], "the other pipeline goes on");
    drop(two);
}

#[test]
fn claims_go_round_so_that_no_ready_shard_starves() {
    let ready = ReadySet::new(130);
    for shard in [0, 5, 63, 64, 100, 129] {
        ready.mark(shard);
    }
    let order = [(64, 64), (65, 100), (101, 129), (130, 0), (6, 63), (64, 5)];
    for (from, expected) in order {
        assert_eq!(ready.claim(from), Some(expected), "from {from}");
        ready.release(expected, After::Idle);
    }
    assert_eq!(ready.claim(17), None);
    assert_eq!(ReadySet::new(0).claim(0), None);
    assert!(ReadySet::new(0).is_finished());
}

#[test]
fn a_parked_shard_runs_again_for_space_and_not_for_input() {
    let ready = Arc::new(ReadySet::new(2));
    let waker: Waker = ready.waker(1);
    ready.mark(1);
    assert_eq!(ready.claim(0), Some(1));
    ready.release(1, After::Parked);
    ready.mark(1);
    ready.mark_all(1..2);
    assert_eq!(ready.claim(0), None);
    waker.wake_by_ref();
    waker.wake_by_ref();
    assert_eq!(ready.claim(0), Some(1));
    assert_eq!(ready.claim(0), None, "woken twice, ready once");
    // Space that comes while it runs keeps it from parking.
    waker.wake_by_ref();
    ready.release(1, After::Parked);
    assert_eq!(ready.claim(0), Some(1));
    ready.release(1, After::Parked);
    assert_eq!(ready.claim(0), None, "one wake-up is good for one run");
    waker.wake();
    assert_eq!(ready.claim(0), Some(1));
    ready.release(1, After::Idle);
    ready.unpark(1);
    assert_eq!(
        ready.claim(0),
        None,
        "an idle shard has nothing to wait for"
    );
}

#[test]
fn a_worker_that_waits_is_woken_by_a_ring_and_not_without() {
    let ready = Arc::new(ReadySet::new(1));
    assert!(!ready.wait_timeout(Duration::from_millis(1)));
    ready.ring();
    ready.ring();
    assert!(ready.wait_timeout(Duration::from_secs(60)));
    assert!(!ready.wait_timeout(Duration::ZERO), "one token is enough");
    let worker = {
        let ready = ready.clone();
        thread::spawn(move || ready.wait())
    };
    ready.ring();
    worker.join().unwrap();
}

/// A shard as a worker holds it; the flag shows two workers in one shard.
struct Shard {
    held: AtomicBool,
    state: Mutex<State>,
}

struct State {
    /// Parcels of a source and a number.
    mailbox: Mailbox<(u64, u64)>,
    /// The number to come next, per source.
    next: [u64; SOURCES],
}

const SOURCES: usize = 3;

#[test]
fn four_workers_and_three_sources_lose_nothing_and_keep_each_order() {
    const SHARDS: usize = 70;
    const CHUNKS: u64 = 3_000;
    let budget = Budget::new(300);
    let (ready, intake, boxes) = open::<(u64, u64)>(SHARDS, 300);
    let view = intake.view();
    let shards: Vec<Shard> = boxes
        .into_iter()
        .map(|mailbox| Shard {
            held: AtomicBool::new(false),
            state: Mutex::new(State {
                mailbox,
                next: [0; SOURCES],
            }),
        })
        .collect();
    let taken = AtomicU64::new(0);
    let work = |first: usize| {
        let mut from = first;
        loop {
            while let Some(at) = ready.claim(from) {
                if ready.any_ready() {
                    ready.ring();
                }
                let shard = &shards[at];
                assert!(
                    !shard.held.swap(true, Ordering::Relaxed),
                    "two in one shard"
                );
                let State { mailbox, next } = &mut *shard.state.lock().unwrap();
                let mut after = After::Idle;
                for parcels in 0.. {
                    let Some(parcel) = mailbox.take() else { break };
                    let (source, number) = parcel.item;
                    assert!(number >= next[source as usize], "out of order");
                    next[source as usize] = number + 1;
                    taken.fetch_add(1, Ordering::Relaxed);
                    mailbox.done(1);
                    if parcels == 2 {
                        after = After::Again;
                        break;
                    }
                }
                if after == After::Idle && mailbox.is_ended() {
                    after = After::Finished;
                }
                shard.held.store(false, Ordering::Relaxed);
                ready.release(at, after);
                from = at + 1;
            }
            if ready.is_finished() {
                ready.ring();
                return;
            }
            ready.wait();
        }
    };
    thread::scope(|scope| {
        for worker in 0..4 {
            scope.spawn(move || work(worker * 17));
        }
        for source in 0..SOURCES as u64 {
            let (intake, budget) = (intake.clone(), budget.clone());
            scope.spawn(move || {
                for chunk in 0..CHUNKS {
                    // A chunk goes in two parts to two shards, under one permit.
                    let permit = Arc::new(budget.acquire_blocking(2));
                    for part in 0..2 {
                        let shard = (chunk * 7 + part * 31 + source) as usize % SHARDS;
                        let parcel = parcel((source, chunk), 1, 1);
                        intake
                            .send(shard, parcel.with_shared_permit(permit.clone()))
                            .expect("whoever holds a permit finds a slot");
                    }
                    intake.ring();
                }
            });
        }
        drop(intake);
    });
    assert_eq!(taken.into_inner(), SOURCES as u64 * CHUNKS * 2);
    assert_eq!((view.events(), view.in_hand(), budget.used()), (0, 0, 0));
    assert_eq!(view.depth().oldest, Duration::ZERO);
}

#[test]
fn a_shard_of_a_group_is_claimed_and_heard_of_by_its_worker_alone() {
    let ready = ReadySet::in_groups(130, 3);
    for shard in [4, 70, 129] {
        ready.mark(shard);
    }
    ready.ring();
    // 4 and 70 are of group 1, 129 is of group 0; nothing is of group 2.
    let none = Duration::ZERO;
    assert!(!ready.wait_timeout_as(2, none));
    assert_eq!(ready.claim_as(2, 0), None);
    assert!(ready.wait_timeout_as(0, none) && ready.wait_timeout_as(1, none));
    assert_eq!(ready.claim_as(0, 0), Some(129));
    assert_eq!(ready.claim_as(1, 5), Some(70));
    assert_eq!(ready.claim_as(1, 5), Some(4));
    assert_eq!((ready.claim_as(1, 0), ready.waiting()), (None, 0));
    ready.release(70, After::Again);
    assert!(!ready.wait_timeout_as(0, none) && ready.wait_timeout_as(1, none));
    assert_eq!(ready.claim_as(1, 0), Some(70));
    // The end is for everybody, though nothing is ready.
    for shard in 0..130 {
        ready.release(shard, After::Finished);
    }
    assert!(ready.is_finished());
    assert!((0..3).all(|worker| ready.wait_timeout_as(worker, none)));
}
