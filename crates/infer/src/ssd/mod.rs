//! SSD-MobileNetV2 (2018-03): where the eighty kinds of things of COCO are in a picture.
//!
//! The weights are a [frozen TensorFlow graph](frozen). Their [network](network) is written anew for
//! ONNX Runtime, and the graph's own loops for resizing and sorting out are done [here](boxes), so
//! TensorFlow is not needed.

mod boxes;
mod classes;
mod frozen;
mod network;

use crate::InferError;
use crate::resize::{Area, FilterType, resize};
use crate::runtime::{Input, Output, Runtime, SessionPool};
use boxes::{Anchor, anchors, detections};
pub use classes::{CLASSES, PERSON, class_name};
use frozen::FrozenGraph;
use network::{INPUT, OUTPUTS, SIDE, graph};
use rushes_model::Picture;
use std::path::{Path, PathBuf};

/// Registry key of the component, and its folder.
pub const COMPONENT: &str = "ssd-mobilenet-v2-coco";
const FILE: &str = "frozen_inference_graph.pb";

/// A thing in a picture. Edges are fractions of the picture's sides, 0..=1 from the top left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// COCO's id, one of [`CLASSES`].
    pub class: u16,
    /// 0..=1.
    pub score: f32,
    /// Top edge.
    pub y0: f32,
    /// Left edge.
    pub x0: f32,
    /// Bottom edge.
    pub y1: f32,
    /// Right edge.
    pub x1: f32,
}

impl Detection {
    /// Height as a share of the picture's.
    #[must_use]
    pub fn height(&self) -> f32 {
        self.y1 - self.y0
    }

    /// Area as a share of the picture's.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.height() * (self.x1 - self.x0)
    }
}

/// A detector in memory.
pub struct Detector {
    sessions: SessionPool,
    anchors: Vec<Anchor>,
}

impl Detector {
    /// The file that the detector needs under a models folder.
    #[must_use]
    pub fn file(models: &Path) -> PathBuf {
        models.join(COMPONENT).join(FILE)
    }

    /// Opens the detector for `workers` callers at once; each takes about 70 MB of memory.
    ///
    /// # Errors
    /// When the file is missing or is not the model.
    pub fn open(runtime: &Runtime, models: &Path, workers: usize) -> Result<Self, InferError> {
        let path = Self::file(models);
        if !path.is_file() {
            return Err(InferError::MissingFile { key: COMPONENT.into(), path });
        }
        // One copy of the weights after the other, each let go before the next is made.
        let frozen = FrozenGraph::read(&fs_err::read(&path)?);
        let model = frozen.and_then(|frozen| graph(&frozen)).map_err(|error| {
            InferError::BadFile { path: path.clone(), reason: error.to_string() }
        })?;
        let model = model.into_bytes();
        let sessions = SessionPool::from_memory(runtime, COMPONENT, &path, &model, workers)?;
        Ok(Self { sessions, anchors: anchors() })
    }

    /// Finds the things that score more than 0.2, best first.
    ///
    /// # Errors
    /// When inference fails.
    pub fn detect(&self, picture: &Picture) -> Result<Vec<Detection>, InferError> {
        let [boxes, scores] = self.raw(picture)?;
        Ok(detections(&self.anchors, &boxes.values, &scores.values))
    }

    fn raw(&self, picture: &Picture) -> Result<[Output; 2], InferError> {
        let side = SIDE as u32;
        let square = resize(picture, Area::whole(picture), (side, side), FilterType::Bilinear)?;
        let pixels = planes(&square);
        let input = Input::F32(&[1, 3, SIDE, SIDE], &pixels);
        let outputs = self.sessions.run(&[(INPUT, input)], &OUTPUTS)?;
        outputs.try_into().map_err(|_| InferError::Run {
            key: COMPONENT.into(),
            reason: "it did not give boxes and scores".into(),
        })
    }
}

/// Planes of red, green and blue as -1..=1.
fn planes(picture: &Picture) -> Vec<f32> {
    let (pixels, _) = picture.pixels.as_chunks::<3>();
    let scaled = |channel: usize| {
        pixels.iter().map(move |pixel| f32::from(pixel[channel]) * 2.0 / 255.0 - 1.0)
    };
    (0..3).flat_map(scaled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::{models, runtime};
    use network::SCORES;

    /// A picture that any language can make: no file, no decoder, no resizing.
    fn pattern() -> Picture {
        let pixel = |x: usize, y: usize| [(x * 3 + y) as u8, (x + 2 * y) as u8, (x * y / 7) as u8];
        let pixels = (0..SIDE).flat_map(|y| (0..SIDE).flat_map(move |x| pixel(x, y))).collect();
        Picture { width: SIDE as u32, height: SIDE as u32, pixels }
    }

    /// Expected figures: TensorFlow 2.21 on the frozen graph, from `Preprocessor/sub` to `concat` and
    /// `concat_1`.
    #[test]
    fn raw_outputs_are_tensorflows() {
        let detector = Detector::open(&runtime(), &models(), 1).expect("make setup");
        let [boxes, scores] = detector.raw(&pattern()).expect("runs");
        assert_eq!(
            (&boxes.shape[..], &scores.shape[..]),
            (&[1, 1917, 4][..], &[1, 1917, SCORES][..])
        );
        let expected: [(usize, [f32; 4], [f32; 4]); 4] = [
            (0, [0.2756, -1.3044, -3.1137, -6.2127], [3.6934, -5.9783, -12.9709, -9.1664]),
            (1083, [1.5321, 1.4077, -1.4907, -1.5516], [4.5256, -7.9187, -10.0779, -6.9785]),
            (1500, [-0.0286, -1.2280, 0.0532, -2.6207], [4.2793, -6.6809, -9.1401, -6.9089]),
            (1916, [0.0214, -0.0264, 0.0731, -0.3942], [1.0632, -5.0939, -8.0453, -4.2595]),
        ];
        for (anchor, place, logits) in expected {
            let found = boxes.values[anchor * 4..][..4].iter().zip(place);
            for (value, expected) in
                found.chain(scores.values[anchor * SCORES..][..4].iter().zip(logits))
            {
                assert!((value - expected).abs() < 1e-3, "{anchor}: {value}, not {expected}");
            }
        }
        let length = |values: &[f32]| values.iter().map(|value| value * value).sum::<f32>().sqrt();
        assert!((length(&boxes.values) - 186.057).abs() < 0.01, "{}", length(&boxes.values));
        assert!((length(&scores.values) - 4647.194).abs() < 0.1, "{}", length(&scores.values));
    }

    #[test]
    fn a_broken_graph_is_a_bad_file() {
        let folder = tempfile::tempdir().expect("temp dir");
        let target = Detector::file(folder.path());
        fs_err::create_dir_all(target.parent().expect("parent")).expect("created");
        let missing = Detector::open(&runtime(), folder.path(), 1).err();
        assert!(matches!(missing, Some(InferError::MissingFile { .. })), "{missing:?}");
        let whole = fs_err::read(Detector::file(&models())).expect("make setup");
        for length in [0, 10, 5_000, whole.len() / 2, whole.len() - 1] {
            fs_err::write(&target, &whole[..length]).expect("written");
            let error = Detector::open(&runtime(), folder.path(), 1).err();
            let is_bad =
                matches!(&error, Some(InferError::BadFile { path, .. }) if *path == target);
            assert!(is_bad, "{length} bytes: {error:?}");
        }
    }
}
