use loom::future::block_on;
use loom::thread;
use millpond_queue::{Limits, Parcel, RoomSender, Weight, room};

use crate::explore;

const ROOM_FOR_ONE: Limits = Limits {
    events: 1,
    bytes: u64::MAX,
};

fn parcel(item: u32, events: u64) -> Parcel<u32> {
    Parcel::new(item, Weight { events, bytes: 1 })
}

fn send_all(sender: &RoomSender<u32>, items: std::ops::Range<u32>) {
    for item in items {
        block_on(sender.send_async(parcel(item, 1))).expect("the consumer is there");
    }
}

#[test]
fn a_sender_and_a_receiver_that_wait_for_each_other_both_go_on() {
    explore(3, || {
        let (sender, mut receiver) = room("rows", ROOM_FOR_ONE);
        let producer = thread::spawn(move || send_all(&sender, 0..2));
        for expected in 0..2 {
            assert_eq!(
                block_on(receiver.recv_async()).map(|p| p.item),
                Some(expected)
            );
        }
        assert!(block_on(receiver.recv_async()).is_none(), "closed by drop");
        producer.join().unwrap();
        assert_eq!(receiver.view().depth().events, 0);
        assert!(receiver.view().depth().oldest.is_zero());
    });
}

#[test]
fn a_receiver_hears_of_all_that_was_put_in_before_the_ring() {
    explore(3, || {
        let limits = Limits {
            events: 2,
            bytes: u64::MAX,
        };
        let (sender, mut receiver) = room("rows", limits);
        let other = sender.clone();
        let producer = thread::spawn(move || {
            (0..2).for_each(|item| sender.put(parcel(item, 1)).unwrap());
            sender.ring();
            sender
        });
        for expected in 0..2 {
            assert_eq!(
                block_on(receiver.recv_async()).map(|p| p.item),
                Some(expected)
            );
        }
        drop((other, producer.join().unwrap()));
    });
}

#[test]
fn two_senders_for_one_place_both_get_it_in_turn() {
    explore(2, || {
        let (sender, mut receiver) = room("rows", ROOM_FOR_ONE);
        let other = sender.clone();
        let producers = [
            thread::spawn(move || send_all(&sender, 0..1)),
            thread::spawn(move || send_all(&other, 1..2)),
        ];
        let mut got = Vec::new();
        while let Some(parcel) = block_on(receiver.recv_async()) {
            got.push(parcel.item);
        }
        got.sort_unstable();
        assert_eq!(got, [0, 1]);
        for producer in producers {
            producer.join().unwrap();
        }
    });
}

#[test]
fn a_refused_parcel_takes_no_place_from_a_sender_that_waits() {
    explore(3, || {
        let limits = Limits {
            events: 10,
            bytes: u64::MAX,
        };
        let (sender, mut receiver) = room("rows", limits);
        sender.try_send(parcel(0, 8)).unwrap();
        let other = sender.clone();
        // Gives up at once; the space that it asked for is not to be missed by the one who waits.
        let hasty = thread::spawn(move || drop(other.try_send(parcel(1, 5))));
        let patient = thread::spawn(move || {
            block_on(sender.send_async(parcel(2, 6))).expect("the consumer is there");
        });
        let mut got = Vec::new();
        while let Some(parcel) = block_on(receiver.recv_async()) {
            got.push(parcel.item);
        }
        hasty.join().unwrap();
        patient.join().unwrap();
        assert!(got.contains(&2), "{got:?}");
    });
}

#[test]
fn a_receiver_that_goes_wakes_who_waits_and_leaves_nothing_behind() {
    explore(3, || {
        let (sender, receiver) = room("rows", ROOM_FOR_ONE);
        let item = std::sync::Arc::new(());
        let producer = {
            let item = item.clone();
            thread::spawn(move || {
                let weight = Weight {
                    events: 1,
                    bytes: 1,
                };
                let mut refused = false;
                for _ in 0..2 {
                    refused =
                        block_on(sender.send_async(Parcel::new(item.clone(), weight))).is_err();
                }
                assert!(refused, "a room for one took two that nobody received");
                sender
            })
        };
        drop(receiver);
        let sender = producer.join().unwrap();
        assert_eq!(
            std::sync::Arc::strong_count(&item),
            1,
            "a parcel lies in a room without a consumer"
        );
        assert_eq!(sender.depth().events, 0);
    });
}
