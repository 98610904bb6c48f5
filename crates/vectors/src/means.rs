//! Means that the rows of a segment lie around: one a scene, more or less.

use crate::{Rows, dot::Kernel};
use half::f16;

/// A mean costs a search as much as one row, or as the coarse codes of four.
const ROWS_A_MEAN: usize = 128;
/// More would take longer to find than they save.
const MOST_MEANS: usize = 64;
/// Times that means and rows are put right by one another; more gained nothing on footage.
const ROUNDS: usize = 2;

/// Means of the rows, and which one each row is nearest to.
#[derive(Debug)]
pub(crate) struct Means {
    values: Vec<f16>,
    dim: usize,
    nearest: Vec<u8>,
}

impl Means {
    /// Begins with equal lengths of time, since scenes are such, and lets each row move to a mean that
    /// is nearer.
    pub(crate) fn of(rows: &Rows) -> Self {
        let (rows_count, dim) = (rows.count(), rows.dim());
        let count = (rows_count / ROWS_A_MEAN).clamp(1, MOST_MEANS);
        let nearest = (0..rows_count).map(|row| (row * count / rows_count) as u8).collect();
        let mut means = Self { values: Vec::new(), dim, nearest };
        for _ in 0..ROUNDS {
            means.values = means.of_nearest(rows, count);
            means.nearest = means.assigned(rows);
        }
        means
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &[f16]> {
        self.values.chunks_exact(self.dim.max(1))
    }

    /// Place of the mean that a row is nearest to.
    pub(crate) fn nearest(&self, row: usize) -> usize {
        usize::from(self.nearest[row])
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.values[..]) + self.nearest.len()
    }

    /// Means of the rows that were nearest so far; rows with anything infinite do not count.
    fn of_nearest(&self, rows: &Rows, count: usize) -> Vec<f16> {
        let mut sums = vec![0.0f32; count * self.dim];
        let mut counts = vec![0.0f32; count];
        for (row, &place) in self.nearest.iter().enumerate() {
            let (row, place) = (rows.row(row), usize::from(place));
            if row.iter().all(|value| value.is_finite()) {
                let sums = &mut sums[place * self.dim..][..self.dim];
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value.to_f32());
                counts[place] += 1.0;
            }
        }
        let mean =
            |(place, sum): (usize, f32)| f16::from_f32(sum / counts[place / self.dim].max(1.0));
        sums.into_iter().enumerate().map(mean).collect()
    }

    /// The place of the nearest mean for every row.
    fn assigned(&self, rows: &Rows) -> Vec<u8> {
        let kernel = Kernel::of_this_machine();
        let wide = |mean: &[f16]| mean.iter().map(|value| value.to_f32()).collect();
        let means: Vec<Vec<f32>> = self.all().map(wide).collect();
        let halves: Vec<f32> = means
            .iter()
            .map(|mean| mean.iter().map(|value| value * value).sum::<f32>() / 2.0)
            .collect();
        let nearest = |row: usize| {
            // Of all |row - mean|², the part that differs between means.
            let near = |(mean, half): (&Vec<f32>, &f32)| kernel.dot(mean, rows.row(row)) - half;
            let mut best = (f32::NEG_INFINITY, 0);
            for (place, near) in means.iter().zip(&halves).map(near).enumerate() {
                if near > best.0 {
                    best = (near, place as u8);
                }
            }
            best.1
        };
        (0..rows.count()).map(nearest).collect()
    }
}
