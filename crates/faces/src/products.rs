//! Products between many vectors, and what they say about exact distances.

use pulp::{Arch, Simd, WithSimd, bytemuck::cast_slice};

use crate::vector::{dot, rough};

/// Vector registers side by side that hold the products of one row: at most 32 values, a bit each
/// in [`reached`].
const REGISTERS: usize = 2;

/// Hears of the products of rows with columns, of which most are too small to matter.
pub(crate) trait Products {
    /// The least product of a row that matters by now.
    fn least(&self, row: usize) -> f32;

    /// Hears of a product that is not less.
    /// `simd` has the instructions that it is told with.
    fn hear<S: Simd>(&mut self, simd: S, row: usize, column: usize, product: f32);
}

/// Hears of all products from a value on.
pub(crate) struct AtLeast<F>(pub(crate) f32, pub(crate) F);

impl<F: FnMut(usize, usize, f32)> Products for AtLeast<F> {
    #[inline(always)]
    fn least(&self, _row: usize) -> f32 {
        self.0
    }

    #[inline(always)]
    fn hear<S: Simd>(&mut self, _simd: S, row: usize, column: usize, product: f32) {
        (self.1)(row, column, product);
    }
}

/// Multiplies every row with every column; both hold vectors of `width` values one after another.
///
/// Products are never stored: those of a few rows with a few columns are summed up in registers,
/// compared there, and forgotten. Single precision in an order that depends on the machine: see
/// [`Limit`] for what may be read from them.
pub(crate) fn products(
    rows: &[f32],
    columns: &[f32],
    width: usize,
    scratch: &mut Vec<f32>,
    hearer: &mut impl Products,
) {
    Arch::new().dispatch(Block { rows, columns, width, scratch, hearer });
}

struct Block<'a, P> {
    rows: &'a [f32],
    columns: &'a [f32],
    width: usize,
    scratch: &'a mut Vec<f32>,
    hearer: &'a mut P,
}

impl<P: Products> WithSimd for Block<'_, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many rows as there are registers for: 32 with AVX-512, else mostly 16.
        if S::F32_LANES == 16 { self.multiply::<S, 8>(simd) } else { self.multiply::<S, 6>(simd) }
    }
}

impl<P: Products> Block<'_, P> {
    #[inline(always)]
    fn multiply<S: Simd, const ROWS: usize>(self, simd: S) {
        let lanes = REGISTERS * S::F32_LANES;
        let (height, count) = (self.rows.len() / self.width, self.columns.len() / self.width);
        pack(self.columns, self.width, lanes, self.scratch);
        for (panel, first) in
            self.scratch.chunks_exact(self.width * lanes).zip((0..).step_by(lanes))
        {
            let panel = S::as_simd_f32s(panel).0.as_chunks::<REGISTERS>().0;
            for start in (0..height).step_by(ROWS) {
                let rows: [&[f32]; ROWS] = std::array::from_fn(|row| {
                    // Where rows end, the last stands in for those that are not there.
                    let row = (start + row).min(height - 1);
                    &self.rows[row * self.width..][..self.width]
                });
                let sums = sums(simd, &rows, panel);
                for (row, sums) in (start..height).zip(&sums) {
                    let mut left = reached(simd, sums, self.hearer.least(row));
                    while left != 0 {
                        let lane = left.trailing_zeros() as usize;
                        left &= left - 1;
                        if first + lane < count {
                            let product = cast_slice::<_, f32>(sums)[lane];
                            self.hearer.hear(simd, row, first + lane, product);
                        }
                    }
                }
            }
        }
    }
}

/// Puts the values of `lanes` columns side by side, the first of each, then the second, and fills
/// up with columns of zeros.
fn pack(columns: &[f32], width: usize, lanes: usize, out: &mut Vec<f32>) {
    out.clear();
    for group in columns.chunks(width * lanes) {
        let start = out.len();
        out.resize(start + width * lanes, 0.0);
        for (lane, column) in group.chunks_exact(width).enumerate() {
            let places = out[start + lane..].iter_mut().step_by(lanes);
            places.zip(column).for_each(|(place, &value)| *place = value);
        }
    }
}

/// Products of a few rows with the columns of a panel.
#[inline(always)]
fn sums<S: Simd, const ROWS: usize>(
    simd: S,
    rows: &[&[f32]; ROWS],
    panel: &[[S::f32s; REGISTERS]],
) -> [[S::f32s; REGISTERS]; ROWS] {
    let mut sums = [[simd.splat_f32s(0.0); REGISTERS]; ROWS];
    for (at, columns) in panel.iter().enumerate() {
        for (row, sums) in rows.iter().zip(&mut sums) {
            let value = simd.splat_f32s(row[at]);
            for (sum, &column) in sums.iter_mut().zip(columns) {
                *sum = simd.mul_add_e_f32s(value, column, *sum);
            }
        }
    }
    sums
}

/// Which products of a row are not less than a value, a bit each, the first lowest.
#[inline(always)]
fn reached<S: Simd>(simd: S, sums: &[S::f32s; REGISTERS], least: f32) -> u32 {
    if const { size_of::<S::m32s>() == size_of::<u16>() } {
        // AVX-512 compares to a bit for each of 16 values; the compiler does not find that itself.
        let least = simd.splat_f32s(least);
        let bits = sums.map(|sum| -> u16 {
            pulp::bytemuck::cast(simd.greater_than_or_equal_f32s(sum, least))
        });
        return u32::from(bits[0]) | u32::from(bits[1]) << u16::BITS;
    }
    let values: &[f32] = cast_slice(sums);
    values.iter().rev().fold(0, |bits, &value| bits << 1 | u32::from(value >= least))
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
    #[inline(always)]
    pub(crate) fn near<S: Simd>(&self, simd: S, left: &[f32], right: &[f32]) -> bool {
        let product = rough(simd, left, right);
        product >= self.never && self.holds(product, left, right)
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, Simd, WithSimd};

    use super::{AtLeast, Block};
    use crate::vector::{dot, rough};

    /// Numbers that look random, from -1 to 1.
    fn values(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0) as f32
        };
        (0..count).map(|_| next()).collect()
    }

    /// What this machine can do, and what any can.
    fn instructions() -> Vec<Arch> {
        let mut all = vec![Arch::Scalar, Arch::new()];
        #[cfg(target_arch = "x86_64")]
        all.extend(pulp::x86::V3::try_new().map(Arch::V3));
        all
    }

    #[test]
    fn hears_of_all_products_that_are_not_less() {
        for (height, count, width) in
            [(1, 1, 1), (8, 32, 8), (9, 33, 24), (5, 70, 3), (17, 16, 128), (0, 9, 4), (9, 0, 4)]
        {
            let (rows, columns) = (values(height * width, 1), values(count * width, 2));
            for (arch, least) in
                instructions().into_iter().flat_map(|arch| [(arch, f32::NEG_INFINITY), (arch, 0.3)])
            {
                let mut found = vec![None; height * count];
                let hear = |row: usize, column: usize, product: f32| {
                    let slot = &mut found[row * count + column];
                    assert_eq!(slot.replace(product), None, "each once");
                };
                let (rows, columns) = (&rows, &columns);
                let (scratch, hearer) = (&mut vec![9.0], &mut AtLeast(least, hear));
                arch.dispatch(Block { rows, columns, width, scratch, hearer });
                for (pair, found) in found.into_iter().enumerate() {
                    let (row, column) = (pair / count * width, pair % count * width);
                    let exact = dot(&rows[row..row + width], &columns[column..column + width]);
                    let near = |product: f32| (f64::from(product) - exact).abs() < 1e-4;
                    assert!(found.is_none_or(|product| near(product) && product >= least));
                    assert!(found.is_some() || exact < f64::from(least) + 1e-4, "{pair}: {arch:?}");
                }
            }
        }
    }

    /// Multiplies two vectors with given instructions.
    struct Rough<'a>(&'a [f32], &'a [f32]);

    impl WithSimd for Rough<'_> {
        type Output = f32;

        fn with_simd<S: Simd>(self, simd: S) -> f32 {
            rough(simd, self.0, self.1)
        }
    }

    #[test]
    fn a_rough_product_is_nearly_the_exact_one() {
        for width in [1, 7, 16, 40, 64, 65, 128, 200] {
            let (left, right) = (values(width, 3), values(width, 4));
            for arch in instructions() {
                let product = f64::from(arch.dispatch(Rough(&left, &right)));
                assert!((product - dot(&left, &right)).abs() < 1e-4, "{width}: {arch:?}");
            }
        }
    }
}
