//! Where text is: PP-OCRv4's detector, whose output is a map of probabilities.

use super::MODEL;
use super::boxes::{self, Map, Slanted};
use super::planes::blue_green_red;
use crate::InferError;
use crate::resize::sample;
use crate::runtime::{Input, Runtime, SessionPool};
use rushes_model::Picture;
use std::path::Path;

/// Larger pictures are shrunk to this long side first. Of text in 1080p, 640 reads 40 pixels as well and
/// loses half of the words of 24; 960 gains a few of those and doubles the time. (Measured on the
/// fixtures of `tests/ocr.rs`, with averaged pixels.)
const LONG_SIDE: u32 = 736;
/// The network halves its input five times.
const STRIDE: u32 = 32;
const OUTPUT: &str = "sigmoid_0.tmp_0";

pub(super) struct Detector {
    sessions: SessionPool,
}

impl Detector {
    pub(super) fn open(runtime: &Runtime, path: &Path, workers: usize) -> Result<Self, InferError> {
        Ok(Self { sessions: SessionPool::from_file(runtime, MODEL, path, workers)? })
    }

    /// The areas of text, in pixels of the picture.
    pub(super) fn detect(&self, picture: &Picture) -> Result<Vec<Slanted>, InferError> {
        let (width, height) = input_size(picture);
        // Edges stay as hard as in training: averaging first lost 3 of 45 words of 40 pixels at 1080p.
        let read = sample(picture, (width, height))?;
        let pixels = blue_green_red(&read, width as usize);
        let shape = [1, 3, height as usize, width as usize];
        let outputs = self.sessions.run(&[("x", Input::F32(&shape, &pixels))], &[OUTPUT])?;
        let map = outputs
            .into_iter()
            .next()
            .and_then(|output| Map::new(width as usize, height as usize, output.values));
        let map = map.ok_or_else(|| InferError::Run {
            key: MODEL.to_owned(),
            reason: "the detector gave no map of its input's size".to_owned(),
        })?;
        let scale = |side: u32, of: u32| side as f32 / of as f32;
        let scales = (scale(picture.width, width), scale(picture.height, height));
        Ok(boxes::text_areas(&map).into_iter().map(|area| area.scaled(scales)).collect())
    }
}

/// Sides that the network takes: whole strides, so the two directions may shrink a little differently.
fn input_size(picture: &Picture) -> (u32, u32) {
    let long = picture.width.max(picture.height);
    let scale = (f64::from(LONG_SIDE) / f64::from(long)).min(1.0);
    let side = |side: u32| {
        let strides = (f64::from(side) * scale / f64::from(STRIDE)).round() as u32;
        strides.max(1) * STRIDE
    };
    (side(picture.width), side(picture.height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_whole_strides_that_keep_the_form() {
        let size = |width, height| input_size(&Picture { width, height, pixels: Vec::new() });
        assert_eq!(size(1920, 1080), (736, 416));
        assert_eq!(size(1080, 1920), (416, 736));
        assert_eq!(size(640, 360), (640, 352), "small pictures keep their size");
        assert_eq!(size(1, 1), (32, 32));
        assert_eq!(size(8000, 40), (736, 32));
        assert_eq!(size(u32::MAX, 1), (736, 32));
    }
}
