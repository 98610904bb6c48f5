//! Dot products of an f32 query with f16 rows.

use half::{f16, slice::HalfFloatSliceExt};

/// `query · row`, in f32 with the widest instructions that this machine has. Lengths must be equal;
/// what one has more does not count.
///
/// For one machine the result is a function of the two slices alone: every call adds in the same order.
#[must_use]
pub fn dot(query: &[f32], row: &[f16]) -> f32 {
    Kernel::of_this_machine().dot(query, row)
}

/// The instructions that a scan uses, found out once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kernel {
    /// Fused multiply-add on eight lanes, f16 converted by the processor.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What the compiler makes of plain loops; `half` converts with NEON where there is NEON.
    Portable,
}

impl Kernel {
    pub(crate) fn of_this_machine() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
        {
            return Self::Avx2;
        }
        Self::Portable
    }

    pub(crate) fn dot(self, query: &[f32], row: &[f16]) -> f32 {
        match self {
            // SAFETY: this variant is only made where the three features were detected.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2::dot(query, row) },
            Self::Portable => portable(query, row),
        }
    }
}

/// Eight sums side by side, which compilers turn into vector instructions.
fn portable(query: &[f32], row: &[f16]) -> f32 {
    const BLOCK: usize = 128;
    let mut sums = [0.0f32; 8];
    let mut tail = 0.0;
    for (query, row) in query.chunks(BLOCK).zip(row.chunks(BLOCK)) {
        let mut values = [0.0f32; BLOCK];
        let length = query.len().min(row.len());
        row[..length].convert_to_f32_slice(&mut values[..length]);
        let (eights, rest) = query[..length].as_chunks::<8>();
        let (value_eights, value_rest) = values[..length].as_chunks::<8>();
        for (a, b) in eights.iter().zip(value_eights) {
            for lane in 0..8 {
                sums[lane] += a[lane] * b[lane];
            }
        }
        tail += rest.iter().zip(value_rest).map(|(a, b)| a * b).sum::<f32>();
    }
    sums.iter().sum::<f32>() + tail
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use half::f16;
    use std::arch::x86_64::*;

    /// Rows are read 64 bytes, four registers of eight values, at a time: enough sums in flight to
    /// hide the latency of an addition, so that memory is the limit.
    const STEP: usize = 32;

    /// # Safety
    /// The processor must have AVX2, FMA and F16C.
    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) unsafe fn dot(query: &[f32], row: &[f16]) -> f32 {
        let length = query.len().min(row.len());
        let (query, row) = (&query[..length], &row[..length]);
        let mut sums = [_mm256_setzero_ps(); 4];
        let (steps, query_rest) = query.as_chunks::<STEP>();
        let (row_steps, row_rest) = row.as_chunks::<STEP>();
        for (a, b) in steps.iter().zip(row_steps) {
            for (lane, sum) in sums.iter_mut().enumerate() {
                // SAFETY: both chunks have 32 values, and 8 * lane + 8 is at most 32; unaligned loads.
                let (a, b) = unsafe {
                    let half = _mm_loadu_si128(b.as_ptr().add(8 * lane).cast());
                    (_mm256_loadu_ps(a.as_ptr().add(8 * lane)), _mm256_cvtph_ps(half))
                };
                *sum = _mm256_fmadd_ps(a, b, *sum);
            }
        }
        let pairs = [_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])];
        let mut lanes = [0.0f32; 8];
        // SAFETY: the array has the eight values that are stored.
        unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), _mm256_add_ps(pairs[0], pairs[1])) };
        let rest = query_rest.iter().zip(row_rest).map(|(a, b)| a * b.to_f32()).sum::<f32>();
        lanes.iter().sum::<f32>() + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn kernels_agree_with_f64(
            pairs in prop::collection::vec((-1f32..1.0, -1f32..1.0), 0..900),
        ) {
            let query: Vec<f32> = pairs.iter().map(|pair| pair.0).collect();
            let row: Vec<f16> = pairs.iter().map(|pair| f16::from_f32(pair.1)).collect();
            let terms = query.iter().zip(&row).map(|(a, b)| f64::from(*a) * b.to_f64());
            let (exact, scale) =
                terms.fold((0.0, 1e-6), |(sum, scale), term| (sum + term, scale + term.abs()));
            for kernel in [Kernel::of_this_machine(), Kernel::Portable] {
                let error = (f64::from(kernel.dot(&query, &row)) - exact).abs();
                prop_assert!(error <= 1e-5 * scale, "{kernel:?}: {error} of {scale}");
            }
        }
    }
}
