//! Errors and panics in a stage concern one event: it is set aside with its reason, and the rest of
//! its batch goes on.

mod common;

use common::{Pair, Setup, collect, hush};
use millpond_engine::{Flow, Output, StageError, stage_fn};

#[test]
fn an_event_that_fails_is_set_aside_and_the_others_go_through() {
    run(
        |pair, _| {
            if pair.1 % 10 == 3 {
                Err(StageError::new("unlucky", format!("{} ends in 3", pair.1)))
            } else {
                Ok(Flow::Pass)
            }
        },
        "unlucky",
    );
}

#[test]
fn an_event_that_makes_its_stage_panic_is_set_aside_and_the_line_is_rebuilt() {
    hush();
    run(
        |pair, _| {
            assert!(pair.1 % 10 != 3, "{} ends in 3", pair.1);
            Ok(Flow::Pass)
        },
        "panic",
    );
}

fn run(work: fn(&mut Pair, &mut Output<Pair>) -> Result<Flow, StageError>, reason: &str) {
    let mut bench = Setup::default().start(move || stage_fn(work));
    let (till, dead) = (collect(bench.till), collect(bench.dead));
    bench
        .feed
        .push((0..1_000).map(|number| (number % 7, number)).collect())
        .expect("the pipeline is there");
    drop(bench.feed);
    bench.runtime.join(None).expect("ends without a deadline");
    let letters = bench.runtime.pipelines()[0].letters();
    drop(bench.runtime);
    let (rows, dead) = (
        till.join().expect("the till"),
        dead.join().expect("the dead letters"),
    );
    assert_eq!(rows.len(), 900);
    assert!(rows.iter().all(|row| row.item.1 % 10 != 3));
    let counted: Vec<_> = letters.into_iter().collect();
    assert_eq!(counted, [(("work".to_owned(), reason.to_owned()), 100)]);
    let totals = bench.ledger.totals();
    assert_eq!(
        (totals.delivered, totals.dead_lettered, totals.live),
        (900, 100, 0),
        "{totals:?}"
    );
    assert_eq!(dead.len(), 100);
    let failure = dead[0].failure.as_ref().expect("a dead letter says why");
    assert_eq!((&*failure.stage, &*failure.reason), ("work", reason));
}
