//! A producer that could go on for ever, a consumer that takes its time, and a budget between them
//! that keeps memory where it was put.
//!
//! `cargo run -p millpond-queue --example backpressure`
#![allow(clippy::print_stdout)]

use std::thread;
use std::time::{Duration, Instant};

use millpond_queue::{Budget, Limits, Parcel, Weight, room};

const BUFFER: usize = 64 << 10;
const BUFFERS: usize = 100;

fn main() {
    let budget = Budget::new(8 * BUFFER);
    let limits = Limits {
        events: 100,
        bytes: 1 << 30,
    };
    let (sender, mut receiver) = room::<Vec<u8>>("buffers", limits);

    let producer = {
        let budget = budget.clone();
        thread::spawn(move || {
            let mut waited = Duration::ZERO;
            let mut highest = 0;
            for _ in 0..BUFFERS {
                // First the permit, then the memory.
                let asked = Instant::now();
                let permit = budget.acquire_blocking(BUFFER);
                waited += asked.elapsed();
                highest = highest.max(budget.used());
                let weight = Weight {
                    events: 1,
                    bytes: BUFFER as u64,
                };
                let parcel = Parcel::new(vec![b'x'; BUFFER], weight).with_permit(permit);
                if sender.try_send(parcel).is_err() {
                    break;
                }
            }
            // The sender is dropped here, and the room closes.
            (waited, highest)
        })
    };

    let mut bytes = 0;
    while let Some(parcel) = receiver.recv() {
        thread::sleep(Duration::from_millis(1));
        bytes += parcel.item.len();
    }

    let (waited, highest) = producer.join().expect("the producer does not panic");
    let kib = |bytes: u64| bytes >> 10;
    println!("passed on      {:>6} KiB", kib(bytes as u64));
    println!("budget         {:>6} KiB", kib(budget.capacity()));
    println!("held at most   {:>6} KiB", kib(highest));
    println!("held at the end{:>6} KiB", kib(budget.used()));
    println!("producer waited{:>6} ms", waited.as_millis());
    assert!(highest <= budget.capacity() && budget.used() == 0);
}
