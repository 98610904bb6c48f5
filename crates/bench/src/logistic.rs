//! Logistic regression by Newton's method.

/// Newton's method has settled long before so many steps.
const STEPS: usize = 100;
/// Keeps the matrix of second derivatives invertible where a column says nothing.
const RIDGE: f64 = 1e-9;

/// Weights under which `weights · columns` is the logarithm of the odds that a row is right. Both sides
/// weigh the same however many rows they have. A last column of ones gives the offset.
pub fn fit<const N: usize>(right: &[[f64; N]], wrong: &[[f64; N]]) -> [f64; N] {
    let mut weights = [0.0; N];
    for _ in 0..STEPS {
        let (mut gradient, mut curvature) = ([0.0; N], [[0.0; N]; N]);
        for (rows, target) in [(right, 1.0), (wrong, 0.0)] {
            let share = 1.0 / rows.len().max(1) as f64;
            for row in rows {
                let odds: f64 = weights.iter().zip(row).map(|(weight, value)| weight * value).sum();
                let likely = 1.0 / (1.0 + (-odds).exp());
                add(&mut gradient, row, share * (likely - target));
                for (line, value) in curvature.iter_mut().zip(row) {
                    add(line, row, share * likely * (1.0 - likely) * value);
                }
            }
        }
        (0..N).for_each(|at| curvature[at][at] += RIDGE);
        add(&mut weights, &solve(curvature, gradient), -1.0);
    }
    weights
}

fn add<const N: usize>(sum: &mut [f64; N], row: &[f64; N], factor: f64) {
    sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += factor * value);
}

/// Solves `matrix · x = right` by elimination; the matrix is symmetric and positive definite, so no rows
/// need to change places.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> [f64; N] {
    for pivot in 0..N {
        let (line, value) = (matrix[pivot], right[pivot]);
        for other in (0..N).filter(|other| *other != pivot) {
            let factor = matrix[other][pivot] / line[pivot];
            add(&mut matrix[other], &line, -factor);
            right[other] -= factor * value;
        }
    }
    std::array::from_fn(|at| right[at] / matrix[at][at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_solved() {
        let x = solve([[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 2.0]], [7.5, 4.0, 4.5]);
        for (value, expected) in x.iter().zip([1.0, 2.0, 3.0]) {
            assert!((value - expected).abs() < 1e-9, "{x:?}");
        }
    }

    /// Where right rows are likely by a known law, its weights come out.
    #[test]
    fn a_known_law_is_found_again() {
        let (mut right, mut wrong) = (Vec::new(), Vec::new());
        for step in 0..4000 {
            // Two columns that fill the square evenly, and a coin that is as even.
            let place = |factor: f64| (f64::from(step) * factor).fract();
            let row = [place(0.754_877_666), place(0.569_840_291), 1.0];
            let odds: f64 = 3.0 * row[0] - 2.0 * row[1] - 0.5;
            let side = if place(0.618_033_989) < 1.0 / (1.0 + (-odds).exp()) {
                &mut right
            } else {
                &mut wrong
            };
            side.push(row);
        }
        let [a, b, _] = fit(&right, &wrong);
        assert!((a - 3.0).abs() < 0.25 && (b + 2.0).abs() < 0.25, "{a} {b}");
    }
}
