use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn default() -> Intensity {
    Intensity::new(Tolerance::default())
}

#[test]
fn the_sixth_crash_in_a_minute_that_nothing_explains_is_one_too_many() {
    let mut intensity = default();
    for at in 0..5 {
        assert_eq!(intensity.crashed(false, at * SECOND), None, "{at}");
    }
    let reason = intensity.crashed(false, 59 * SECOND).expect("too many");
    assert_eq!(
        reason.to_string(),
        "6 crashes in 60 s that no event explains"
    );
    intensity.forget();
    assert_eq!(intensity.crashed(false, 59 * SECOND), None);
}

#[test]
fn five_crashes_a_minute_go_on_for_ever() {
    let mut intensity = default();
    for at in 0..1_000 {
        assert_eq!(intensity.crashed(false, at * 12 * SECOND + at), None);
    }
}

#[test]
fn a_few_bad_events_among_the_first_pause_nothing() {
    let mut intensity = default();
    for poison in 0..10 {
        intensity.ran(1, poison);
        assert_eq!(intensity.crashed(true, poison), None, "{poison}");
    }
    intensity.ran(1, 11);
    let reason = intensity.crashed(true, 11).expect("all of them are bad");
    assert_eq!(reason.name(), "poison");
    assert_eq!(
        reason.to_string(),
        "11 of the last 11 events crashed their line, more than the 5 % of max_poison"
    );
}

#[test]
fn a_handful_sent_by_one_peer_stops_nobody_elses_stream() {
    let mut intensity = default();
    intensity.ran(1_000_000, 0);
    for poison in 0..1_000 {
        intensity.ran(1, SECOND + poison);
        assert_eq!(intensity.crashed(true, SECOND + poison), None);
    }
}

#[test]
fn what_was_a_minute_ago_counts_no_more() {
    let mut intensity = default();
    intensity.ran(1_000_000, 0);
    let later = 70 * SECOND;
    intensity.ran(11, later);
    let last = (0..11).map(|_| intensity.crashed(true, later)).last();
    assert!(last.flatten().is_some());
}

#[test]
fn a_share_of_one_never_pauses_and_of_none_after_ten() {
    for (max_poison, pauses) in [(1.0, false), (0.0, true)] {
        let mut intensity = Intensity::new(Tolerance {
            max_poison,
            ..Tolerance::default()
        });
        let crashed = (0..10_000).any(|at| {
            intensity.ran(1, at);
            intensity.crashed(true, at).is_some()
        });
        assert_eq!(crashed, pauses, "{max_poison}");
    }
}

proptest! {
    /// Against a list of everything that happened. The oldest of six spans is forgotten as a whole, so the
    /// minute may begin anywhere in its first sixth.
    #[test]
    fn it_pauses_where_the_share_of_the_last_minute_is_too_large(
        steps in prop::collection::vec((0..5 * SECOND, 0..200_u64, 0..20_u64), 1..200),
        max_poison in 0.0..0.2_f64,
    ) {
        let mut intensity = Intensity::new(Tolerance { max_poison, ..Tolerance::default() });
        let mut all: Vec<(u64, u64, u64)> = Vec::new();
        let mut now = 0;
        for (pause, good, bad) in steps {
            now += pause;
            let ran = good + bad;
            intensity.ran(ran, now);
            let mut paused = false;
            for _ in 0..bad {
                paused |= intensity.crashed(true, now).is_some();
            }
            all.push((now, ran, bad));
            let (first, last) = (now.saturating_sub(60 * SECOND), now.saturating_sub(50 * SECOND));
            let begins = all.iter().map(|step| step.0).filter(|at| (first..last).contains(at));
            let surplus = |begin: u64| {
                let recent = all.iter().filter(|step| step.0 >= begin);
                recent.map(|step| step.2 as f64 - max_poison * step.1 as f64).sum::<f64>() - SURPLUS
            };
            let surplus: Vec<f64> = begins.chain([last]).map(surplus).collect();
            if bad > 0 && surplus.iter().all(|&surplus| surplus > 1e-6) {
                prop_assert!(paused, "{surplus:?}");
            }
            if surplus.iter().all(|&surplus| surplus < -1e-6) {
                prop_assert!(!paused, "{surplus:?}");
            }
            prop_assert!(intensity.spans.len() as u64 <= SPANS + 1);
        }
    }
}
