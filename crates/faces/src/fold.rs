//! Short vectors whose products are never less than those of the long ones they stand for.
//!
//! Faces do not fill the space of their model evenly: along a few axes they differ much, along most
//! little. With the rows of `P` orthonormal axes, `h = P x` and `r` the length of what is left of
//! `x`, Cauchy and Schwarz have `x·y ≤ h·h' + r·r'`. So `h` with `r` behind it is a vector,
//! *folded*, whose product with another folded one bounds that of the vectors: most pairs of faces
//! are ruled out by a quarter of the work. What is left is told by the vectors themselves, and no
//! result depends on the axes.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::collection::Faces;
use crate::products::{AtLeast, never, products};
use crate::vector::{add, dot, dot_sums, unit};

/// Faces, joining or looked at, from which on it pays to fold.
const FEWEST: usize = 4096;

/// Faces that the axes are taken from.
const SAMPLE: usize = 4096;

/// Faces of the sample of which all pairs are looked at to choose a width.
const TRIED: usize = 512;

/// Turns of orthogonal iteration (Golub and Van Loan, Matrix Computations, 8.2.4). The axes need
/// not be those of the greatest variances to the last digit: any that are orthonormal will do.
const TURNS: usize = 8;

/// Share of its length that must be left of an axis when the others have been taken from it.
const INDEPENDENT: f64 = 1e-6;

/// Widths are multiples of it, the width of a vector register.
const STEP: usize = 8;

/// What a pair that was not ruled out costs, in values of products: two vectors are read and
/// multiplied by themselves. Measured when products were stored (40 ns to 800 values, 100,000 faces
/// of `examples/scale.rs`); of 20,000 anything from 620 to 3,300 chooses the same width, 32.
const CANDIDATE: f64 = 800.0;

/// All vectors of a collection as pairs are looked for among them, folded if that pays.
pub(crate) struct Folded<'a> {
    /// Values of each.
    pub(crate) width: usize,
    values: Cow<'a, [f32]>,
    /// Faces whose product is below this are too far apart.
    pub(crate) never: f32,
}

impl<'a> Folded<'a> {
    /// Folds the vectors of all faces, or leaves them as they are if few faces join.
    pub(crate) fn new(faces: &'a Faces, eps: f32, joining: usize) -> Self {
        let all: Vec<u32> = (0..faces.len() as u32).collect();
        let folded = if joining < FEWEST { None } else { choose(faces, &all, eps) };
        folded.unwrap_or_else(|| Self::plain(faces, eps, Cow::Borrowed(faces.vectors())))
    }

    /// Folds the vectors of some faces, or leaves them as they are if few of them are compared with
    /// the others.
    pub(crate) fn of(faces: &Faces, some: &[u32], compared: usize, eps: f32) -> Self {
        let folded = if compared < FEWEST { None } else { choose(faces, some, eps) };
        folded.unwrap_or_else(|| Self::plain(faces, eps, Cow::Owned(faces.gather(some))))
    }

    fn plain(faces: &Faces, eps: f32, values: Cow<'a, [f32]>) -> Self {
        let width = faces.dimensions();
        Self { width, values, never: never(eps, width) }
    }

    /// The vectors of a range of them, one after another.
    pub(crate) fn part(&self, (start, end): (usize, usize)) -> &[f32] {
        &self.values[start * self.width..end * self.width]
    }
}

/// Folds to the width at which products and pairs that are not ruled out together cost least among
/// the pairs of a sample; `None` if whole products cost less.
fn choose(faces: &Faces, some: &[u32], eps: f32) -> Option<Folded<'static>> {
    let axes = Axes::new(faces, &evenly(some, SAMPLE));
    let tried = evenly(some, TRIED);
    let cost = |width: usize| {
        let values = axes.fold(faces, &tried, width);
        let mut left = 0;
        let mut count = AtLeast(axes.never(eps, width), |_, _, _| left += 1);
        products(&values, &values, width, &mut Vec::new(), &mut count);
        width as f64 + CANDIDATE * f64::from(left) / (tried.len() as f64).powi(2)
    };
    let widths = (STEP..=axes.rows.len()).step_by(STEP);
    let (least, width) =
        widths.map(|width| (cost(width), width)).min_by(|a, b| a.0.total_cmp(&b.0))?;
    (least < faces.dimensions() as f64).then(|| Folded {
        width,
        values: Cow::Owned(axes.fold(faces, some, width)),
        never: axes.never(eps, width),
    })
}

/// Axes along which faces differ most, the greatest variance first.
struct Axes {
    rows: Vec<Vec<f32>>,
    /// How far they are from orthonormal: the Frobenius norm of `P Pᵀ − 1`, which bounds what the
    /// rounding of `P` does to any product of unit vectors, with room for that of its own sums.
    defect: f64,
}

impl Axes {
    /// Half as many as the vectors have values.
    fn new(faces: &Faces, sample: &[u32]) -> Self {
        let moments = moments(faces, sample);
        let mut sums = orthonormal(moments[..faces.dimensions() / 2].to_vec());
        for _ in 0..TURNS {
            let turned = sums
                .iter()
                .map(|axis| moments.iter().map(|row| dot_sums(row, axis)).collect::<Vec<f64>>());
            sums = orthonormal(turned.collect());
        }
        let rows: Vec<Vec<f32>> = sums.iter().filter_map(|axis| unit(axis)).collect();
        let error = |(i, j): (usize, usize)| dot(&rows[i], &rows[j]) - f64::from(u8::from(i == j));
        let all = (0..rows.len()).flat_map(|i| (0..rows.len()).map(move |j| (i, j)));
        let defect = all.map(|pair| error(pair).powi(2)).sum::<f64>().sqrt() + 1e-9;
        Self { rows, defect }
    }

    /// The vectors of some faces, folded. With `E = P Pᵀ − 1` and `u = x − Pᵀ h`,
    /// `x·y = h·h' − hᵀ E h' + u·u'` and `|u|² = |x|² − |h|² + hᵀ E h`: the defect is added to the
    /// square here and taken from the limit in [`Axes::never`], twice for vectors that are not
    /// quite of unit length.
    fn fold(&self, faces: &Faces, some: &[u32], width: usize) -> Vec<f32> {
        let mut values = vec![0.0; some.len() * width];
        values.par_chunks_mut(width).zip(some).for_each(|(folded, &face)| {
            let vector = faces.vector(face);
            let mut rest = dot(vector, vector) + 2.0 * self.defect;
            for (value, axis) in folded.iter_mut().zip(&self.rows[..width - 1]) {
                let along = dot(vector, axis);
                rest -= along * along;
                *value = along as f32;
            }
            folded[width - 1] = rest.max(0.0).sqrt() as f32;
        });
        values
    }

    fn never(&self, eps: f32, width: usize) -> f32 {
        never(eps, width) - 2.0 * self.defect as f32
    }
}

/// At most so many of some faces, at even steps.
fn evenly(some: &[u32], most: usize) -> Vec<u32> {
    let count = some.len().min(most);
    (0..count).map(|place| some[place * some.len() / count]).collect()
}

/// The sums of `x xᵀ` over some faces.
fn moments(faces: &Faces, some: &[u32]) -> Vec<Vec<f64>> {
    let axes = 0..faces.dimensions();
    let sums = axes.into_par_iter().map(|axis| {
        let mut sums = vec![0.0; faces.dimensions()];
        for &face in some {
            let vector = faces.vector(face);
            add(&mut sums, vector, f64::from(vector[axis]));
        }
        sums
    });
    sums.collect()
}

/// Takes from each row what lies along those before it, twice against rounding; rows of which
/// nothing is left are dropped.
fn orthonormal(rows: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut kept: Vec<Vec<f64>> = Vec::with_capacity(rows.len());
    for mut row in rows {
        let before = dot_sums(&row, &row).sqrt();
        for other in kept.iter().chain(&kept) {
            let along = dot_sums(&row, other);
            row.iter_mut().zip(other).for_each(|(value, axis)| *value -= along * axis);
        }
        let after = dot_sums(&row, &row).sqrt();
        if after > INDEPENDENT * before {
            row.iter_mut().for_each(|value| *value /= after);
            kept.push(row);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use super::{Axes, FEWEST, Folded, evenly};
    use crate::collection::{Face, Faces};
    use crate::products::{AtLeast, products};
    use crate::vector::dot;

    /// Faces in `rank` dimensions of 64, along each of which they differ less than along the one
    /// before by `decay`; every tenth is the same as the one before it.
    fn faces(count: usize, rank: usize, decay: f32) -> Faces {
        let mut faces = Faces::new(64).unwrap();
        let mut state = 7_u32;
        let mut vector = [0.0_f32; 64];
        for at in 0..count {
            if at % 10 != 9 {
                let mut scale = 1.0;
                for value in &mut vector[..rank] {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *value = (f64::from(state) / f64::from(u32::MAX) - 0.5) as f32 * scale;
                    scale *= decay;
                }
                let length = dot(&vector, &vector).sqrt() as f32;
                // Lengths differ as much as is let in.
                let length = length * if at % 2 == 0 { 0.9985 } else { 1.0015 };
                vector.iter_mut().for_each(|value| *value /= length);
            }
            let face = Face { vector: &vector, weight: 1, scene: 0, frames: &[], person: None };
            faces.push(&face).unwrap();
        }
        faces
    }

    #[test]
    fn no_near_pair_is_ruled_out() {
        for (rank, decay) in [(64, 1.0), (64, 0.9), (20, 0.8), (3, 1.0), (1, 1.0)] {
            let faces = faces(600, rank, decay);
            let all: Vec<u32> = (0..600).collect();
            let axes = Axes::new(&faces, &evenly(&all, 100));
            for width in [8, 16, 32].into_iter().filter(|&width| width <= axes.rows.len()) {
                let values = axes.fold(&faces, &all, width);
                let check = |left: usize, right: usize, product: f32| {
                    // The greatest distance that would still leave the pair in doubt.
                    let eps = faces.distance(left as u32, right as u32) as f32;
                    assert!(product >= axes.never(eps, width), "{width} of {rank}: {product}");
                };
                let mut all = AtLeast(f32::NEG_INFINITY, check);
                products(&values, &values, width, &mut Vec::new(), &mut all);
            }
        }
    }

    #[test]
    fn vectors_are_folded_where_that_costs_less() {
        let faces = faces(FEWEST, 64, 0.9);
        let folded = Folded::new(&faces, 0.32, FEWEST);
        assert!((8..=32).contains(&folded.width), "{}", folded.width);
        assert_eq!(folded.part((5, 7)).len(), 2 * folded.width);
        let few = Folded::new(&faces, 0.32, FEWEST - 1);
        assert_eq!((few.width, few.part((1, 2))), (64, faces.vector(1)));
    }

    #[test]
    fn vectors_that_differ_along_all_axes_are_left_whole() {
        let faces = faces(FEWEST, 64, 1.0);
        assert_eq!(Folded::new(&faces, 0.8, FEWEST).width, 64);
    }
}
