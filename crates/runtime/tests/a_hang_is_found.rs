//! A worker that does not come back from an event is found, while others run on.

mod common;

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use common::{Pair, Setup, collect};
use millpond_engine::{Flow, Output, stage_fn};

#[test]
fn it_is_named_until_it_goes_on_and_others_run_meanwhile() {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let stage = gate.clone();
    let mut bench = Setup {
        workers: 2,
        ..Setup::default()
    }
    .start(move || {
        let gate = stage.clone();
        stage_fn(move |pair: &mut Pair, _: &mut Output<Pair>| {
            if pair.0 == 5 {
                let (open, opened) = &*gate;
                let open = opened.wait_while(open.lock().expect("whole"), |open| !*open);
                drop(open.expect("whole"));
            }
            Ok(Flow::Pass)
        })
    });
    let (till, hangs) = (collect(bench.till), bench.runtime.hangs());
    assert_eq!(hangs.look(Duration::ZERO), []);
    bench
        .feed
        .push(vec![(5, 1)])
        .expect("the pipeline is there");
    let until = |what: &str, condition: &dyn Fn() -> bool| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !condition() {
            assert!(Instant::now() < deadline, "never: {what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    let age = Duration::from_millis(50);
    until("it is found", &|| !hangs.look(age).is_empty());
    let found = hangs.look(age);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&*found[0].pipeline, found[0].stage.as_deref()),
        ("pairs", Some("work"))
    );
    assert_eq!(found[0].shard, 5);
    assert!(found[0].age >= age);
    if cfg!(target_os = "linux") {
        let thread = hangs.thread(found[0].worker).expect("Linux says");
        assert!(thread.starts_with("S (sleeping)"), "{thread}");
    }
    let others = (0..1_000).map(|number| (number % 5, number)).collect();
    bench.feed.push(others).expect("the pipeline is there");
    until("the others are done", &|| {
        bench.ledger.totals().delivered == 1_000
    });
    assert_eq!(hangs.look(age)[0].id, found[0].id, "it is the same");

    *gate.0.lock().expect("whole") = true;
    gate.1.notify_all();
    until("it goes on", &|| hangs.look(Duration::ZERO).is_empty());
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    drop(bench.runtime);
    assert_eq!(till.join().expect("the till").len(), 1_001);
}
