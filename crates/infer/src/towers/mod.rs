//! Two-tower models: one tower reads pictures, the other sentences, into one space.
//!
//! A recipe is what a family fixes: how a picture becomes pixels, how words become tokens, what the
//! outputs are called. The text tower is often the larger one and is needed only while somebody
//! searches, so it is loaded by the first sentence and let go by [`VisualModel::drop_idle`].
//!
//! A model's folder holds `vision.onnx` and `text.onnx`, or `model.onnx` with both towers in one graph,
//! and `tokenizer.json` unless the family's words are in a component.

mod clean;
mod model;
mod pixels;
mod recipe;
mod words;

use crate::{
    InferError, Runtime, SessionPool, VisualModel,
    lazy::Lazy,
    registry::{Entry, ModelFolder},
};
use model::{TextGraph, TextSide, Towers};
use recipe::Recipe;
use std::{path::PathBuf, sync::Arc};
use words::WordSource;

/// Opens a two-tower model for `workers` pictures at a time.
///
/// # Errors
/// [`InferError::MissingFile`] when the entry or its vocabulary is not on disk,
/// [`InferError::BadFile`] when the entry is not of a two-tower family or a file cannot be used.
pub fn open(
    folder: &ModelFolder,
    entry: &Entry,
    runtime: &Runtime,
    workers: usize,
) -> Result<Box<dyn VisualModel>, InferError> {
    Ok(Box::new(open_towers(folder, entry, runtime, workers)?))
}

fn open_towers(
    folder: &ModelFolder,
    entry: &Entry,
    runtime: &Runtime,
    workers: usize,
) -> Result<Towers, InferError> {
    let unusable = |reason: &str| InferError::BadFile {
        path: folder.entry_path(&entry.key),
        reason: reason.to_owned(),
    };
    let recipe = entry.family.and_then(Recipe::of).ok_or_else(|| {
        unusable("its registry entry is not of a family with a picture tower and a text tower")
    })?;
    let (Some(resolution), Some(dimensions)) = (entry.resolution, entry.dimensions) else {
        return Err(unusable("its registry entry lacks resolution or dimensions"));
    };
    let file = |name: &str| present(folder, entry, name);
    let words = word_source(folder, entry)?;
    let key = entry.key.as_str();
    let (vision, text) = if entry.file("model.onnx").is_some() {
        let joint = SessionPool::from_file(runtime, key, &file("model.onnx")?, workers)?;
        let joint = Arc::new(joint);
        (Arc::clone(&joint), TextGraph::Joint(joint))
    } else {
        let text = file("text.onnx")?;
        let vision = SessionPool::from_file(runtime, key, &file("vision.onnx")?, workers)?;
        (Arc::new(vision), TextGraph::File(text))
    };
    Ok(Towers {
        key: entry.key.clone(),
        recipe,
        resolution,
        dimensions: dimensions as usize,
        calibration: entry.calibration.unwrap_or_default(),
        templates: entry.templates.clone(),
        vision,
        text: TextSide { runtime: runtime.clone(), graph: text, words, open: Lazy::default() },
    })
}

fn present(folder: &ModelFolder, entry: &Entry, name: &str) -> Result<PathBuf, InferError> {
    let path = folder.path_of(entry, name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(InferError::MissingFile { key: entry.key.to_string(), path })
    }
}

/// The entry's own `tokenizer.json`, else the vocabulary that all CLIP models share.
fn word_source(folder: &ModelFolder, entry: &Entry) -> Result<WordSource, InferError> {
    if entry.file("tokenizer.json").is_some() {
        return Ok(WordSource::Json(present(folder, entry, "tokenizer.json")?));
    }
    let path = folder.path().join(words::VOCABULARY_KEY).join(words::VOCABULARY_FILE);
    if path.is_file() {
        Ok(WordSource::ClipVocabulary(path))
    } else {
        Err(InferError::MissingFile { key: entry.key.to_string(), path })
    }
}
