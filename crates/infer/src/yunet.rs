//! YuNet (2023mar): faces with five landmarks, small and quick enough for every frame.
//!
//! Decoding follows OpenCV's `FaceDetectorYN`: per stride a grid of cells, each with a class score,
//! an object score, a box and five points.

use crate::InferError;
use crate::onnx::with_input_sides;
use crate::resize::{Area, FilterType, resize};
use crate::runtime::{Input, Output, Runtime, SessionPool};
use rushes_model::Picture;
use std::path::{Path, PathBuf};

/// Registry key of the component, and its folder.
pub const COMPONENT: &str = "yunet";
const FILE: &str = "face_detection_yunet_2023mar.onnx";

/// Cell sizes of the three output grids, in input pixels.
const STRIDES: [usize; 3] = [8, 16, 32];
/// Boxes that share more than this are one face: OpenCV's default.
const MAX_OVERLAP: f32 = 0.3;

/// A face in a picture; all figures are pixels of that picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// 0..=1.
    pub score: f32,
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
    /// Right eye, left eye, tip of the nose, right and left corner of the mouth, as x and y.
    pub landmarks: [(f32, f32); 5],
}

/// A face detector in memory.
pub struct FaceDetector {
    sessions: SessionPool,
    long_side: u32,
}

impl FaceDetector {
    /// The file that the detector needs under a models folder.
    #[must_use]
    pub fn file(models: &Path) -> PathBuf {
        models.join(COMPONENT).join(FILE)
    }

    /// Opens the detector for `workers` callers at once. Larger pictures are shrunk to `long_side`
    /// pixels first: 640 finds faces of about 10 pixels there, half of it costs a quarter.
    ///
    /// # Errors
    /// When the file is missing or is not the model.
    pub fn open(
        runtime: &Runtime,
        models: &Path,
        long_side: u32,
        workers: usize,
    ) -> Result<Self, InferError> {
        let path = Self::file(models);
        if !path.is_file() {
            return Err(InferError::MissingFile { key: COMPONENT.into(), path });
        }
        let bad = |error: prost::DecodeError| InferError::BadFile {
            path: path.clone(),
            reason: error.to_string(),
        };
        // The file fixes 640x640, the graph takes any multiple of 32: a wide frame needs no bars.
        let model = with_input_sides(&fs_err::read(&path)?, &[1, 3, -1, -1]).map_err(bad)?;
        let sessions = SessionPool::from_memory(runtime, COMPONENT, &path, &model, workers)?;
        Ok(Self { sessions, long_side })
    }

    /// Finds the faces that score at least `min_score`, best first.
    ///
    /// # Errors
    /// When inference fails.
    pub fn detect(&self, picture: &Picture, min_score: f32) -> Result<Vec<Face>, InferError> {
        let scale = f64::from(self.long_side) / f64::from(picture.width.max(picture.height));
        let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        let shrunk;
        let (read, scale) = if scale < 1.0 {
            let size = (side(picture.width), side(picture.height));
            shrunk = resize(picture, Area::whole(picture), size, FilterType::Bilinear)?;
            (&shrunk, scale as f32)
        } else {
            (picture, 1.0)
        };
        let (pixels, height, width) = blue_green_red(read);
        let outputs = self.sessions.run(
            &[("input", Input::F32(&[1, 3, height, width], &pixels))],
            &[
                "cls_8", "cls_16", "cls_32", "obj_8", "obj_16", "obj_32", "bbox_8", "bbox_16",
                "bbox_32", "kps_8", "kps_16", "kps_32",
            ],
        )?;
        let mut faces: Vec<Face> = (0..STRIDES.len())
            .flat_map(|level| cells(&outputs, level, width, min_score))
            .map(|face| face.scaled(1.0 / scale))
            .collect();
        faces.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(without_overlaps(faces))
    }
}

impl Face {
    fn scaled(self, by: f32) -> Self {
        Self {
            score: self.score,
            left: self.left * by,
            top: self.top * by,
            width: self.width * by,
            height: self.height * by,
            landmarks: self.landmarks.map(|(x, y)| (x * by, y * by)),
        }
    }

    /// Intersection over union.
    fn overlap(&self, other: &Self) -> f32 {
        let span = |a: f32, a_size: f32, b: f32, b_size: f32| {
            ((a + a_size).min(b + b_size) - a.max(b)).max(0.0)
        };
        let shared = span(self.left, self.width, other.left, other.width)
            * span(self.top, self.height, other.top, other.height);
        shared / (self.width * self.height + other.width * other.height - shared).max(f32::EPSILON)
    }
}

/// Planes of blue, green and red as 0..=255, sides rounded up to the coarsest stride; the picture
/// lies at the top left, the rest is black.
fn blue_green_red(picture: &Picture) -> (Vec<f32>, usize, usize) {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let (wide, high) = (width.next_multiple_of(32), height.next_multiple_of(32));
    let mut planes = vec![0.0; 3 * wide * high];
    for (y, row) in picture.pixels.chunks_exact(width * 3).enumerate() {
        let (pixels, _) = row.as_chunks::<3>();
        for (channel, plane) in planes.chunks_exact_mut(wide * high).enumerate() {
            let line = &mut plane[y * wide..][..width];
            line.iter_mut()
                .zip(pixels)
                .for_each(|(value, pixel)| *value = f32::from(pixel[2 - channel]));
        }
    }
    (planes, high, wide)
}

/// The cells of one grid that score enough.
fn cells(outputs: &[Output], level: usize, width: usize, min_score: f32) -> Vec<Face> {
    let stride = STRIDES[level];
    let part = |kind: usize| &outputs[kind * STRIDES.len() + level].values;
    let (classes, objects, boxes, points) = (part(0), part(1), part(2), part(3));
    let columns = width / stride;
    let scores = classes.iter().zip(objects).map(|(class, object)| (class * object).sqrt());
    scores
        .enumerate()
        .filter(|&(_, score)| score >= min_score)
        .map(|(cell, score)| {
            let at = ((cell % columns) as f32, (cell / columns) as f32);
            decode(score, at, stride as f32, &boxes[cell * 4..][..4], &points[cell * 10..][..10])
        })
        .collect()
}

fn decode(
    score: f32,
    (column, row): (f32, f32),
    stride: f32,
    area: &[f32],
    points: &[f32],
) -> Face {
    let (width, height) = (area[2].exp() * stride, area[3].exp() * stride);
    let landmark =
        |k: usize| ((points[2 * k] + column) * stride, (points[2 * k + 1] + row) * stride);
    Face {
        score,
        left: (column + area[0]) * stride - width / 2.0,
        top: (row + area[1]) * stride - height / 2.0,
        width,
        height,
        landmarks: std::array::from_fn(landmark),
    }
}

/// Keeps the best of each group of boxes that share much; `faces` come best first.
fn without_overlaps(faces: Vec<Face>) -> Vec<Face> {
    let mut kept: Vec<Face> = Vec::new();
    for face in faces {
        if kept.iter().all(|better| better.overlap(&face) <= MAX_OVERLAP) {
            kept.push(face);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faces::testing::{Reference, frame};
    use crate::runtime::testing::{models, runtime};

    #[test]
    fn a_free_size_changes_nothing_at_the_declared_one() {
        let declared =
            SessionPool::from_file(&runtime(), COMPONENT, &FaceDetector::file(&models()), 1)
                .expect("make setup");
        let free = FaceDetector::open(&runtime(), &models(), 640, 1).expect("opens").sessions;
        let pixels: Vec<f32> = (0..3 * 640 * 640).map(|at| (at * 31 % 251) as f32).collect();
        let input = [("input", Input::F32(&[1, 3, 640, 640], &pixels))];
        let wanted = ["cls_8", "obj_16", "bbox_32", "kps_8"];
        let (a, b) = (declared.run(&input, &wanted), free.run(&input, &wanted));
        assert_eq!(a.expect("runs"), b.expect("runs"));
    }

    /// Boxes, points and scores on frames that need no shrinking.
    #[test]
    fn faces_are_those_of_opencv() {
        let detector = FaceDetector::open(&runtime(), &models(), 640, 1).expect("make setup");
        let reference = Reference::read().faces;
        assert_eq!(reference.len(), 4);
        for (second, expected) in reference {
            let found = detector.detect(&frame(second), 0.6).expect("runs");
            assert_eq!(found.len(), expected.len(), "{second}");
            for (face, expected) in found.iter().zip(expected) {
                let mut here = vec![face.left, face.top, face.width, face.height];
                here.extend(face.landmarks.iter().flat_map(|&(x, y)| [x, y]));
                let off = here.iter().zip(&expected).map(|(a, b)| (a - b).abs());
                let off = off.fold(0.0, f32::max);
                assert!(off < 0.05, "{second}: {off} pixels");
                assert!((face.score - expected[14]).abs() < 1e-3, "{second}: {face:?}");
            }
        }
    }

    #[test]
    fn pictures_without_faces_have_none_at_any_size() {
        let detector = FaceDetector::open(&runtime(), &models(), 320, 1).expect("make setup");
        for (width, height) in [(1, 1), (33, 700), (640, 360)] {
            let pixels = vec![90; width as usize * height as usize * 3];
            let picture = Picture { width, height, pixels };
            assert_eq!(detector.detect(&picture, 0.4).expect("runs"), []);
        }
    }
}
