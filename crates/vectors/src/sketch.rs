//! Sketches: rows in fewer bits, with what they leave out known, so that a scan can tell which rows
//! cannot be among the best without reading them.
//!
//! A row is `mean + scale₁ · codes₁ + scale₂ · codes₂ + rest`: the nearest of some means, a coarse plane of
//! sixteen levels a value, a fine plane of four levels for what the coarse one left out, and a rest of
//! which only the length is kept. A query's product with the rest is at most the product of their
//! lengths (Cauchy and Schwarz), which makes every estimate an upper bound as well.

use crate::{
    Rows,
    codes::{block_values, pack, prefetch, row_bytes},
    dot::Kernel,
    means::Means,
};
use half::f16;

/// Bits a value of the coarse plane, which is read of all rows.
const COARSE: i32 = 4;
/// Bits a value of the fine plane, which is read of rows that the coarse one leaves in question.
const FINE: i32 = 2;
/// Longer rows get no sketch: sums of their products could overflow.
const MOST_VALUES: usize = 1 << 16;
/// Steps of the coarse plane that are tried for each row, as shares of its root mean square. The first
/// is near the best for evenly spread values, the others are for rows with a few very large ones.
const STEPS: [f32; 3] = [0.38, 0.5, 0.7];

/// The sketch of a segment.
#[derive(Debug)]
pub(crate) struct Sketch {
    means: Means,
    coarse: Plane<COARSE>,
    fine: Plane<FINE>,
    /// The most that one of the rows and the mean are long together; infinite rows do not count.
    longest: f64,
    /// The most that the codes of a row, scaled, are long together.
    reach: f64,
}

/// Codes of all rows.
#[derive(Debug)]
struct Plane<const BITS: i32> {
    codes: Vec<u8>,
    fits: Vec<Fit>,
}

/// How well codes stand for a row.
#[derive(Debug, Clone, Copy)]
struct Fit {
    /// What a step of the codes is worth.
    scale: f32,
    /// Length of what is left.
    rest: f32,
}

impl<const BITS: i32> Plane<BITS> {
    fn new(count: usize, dim: usize) -> Self {
        let codes = Vec::with_capacity(count * row_bytes(BITS, dim));
        Self { codes, fits: Vec::with_capacity(count) }
    }

    fn push(&mut self, coded: &Coded<BITS>) {
        pack::<BITS>(&coded.numbers, &mut self.codes);
        self.fits.push(coded.fit);
    }

    fn bytes(&self) -> usize {
        self.codes.len() + self.fits.len() * size_of::<Fit>()
    }

    /// Announces that a row's codes will be needed, if there is such a row.
    fn prefetch(&self, dim: usize, row: usize) {
        let bytes = row_bytes(BITS, dim);
        prefetch(self.codes.get(row * bytes..(row + 1) * bytes).unwrap_or_default());
    }

    /// What the query scores the codes of a row, without the rest.
    fn score(&self, kernel: Kernel, query: &StepQuery, row: usize) -> f64 {
        let bytes = row_bytes(BITS, query.dim);
        let sum = kernel.sum::<BITS>(&query.steps, &self.codes[row * bytes..][..bytes]);
        let centred = 2 * sum - ((1 << BITS) - 1) * query.sum;
        query.half_step * f64::from(self.fits[row].scale) * f64::from(centred)
    }
}

/// A row, or what is left of one, in numbers below `2^BITS`, which stand for themselves less their mean.
#[derive(Clone)]
struct Coded<const BITS: i32> {
    numbers: Vec<u8>,
    fit: Fit,
    /// Length of the scaled codes.
    length: f64,
}

impl<const BITS: i32> Coded<BITS> {
    const MIDDLE: f32 = ((1 << BITS) - 1) as f32 / 2.0;

    /// Codes in steps of about `step`, which must not be zero. `values` becomes what they leave out.
    fn new(values: &mut [f32], step: f32) -> Self {
        let inverse = 1.0 / step;
        let number =
            |value: &f32| (value * inverse + Self::MIDDLE + 0.5).clamp(0.0, 2.0 * Self::MIDDLE);
        let numbers: Vec<u8> = values.iter().map(|value| number(value) as u8).collect();
        let code = |number: u8| f32::from(number) - Self::MIDDLE;
        // The scale that leaves the least.
        let (mut product, mut square) = (0.0, 0.0);
        for (value, &number) in values.iter().zip(&numbers) {
            product += value * code(number);
            square += code(number) * code(number);
        }
        let scale = product / square;
        for (value, &number) in values.iter_mut().zip(&numbers) {
            *value -= scale * code(number);
        }
        let fit = Fit { scale, rest: up(length(values)) };
        Self { numbers, fit, length: f64::from(scale.abs()) * f64::from(square).sqrt() }
    }

    /// Codes that say nothing of a row but that `rest` is left.
    fn nothing(dim: usize, rest: f32) -> Self {
        Self { numbers: vec![0; dim], fit: Fit { scale: 0.0, rest }, length: 0.0 }
    }
}

impl Sketch {
    /// The sketch of rows; none of rows that are too long.
    pub(crate) fn of(rows: &Rows) -> Option<Self> {
        if rows.dim() > MOST_VALUES {
            return None;
        }
        let (count, dim) = (rows.count(), rows.dim());
        let mut sketch = Self {
            means: Means::of(rows),
            coarse: Plane::new(count, dim),
            fine: Plane::new(count, dim),
            longest: 0.0,
            reach: 0.0,
        };
        let wide = |values: &[f16]| values.iter().map(|value| value.to_f32()).collect::<Vec<_>>();
        let means: Vec<Vec<f32>> = sketch.means.all().map(wide).collect();
        for row in 0..count {
            let (mean, row) = (&means[sketch.means.nearest(row)], wide(rows.row(row)));
            let (coarse, fine) = if row.iter().all(|value| value.is_finite()) {
                sketch.longest = sketch.longest.max(length(&row) + length(mean));
                coded(&row.iter().zip(mean).map(|(value, mean)| value - mean).collect::<Vec<_>>())
            } else {
                (Coded::nothing(dim, f32::INFINITY), Coded::nothing(dim, f32::INFINITY))
            };
            sketch.reach = sketch.reach.max(coarse.length + fine.length);
            sketch.coarse.push(&coarse);
            sketch.fine.push(&fine);
        }
        Some(sketch)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.coarse.bytes() + self.fine.bytes() + self.means.bytes()
    }
}

/// The codes that leave least of a row less its mean.
fn coded(values: &[f32]) -> (Coded<COARSE>, Coded<FINE>) {
    let size = (length(values) / (values.len() as f64).sqrt()) as f32;
    if size < f32::MIN_POSITIVE {
        return (Coded::nothing(values.len(), 0.0), Coded::nothing(values.len(), 0.0));
    }
    let of_step = |share: f32| {
        let (mut left, step) = (values.to_vec(), share * size);
        let coarse = Coded::new(&mut left, step);
        let fine = Coded::new(&mut left, coarse.fit.scale / (1 << FINE) as f32);
        (coarse, fine)
    };
    let mut best = of_step(STEPS[0]);
    for share in &STEPS[1..] {
        let other = of_step(*share);
        if other.1.fit.rest < best.1.fit.rest {
            best = other;
        }
    }
    best
}

fn length(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt()
}

/// An f32 that is not below a number, by little more than rounding makes it.
fn up(number: f64) -> f32 {
    (number + number.abs() * f64::from(f32::EPSILON)) as f32
}

/// A query's vector in whole steps.
pub(crate) struct StepQuery<'a> {
    vector: &'a [f32],
    dim: usize,
    /// Filled up to whole blocks of either plane.
    steps: Vec<i8>,
    /// What half a step is worth.
    half_step: f64,
    /// Of all steps.
    sum: i32,
    /// Length of the vector.
    length: f64,
    /// Length of what the steps leave out of it.
    lost: f64,
}

impl<'a> StepQuery<'a> {
    pub(crate) fn new(vector: &'a [f32]) -> Self {
        let most = vector.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        let step = f64::from(most) / f64::from(i8::MAX);
        let whole =
            |&value: &f32| if step > 0.0 { (f64::from(value) / step).round() as i8 } else { 0 };
        let mut steps: Vec<i8> = vector.iter().map(whole).collect();
        let lost =
            |(&value, &whole): (&f32, &i8)| (f64::from(value) - step * f64::from(whole)).powi(2);
        let lost = vector.iter().zip(&steps).map(lost).sum::<f64>().sqrt();
        let sum = steps.iter().map(|&step| i32::from(step)).sum();
        steps.resize(vector.len().next_multiple_of(block_values(FINE)), 0);
        Self {
            vector,
            dim: vector.len(),
            steps,
            half_step: step / 2.0,
            sum,
            length: length(vector),
            lost,
        }
    }
}

/// What a query's scores of a segment's rows are at most.
pub(crate) struct Bounds<'a> {
    kernel: Kernel,
    query: &'a StepQuery<'a>,
    sketch: &'a Sketch,
    /// The score of each mean, and all that calculation can lose.
    bases: Vec<f64>,
}

/// Rows of codes that are under way from memory while one is worked on.
pub(crate) const AHEAD: usize = 8;
/// Scores above this may overflow on their way, and are not estimated.
const MOST_SCORE: f64 = 1e37;

impl<'a> Bounds<'a> {
    pub(crate) fn new(kernel: Kernel, query: &'a StepQuery<'a>, sketch: &'a Sketch) -> Self {
        let most = query.length * sketch.longest;
        // Each addition of a dot product loses at most 2^-24 of what it adds up, which is never more than
        // `most`, and as little where numbers are too small for f32; the sketch itself was calculated
        // with a few roundings a value. Twice that is plenty.
        let roundings = (2 * query.dim + 64) as f64;
        let lost = roundings * (most * f64::from(f32::EPSILON) + 1e-44) + query.lost * sketch.reach;
        let lost = if most < MOST_SCORE { lost } else { f64::INFINITY };
        let base = |mean: &[f16]| f64::from(kernel.dot(query.vector, mean)) + lost;
        Self { kernel, query, sketch, bases: sketch.means.all().map(base).collect() }
    }

    /// From the coarse plane. Rows are best asked for in their order.
    pub(crate) fn coarse(&self, row: usize) -> f32 {
        let plane = &self.sketch.coarse;
        plane.prefetch(self.query.dim, row + AHEAD);
        let rest = self.query.length * f64::from(plane.fits[row].rest);
        let base = self.bases[self.sketch.means.nearest(row)];
        up(base + plane.score(self.kernel, self.query, row) + rest)
    }

    /// Announces that a row will be asked of its fine plane.
    pub(crate) fn announce(&self, row: usize) {
        self.sketch.fine.prefetch(self.query.dim, row);
    }

    /// From both planes, given what the coarse one said. NaN where nothing is known.
    pub(crate) fn fine(&self, row: usize, coarse: f32) -> f32 {
        let plane = &self.sketch.fine;
        let before = f64::from(self.sketch.coarse.fits[row].rest);
        let less = self.query.length * (before - f64::from(plane.fits[row].rest));
        up(f64::from(coarse) - less + plane.score(self.kernel, self.query, row))
    }
}
