//! From a key to a running model.

use crate::{
    InferError, Runtime, VisualModel, lite,
    registry::{Family, ModelFolder, Registry},
    towers,
};
use rushes_model::ModelKey;
use std::sync::Arc;

/// Opens the visual model with this key for `workers` pictures at a time, whatever its family.
///
/// # Errors
/// [`InferError::Registry`] when the key is unknown, [`InferError::MissingFile`] when the model has not
/// been pulled, [`InferError::BadFile`] when a file cannot be used.
pub fn open_visual(
    registry: &Registry,
    folder: &ModelFolder,
    key: &ModelKey,
    runtime: &Runtime,
    workers: usize,
) -> Result<Arc<dyn VisualModel>, InferError> {
    let entry = registry.get(key)?;
    if entry.family == Some(Family::Lite) {
        return Ok(Arc::new(lite::open(folder.path(), key, workers, runtime)?));
    }
    Ok(towers::open(folder, entry, runtime, workers)?.into())
}
