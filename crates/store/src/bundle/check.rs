//! Whether a bundle is what its place says.

use super::{BundleMeta, FaceBundleFile, SpeechBundleFile, TextBundle, VisualBundleFile};
use crate::{Analysis, Entry, StoreError};

/// Reads a bundle from end to end, checks every byte of it, and that it is the one its name says.
///
/// # Errors
/// Those of opening it.
pub(crate) fn check(entry: &Entry) -> Result<BundleMeta, StoreError> {
    let path = &entry.path;
    let meta = match entry.analysis {
        Analysis::Visual => VisualBundleFile::open(path)?.meta().clone(),
        Analysis::Text => TextBundle::open(path)?.meta,
        Analysis::Speech => SpeechBundleFile::open(path)?.speech.meta,
        Analysis::Faces => FaceBundleFile::open(path)?.faces.meta,
    };
    if (meta.media_id, &meta.model_key) == (entry.media_id, &entry.model_key) {
        return Ok(meta);
    }
    let reason = format!(
        "it is of {} by {}, which is not what its name says",
        meta.media_id, meta.model_key
    );
    Err(StoreError::Damaged { path: path.clone(), reason })
}
