//! Blocks of products between many vectors, and what they say about exact distances.

use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};

use crate::vector::{dot, rough};

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

/// How far a product of unit vectors in single precision may be off, twice.
///
/// A sum of `d` products is off by at most `d · 2⁻²⁴ / (1 − d · 2⁻²⁴)` in whatever order it is added
/// up (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), and by two more if its values
/// were rounded.
fn margin(dimensions: usize) -> f32 {
    (dimensions as f32 + 4.0) * f32::EPSILON
}

/// Products of vectors below this are of such that are farther apart than `eps`.
pub(crate) fn never(eps: f32, dimensions: usize) -> f32 {
    1.0 - eps - margin(dimensions)
}

/// A largest distance, as it is told from products in single precision: outside the [`margin`] a
/// product decides; within, the exact distance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    eps: f64,
    /// Products below this are too far apart.
    pub(crate) never: f32,
    /// Products above this are near enough.
    always: f32,
    margin: f32,
}

impl Limit {
    pub(crate) fn new(eps: f32, dimensions: usize) -> Self {
        let margin = margin(dimensions);
        let (never, always) = (never(eps, dimensions), 1.0 - eps + margin);
        Self { eps: f64::from(eps), never, always, margin }
    }

    /// Whether two vectors whose product is not below `never` are within the distance.
    pub(crate) fn holds(&self, product: f32, left: &[f32], right: &[f32]) -> bool {
        product > self.always || 1.0 - dot(left, right) <= self.eps
    }

    /// Whether two vectors with this product are farther apart than `distance`.
    pub(crate) fn beyond(&self, product: f32, distance: f64) -> bool {
        1.0 - f64::from(product + self.margin) > distance
    }

    /// Whether two vectors are within the distance.
    pub(crate) fn near(&self, left: &[f32], right: &[f32]) -> bool {
        let product = rough(left, right);
        product >= self.never && self.holds(product, left, right)
    }
}

/// Calls for the index of each product of a row that is not below `never`.
pub(crate) fn each(products: &[f32], never: f32, mut found: impl FnMut(usize, f32)) {
    /// Products looked at in one go; most rows of most blocks hold nothing.
    const STRIDE: usize = 16;
    let mut places = [0; STRIDE];
    for (stride, part) in products.chunks(STRIDE).enumerate() {
        let hits: u32 = part.iter().map(|&product| u32::from(product >= never)).sum();
        if hits == 0 {
            continue;
        }
        // Without a branch for each product, which would be guessed wrong as often as right.
        let mut count = 0;
        for (place, &product) in part.iter().enumerate() {
            places[count] = place;
            count += usize::from(product >= never);
        }
        for &place in &places[..count] {
            found(stride * STRIDE + place, part[place]);
        }
    }
}
