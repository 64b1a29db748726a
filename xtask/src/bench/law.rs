//! Amdahl's law and the Universal Scalability Law, fitted to measured rates.
//!
//! The law is a straight sum once it is turned over: n / rate = a + b (n - 1) + c n (n - 1), with a = 1 / lambda,
//! sigma = b / a and kappa = c / a. What is minimised are the squares of measured / curve - 1, because a machine's noise
//! is a factor: a point is not worth more for being high up. That, too, is a linear problem, so the best curve is found
//! and not searched for; `solve` also keeps sigma between 0 and 1 and kappa from going below 0, where they would mean
//! nothing.

mod solve;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// What the fit says of a series of (workers, events per second).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Law {
    /// Amdahl's law; `None` for fewer than three worker counts, or rates that are none.
    pub(super) amdahl: Option<Fit>,
    /// The Universal Scalability Law (N. J. Gunther); likewise.
    pub(super) usl: Option<Fit>,
    /// The predicted best number of workers, or why none is predicted.
    pub(super) best: Result<Best, String>,
}

/// rate(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1)); kappa is 0 for Amdahl's law.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Fit {
    /// Events per second of one worker.
    pub(super) lambda: f64,
    /// Contention: the serial fraction.
    pub(super) sigma: f64,
    /// Coherency: what each pair of workers costs.
    pub(super) kappa: f64,
    /// Coefficient of determination: 1 is a perfect fit, 0 no better than the mean.
    pub(super) r_squared: f64,
    /// The largest relative deviation of a point from the curve.
    pub(super) worst: f64,
}

/// The peak of the fitted curve.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Best {
    pub(super) workers: u32,
    pub(super) rate: f64,
}

/// Fewer worker counts are no series.
const FEWEST: usize = 3;
/// Three counts fix three parameters whatever was measured: such a fit is perfect and says nothing.
const FEWEST_TO_PREDICT: usize = 4;
/// A curve that explains less of the differences between the rates, ...
const LEAST_R_SQUARED: f64 = 0.9;
/// ... unless the rates hardly differ and it passes this close to all of them, ...
const CLOSE: f64 = 0.05;
/// ... or that passes a point at this distance, is no ground for a prediction.
const WORST: f64 = 0.15;
/// How many times the largest count that was measured a prediction may reach.
const REACH: f64 = 2.0;
/// A curve whose highest rate at a measured count is less than this factor above its lowest is flat.
const GROWTH: f64 = 1.05;

/// Fits both laws to (workers, events per second), in any order; a worker count may be there more than once.
pub(super) fn fit(points: &[(u32, f64)]) -> Law {
    let refused = |reason: String| Law {
        amdahl: None,
        usl: None,
        best: Err(reason),
    };
    let series = match Series::of(points) {
        Ok(series) => series,
        Err(reason) => return refused(reason),
    };
    let (Some(amdahl), Some(usl)) = (series.fit(false), series.fit(true)) else {
        return refused("the rates are too far apart for any curve".to_owned());
    };
    Law {
        amdahl: Some(amdahl),
        usl: Some(usl),
        best: series.best(&usl),
    }
}

impl Fit {
    /// Events per second on the curve.
    pub(super) fn rate(&self, workers: f64) -> f64 {
        let others = workers - 1.0;
        self.lambda * workers / (1.0 + self.sigma * others + self.kappa * workers * others)
    }
}

/// Points that a curve can be laid through.
struct Series<'a> {
    points: &'a [(u32, f64)],
    distinct: usize,
    most: f64,
    /// The highest rate: everything is computed in units of it, so that squares stay numbers.
    top: f64,
}

impl<'a> Series<'a> {
    fn of(points: &'a [(u32, f64)]) -> Result<Self, String> {
        for (workers, rate) in points {
            if *workers == 0 || !rate.is_finite() || *rate <= 0.0 {
                let expected = "expected at least one worker and a rate above 0";
                return Err(format!("{rate} events/s at {workers} workers: {expected}"));
            }
        }
        let mut counts: Vec<u32> = points.iter().map(|(workers, _)| *workers).collect();
        counts.sort_unstable();
        counts.dedup();
        match counts[..] {
            [.., most] if counts.len() >= FEWEST => Ok(Self {
                points,
                distinct: counts.len(),
                most: f64::from(most),
                top: points.iter().map(|(_, rate)| *rate).fold(0.0, f64::max),
            }),
            _ => Err(format!(
                "{} worker counts, expected at least {FEWEST}",
                counts.len()
            )),
        }
    }

    fn fit(&self, coherency: bool) -> Option<Fit> {
        let in_tops: Vec<(f64, f64)> = self
            .points
            .iter()
            .map(|(workers, rate)| (f64::from(*workers), rate / self.top))
            .collect();
        let [a, b, c] = solve::curve(&in_tops, coherency)?;
        let mut fit = Fit {
            lambda: 1.0 / a,
            sigma: b / a,
            kappa: c / a,
            r_squared: 0.0,
            worst: 0.0,
        };
        let mean = in_tops.iter().map(|(_, rate)| rate).sum::<f64>() / in_tops.len() as f64;
        let (mut missed, mut total) = (0.0, 0.0);
        for &(workers, rate) in &in_tops {
            let curve = fit.rate(workers);
            missed += (rate - curve).powi(2);
            total += (rate - mean).powi(2);
            fit.worst = fit.worst.max((rate / curve - 1.0).abs());
        }
        // Equal rates have no differences to explain: then the curve is right if it is the mean.
        fit.r_squared = if missed <= f64::EPSILON * mean * mean {
            1.0
        } else {
            1.0 - missed / total.max(missed)
        };
        fit.lambda *= self.top;
        let figures = [fit.lambda, fit.sigma, fit.kappa, fit.r_squared, fit.worst];
        figures
            .iter()
            .all(|figure| figure.is_finite())
            .then_some(fit)
    }

    /// The peak of `usl`, if it is near what was measured and the curve near the points.
    fn best(&self, usl: &Fit) -> Result<Best, String> {
        let Self { distinct, most, .. } = *self;
        if distinct < FEWEST_TO_PREDICT {
            return Err(format!(
                "{distinct} worker counts fit any curve: expected at least {FEWEST_TO_PREDICT} for a prediction"
            ));
        }
        let explains = usl.r_squared >= LEAST_R_SQUARED || usl.worst <= CLOSE;
        if !explains || usl.worst > WORST {
            return Err(format!(
                "the curve does not hold: r² {:.2}, expected at least {LEAST_R_SQUARED}; {:.0} % off at worst, expected at \
                 most {:.0} %",
                usl.r_squared,
                usl.worst * 100.0,
                WORST * 100.0
            ));
        }
        let curve = |(workers, _): &(u32, f64)| usl.rate(f64::from(*workers));
        let low = self.points.iter().map(curve).fold(f64::MAX, f64::min);
        let high = self.points.iter().map(curve).fold(0.0, f64::max);
        if high < GROWTH * low {
            return Err(format!(
                "no peak: the rate hardly changes with the workers, up to the {most} measured"
            ));
        }
        let peak = ((1.0 - usl.sigma) / usl.kappa).max(0.0).sqrt();
        // Without coherency it is infinite.
        if peak.is_finite() && peak <= REACH * most {
            let below = peak.floor().max(1.0);
            let above = below + 1.0;
            let workers = if usl.rate(above) > usl.rate(below) {
                above
            } else {
                below
            };
            return Ok(Best {
                workers: workers as u32,
                rate: usl.rate(workers),
            });
        }
        Err(format!(
            "no peak in sight: more is better up to the {most} workers measured"
        ))
    }
}
