use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;
use millpond_queue::{
    After, Intake, Limits, Mailbox, Parcel, ReadySet, TrySendError, Weight, mailboxes,
};

use crate::explore;

const LIMITS: Limits = Limits {
    events: 100,
    bytes: 100,
};

fn parcel(item: u32) -> Parcel<u32> {
    let weight = Weight {
        events: 1,
        bytes: 1,
    };
    Parcel::new(item, weight)
}

struct Shard {
    mailbox: Mailbox<u32>,
    got: Vec<u32>,
}

fn work(set: &ReadySet, shards: &[Mutex<Shard>]) {
    loop {
        while let Some(shard) = set.claim(0) {
            if set.any_ready() {
                set.ring();
            }
            // One that is locked already is one that two workers hold.
            let mut held = shards[shard].try_lock().expect("two workers in one shard");
            while let Some(parcel) = held.mailbox.take() {
                held.got.push(parcel.item);
                held.mailbox.done(1);
            }
            let after = if held.mailbox.is_ended() {
                After::Finished
            } else {
                After::Idle
            };
            drop(held);
            set.release(shard, after);
        }
        if set.is_finished() {
            set.ring();
            return;
        }
        set.wait();
    }
}

fn open(count: usize) -> (Arc<ReadySet>, Intake<u32>, Arc<Vec<Mutex<Shard>>>) {
    let set = Arc::new(ReadySet::new(count));
    let (intake, boxes) = mailboxes("clicks", set.clone(), 0, count, 4, LIMITS);
    let shards = boxes
        .into_iter()
        .map(|mailbox| {
            Mutex::new(Shard {
                mailbox,
                got: Vec::new(),
            })
        })
        .collect();
    (set, intake, Arc::new(shards))
}

#[test]
fn what_two_clones_of_an_intake_send_is_taken_in_order_before_the_shard_ends() {
    explore(2, || {
        let (set, intake, shards) = open(1);
        let worker = {
            let (set, shards) = (set.clone(), shards.clone());
            thread::spawn(move || work(&set, &shards))
        };
        let other = intake.clone();
        let producer = thread::spawn(move || {
            other.send(0, parcel(10)).unwrap();
            other.ring();
        });
        intake.send(0, parcel(20)).unwrap();
        intake.send(0, parcel(21)).unwrap();
        intake.ring();
        let view = intake.view();
        drop(intake);
        producer.join().unwrap();
        worker.join().unwrap();
        let mut got = std::mem::take(&mut shards[0].lock().unwrap().got);
        assert!(got.iter().position(|&item| item == 20) < got.iter().position(|&item| item == 21));
        got.sort_unstable();
        assert_eq!(got, [10, 20, 21]);
        assert_eq!((view.events(), view.in_hand()), (0, 0));
        assert!(view.depth().oldest.is_zero());
    });
}

#[test]
fn the_last_drop_of_an_intake_ends_every_shard_and_every_worker() {
    explore(2, || {
        let (set, intake, shards) = open(2);
        let workers = [(); 2].map(|()| {
            let (set, shards) = (set.clone(), shards.clone());
            thread::spawn(move || work(&set, &shards))
        });
        intake.send(1, parcel(1)).unwrap();
        drop(intake);
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(shards[1].lock().unwrap().got, [1]);
    });
}

#[test]
fn a_mailbox_that_goes_keeps_nothing_that_is_sent_meanwhile() {
    explore(3, || {
        let set = Arc::new(ReadySet::new(1));
        let (intake, boxes) = mailboxes("clicks", set, 0, 1, 4, LIMITS);
        let item = Arc::new(());
        let sender = {
            let item = item.clone();
            thread::spawn(move || {
                for _ in 0..2 {
                    match intake.send(0, Parcel::new(item.clone(), Weight::default())) {
                        Ok(()) | Err(TrySendError::Closed(_)) => {}
                        Err(TrySendError::Full(_)) => panic!("there are four slots"),
                    }
                }
                intake
            })
        };
        drop(boxes);
        let intake = sender.join().unwrap();
        assert_eq!(
            Arc::strong_count(&item),
            1,
            "a parcel is left in a dead mailbox"
        );
        assert_eq!(intake.view().events(), 0);
    });
}
