//! What the fit must find, and what it must refuse.

use super::*;
use proptest::prelude::*;

const COUNTS: [u32; 6] = [1, 2, 4, 8, 16, 32];

fn law(lambda: f64, sigma: f64, kappa: f64) -> Fit {
    Fit {
        lambda,
        sigma,
        kappa,
        r_squared: 1.0,
        worst: 0.0,
    }
}

fn exact(law: &Fit, counts: &[u32]) -> Vec<(u32, f64)> {
    counts
        .iter()
        .map(|&workers| (workers, law.rate(f64::from(workers))))
        .collect()
}

/// The points, each moved by its factor.
fn noisy(points: Vec<(u32, f64)>, noise: &[f64]) -> Vec<(u32, f64)> {
    let moved = |((workers, rate), noise): ((u32, f64), &f64)| (workers, rate * (1.0 + noise));
    points.into_iter().zip(noise).map(moved).collect()
}

fn reason(points: &[(u32, f64)]) -> String {
    fit(points).best.expect_err("no prediction")
}

proptest! {
    #[test]
    fn the_parameters_of_exact_points_are_found(
        lambda in 1.0..1e7, sigma in 0.0..1.0, kappa in prop_oneof![Just(0.0), 1e-5..0.1], scale in 0..3_u32,
    ) {
        let truth = law(lambda, sigma, kappa);
        let counts: Vec<u32> = COUNTS.iter().map(|count| count * 10_u32.pow(scale)).collect();
        let found = fit(&exact(&truth, &counts)).usl.unwrap();
        let curves = counts.iter().map(|&n| found.rate(n.into()) / truth.rate(n.into()) - 1.0);
        prop_assert!(curves.into_iter().all(|off| off.abs() < 1e-6), "{found:?}");
        prop_assert!(found.r_squared > 0.999_999 && found.worst < 1e-6, "{found:?}");
        if scale == 0 {
            prop_assert!((found.lambda / lambda - 1.0).abs() < 1e-6, "{found:?}");
            prop_assert!((found.sigma - sigma).abs() < 1e-6 && (found.kappa - kappa).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn without_coherency_both_laws_say_the_same(lambda in 1.0..1e7, sigma in 0.0..1.0) {
        let found = fit(&exact(&law(lambda, sigma, 0.0), &COUNTS));
        let amdahl = found.amdahl.unwrap();
        prop_assert!((amdahl.sigma - sigma).abs() < 1e-6 && amdahl.kappa == 0.0, "{amdahl:?}");
        prop_assert!((found.usl.unwrap().sigma - sigma).abs() < 1e-6);
        prop_assert!(found.best.unwrap_err().starts_with("no peak"));
    }

    #[test]
    fn noise_moves_the_curve_no_further_than_itself(
        sigma in 0.0..0.5, kappa in 0.0..0.05, noise in proptest::collection::vec(-0.05..0.05, 6),
    ) {
        let truth = law(1e5, sigma, kappa);
        let found = fit(&noisy(exact(&truth, &COUNTS), &noise)).usl.unwrap();
        // The true curve is a candidate, and its squares are those of the noise: the best curve's are no larger.
        let squares: f64 = noise.iter().map(|noise| noise * noise).sum();
        prop_assert!(found.worst <= squares.sqrt() + 1e-9, "{found:?}");
        prop_assert!(found.sigma >= 0.0 && found.sigma <= 1.0 && found.kappa >= 0.0, "{found:?}");
    }

    #[test]
    fn a_prediction_from_noisy_points_costs_little(
        sigma in 0.0..0.3, kappa in 0.002..0.05, noise in proptest::collection::vec(-0.03..0.03, 6),
    ) {
        let truth = law(1e5, sigma, kappa);
        if let Ok(best) = fit(&noisy(exact(&truth, &COUNTS), &noise)).best {
            let peak = (1..=64).map(|n| truth.rate(n.into())).fold(0.0, f64::max);
            prop_assert!(truth.rate(best.workers.into()) > 0.93 * peak, "{best:?} of {peak}");
            prop_assert!((best.rate / peak - 1.0).abs() < 0.1, "{best:?} of {peak}");
        }
    }

    #[test]
    fn no_other_curve_within_the_bounds_is_nearer(
        rates in proptest::collection::vec(0.1..10.0, 6), others in proptest::collection::vec((0.01..10.0, 0.0..1.0, 0.0..1.0), 50),
    ) {
        let points: Vec<(f64, f64)> = COUNTS.iter().map(|&n| f64::from(n)).zip(rates).collect();
        let nearest = solve::distance(&points, solve::curve(&points, true).unwrap());
        for (a, sigma, kappa) in others {
            prop_assert!(nearest <= solve::distance(&points, [a, a * sigma, a * kappa]) + 1e-12);
        }
    }

    #[test]
    fn whatever_comes_in_every_figure_that_comes_out_is_a_number(
        points in proptest::collection::vec(
            (prop_oneof![0..40_u32, any::<u32>()], prop_oneof![Just(0.0), 0.1..1e7, any::<f64>()]), 0..9,
        ),
    ) {
        let law = fit(&points);
        for fit in [law.amdahl, law.usl].into_iter().flatten() {
            let Fit { lambda, sigma, kappa, r_squared, worst } = fit;
            prop_assert!([lambda, sigma, kappa, r_squared, worst].iter().all(|figure| figure.is_finite()), "{fit:?}");
        }
        match law.best {
            Ok(best) => prop_assert!(best.workers >= 1 && best.rate.is_finite() && best.rate > 0.0),
            Err(reason) => prop_assert!(!reason.is_empty()),
        }
    }
}

#[test]
fn the_peak_is_the_better_of_its_two_neighbours() {
    let truth = law(1e5, 0.05, 0.01);
    let best = fit(&exact(&truth, &COUNTS)).best.unwrap();
    // sqrt(0.95 / 0.01) is 9.75.
    assert_eq!(best.workers, 10);
    assert!((best.rate - truth.rate(10.0)).abs() < 1.0);
    assert!(truth.rate(10.0) > truth.rate(9.0) && truth.rate(10.0) > truth.rate(11.0));
}

#[test]
fn workers_that_only_hinder_each_other_make_one_the_best() {
    let best = fit(&exact(&law(1e5, 0.9, 0.5), &COUNTS)).best.unwrap();
    assert_eq!(best.workers, 1);
}

#[test]
fn a_rate_that_falls_is_fitted_within_the_bounds() {
    let usl = fit(&[(1, 100.0), (2, 60.0), (4, 35.0), (8, 20.0)])
        .usl
        .unwrap();
    assert!(
        usl.sigma <= 1.0 && usl.kappa > 0.0 && usl.worst < 0.15,
        "{usl:?}"
    );
}

#[test]
fn rates_that_hardly_differ_are_no_bad_fit_and_no_growth() {
    let text = reason(&[(1, 100.0), (2, 100.0), (4, 100.0), (8, 100.0)]);
    assert_eq!(
        text,
        "no peak: the rate hardly changes with the workers, up to the 8 measured"
    );
    let wobbling = [(1, 100.0), (2, 101.0), (4, 99.5), (8, 100.4)];
    assert!(fit(&wobbling).usl.unwrap().worst < 0.02);
    assert!(reason(&wobbling).starts_with("no peak: the rate hardly changes"));
}

#[test]
fn growth_without_an_end_is_not_made_into_a_peak() {
    let linear: Vec<(u32, f64)> = COUNTS.iter().map(|&n| (n, 1e5 * f64::from(n))).collect();
    assert_eq!(
        reason(&linear),
        "no peak in sight: more is better up to the 32 workers measured"
    );
    // A peak at 100 workers is too far from the 32 that were measured.
    assert!(reason(&exact(&law(1e5, 0.0, 1e-4), &COUNTS)).starts_with("no peak in sight"));
}

#[test]
fn a_bad_fit_predicts_nothing_and_says_why() {
    let text = reason(&[(1, 100.0), (2, 300.0), (4, 90.0), (8, 350.0), (16, 80.0)]);
    assert!(
        text.starts_with("the curve does not hold: r² 0.")
            && text.ends_with("expected at most 15 %"),
        "{text}"
    );
}

#[test]
fn too_few_counts_predict_nothing_however_often_they_were_measured() {
    let none = fit(&[(1, 100.0), (2, 190.0), (2, 195.0), (1, 101.0)]);
    assert_eq!((none.amdahl, none.usl), (None, None));
    assert_eq!(
        none.best.unwrap_err(),
        "2 worker counts, expected at least 3"
    );
    let three = fit(&exact(&law(1e5, 0.05, 0.1), &[1, 2, 4]));
    assert!(three.usl.is_some());
    assert_eq!(
        three.best.unwrap_err(),
        "3 worker counts fit any curve: expected at least 4 for a prediction"
    );
    assert_eq!(reason(&[]), "0 worker counts, expected at least 3");
}

#[test]
fn a_rate_that_is_none_is_named() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let text = reason(&[(1, 100.0), (2, bad), (4, 300.0), (8, 500.0)]);
        assert!(
            text.starts_with(&format!("{bad} events/s at 2 workers")),
            "{text}"
        );
    }
    assert!(reason(&[(0, 1.0), (1, 1.0), (2, 1.0)]).contains("at 0 workers"));
}
