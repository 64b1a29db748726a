//! Amdahl's law and the Universal Scalability Law, fitted to measured rates.

use serde::{Deserialize, Serialize};

/// What the fit says of a series of (workers, events per second).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Law {
    /// Amdahl's law; `None` if there are fewer than three points.
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

/// Says that nothing is predicted.
pub(super) fn fit(points: &[(u32, f64)]) -> Law {
    Law {
        amdahl: None,
        usl: None,
        best: Err(format!("no law is fitted to {} points", points.len())),
    }
}
