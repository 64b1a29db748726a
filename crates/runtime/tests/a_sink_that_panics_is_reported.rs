//! A closure at the end of a local pipeline may panic. The run then ends, says so, and every input is accounted for.

use millpond_engine::{Blueprint, map};
use millpond_queue::Budget;
use millpond_runtime::{LocalError, LocalPipeline, Options};

#[test]
fn the_run_ends_with_an_error_and_a_balanced_ledger() {
    let stages = Blueprint::builder().stage("same", map(|_: &mut u64| {}));
    let options = Options::new(2, Budget::new(1 << 20));
    let (pipeline, mut feed) = LocalPipeline::start("numbers", &options, stages, |row| {
        assert_ne!(row.item, 500, "the till is broken");
    })
    .expect("starts");
    for first in (0..1_000).step_by(10) {
        // Nobody is left to take it once the sink is gone; it is still counted.
        feed.push((first..first + 10).collect())
            .expect("the pipeline is there");
    }
    drop(feed);
    let Err(LocalError::SinkPanicked { pipeline, totals }) = pipeline.join() else {
        panic!("expected an error")
    };
    assert_eq!(pipeline, "numbers");
    assert_eq!(
        (totals.received, totals.live, totals.ended()),
        (1_000, 0, 1_000)
    );
    assert!(totals.dropped() > 0, "{totals:?}");
}
