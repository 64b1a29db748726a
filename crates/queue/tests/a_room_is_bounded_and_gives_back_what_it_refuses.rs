//! The bounds of a room, its depth, and its two ends.
#![cfg(not(millpond_model))]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use millpond_queue::{
    Budget, Limits, Parcel, RoomReceiver, RoomSender, TrySendError, Weight, monotonic_nanos, room,
};

fn limits(events: u64, bytes: u64) -> Limits {
    Limits { events, bytes }
}

fn parcel(item: u32, events: u64, bytes: u64) -> Parcel<u32> {
    Parcel::new(item, Weight { events, bytes })
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn waiting(sender: &RoomSender<u32>) -> Arc<Woken> {
    let woken = Arc::new(Woken::default());
    sender.on_space(&Waker::from(woken.clone()));
    woken
}

fn items(receiver: &mut RoomReceiver<u32>) -> Vec<u32> {
    std::iter::from_fn(|| receiver.try_recv())
        .map(|parcel| parcel.item)
        .collect()
}

#[test]
fn neither_bound_can_be_passed_and_the_refused_parcel_comes_back_whole() {
    // events and bytes already there, events and bytes to come, taken?
    let table = [
        ((6, 10), (4, 10), true),
        ((6, 10), (5, 10), false),
        ((1, 60), (1, 40), true),
        ((1, 60), (1, 41), false),
        ((10, 100), (1, 0), false),
        ((1, 1), (u64::MAX, 1), false),
        ((1, 1), (1, u64::MAX), false),
        // Nothing weighs less than one event, or weightless parcels would not be bounded.
        ((9, 10), (0, 0), true),
        ((10, 10), (0, 0), false),
    ];
    for (there, more, taken) in table {
        let (sender, mut receiver) = room("rows", limits(10, 100));
        sender.try_send(parcel(1, there.0, there.1)).unwrap();
        let budget = Budget::new(1);
        let permit = budget.acquire_blocking(1);
        let coming = parcel(2, more.0, more.1).with_permit(permit);
        match sender.try_send(coming) {
            Ok(()) => assert!(taken, "{there:?} + {more:?}"),
            Err(TrySendError::Full(back)) => {
                assert!(!taken, "{there:?} + {more:?}");
                assert_eq!(back.item, 2);
                assert_eq!(budget.used(), 1, "its permit comes back with it");
                assert_eq!(
                    sender.depth().events,
                    there.0,
                    "a refused parcel weighs nothing"
                );
                assert_eq!(sender.depth().bytes, there.1);
            }
            Err(TrySendError::Closed(_)) => panic!("the consumer is there"),
        }
        let expected: &[u32] = if taken { &[1, 2] } else { &[1] };
        assert_eq!(items(&mut receiver), expected);
        assert_eq!((sender.depth().events, sender.depth().bytes), (0, 0));
    }
}

#[test]
fn a_parcel_larger_than_the_room_passes_when_the_room_is_empty() {
    let (sender, mut receiver) = room("rows", limits(10, 100));
    for (events, bytes) in [(11, 1), (1, 101), (u64::MAX, u64::MAX)] {
        sender.try_send(parcel(1, events, bytes)).unwrap();
        assert!(matches!(
            sender.try_send(parcel(2, 1, 1)),
            Err(TrySendError::Full(_))
        ));
        assert_eq!(items(&mut receiver), [1]);
    }
    // A room without any size passes parcels one by one.
    let (sender, mut receiver) = room("rows", limits(0, 0));
    sender.try_send(parcel(1, 1, 1)).unwrap();
    assert!(sender.try_send(parcel(2, 1, 1)).is_err());
    assert_eq!(items(&mut receiver), [1]);
}

#[test]
fn a_room_of_many_weightless_parcels_is_full_before_its_channel_is() {
    let (sender, mut receiver) = room("rows", limits(3, u64::MAX));
    for item in 0..3 {
        sender.try_send(parcel(item, 0, 0)).unwrap();
    }
    // One in the consumer's hand frees one place, though it keeps the next one ready too.
    assert_eq!(receiver.try_recv().unwrap().item, 0);
    sender.try_send(parcel(3, 0, 0)).unwrap();
    assert!(sender.try_send(parcel(4, 0, 0)).is_err());
    assert_eq!(items(&mut receiver), [1, 2, 3]);
}

#[test]
fn space_wakes_each_sender_that_waits_and_only_once() {
    let (sender, mut receiver) = room("rows", limits(2, 100));
    sender.try_send(parcel(0, 1, 1)).unwrap();
    sender.try_send(parcel(1, 1, 1)).unwrap();
    let (one, two) = (waiting(&sender), waiting(&sender));
    let twice = Arc::new(Woken::default());
    let waker = Waker::from(twice.clone());
    sender.on_space(&waker);
    sender.on_space(&waker);
    assert_eq!(receiver.try_recv().unwrap().item, 0);
    assert_eq!((one.times(), two.times(), twice.times()), (1, 1, 1));
    assert_eq!(receiver.try_recv().unwrap().item, 1);
    assert!(receiver.try_recv().is_none());
    assert_eq!((one.times(), two.times()), (1, 1), "nobody waits any more");
}

#[test]
fn every_way_of_receiving_makes_space_known() {
    type Receive = fn(&mut RoomReceiver<u32>) -> Option<Parcel<u32>>;
    let ways: [Receive; 4] = [
        RoomReceiver::try_recv,
        RoomReceiver::recv,
        |receiver| receiver.recv_timeout(Duration::from_secs(60)),
        |receiver| futures_lite::future::block_on(receiver.recv_async()),
    ];
    for receive in ways {
        let (sender, mut receiver) = room("rows", limits(1, 100));
        sender.try_send(parcel(7, 1, 1)).unwrap();
        let woken = waiting(&sender);
        assert_eq!(receive(&mut receiver).unwrap().item, 7);
        assert_eq!(woken.times(), 1);
    }
}

#[test]
fn a_consumer_that_goes_lets_go_of_what_waits_and_tells_the_senders() {
    let budget = Budget::new(100);
    let (sender, mut receiver) = room("rows", limits(10, 100));
    for item in 0..4 {
        let permit = budget.try_acquire(10).unwrap();
        sender
            .try_send(parcel(item, 1, 10).with_permit(permit))
            .unwrap();
    }
    // One is taken and dropped, one is the next in hand, two lie in the channel.
    drop(receiver.try_recv());
    assert_eq!(budget.used(), 30);
    let woken = waiting(&sender);
    drop(receiver);
    assert_eq!(budget.used(), 0, "a permit stays behind in a dead room");
    assert_eq!((sender.depth().events, sender.depth().bytes), (0, 0));
    assert!(sender.depth().oldest.is_zero());
    assert_eq!(woken.times(), 1);
    let refused = sender.try_send(parcel(9, 1, 1));
    assert!(matches!(refused, Err(TrySendError::Closed(back)) if back.item == 9));
    let refused = futures_lite::future::block_on(sender.send_async(parcel(9, 1, 1)));
    assert_eq!(refused.unwrap_err().item, 9);
}

#[test]
fn a_closed_room_is_emptied_before_it_ends() {
    let (sender, mut receiver) = room("rows", limits(10, 100));
    let other = sender.clone();
    sender.try_send(parcel(0, 1, 1)).unwrap();
    drop(sender);
    other.try_send(parcel(1, 1, 1)).unwrap();
    let view = other.view();
    drop(other);
    assert!(!receiver.is_ended(), "two wait");
    assert_eq!(receiver.recv().unwrap().item, 0);
    assert!(!receiver.is_ended(), "one is the next in hand");
    assert_eq!(receiver.recv_timeout(Duration::ZERO).unwrap().item, 1);
    assert!(receiver.is_ended());
    assert!(receiver.recv().is_none());
    assert!(receiver.recv_timeout(Duration::from_secs(60)).is_none());
    assert!(receiver.try_recv().is_none());
    // A view keeps nobody from closing the room, and outlives it.
    drop(receiver);
    assert_eq!((view.name(), view.depth().events), ("rows", 0));
}

/// A parcel packed when this process's clock was young, plus so many nanoseconds.
fn packed_at(item: u32, nanos: u64) -> Parcel<u32> {
    let mut parcel = parcel(item, 1, 1);
    parcel.packed_at = nanos;
    parcel
}

/// The moment at which the oldest parcel was packed, to within the time that the reading takes.
fn head_is(sender: &RoomSender<u32>, packed_at: u64) -> bool {
    let before = monotonic_nanos();
    let oldest = sender.depth().oldest.as_nanos() as u64;
    let after = monotonic_nanos();
    (before - packed_at..=after - packed_at).contains(&oldest)
}

#[test]
fn the_age_is_that_of_the_parcel_at_the_head() {
    let (sender, mut receiver) = room("rows", limits(10, 100));
    let (first, second, third) = (1, monotonic_nanos(), monotonic_nanos());
    sender.try_send(packed_at(1, first)).unwrap();
    assert!(head_is(&sender, first));
    sender.try_send(packed_at(2, second)).unwrap();
    assert!(head_is(&sender, first), "a later one does not matter");
    receiver.try_recv();
    assert!(head_is(&sender, second), "the first has gone");
    sender.try_send(packed_at(3, third)).unwrap();
    receiver.try_recv();
    assert!(head_is(&sender, third));
    receiver.try_recv();
    assert_eq!(sender.depth().oldest, Duration::ZERO);
    // An emptied room starts again with what comes next.
    sender.try_send(packed_at(4, second)).unwrap();
    assert!(head_is(&sender, second));
}

#[test]
fn what_is_taken_stays_in_hand_until_it_is_done() {
    let (sender, mut receiver) = room("rows", limits(10, 100));
    let view = sender.view();
    for item in 0..3 {
        sender.try_send(parcel(item, 2, 1)).unwrap();
    }
    receiver.try_recv();
    receiver.try_recv();
    assert_eq!((view.depth().events, view.in_hand()), (2, 4));
    receiver.done(3);
    assert_eq!(view.in_hand(), 1);
    receiver.done(9);
    assert_eq!(view.in_hand(), 0, "more than there is does not wrap around");
    receiver.try_recv();
    drop(receiver);
    assert_eq!(view.in_hand(), 0, "a consumer that is gone holds nothing");
}

#[test]
fn a_room_for_very_many_events_takes_them() {
    let (sender, mut receiver) = room("rows", limits(10_000_000, 100));
    sender.try_send(parcel(0, 5_000_000, 1)).unwrap();
    sender.try_send(parcel(1, 5_000_000, 1)).unwrap();
    assert!(sender.try_send(parcel(2, 1, 1)).is_err());
    assert_eq!(sender.depth().capacity, limits(10_000_000, 100));
    assert_eq!(items(&mut receiver), [0, 1]);
}

#[test]
fn a_consumer_that_lets_parcels_gather_is_woken_once_one_finds_no_space_and_not_before() {
    let (sender, mut receiver) = room("rows", limits(2, 100));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    receiver.on_refusal(&waker);
    for item in 0..2 {
        sender.try_send(parcel(item, 1, 1)).unwrap();
    }
    sender.ring();
    assert_eq!(woken.times(), 0);
    assert!(!receiver.has_refused());
    for _ in 0..2 {
        assert!(sender.put(parcel(2, 1, 1)).is_err());
        assert_eq!((woken.times(), receiver.has_refused()), (1, true));
    }
    // A consumer that looked before somebody told that he waits hears of him: he tries once more after that.
    receiver.on_refusal(&waker);
    let space = waiting(&sender);
    assert!(sender.put(parcel(2, 1, 1)).is_err());
    assert_eq!(woken.times(), 2);
    assert_eq!(items(&mut receiver), [0, 1]);
    assert!(!receiver.has_refused(), "there is space again");
    drop(space);
}
