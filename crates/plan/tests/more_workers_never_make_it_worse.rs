//! Laws that hold whatever was measured.

mod common;

use common::Minute;
use millpond_plan::{Ask, Burst, Limit, Plan, Row, plan};
use proptest::prelude::*;

fn ask(workers: Vec<usize>, rates: Vec<f64>) -> Ask {
    Ask {
        workers,
        rates,
        batches: 20_000,
        burst: Some(Burst {
            rate: 50_000.0,
            seconds: 2.0,
        }),
        ..Ask::default()
    }
}

fn planned(minute: &Minute, workers: Vec<usize>, rates: Vec<f64>) -> Plan {
    plan(&minute.measured(), &ask(workers, rates)).expect("a plan")
}

/// Half of the batches take a tenth of the others.
fn two_kinds(u: f64) -> f64 {
    if u < 0.5 { 0.2e-3 } else { 2e-3 }
}

fn minutes() -> impl Strategy<Value = Minute> {
    let takes = prop_oneof![
        Just((|_| 1e-3) as fn(f64) -> f64),
        Just(two_kinds as fn(f64) -> f64),
        Just((|u| -2e-4 * (1.0 - u).ln()) as fn(f64) -> f64),
    ];
    let weights = prop_oneof![
        2 => Just(None),
        1 => prop::collection::vec(1_u32..50, 64).prop_map(|parts| {
            let all = f64::from(parts.iter().sum::<u32>());
            Some(parts.into_iter().map(|part| f64::from(part) / all).collect())
        }),
    ];
    (takes, weights, 0.001..1.0_f64, 1_usize..32, 1_u64..2_000).prop_map(
        |(takes, weights, on_core, cores, connections)| Minute {
            takes,
            weights,
            on_core,
            cores,
            connections,
            events: 5_000,
            ..Minute::default()
        },
    )
}

/// No longer, but for what chance does.
fn no_longer(one: &Row, other: &Row) -> bool {
    match (&one.wait, &other.wait) {
        (Some(one), Some(other)) => {
            one.p99 <= other.p99 * 1.25 + 1e-4 && one.mean <= other.mean * 1.15 + 1e-4
        }
        (None, Some(_)) => false,
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_higher_rate_never_makes_it_better(minute in minutes(), workers in 1_usize..24, rate in 10.0..20_000.0_f64) {
        let plan = planned(&minute, vec![workers], vec![rate, rate * 1.5, rate * 4.0]);
        for pair in plan.rows.windows(2) {
            prop_assert!(pair[0].utilisation < pair[1].utilisation);
            prop_assert!(pair[0].falls_behind <= pair[1].falls_behind);
            prop_assert!(no_longer(&pair[0], &pair[1]), "{:?}", pair);
            // What is left after a burst takes longer, the less room the rate leaves.
            let drain = |row: &Row| row.drain.as_ref().and_then(|drain| drain.seconds).unwrap_or(f64::INFINITY);
            prop_assert!(drain(&pair[0]) <= drain(&pair[1]));
        }
    }

    #[test]
    fn more_workers_never_do(minute in minutes(), workers in 1_usize..12, rate in 10.0..20_000.0_f64) {
        let plan = planned(&minute, vec![workers, workers + 1, workers * 4], vec![rate]);
        for pair in plan.rows.windows(2) {
            prop_assert!(pair[0].utilisation >= pair[1].utilisation);
            prop_assert!(pair[0].capacity <= pair[1].capacity * 1.000_001);
            prop_assert!(no_longer(&pair[1], &pair[0]), "{:?}", pair);
        }
    }

    #[test]
    fn who_has_more_to_do_than_can_be_done_falls_behind_by_the_rest(minute in minutes(), workers in 1_usize..24) {
        let most = planned(&minute, vec![workers], vec![1.0]).rows[0].capacity;
        let plan = planned(&minute, vec![workers], vec![most * 0.5, most * 1.2]);
        let (well, ill) = (&plan.rows[0], &plan.rows[1]);
        prop_assert_eq!(well.falls_behind, 0.0);
        prop_assert!(ill.utilisation >= 1.0 && ill.wait.is_none(), "{:?}", ill);
        prop_assert!((ill.falls_behind / (most * 0.2) - 1.0).abs() < 1e-3, "{:?}", ill);
        prop_assert!(ill.drain.as_ref().is_some_and(|drain| drain.backlog_events == 0.0 || drain.seconds.is_none()));
        let memory = |row: &Row| row.drain.as_ref().map_or(0.0, |drain| drain.peak_bytes);
        prop_assert!(memory(well) <= 268_435_456.0 && memory(ill) <= 268_435_456.0);
    }

    #[test]
    fn the_same_was_the_same_is(minute in minutes()) {
        let twice = [(); 2].map(|()| planned(&minute, vec![3], vec![700.0]));
        prop_assert_eq!(&twice[0], &twice[1]);
    }
}

#[test]
fn workers_beyond_the_cores_gain_nothing_unless_they_sleep() {
    let minute = |on_core| Minute {
        cores: 4,
        on_core,
        ..Minute::default()
    };
    let busy = planned(&minute(1.0), vec![2, 4, 16], vec![3_000.0]);
    let capacity: Vec<f64> = busy.rows.iter().map(|row| row.capacity.round()).collect();
    assert_eq!(capacity, [2_000.0, 4_000.0, 4_000.0]);
    assert_eq!(busy.rows[2].limit, Limit::Cores);
    let asleep = planned(&minute(0.01), vec![16], vec![3_000.0]);
    assert_eq!(asleep.rows[0].capacity.round(), 16_000.0);
    assert_eq!(asleep.rows[0].limit, Limit::Workers);
}

#[test]
fn a_hot_key_is_one_worker_s_however_many_there_are() {
    let mut weights = vec![0.5 / 63.0; 64];
    weights[17] = 0.5;
    let minute = Minute {
        weights: Some(weights),
        ..Minute::default()
    };
    let plan = planned(&minute, vec![1, 2, 32], vec![900.0]);
    let capacity: Vec<f64> = plan.rows.iter().map(|row| row.capacity.round()).collect();
    assert_eq!(capacity, [1_000.0, 2_000.0, 2_000.0]);
    assert_eq!(plan.rows[2].limit, Limit::HotShard);
    // What waits there, waits for one worker, though 31 have nothing to do.
    let hot = plan.rows[2].wait.expect("it keeps up");
    let even = planned(&Minute::default(), vec![32], vec![900.0]);
    let even = even.rows[0].wait.expect("it keeps up");
    assert!(hot.p99 > 2e-3 && even.p99 < 1e-4, "{hot:?} {even:?}");
}

#[test]
fn events_that_come_while_a_connection_rests_become_one_batch() {
    let minute = |connections| Minute {
        connections,
        ..Minute::default()
    };
    // Of one connection, 20,000 a second are five each time; of a thousand, single ones.
    let rows = |connections| {
        planned(&minute(connections), vec![32], vec![20_000.0])
            .rows
            .remove(0)
    };
    let (one, many) = (rows(1), rows(1_000));
    assert!((one.utilisation / many.utilisation - 1.0).abs() < 0.1);
    let mean = |row: &Row| row.wait.map_or(0.0, |wait| wait.mean);
    assert!(mean(&one) > 2.0 * mean(&many), "{one:?} {many:?}");
}
