use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Mutex, MutexGuard};
use loom::thread;
use millpond_queue::{After, ReadySet};

use crate::explore;

/// Shards whose mailboxes are two counters. They are read and written without any ordering of their
/// own, so a count that is off means that two workers were in one shard, or that the set handed a
/// shard on without what its last owner did, or without the message that made it ready.
struct Shards {
    set: ReadySet,
    sent: Vec<AtomicUsize>,
    done: Vec<AtomicUsize>,
    closed: AtomicBool,
}

impl Shards {
    fn new(shards: usize) -> Arc<Self> {
        Arc::new(Shards {
            set: ReadySet::new(shards),
            sent: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            done: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            closed: AtomicBool::new(false),
        })
    }

    fn put(&self, shard: usize) {
        self.sent[shard].fetch_add(1, Ordering::Relaxed);
        self.set.mark(shard);
    }

    fn send(&self, shard: usize) {
        self.put(shard);
        self.set.ring();
    }

    fn end(&self) {
        self.closed.store(true, Ordering::Release);
        self.set.mark_all(0..self.set.len());
    }

    fn run(&self, shard: usize) -> After {
        let closed = self.closed.load(Ordering::Acquire);
        let sent = self.sent[shard].load(Ordering::Relaxed);
        let mut done = self.done[shard].load(Ordering::Relaxed);
        while done < sent {
            done += 1;
            self.done[shard].store(done, Ordering::Relaxed);
        }
        if closed { After::Finished } else { After::Idle }
    }

    /// What a worker does until every shard has finished.
    fn work(&self) {
        loop {
            while let Some(shard) = self.set.claim(0) {
                if self.set.any_ready() {
                    self.set.ring();
                }
                self.set.release(shard, self.run(shard));
            }
            if self.set.is_finished() {
                self.set.ring();
                return;
            }
            self.set.wait();
        }
    }

    fn assert_all_done(&self) {
        for (sent, done) in self.sent.iter().zip(&self.done) {
            assert_eq!(
                sent.load(Ordering::Relaxed),
                done.load(Ordering::Relaxed),
                "a message is left in a shard that nobody will run"
            );
        }
    }
}

#[test]
fn marks_of_two_producers_leave_no_message_behind_two_workers() {
    explore(3, || {
        let shards = Shards::new(1);
        let sweep = |shards: &Shards| {
            while let Some(shard) = shards.set.claim(0) {
                shards.set.release(shard, shards.run(shard));
            }
        };
        let workers = [(); 2].map(|()| {
            let shards = shards.clone();
            thread::spawn(move || sweep(&shards))
        });
        let other = {
            let shards = shards.clone();
            thread::spawn(move || shards.put(0))
        };
        shards.put(0);
        shards.put(0);
        other.join().unwrap();
        for worker in workers {
            worker.join().unwrap();
        }
        // Whatever the workers left is ready for the next that comes.
        sweep(&shards);
        shards.assert_all_done();
    });
}

#[test]
fn no_ring_is_lost_between_a_workers_last_look_and_its_sleep() {
    explore(2, || {
        let shards = Shards::new(1);
        let workers = [(); 2].map(|()| {
            let shards = shards.clone();
            thread::spawn(move || shards.work())
        });
        shards.send(0);
        shards.send(0);
        shards.end();
        for worker in workers {
            worker.join().unwrap();
        }
        shards.assert_all_done();
    });
}

#[test]
fn one_ring_for_two_shards_is_enough_and_all_workers_end() {
    explore(2, || {
        let shards = Shards::new(2);
        // Whoever finds a message finds the end, too: nobody rings a second time for that.
        shards.closed.store(true, Ordering::Release);
        let workers = [(); 2].map(|()| {
            let shards = shards.clone();
            thread::spawn(move || shards.work())
        });
        shards.put(0);
        shards.send(1);
        for worker in workers {
            worker.join().unwrap();
        }
        shards.assert_all_done();
    });
}

#[test]
fn a_shard_that_is_held_cannot_be_claimed_again() {
    explore(3, || {
        let shards = Shards::new(1);
        shards.send(0);
        let others = [(); 2].map(|()| {
            let shards = shards.clone();
            thread::spawn(move || shards.send(0))
        });
        assert_eq!(shards.set.claim(0), Some(0));
        shards.run(0);
        assert_eq!(shards.set.claim(0), None, "the owner itself");
        assert!(!shards.set.any_ready(), "somebody else");
        shards.set.release(0, After::Again);
        assert_eq!(shards.set.claim(0), Some(0));
        assert_eq!(shards.set.claim(0), None);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(shards.set.claim(0), None, "still held");
        // Whether or not it was marked meanwhile, it can be claimed once at most after this.
        shards.run(0);
        shards.set.release(0, After::Idle);
        if shards.set.claim(0).is_some() {
            assert_eq!(shards.set.claim(0), None);
        }
    });
}

#[test]
fn a_message_that_comes_while_the_owner_lets_go_makes_the_shard_ready_again() {
    explore(3, || {
        let shards = Shards::new(1);
        shards.send(0);
        let producer = {
            let shards = shards.clone();
            thread::spawn(move || {
                shards.send(0);
                shards.send(0);
            })
        };
        assert_eq!(shards.set.claim(0), Some(0));
        shards.run(0);
        shards.set.release(0, After::Idle);
        producer.join().unwrap();
        if let Some(shard) = shards.set.claim(0) {
            shards.run(shard);
            shards.set.release(shard, After::Idle);
        }
        shards.assert_all_done();
    });
}

/// A sink's room of which only the space is modelled: whoever finds none leaves word, and looks
/// again.
struct Sink {
    space: AtomicUsize,
    waiting: Mutex<bool>,
}

impl Sink {
    fn try_take(&self) -> bool {
        self.space
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |space| {
                space.checked_sub(1)
            })
            .is_ok()
    }

    fn make_space(&self, set: &ReadySet) {
        self.space.fetch_add(1, Ordering::AcqRel);
        if std::mem::take(&mut *self.waiting()) {
            set.unpark(0);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, bool> {
        self.waiting.lock().expect("nothing panics under it")
    }
}

/// A shard with `outputs` to hand over, run until it has.
fn park_until_handed_over(shards: &Shards, sink: &Sink, outputs: usize) {
    loop {
        while let Some(shard) = shards.set.claim(0) {
            let mut done = shards.done[shard].load(Ordering::Relaxed);
            let mut after = After::Finished;
            while done < outputs {
                let mut took = sink.try_take();
                if !took {
                    *sink.waiting() = true;
                    took = sink.try_take();
                }
                if !took {
                    after = After::Parked;
                    break;
                }
                done += 1;
                shards.done[shard].store(done, Ordering::Relaxed);
            }
            shards.set.release(shard, after);
        }
        if shards.set.is_finished() {
            shards.set.ring();
            return;
        }
        shards.set.wait();
    }
}

#[test]
fn space_signalled_between_the_failed_send_and_the_park_is_not_lost() {
    explore(3, || {
        let shards = Shards::new(1);
        let sink = Arc::new(Sink {
            space: AtomicUsize::new(0),
            waiting: Mutex::new(false),
        });
        shards.set.mark(0);
        let worker = {
            let (shards, sink) = (shards.clone(), sink.clone());
            thread::spawn(move || park_until_handed_over(&shards, &sink, 2))
        };
        sink.make_space(&shards.set);
        sink.make_space(&shards.set);
        worker.join().unwrap();
        assert_eq!(shards.done[0].load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_shard_that_parks_is_kept_by_one_of_two_workers_and_stays_deaf_to_input() {
    explore(2, || {
        let shards = Shards::new(1);
        let sink = Arc::new(Sink {
            space: AtomicUsize::new(0),
            waiting: Mutex::new(false),
        });
        shards.set.mark(0);
        let workers = [(); 2].map(|()| {
            let (shards, sink) = (shards.clone(), sink.clone());
            thread::spawn(move || park_until_handed_over(&shards, &sink, 1))
        });
        shards.set.mark(0);
        shards.set.ring();
        sink.make_space(&shards.set);
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(shards.done[0].load(Ordering::Relaxed), 1);
    });
}

#[test]
fn input_for_a_parked_shard_waits_for_the_space_and_is_then_seen() {
    explore(3, || {
        let shards = Shards::new(1);
        shards.set.mark(0);
        assert_eq!(shards.set.claim(0), Some(0));
        let producer = {
            let shards = shards.clone();
            thread::spawn(move || shards.send(0))
        };
        shards.set.release(0, After::Parked);
        assert_eq!(shards.set.claim(0), None, "no space has come");
        let other = {
            let shards = shards.clone();
            thread::spawn(move || shards.set.unpark(0))
        };
        producer.join().unwrap();
        other.join().unwrap();
        assert_eq!(shards.set.claim(0), Some(0));
        shards.run(0);
        shards.set.release(0, After::Idle);
        assert_eq!(shards.set.claim(0), None, "ready once, not twice");
        shards.assert_all_done();
    });
}
