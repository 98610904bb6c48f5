//! The classifier: a picture's likely ImageNet classes.

use super::efficientnet::{CLASSES, INPUT, OUTPUT, SIDE, graph};
use crate::InferError;
use crate::resize::{Area, FilterType, resize};
use crate::runtime::{Input, Runtime, SessionPool};
use crate::torch::Checkpoint;
use rushes_model::Picture;
use std::path::{Path, PathBuf};

/// Registry key of the component, and its folder.
pub(super) const COMPONENT: &str = "efficientnet-lite2";
const FILE: &str = "efficientnet-lite2-9656183e.pth";

/// What of a frame the network is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crop {
    /// The whole frame, squashed to a square: nothing is missed, shapes are off.
    Squashed,
    /// The square in the middle: shapes are right, the sides are missed.
    Centre,
}

/// EfficientNet-Lite2 in memory.
pub(super) struct Classifier {
    sessions: SessionPool,
}

impl Classifier {
    pub(super) fn file(models: &Path) -> PathBuf {
        models.join(COMPONENT).join(FILE)
    }

    pub(super) fn open(
        runtime: &Runtime,
        models: &Path,
        workers: usize,
    ) -> Result<Self, InferError> {
        let path = Self::file(models);
        let bytes = fs_err::read(&path)?;
        let model = Checkpoint::read(&bytes).and_then(|checkpoint| graph(&checkpoint));
        let model = model.map_err(|error| InferError::BadFile {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        drop(bytes);
        let sessions = SessionPool::from_memory(runtime, COMPONENT, &path, &model, workers)?;
        Ok(Self { sessions })
    }

    /// Mean probability of each class over the crops.
    pub(super) fn classify(
        &self,
        picture: &Picture,
        crops: &[Crop],
    ) -> Result<Vec<f32>, InferError> {
        let mut mean = vec![0.0; CLASSES];
        for &crop in crops {
            let area = match crop {
                Crop::Squashed => Area::whole(picture),
                Crop::Centre => Area::centre_square(picture),
            };
            let logits = self.logits(picture, area)?;
            let share = 1.0 / crops.len() as f32;
            let probabilities = softmax(&logits);
            mean.iter_mut().zip(probabilities).for_each(|(mean, p)| *mean += share * p);
        }
        Ok(mean)
    }

    fn logits(&self, picture: &Picture, area: Area) -> Result<Vec<f32>, InferError> {
        let side = SIDE as u32;
        let square = resize(picture, area, (side, side), FilterType::Bilinear)?;
        let pixels = planes(&square);
        let input = Input::F32(&[1, 3, SIDE, SIDE], &pixels);
        let mut outputs = self.sessions.run(&[(INPUT, input)], &[OUTPUT])?;
        Ok(outputs.swap_remove(0).values)
    }
}

/// Planes of red, green and blue as (x - 127) / 128, which the lite networks were trained on.
fn planes(picture: &Picture) -> Vec<f32> {
    let (pixels, _) = picture.pixels.as_chunks::<3>();
    let scaled = |channel: usize| {
        pixels.iter().map(move |pixel| (f32::from(pixel[channel]) - 127.0) / 128.0)
    };
    (0..3).flat_map(scaled).collect()
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut values: Vec<f32> = logits.iter().map(|logit| (logit - highest).exp()).collect();
    let sum: f32 = values.iter().sum();
    values.iter_mut().for_each(|value| *value /= sum);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::{models, runtime};

    /// A picture that any language can make: no file, no decoder, no resizing.
    fn pattern() -> Picture {
        let pixel = |x: usize, y: usize| [(x * 3 + y) as u8, (x + 2 * y) as u8, (x * y / 7) as u8];
        let pixels = (0..SIDE).flat_map(|y| (0..SIDE).flat_map(move |x| pixel(x, y))).collect();
        Picture { width: SIDE as u32, height: SIDE as u32, pixels }
    }

    /// The expected logits come from a forward pass written with numpy alone (`einsum` over sliding
    /// windows, batch norms not folded, "SAME" padding), on the same weights read by Python's pickle.
    #[test]
    fn logits_are_those_of_an_independent_forward_pass() {
        let classifier = Classifier::open(&runtime(), &models(), 1).expect("make setup");
        let picture = pattern();
        let logits = classifier.logits(&picture, Area::whole(&picture)).expect("runs");
        assert_eq!(logits.len(), CLASSES);
        let mut order: Vec<usize> = (0..CLASSES).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        assert_eq!(order[..5], [854, 417, 782, 619, 916]);
        let expected =
            [(854, 6.8897), (417, 6.2372), (0, -0.8789), (1, 1.0369), (4, 0.4651), (5, -0.4261)];
        for (class, value) in expected {
            assert!((logits[class] - value).abs() < 2e-3, "{class}: {} {value}", logits[class]);
        }
        let length = logits.iter().map(|logit| logit * logit).sum::<f32>().sqrt();
        assert!((length - 38.8759).abs() < 5e-3, "{length}");
    }

    #[test]
    fn a_truncated_checkpoint_is_a_bad_file() {
        let folder = tempfile::tempdir().expect("temp dir");
        let target = Classifier::file(folder.path());
        fs_err::create_dir_all(target.parent().expect("parent")).expect("created");
        let whole = fs_err::read(Classifier::file(&models())).expect("make setup");
        for length in [0, 10, 5_000, 60_000, 70_000, whole.len() - 1] {
            fs_err::write(&target, &whole[..length]).expect("written");
            let error = Classifier::open(&runtime(), folder.path(), 1).err();
            let is_bad =
                matches!(&error, Some(InferError::BadFile { path, .. }) if *path == target);
            assert!(is_bad, "{length} bytes: {error:?}");
        }
    }
}
