//! Differences between pictures, on the scale of ffmpeg's `scdet` filter.

use rushes_model::Picture;

const WIDTH: usize = 64;
const HEIGHT: usize = 36;

/// A small grey copy of a picture, to be compared with the copies of its neighbours.
///
/// 64×36 pixels, whatever the picture's sides: enough to see a cut, too coarse to see noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Grey(Vec<f32>);

impl Grey {
    /// Averages the picture's luma over a 64×36 grid.
    #[must_use]
    pub fn of(picture: &Picture) -> Self {
        let cells = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
        Self(cells.map(|(x, y)| cell_mean(picture, x, y)).collect())
    }

    /// Mean absolute difference, 0 to 100, as `lavfi.scd.mafd` of a 64×36 copy gives it.
    ///
    /// ffmpeg's `vf_scdet.c` divides the mean difference of 8-bit luma by 256 and multiplies by 100.
    #[must_use]
    pub fn difference(&self, other: &Self) -> f32 {
        let sum: f32 = self.0.iter().zip(&other.0).map(|(a, b)| (a - b).abs()).sum();
        sum / self.0.len() as f32 * (100.0 / 256.0)
    }
}

/// [`Grey::difference`] of two pictures, which need not be of one size.
#[must_use]
pub fn difference(a: &Picture, b: &Picture) -> f32 {
    Grey::of(a).difference(&Grey::of(b))
}

/// Mean luma of the pixels under one cell; at least one pixel, so tiny pictures work too.
fn cell_mean(picture: &Picture, x: usize, y: usize) -> f32 {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let (left, right) = span(x, WIDTH, width);
    let (top, bottom) = span(y, HEIGHT, height);
    let mut sum = 0u64;
    for row in top..bottom {
        let line = &picture.pixels[(row * width + left) * 3..(row * width + right) * 3];
        sum += line.as_chunks::<3>().0.iter().map(|&pixel| u64::from(luma(pixel))).sum::<u64>();
    }
    sum as f32 / (256 * (right - left) * (bottom - top)) as f32
}

/// The pixels `start..end` of a side of `length` pixels that cell `cell` of `cells` covers.
fn span(cell: usize, cells: usize, length: usize) -> (usize, usize) {
    let start = cell * length / cells;
    (start, ((cell + 1) * length / cells).max(start + 1))
}

/// 256 × luma without its offset of 16: studio range of ITU-R BT.601, which is what `scdet` sees.
fn luma([red, green, blue]: [u8; 3]) -> u32 {
    66 * u32::from(red) + 129 * u32::from(green) + 25 * u32::from(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(width: u32, height: u32, level: u8) -> Picture {
        Picture::new(width, height, vec![level; (width * height * 3) as usize]).unwrap()
    }

    #[test]
    fn black_and_white_differ_by_the_studio_range() {
        let measured = difference(&plain(320, 180, 0), &plain(1, 1, 255));
        assert!((measured - 219.0 / 256.0 * 100.0).abs() < 0.5, "{measured}");
    }

    #[test]
    fn only_what_moves_counts() {
        let still = plain(640, 360, 100);
        assert!(difference(&still, &plain(16, 9, 100)) < 1e-4, "size does not matter");
        let mut half = still.clone();
        half.pixels[..640 * 180 * 3].fill(200);
        let (whole, part) = (difference(&still, &plain(640, 360, 200)), difference(&still, &half));
        assert!((part - whole / 2.0).abs() < 0.01, "{part} is not half of {whole}");
    }
}
