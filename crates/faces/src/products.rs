//! Blocks of products between many vectors, and what they say about exact distances.

use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};

use crate::vector::dot;

/// Products of every row with every column, row after row; both hold vectors one after another.
///
/// Single precision in an order that depends on the machine: see [`Limit`] for what may be read
/// from them.
pub(crate) fn products(rows: &[f32], columns: &[f32], dimensions: usize, out: &mut Vec<f32>) {
    let (height, width) = (rows.len() / dimensions, columns.len() / dimensions);
    out.resize(height * width, 0.0);
    let rows = ArrayView2::from_shape((height, dimensions), rows);
    let columns = ArrayView2::from_shape((width, dimensions), columns);
    let out = ArrayViewMut2::from_shape((height, width), out);
    if let (Ok(rows), Ok(columns), Ok(mut out)) = (rows, columns, out) {
        general_mat_mul(1.0, &rows, &columns.t(), 0.0, &mut out);
    }
}

/// A largest distance, as it is told from products in single precision.
///
/// A sum of `d` products of values of unit vectors in single precision is off by at most
/// `d · 2⁻²⁴ / (1 − d · 2⁻²⁴)` in whatever order it is added up (Higham, Accuracy and Stability of
/// Numerical Algorithms, 3.1). Outside twice that a product decides; within, the exact distance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    eps: f64,
    /// Products below this are too far apart.
    pub(crate) never: f32,
    /// Products above this are near enough.
    pub(crate) always: f32,
}

impl Limit {
    pub(crate) fn new(eps: f32, dimensions: usize) -> Self {
        let margin = (dimensions as f32 + 4.0) * f32::EPSILON;
        Self { eps: f64::from(eps), never: 1.0 - eps - margin, always: 1.0 - eps + margin }
    }

    /// Whether two vectors whose product is not below `never` are within the distance.
    pub(crate) fn holds(&self, product: f32, left: &[f32], right: &[f32]) -> bool {
        product > self.always || 1.0 - dot(left, right) <= self.eps
    }

    /// Calls for the index of each product of a row that may be within the distance.
    pub(crate) fn each(&self, products: &[f32], mut found: impl FnMut(usize, f32)) {
        /// Products looked at in one go; most rows of most blocks hold nothing.
        const STRIDE: usize = 32;
        for (stride, part) in products.chunks(STRIDE).enumerate() {
            let hits: u32 = part.iter().map(|&product| u32::from(product >= self.never)).sum();
            if hits == 0 {
                continue;
            }
            for (place, &product) in part.iter().enumerate() {
                if product >= self.never {
                    found(stride * STRIDE + place, product);
                }
            }
        }
    }
}
