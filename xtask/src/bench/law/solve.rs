//! The least squares behind the laws.

/// What is known of sigma beforehand.
#[derive(Clone, Copy)]
enum Sigma {
    Zero,
    Free,
    One,
}

/// The a, b and c of n / rate = a + b (n - 1) + c n (n - 1) that are nearest to (n, rate), by the squares of
/// measured / curve - 1, with a > 0, 0 <= b <= a and c >= 0; c is 0 without `coherency`. `None` if the numbers cannot
/// carry it.
///
/// The problem is convex and its bounds are few: of the solutions with some of them held at a bound, the best one
/// that keeps to the other bounds is the solution.
pub(super) fn curve(points: &[(f64, f64)], coherency: bool) -> Option<[f64; 3]> {
    let mut best: Option<([f64; 3], f64)> = None;
    for sigma in [Sigma::Free, Sigma::Zero, Sigma::One] {
        for kappa in [true, false] {
            if kappa && !coherency {
                continue;
            }
            let Some(abc) = bounded(points, sigma, kappa) else {
                continue;
            };
            let [a, b, c] = abc;
            let distance = distance(points, abc);
            let fits = a > 0.0 && (0.0..=a).contains(&b) && c >= 0.0 && distance.is_finite();
            if fits && best.is_none_or(|(_, least)| distance < least) {
                best = Some((abc, distance));
            }
        }
    }
    best.map(|(abc, _)| abc)
}

/// The sum of the squares that are minimised.
pub(super) fn distance(points: &[(f64, f64)], [a, b, c]: [f64; 3]) -> f64 {
    let square = |&(n, rate): &(f64, f64)| {
        let curve = a + b * (n - 1.0) + c * n * (n - 1.0);
        (curve * rate / n - 1.0).powi(2)
    };
    points.iter().map(square).sum()
}

fn bounded(points: &[(f64, f64)], sigma: Sigma, kappa: bool) -> Option<[f64; 3]> {
    let column = |of: fn(f64) -> f64| points.iter().map(|(n, rate)| of(*n) * rate / n).collect();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    columns.push(match sigma {
        Sigma::One => column(|n| n),
        Sigma::Free | Sigma::Zero => column(|_| 1.0),
    });
    if let Sigma::Free = sigma {
        columns.push(column(|n| n - 1.0));
    }
    if kappa {
        columns.push(column(|n| n * (n - 1.0)));
    }
    let found = least_squares(&columns, &vec![1.0; points.len()])?;
    let a = found[0];
    let b = match sigma {
        Sigma::Zero => 0.0,
        Sigma::Free => found[1],
        Sigma::One => a,
    };
    let c = if kappa { found[found.len() - 1] } else { 0.0 };
    Some([a, b, c])
}

/// The factors of `columns` whose sum is nearest to `target`, by modified Gram-Schmidt, which loses fewer digits than
/// the normal equations. `None` if one column is (nearly) a sum of others.
fn least_squares(columns: &[Vec<f64>], target: &[f64]) -> Option<Vec<f64>> {
    let mut directions: Vec<Vec<f64>> = Vec::new();
    // Row by row, what each column has of each direction.
    let mut shares = vec![vec![0.0; columns.len()]; columns.len()];
    for (index, column) in columns.iter().enumerate() {
        let mut rest = column.clone();
        for (direction, share) in directions.iter().zip(&mut shares) {
            share[index] = take(&mut rest, direction);
        }
        let length = dot(&rest, &rest).sqrt();
        if !(length.is_finite() && length > 1e-10 * dot(column, column).sqrt()) {
            return None;
        }
        shares[index][index] = length;
        directions.push(rest.iter().map(|value| value / length).collect());
    }
    let mut rest = target.to_vec();
    let mut factors: Vec<f64> = directions
        .iter()
        .map(|direction| take(&mut rest, direction))
        .collect();
    for index in (0..factors.len()).rev() {
        let later = dot(&shares[index][index + 1..], &factors[index + 1..]);
        factors[index] = (factors[index] - later) / shares[index][index];
    }
    Some(factors)
}

/// Takes from `of` what lies in `direction`, and returns how much that was.
fn take(of: &mut [f64], direction: &[f64]) -> f64 {
    let share = dot(of, direction);
    for (value, along) in of.iter_mut().zip(direction) {
        *value -= share * along;
    }
    share
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .sum()
}
