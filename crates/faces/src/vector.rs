//! Arithmetic on vectors whose results are the same on every machine.

use pulp::Simd;

/// Partial sums kept side by side: the order of additions is part of the result.
const LANES: usize = 8;

/// Product of two vectors.
///
/// Products of two `f32` are exact in `f64`, and they are added in a fixed order, so that machines
/// with different instructions agree to the last bit. What lies beyond the shorter one is ignored.
pub(crate) fn dot(left: &[f32], right: &[f32]) -> f64 {
    let length = left.len().min(right.len());
    let whole = length - length % LANES;
    let mut sums = [0.0_f64; LANES];
    for (a, b) in left[..whole].chunks_exact(LANES).zip(right[..whole].chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    let rest = left[whole..length].iter().zip(&right[whole..length]);
    sums.iter().sum::<f64>() + rest.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
}

/// Product of two vectors of one length in single precision: a quick guess at [`dot`].
#[inline(always)]
pub(crate) fn rough<S: Simd>(simd: S, left: &[f32], right: &[f32]) -> f32 {
    /// Sums side by side, so that none waits for the one before it.
    const SUMS: usize = 4;
    let mut sums = [simd.splat_f32s(0.0); SUMS];
    let ((left, left_rest), (right, right_rest)) = (S::as_simd_f32s(left), S::as_simd_f32s(right));
    let (lefts, left) = left.as_chunks::<SUMS>();
    let (rights, right) = right.as_chunks::<SUMS>();
    for (left, right) in lefts.iter().zip(rights) {
        for (sum, (&a, &b)) in sums.iter_mut().zip(left.iter().zip(right)) {
            *sum = simd.mul_add_e_f32s(a, b, *sum);
        }
    }
    for (&a, &b) in left.iter().zip(right) {
        sums[0] = simd.mul_add_e_f32s(a, b, sums[0]);
    }
    let rest = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum::<f32>();
    let pairs = (simd.add_f32s(sums[0], sums[1]), simd.add_f32s(sums[2], sums[3]));
    simd.reduce_sum_f32s(simd.add_f32s(pairs.0, pairs.1)) + rest
}

/// Adds a multiple of a vector to sums.
pub(crate) fn add(sums: &mut [f64], vector: &[f32], times: f64) {
    for (sum, &value) in sums.iter_mut().zip(vector) {
        *sum += f64::from(value) * times;
    }
}

/// Product of two vectors of sums, of one length.
pub(crate) fn dot_sums(left: &[f64], right: &[f64]) -> f64 {
    let mut sums = [0.0_f64; LANES];
    let (left, right) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let rest = left.remainder().iter().zip(right.remainder());
    let rest = rest.map(|(a, b)| a * b).sum::<f64>();
    for (a, b) in left.zip(right) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// The unit vector in the direction of sums; `None` where they have no direction.
pub(crate) fn unit(sums: &[f64]) -> Option<Vec<f32>> {
    let norm = dot_sums(sums, sums).sqrt();
    let sound = norm.is_finite() && norm > 1e-9;
    sound.then(|| sums.iter().map(|sum| (sum / norm) as f32).collect())
}
