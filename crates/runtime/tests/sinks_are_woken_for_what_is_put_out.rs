//! A worker wakes its sinks for several batches together; no row lies in a room unheard of.

mod common;

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::{Pair, Setup, Till};
use millpond_delivery::{Ledger, SinkLedger};
use millpond_engine::{Blueprint, Flow, Output, stage_fn};
use millpond_queue::{Budget, Limits, monotonic_nanos, room};
use millpond_runtime::{
    Exit, Feed, Options, Passthrough, PipelineSpec, Rows, Step, Supervision, assemble,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Wakes the thread that waits.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Takes what there is as a sink does: asleep unless it is woken. Tells of each row that it confirmed.
fn sleepy(mut till: Till, told: mpsc::Sender<Pair>) {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match pin!(till.recv_async()).poll(&mut context) {
            std::task::Poll::Pending => thread::park(),
            std::task::Poll::Ready(None) => return,
            std::task::Poll::Ready(Some(parcel)) => {
                let outbound = parcel.open().0;
                for row in outbound.output.rows {
                    let _ = told.send(row.item);
                }
                outbound.receipt.confirm(monotonic_nanos());
            }
        }
    }
}

#[test]
fn before_a_worker_sleeps_or_ends() {
    for workers in [1, 3] {
        let mut bench = Setup {
            workers,
            ..Setup::default()
        }
        .start(|| stage_fn(|_: &mut Pair, _: &mut Output<Pair>| Ok(Flow::Pass)));
        let (told, tells) = mpsc::channel();
        let till = thread::spawn(move || sleepy(bench.till, told));
        for number in 0..200 {
            let keys = 1 + number % 16;
            let events = (0..keys).map(|key| (key, number)).collect();
            bench.feed.push(events).expect("the pipeline is there");
            // All of it comes although nothing follows.
            for _ in 0..keys {
                tells.recv_timeout(PATIENCE).expect("the sink is woken");
            }
        }
        drop(bench.feed);
        bench.runtime.join(None).expect("ends without a deadline");
        drop(bench.runtime);
        till.join().expect("the till");
    }
}

#[test]
fn although_the_worker_gets_stuck_right_behind_it() {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let stage = gate.clone();
    let mut bench = Setup {
        workers: 1,
        ..Setup::default()
    }
    .start(move || {
        let gate = stage.clone();
        stage_fn(move |pair: &mut Pair, _: &mut Output<Pair>| {
            if pair.0 == 15 {
                let (open, opened) = &*gate;
                let open = opened.wait_while(open.lock().expect("whole"), |open| !*open);
                drop(open.expect("whole"));
            }
            Ok(Flow::Pass)
        })
    });
    let (told, tells) = mpsc::channel();
    let till = thread::spawn(move || sleepy(bench.till, told));
    let hangs = bench.runtime.hangs();
    // The worker runs the shards in turn, the last of them for ever.
    bench
        .feed
        .push((0..16).map(|key| (key, 0)).collect())
        .expect("the pipeline is there");
    let deadline = Instant::now() + PATIENCE;
    let mut heard = 0;
    while heard < 15 {
        assert!(
            Instant::now() < deadline,
            "{heard} of 15 rows were heard of"
        );
        hangs.look(Duration::MAX);
        heard += usize::from(tells.recv_timeout(Duration::from_millis(2)).is_ok());
    }
    *gate.0.lock().expect("whole") = true;
    gate.1.notify_all();
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    drop(bench.runtime);
    till.join().expect("the till");
}

#[test]
fn at_once_where_somebody_steps_the_worker() {
    let ledger = Arc::new(Ledger::new("pairs"));
    let budget = Budget::new(16 << 20);
    let limits = Limits {
        events: 1 << 20,
        bytes: 1 << 30,
    };
    let (sender, mut till) = room::<millpond_delivery::Outbound<Rows<Pair>>>("till", limits);
    // Nothing is set aside: who waits for that is left in peace.
    let (letters, mut dead) = room::<millpond_delivery::Outbound<Rows<Pair>>>("dead", limits);
    let undisturbed = Arc::new(Woken::default());
    let waker = Waker::from(undisturbed.clone());
    let waits = pin!(dead.recv_async()).poll(&mut Context::from_waker(&waker));
    assert!(waits.is_pending());
    let design = Blueprint::builder().exit("till").build().expect("a line");
    let spec = PipelineSpec {
        ledger: ledger.clone(),
        design: design.into(),
        codec: Box::new(Passthrough::default),
        exits: vec![Exit::new(sender, Arc::new(SinkLedger::new("till")))],
        dead_letters: Some(Exit::new(letters, Arc::new(SinkLedger::new("dead")))),
        supervision: Supervision::default(),
    };
    let options = Options::new(1, budget.clone());
    let mut assembled = assemble(&options, vec![spec]).expect("assembles");
    let intake = assembled.intakes.remove(0);
    let mut feed = Feed::new(intake, ledger, budget).keyed(|pair: &Pair| pair.0);
    feed.push((0..8).map(|key| (key, 0)).collect())
        .expect("the pipeline is there");
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut steps = 0;
    loop {
        while till.try_recv().is_some() {}
        let waits = pin!(till.recv_async()).poll(&mut Context::from_waker(&waker));
        assert!(waits.is_pending());
        if assembled.workers[0].step() != Step::Ran {
            break;
        }
        steps += 1;
        assert_eq!(woken.0.load(Ordering::SeqCst), steps);
    }
    assert!(steps > 1, "several shards have events");
    assert_eq!(undisturbed.0.load(Ordering::SeqCst), 0);
}
