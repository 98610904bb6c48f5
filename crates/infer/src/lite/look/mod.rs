//! What a picture looks like before anything in it is known: light, colours, edges, sharpness.
//!
//! Figures and sizes are OpenCV's (`cvtColor`, `Canny`, `Laplacian`, 8-bit HSV), so that thresholds
//! found there hold here.

mod colour;
mod edges;

use crate::InferError;
use crate::resize::{Area, FilterType, resize, sample};
pub(super) use colour::{BLUE, CYAN, GREEN, ORANGE, PINK, PURPLE, RED, YELLOW};
use colour::{COLOURS, Shades};
use rushes_model::Picture;

/// Figures of a picture; shares are 0..=1 of its pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Look {
    /// Mean of HSV value, 0..=1.
    pub brightness: f32,
    /// The same of the top third.
    pub brightness_top: f32,
    /// Mean of HSV saturation, 0..=1.
    pub saturation: f32,
    /// Share of nearly black pixels.
    pub dark: f32,
    /// Share of nearly white pixels.
    pub white: f32,
    /// Mean distance of R, G and B from their mean, 0..=255: 0 without any colour.
    pub chroma: f32,
    /// Share of each of [`COLOURS`] in the whole picture.
    pub colours: [f32; COLOURS],
    /// The same of the top third.
    pub colours_top: [f32; COLOURS],
    /// The same of the bottom third.
    pub colours_bottom: [f32; COLOURS],
    /// Share of pixels on an edge.
    pub edges: f32,
    /// The same of the top third.
    pub edges_top: f32,
    /// Variance of the Laplacian: low when blurred.
    pub sharpness: f32,
    /// Different colours at 4 bits a channel.
    pub palette: f32,
    /// Share of the five most frequent of those.
    pub palette_top: f32,
    /// Share of pixels like their neighbour to the left: high in drawings and graphics.
    pub flat: f32,
}

impl Look {
    /// Looks at a picture of any size.
    pub(crate) fn of(picture: &Picture) -> Result<Self, InferError> {
        let height = if picture.width >= picture.height { 108 } else { 192 };
        let small = resize(picture, Area::whole(picture), (192, height), FilterType::Box)?;
        let shades = Shades::of(&small);
        let outline = edges::Outline::of(&sample(picture, (512, 288))?);
        let grain = sample(picture, (256, 144))?;
        let (palette, palette_top) = palette(&grain);
        Ok(Self {
            edges: outline.edges,
            edges_top: outline.edges_top,
            sharpness: outline.sharpness,
            palette,
            palette_top,
            flat: flat(&grain),
            ..shades.look()
        })
    }
}

/// Number of different colours at 4 bits a channel, and the share of the five most frequent.
fn palette(picture: &Picture) -> (f32, f32) {
    let mut counts = vec![0_u32; 1 << 12];
    let (pixels, _) = picture.pixels.as_chunks::<3>();
    for [red, green, blue] in pixels {
        let level = |value: &u8| usize::from(value >> 4);
        counts[level(red) << 8 | level(green) << 4 | level(blue)] += 1;
    }
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let used = counts.iter().take_while(|&&count| count > 0).count();
    let top: u32 = counts[..5].iter().sum();
    (used as f32, top as f32 / pixels.len() as f32)
}

/// Share of neighbours in a row whose channels differ by two levels in all at most.
fn flat(picture: &Picture) -> f32 {
    let (mut alike, mut all) = (0_u32, 0_u32);
    for row in picture.pixels.chunks_exact(picture.width as usize * 3) {
        let (pixels, _) = row.as_chunks::<3>();
        for pair in pixels.windows(2) {
            let difference: u16 =
                (0..3).map(|channel| u16::from(pair[0][channel].abs_diff(pair[1][channel]))).sum();
            alike += u32::from(difference <= 2);
            all += 1;
        }
    }
    alike as f32 / all.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chequered board with a disc on it, a ramp and a grain, in whole numbers only.
    fn board() -> Picture {
        let base = |x: usize, y: usize| match () {
            () if x.abs_diff(320).pow(2) + y.abs_diff(180).pow(2) < 120 * 120 => [90, 200, 60],
            () if (x / 80 + y / 60).is_multiple_of(2) => [200, 60, 40],
            () => [40, 120, 210],
        };
        let pixel = |x: usize, y: usize| {
            let light = x / 16 + (x * x + 3 * y * y + x * y) % 17;
            base(x, y).map(|level| (level + light).min(255) as u8)
        };
        let pixels = (0..360).flat_map(|y| (0..640).flat_map(move |x| pixel(x, y))).collect();
        Picture { width: 640, height: 360, pixels }
    }

    /// Expected figures: OpenCV 4 on the same board, `resize(192x108, INTER_AREA)` for light and
    /// colour, `resize(512x288)` for `Laplacian` and `Canny(80, 160)`, `resize(256x144)` for the rest.
    #[test]
    fn figures_are_opencvs() {
        let look = Look::of(&board()).expect("looks");
        let close = |name: &str, value: f32, expected: f32, tolerance: f32| {
            assert!((value - expected).abs() <= tolerance, "{name}: {value}, not {expected}");
        };
        close("brightness", look.brightness, 0.90801, 0.002);
        close("brightness_top", look.brightness_top, 0.90953, 0.002);
        close("saturation", look.saturation, 0.69028, 0.002);
        close("chroma", look.chroma, 60.684, 0.2);
        close("red", look.colours[RED], 0.39969, 0.005);
        close("green", look.colours[GREEN], 0.19599, 0.005);
        close("blue", look.colours[BLUE], 0.40061, 0.005);
        close("blue top", look.colours_top[BLUE], 0.44184, 0.005);
        close("red bottom", look.colours_bottom[RED], 0.43967, 0.005);
        close("edges", look.edges, 0.00471, 0.0005);
        close("edges_top", look.edges_top, 0.00492, 0.0005);
        close("sharpness", look.sharpness, 170.9, 5.0);
        close("palette", look.palette, 66.0, 3.0);
        close("palette_top", look.palette_top, 0.592, 0.01);
        // Counts differences of two levels, so a level of rounding in the resize shows: on 40
        // photographs it was off by 0.013 on average and 0.038 at most.
        close("flat", look.flat, 0.0822, 0.02);
        assert_eq!((look.dark, look.white), (0.0, 0.0));
    }
}
