//! Chunks that are followed are few, and what is asked for one that has ended makes nothing and harms nobody.

use std::time::Duration;

use millpond_spans::{batch, chunk, journal, set_rate, write};
use tracing_subscriber::filter::LevelFilter;

/// The rate and the chunks that are open are the process's, so this is one test.
#[test]
fn chunks_are_followed_up_to_a_bound_and_only_while_they_last() {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::DEBUG)
        .with_writer(std::io::sink)
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let one = || chunk("web", 1, 0, 10, 1000);
        assert!(one().is_none(), "nothing is followed by default");
        set_rate(1.0);

        let first = one().expect("followed");
        let trace = first.trace();
        assert_ne!(trace, 0);
        assert!(batch(trace, "clicks", 3, 10, Duration::ZERO).is_some());
        assert!(journal(trace, 10, 1000).is_some());
        let second = one().expect("followed");
        let linked = [0, trace, 0, second.trace(), trace];
        assert!(write("out", 5, linked).is_some());
        assert!(write("out", 5, [0, 0]).is_none());
        assert!(batch(0, "clicks", 3, 10, Duration::ZERO).is_none());

        drop(first);
        assert!(batch(trace, "clicks", 3, 10, Duration::ZERO).is_none());
        assert!(write("out", 5, [trace]).is_none());
        drop(second);

        let many: Vec<_> = std::iter::repeat_with(one).take(5000).flatten().collect();
        assert_eq!(many.len(), 4096);
        drop(many);
        assert!(one().is_some());
        set_rate(0.0);
        assert!(one().is_none());
    });
}
