/// A mean in which what is long past counts little: the weight of a value falls to 1/e in `over` seconds.
/// What was before the first value counts nothing at all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean(Ratio);

impl Mean {
    pub(super) fn over(seconds: f64) -> Self {
        Mean(Ratio::over(seconds))
    }

    /// Takes in what was the case for `seconds`.
    pub(super) fn add(&mut self, value: f64, seconds: f64) {
        let weight = 1.0 - (-seconds / self.0.over).exp();
        self.0.add(value * weight, weight, seconds);
    }

    pub(super) fn get(self) -> f64 {
        self.0.get().unwrap_or(0.0)
    }
}

/// One sum divided by another, in both of which what is long past counts little.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    above: f64,
    below: f64,
    over: f64,
}

impl Ratio {
    pub(super) fn over(seconds: f64) -> Self {
        Ratio {
            above: 0.0,
            below: 0.0,
            over: seconds,
        }
    }

    /// Adds to both what came about in `seconds`.
    pub(super) fn add(&mut self, above: f64, below: f64, seconds: f64) {
        let kept = (-seconds / self.over).exp();
        self.above = self.above * kept + above;
        self.below = self.below * kept + below;
    }

    /// `None` while there is nothing to divide by.
    pub(super) fn get(self) -> Option<f64> {
        (self.below > 1e-9).then(|| self.above / self.below)
    }
}
