//! From a picture to the numbers that a picture tower reads.

use super::recipe::{Fit, Recipe};
use crate::{
    InferError,
    resize::{Area, resize},
};
use rushes_model::Picture;

/// The picture as `[3][side][side]` floats.
pub(super) fn pixels(
    picture: &Picture,
    recipe: &Recipe,
    side: u32,
) -> Result<Vec<f32>, InferError> {
    let area = match recipe.fit {
        Fit::Squash => Area::whole(picture),
        Fit::CentreCrop => middle(picture, side),
    };
    // Across first and then down, as Pillow does: a bicubic kernel overshoots at edges and is cut off
    // to bytes after each pass, so the order shows.
    let rows = Area { top: 0.0, height: f64::from(picture.height), ..area };
    let narrow = resize(picture, rows, (side, picture.height), recipe.filter)?;
    let columns = Area { left: 0.0, width: f64::from(side), ..area };
    let square = resize(&narrow, columns, (side, side), recipe.filter)?;
    Ok(normalised_planes(&square.pixels, recipe))
}

/// The part of the picture that ends in the square when the short side is brought to `side` and the
/// middle is cut out. The published image processors resize everything and then cut; kernels look
/// beyond the part, so this is the same without making what is cut off.
fn middle(picture: &Picture, side: u32) -> Area {
    let (left, width) = kept(picture.width, picture.height, side);
    let (top, height) = kept(picture.height, picture.width, side);
    Area { left, top, width, height }
}

/// Start and length, along a side of `length` pixels beside one of `other`, of what the cut keeps.
fn kept(length: u32, other: u32, side: u32) -> (f64, f64) {
    let short = length.min(other).max(1);
    // Whole pixels on both counts, rounded down, as the published image processors do.
    let resized = (u64::from(side) * u64::from(length) / u64::from(short)).max(u64::from(side));
    let before = (resized - u64::from(side)) / 2;
    let step = f64::from(length) / resized as f64;
    (before as f64 * step, f64::from(side) * step)
}

fn normalised_planes(rgb: &[u8], recipe: &Recipe) -> Vec<f32> {
    let plane = |channel: usize| {
        let scale = 1.0 / (255.0 * recipe.std[channel]);
        let offset = recipe.mean[channel] / recipe.std[channel];
        let normalised = move |&value: &u8| (f64::from(value) * scale - offset) as f32;
        rgb.iter().skip(channel).step_by(3).map(normalised)
    };
    (0..3).flat_map(plane).collect()
}
