//! From a picture to the numbers that a picture tower reads.

use super::recipe::{Fit, Recipe};
use crate::{
    InferError,
    resize::{Area, resize},
};
use rushes_model::Picture;

/// Longest side over shortest that is resized whole before the middle is cut out. What is longer loses
/// its far ends first, which the cut would drop anyway: a strip of 1 by 60,000 pixels must not become
/// one of 224 by 13 million.
const WIDEST: f64 = 4.0;

/// The picture as `[3][side][side]` floats.
pub(super) fn pixels(
    picture: &Picture,
    recipe: &Recipe,
    side: u32,
) -> Result<Vec<f32>, InferError> {
    let square = match recipe.fit {
        Fit::Squash => resize(picture, Area::whole(picture), (side, side), recipe.filter)?.pixels,
        Fit::CentreCrop => centre_crop(picture, recipe, side)?,
    };
    Ok(normalised_planes(&square, recipe))
}

/// The square's bytes. Resizes first and cuts then, so that the kernel sees the pixels beside the cut as Pillow's does.
fn centre_crop(picture: &Picture, recipe: &Recipe, side: u32) -> Result<Vec<u8>, InferError> {
    let area = middle(picture);
    // The long side is rounded down, as the published image processor does.
    let scaled = |length: f64, short: f64| (f64::from(side) * length / short) as u32;
    let short = area.width.min(area.height);
    let (width, height) = (scaled(area.width, short), scaled(area.height, short));
    let resized = resize(picture, area, (width.max(side), height.max(side)), recipe.filter)?;
    let (left, top) = ((resized.width - side) / 2, (resized.height - side) / 2);
    let row_bytes = side as usize * 3;
    let mut cut = Vec::with_capacity(side as usize * row_bytes);
    for row in top..top + side {
        let start = (row as usize * resized.width as usize + left as usize) * 3;
        cut.extend_from_slice(&resized.pixels[start..start + row_bytes]);
    }
    Ok(cut)
}

fn middle(picture: &Picture) -> Area {
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    let longest = width.min(height) * WIDEST;
    let (kept_width, kept_height) = (width.min(longest), height.min(longest));
    Area {
        left: (width - kept_width) / 2.0,
        top: (height - kept_height) / 2.0,
        width: kept_width,
        height: kept_height,
    }
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
