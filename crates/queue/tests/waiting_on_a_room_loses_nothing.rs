//! The asynchronous ends of a room, polled by hand: what is cancelled, and who is woken.
#![cfg(not(millpond_model))]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use millpond_queue::{Budget, Limits, Parcel, RoomSender, Weight, room};

const ROOM_FOR_ONE: Limits = Limits {
    events: 1,
    bytes: 100,
};

fn parcel(item: u32) -> Parcel<u32> {
    let weight = Weight {
        events: 1,
        bytes: 1,
    };
    Parcel::new(item, weight)
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn task() -> (Arc<Woken>, Waker) {
    let woken = Arc::new(Woken::default());
    (woken.clone(), Waker::from(woken))
}

fn times(woken: &Woken) -> usize {
    woken.0.load(Ordering::SeqCst)
}

#[test]
fn a_receive_that_is_cancelled_after_it_was_woken_leaves_the_parcel_there() {
    let (sender, mut receiver) = room("rows", ROOM_FOR_ONE);
    let (woken, waker) = task();
    {
        let mut receive = pin!(receiver.recv_async());
        let mut context = Context::from_waker(&waker);
        assert!(receive.as_mut().poll(&mut context).is_pending());
        sender.try_send(parcel(1)).unwrap();
        assert_eq!(times(&woken), 1);
    }
    assert_eq!(sender.depth().events, 1);
    let received = block_on(receiver.recv_async()).unwrap();
    assert_eq!(received.item, 1);
}

#[test]
fn what_is_put_in_wakes_nobody_before_the_ring_unless_there_is_no_space_for_more() {
    let limits = Limits {
        events: 2,
        bytes: u64::MAX,
    };
    let (sender, mut receiver) = room("rows", limits);
    let (woken, waker) = task();
    let mut context = Context::from_waker(&waker);
    for item in 0..2 {
        assert!(pin!(receiver.recv_async()).poll(&mut context).is_pending());
        assert!(!receiver.has_parcels());
        sender.put(parcel(item)).unwrap();
        assert!(receiver.has_parcels());
        assert_eq!(times(&woken), item as usize);
        match item {
            0 => sender.ring(),
            _ => receiver.view().wake_receiver(),
        }
        assert_eq!(times(&woken), item as usize + 1);
        assert!(receiver.try_recv().is_some());
    }
    assert!(pin!(receiver.recv_async()).poll(&mut context).is_pending());
    sender.put(parcel(2)).unwrap();
    sender.put(parcel(3)).unwrap();
    assert_eq!(times(&woken), 2);
    assert!(sender.put(parcel(4)).is_err());
    assert_eq!(times(&woken), 3, "who is to make space has to know");
}

#[test]
fn a_send_that_is_cancelled_delivers_nothing_and_frees_its_permit() {
    let budget = Budget::new(10);
    let (sender, mut receiver) = room("rows", ROOM_FOR_ONE);
    sender.try_send(parcel(1)).unwrap();
    let (woken, waker) = task();
    {
        let permit = budget.try_acquire(10).unwrap();
        let mut send = pin!(sender.send_async(parcel(2).with_permit(permit)));
        let mut context = Context::from_waker(&waker);
        assert!(send.as_mut().poll(&mut context).is_pending());
        assert_eq!(budget.used(), 10);
        // Space comes, the task is woken, and gives up all the same.
        assert_eq!(receiver.try_recv().unwrap().item, 1);
        assert_eq!(times(&woken), 1);
    }
    assert_eq!(budget.used(), 0);
    assert!(receiver.try_recv().is_none());
    assert_eq!(sender.depth().events, 0);
    sender.try_send(parcel(3)).expect("the place is free");
}

#[test]
fn a_send_that_waits_goes_on_when_the_consumer_takes() {
    let (sender, mut receiver) = room("rows", ROOM_FOR_ONE);
    sender.try_send(parcel(1)).unwrap();
    let (woken, waker) = task();
    let mut context = Context::from_waker(&waker);
    let mut send = pin!(sender.send_async(parcel(2)));
    assert!(send.as_mut().poll(&mut context).is_pending());
    assert!(send.as_mut().poll(&mut context).is_pending());
    assert_eq!(times(&woken), 0, "nothing has changed");
    assert_eq!(receiver.recv().unwrap().item, 1);
    assert_eq!(times(&woken), 1);
    assert!(matches!(
        send.as_mut().poll(&mut context),
        Poll::Ready(Ok(()))
    ));
    assert_eq!(receiver.recv().unwrap().item, 2);
}

#[test]
fn the_last_sender_that_goes_wakes_an_async_receiver() {
    let (sender, mut receiver) = room::<u32>("rows", ROOM_FOR_ONE);
    let other = sender.clone();
    let (woken, waker) = task();
    let mut context = Context::from_waker(&waker);
    let mut receive = pin!(receiver.recv_async());
    assert!(receive.as_mut().poll(&mut context).is_pending());
    drop(sender);
    assert!(
        receive.as_mut().poll(&mut context).is_pending(),
        "one is left"
    );
    let before = times(&woken);
    drop(other);
    assert_eq!(times(&woken), before + 1);
    assert!(matches!(
        receive.as_mut().poll(&mut context),
        Poll::Ready(None)
    ));
}

#[test]
fn a_consumer_that_goes_wakes_a_send_that_waits_and_gives_the_parcel_back() {
    let (sender, receiver) = room("rows", ROOM_FOR_ONE);
    sender.try_send(parcel(1)).unwrap();
    let (woken, waker) = task();
    let mut context = Context::from_waker(&waker);
    let mut send = pin!(sender.send_async(parcel(2)));
    assert!(send.as_mut().poll(&mut context).is_pending());
    drop(receiver);
    assert_eq!(times(&woken), 1);
    let Poll::Ready(Err(back)) = send.as_mut().poll(&mut context) else {
        panic!("the consumer is gone");
    };
    assert_eq!(back.item, 2);
}

#[test]
fn blocking_receivers_end_when_the_last_sender_goes() {
    let (sender, mut receiver) = room::<u32>("rows", ROOM_FOR_ONE);
    let consumer = thread::spawn(move || {
        let first = receiver.recv().map(|parcel| parcel.item);
        (first, receiver.recv().is_none())
    });
    sender.try_send(parcel(1)).unwrap();
    drop(sender);
    assert_eq!(consumer.join().unwrap(), (Some(1), true));
}

fn send_all(sender: &RoomSender<u32>, items: impl Iterator<Item = u32>) {
    for item in items {
        block_on(sender.send_async(parcel(item))).expect("the consumer is there");
    }
}

#[test]
fn four_senders_and_a_consumer_that_all_wait_for_each_other_get_everything_through() {
    const EACH: u32 = 5_000;
    for limits in [
        ROOM_FOR_ONE,
        Limits {
            events: 7,
            bytes: 3,
        },
    ] {
        let (sender, mut receiver) = room("rows", limits);
        let view = sender.view();
        let seen = thread::scope(|scope| {
            for lane in 0..4 {
                let sender = sender.clone();
                scope.spawn(move || send_all(&sender, (0..EACH).map(|n| n * 4 + lane)));
            }
            drop(sender);
            let mut next = [0; 4];
            let mut seen = 0;
            loop {
                // The consumer changes its way of waiting all the time.
                let parcel = match seen % 3 {
                    0 => block_on(receiver.recv_async()),
                    1 => receiver.recv(),
                    _ => receiver.recv_timeout(Duration::from_secs(60)),
                };
                let Some(parcel) = parcel else { break };
                let lane = (parcel.item % 4) as usize;
                assert_eq!(parcel.item / 4, next[lane], "out of order");
                next[lane] += 1;
                seen += 1;
                let depth = view.depth();
                assert!(depth.events <= limits.events && depth.bytes <= limits.bytes);
            }
            seen
        });
        assert_eq!(seen, 4 * EACH);
        assert_eq!((view.depth().events, view.depth().bytes), (0, 0));
        assert!(view.depth().oldest.is_zero());
    }
}

#[test]
fn a_consumer_that_goes_under_load_keeps_no_parcel_and_no_permit() {
    for _ in 0..200 {
        let budget = Budget::new(1_000);
        let (sender, mut receiver) = room(
            "rows",
            Limits {
                events: 4,
                bytes: 100,
            },
        );
        let senders: Vec<_> = (0..3)
            .map(|_| {
                let (sender, budget) = (sender.clone(), budget.clone());
                thread::spawn(move || {
                    loop {
                        let parcel = parcel(0).with_permit(budget.acquire_blocking(1));
                        if block_on(sender.send_async(parcel)).is_err() {
                            return sender;
                        }
                    }
                })
            })
            .collect();
        for _ in 0..5 {
            receiver.recv();
        }
        drop(receiver);
        // The senders, and so the channel, live on.
        let left: Vec<_> = senders.into_iter().map(|one| one.join().unwrap()).collect();
        assert_eq!(budget.used(), 0);
        assert_eq!(left[0].depth().events, 0);
    }
}
