/// SplitMix64: small, fast, and the same numbers for the same seed for good.
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random { state: seed }
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..1`.
    pub(super) fn unit(&mut self) -> f64 {
        unit(self.bits())
    }

    /// A number below `end`, from 32 random bits: even enough for small ends.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(end)) >> 32) as u32
    }

    /// A normal variate with mean 0 and deviation 1 (Box and Muller's).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// Numbers `1..=n` whose k-th is drawn about 1/k times as often as the first.
pub(super) struct Zipf {
    /// `(n + 1)` to the power of i/STEPS: the inverse of the distribution, a line between points.
    points: Vec<f64>,
}

const STEPS: usize = 4096;

impl Zipf {
    pub(super) fn new(n: u64) -> Self {
        let base = n as f64 + 1.0;
        let points = (0..=STEPS).map(|i| base.powf(i as f64 / STEPS as f64));
        Zipf {
            points: points.collect(),
        }
    }

    pub(super) fn draw(&self, random: &mut Random) -> u64 {
        let bits = random.bits();
        let step = (bits >> 52) as usize;
        let (low, high) = (self.points[step], self.points[step + 1]);
        (low + (high - low) * unit(bits << 12)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zipf_draw_stays_in_range_and_favours_the_first() {
        let mut random = Random::new(1);
        for n in [1, 2, 50_000] {
            let zipf = Zipf::new(n);
            let mut first = 0u32;
            for _ in 0..20_000 {
                let drawn = zipf.draw(&mut random);
                assert!((1..=n).contains(&drawn), "{drawn} of {n}");
                first += u32::from(drawn == 1);
            }
            let expected = 20_000.0 * 2f64.ln() / (n as f64 + 1.0).ln();
            assert!(
                (f64::from(first) - expected).abs() < 400.0,
                "{first}, expected about {expected}"
            );
        }
    }

    #[test]
    fn a_normal_variate_has_mean_0_and_deviation_1() {
        let mut random = Random::new(7);
        let drawn: Vec<_> = (0..100_000).map(|_| random.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / 1e5;
        let square = drawn.iter().map(|x| x * x).sum::<f64>() / 1e5;
        assert!(
            mean.abs() < 0.02 && (square - 1.0).abs() < 0.03,
            "{mean} {square}"
        );
    }
}
