//! `cargo bench -p millpond-queue`: what a parcel costs on its way, on one thread: no wake-up, no contention.

use std::hint::black_box;
use std::sync::Arc;

use divan::{Bencher, bench};
use millpond_queue::{After, Budget, Limits, Parcel, ReadySet, Weight, mailboxes, room};

const SHARDS: usize = 64;
const LIMITS: Limits = Limits {
    events: 1 << 20,
    bytes: 256 << 20,
};
const WEIGHT: Weight = Weight {
    events: 855,
    bytes: 256 << 10,
};

fn main() {
    divan::main();
}

/// Into a mailbox, out of it by whoever claims the shard.
#[bench]
fn mailbox(bencher: Bencher) {
    let ready = Arc::new(ReadySet::new(SHARDS));
    let (intake, mut boxes) = mailboxes("bench", ready.clone(), 0, SHARDS, 16, LIMITS);
    let budget = Budget::new(LIMITS.bytes as usize);
    let mut turn = 0;
    bencher.bench_local(|| {
        turn = (turn + 1) % SHARDS;
        let permit = budget.try_acquire(WEIGHT.bytes as usize);
        let permit = permit.expect("one parcel at a time is below the budget");
        let parcel = Parcel::new(turn, WEIGHT).with_permit(permit);
        assert!(intake.send(turn, parcel).is_ok(), "the mailbox is empty");
        intake.ring();
        let shard = ready.claim(0).expect("the shard was marked");
        black_box(boxes[shard].take());
        boxes[shard].done(WEIGHT.events);
        ready.release(shard, After::Idle);
    });
}

/// Into a sink's room and out of it.
#[bench]
fn sink_room(bencher: Bencher) {
    let (sender, mut receiver) = room("bench", LIMITS);
    bencher.bench_local(|| {
        assert!(
            sender.try_send(Parcel::new((), WEIGHT)).is_ok(),
            "the room is empty"
        );
        black_box(receiver.try_recv());
        receiver.done(WEIGHT.events);
    });
}
