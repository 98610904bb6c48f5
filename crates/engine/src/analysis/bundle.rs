//! From a draft to what is published.

use super::draft::Draft;
use crate::intake::Intake;
use rushes_model::{ModelKey, Sampling, Shot};
use rushes_store::{BundleMeta, Previews, VisualBundle};
use rushes_vectors::Tags;
use std::{
    collections::HashMap,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// The bundle of a finished draft.
pub fn bundle(
    path: &Path,
    intake: &Intake,
    model_key: &ModelKey,
    sampling: Sampling,
    draft: &Draft,
    shots: Vec<Shot>,
) -> VisualBundle {
    let rows = || draft.rows().map(|(_, _, row)| row);
    VisualBundle {
        meta: meta(path, intake, model_key, sampling),
        dim: rows().next().map_or(0, |row| row.vector.len()),
        times: draft.times(),
        vectors: rows().flat_map(|row| row.vector.iter().map(|value| value.to_bits())).collect(),
        tags: Some(rows().flat_map(|row| Tags::pack(&row.tags)).collect()),
        shots,
        previews: previews(draft),
    }
}

/// What a bundle made now is of.
pub fn meta(path: &Path, intake: &Intake, model_key: &ModelKey, sampling: Sampling) -> BundleMeta {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    BundleMeta {
        media_id: intake.media_id,
        hash_str: intake.hash_str,
        model_key: model_key.clone(),
        facts: intake.facts.clone(),
        source_path: path.to_owned(),
        sampling,
        created_at: now.as_secs(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Rows that share a vector share their preview's bytes.
fn previews(draft: &Draft) -> Previews {
    let mut previews = Previews::default();
    let mut index_of = HashMap::new();
    for (_, _, row) in draft.rows() {
        let index = *index_of.entry(Arc::as_ptr(row)).or_insert_with(|| {
            previews.pictures.push(row.preview.clone());
            previews.pictures.len() as u32 - 1
        });
        previews.of_row.push(Some(index));
    }
    previews
}
