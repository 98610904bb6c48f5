//! What must be known of a file before anything is done with it: who it is and what is in it.

use rushes_media::{Cancel, MediaError, Tools};
use rushes_model::MediaId;
use rushes_store::{Catalogue, FileStamp};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A readable medium: its names by content, and what probing told.
pub use rushes_store::Identity as Intake;

/// Takes files in, and remembers them by path, size and time so that the next look is cheap.
pub struct Reception {
    tools: Tools,
    catalogue: Catalogue,
    /// Files that were identified and not probed, as on a machine that only searches.
    identified: Mutex<HashMap<PathBuf, (FileStamp, MediaId)>>,
}

impl Reception {
    /// Over these tools and this catalogue.
    #[must_use]
    pub fn new(tools: Tools, catalogue: Catalogue) -> Self {
        Self { tools, catalogue, identified: Mutex::default() }
    }

    /// ffmpeg and ffprobe.
    #[must_use]
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// What files were seen to be.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Identifies and probes a file, from memory where it has not changed since.
    ///
    /// # Errors
    /// When the file cannot be read or is no medium.
    pub fn take_in(&self, path: &Path) -> Result<Intake, MediaError> {
        self.take_in_until(path, &Cancel::new())
    }

    /// The same, ended early when `cancel` is set. What comes then is of no use.
    ///
    /// # Errors
    /// As [`Reception::take_in`].
    pub fn take_in_until(&self, path: &Path, cancel: &Cancel) -> Result<Intake, MediaError> {
        let stamp = stamp(path);
        let remembered = stamp.and_then(|stamp| self.remembered(path, stamp));
        // Earlier versions did not look at streams.
        if let Some(intake) = remembered.filter(|intake| intake.facts.streams.is_some()) {
            return Ok(intake);
        }
        let names = rushes_media::identify(path)?;
        let facts = self.tools.until(cancel).probe(path)?;
        let intake = Intake { media_id: names.media_id, hash_str: names.hash_str, facts };
        if let Some(stamp) = stamp.filter(|_| !cancel.is_cancelled()) {
            self.remember(path, stamp, &intake);
        }
        Ok(intake)
    }

    /// The id of a file by what is remembered or by its content; `None` when it cannot be read.
    #[must_use]
    pub fn media_id(&self, path: &Path) -> Option<MediaId> {
        let stamp = stamp(path)?;
        if let Some(intake) = self.remembered(path, stamp) {
            return Some(intake.media_id);
        }
        if let Some((_, id)) = self.identified().get(path).filter(|(then, _)| *then == stamp) {
            return Some(*id);
        }
        let media_id = rushes_media::identify(path).ok()?.media_id;
        self.identified().insert(path.to_owned(), (stamp, media_id));
        Some(media_id)
    }

    fn identified(&self) -> MutexGuard<'_, HashMap<PathBuf, (FileStamp, MediaId)>> {
        self.identified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a medium is: at `source`, or else where it was seen last of those places that are there.
    #[must_use]
    pub fn last_seen(&self, media_id: MediaId, source: &Path) -> PathBuf {
        if source.exists() {
            return source.to_owned();
        }
        let seen = self.catalogue.paths_of(&media_id).unwrap_or_default();
        let there = seen.into_iter().map(|seen| seen.path).find(|path| path.exists());
        there.unwrap_or_else(|| source.to_owned())
    }

    /// What was at a path when somebody looked last.
    #[must_use]
    pub fn last_known(&self, path: &Path) -> Option<Intake> {
        self.catalogue.last_known(path).ok()?
    }

    fn remembered(&self, path: &Path, stamp: FileStamp) -> Option<Intake> {
        self.catalogue.identity(path, stamp).ok()?
    }

    fn remember(&self, path: &Path, stamp: FileStamp, intake: &Intake) {
        // The catalogue is a cache: without it the next look takes longer, nothing else.
        if let Err(error) = self.catalogue.remember(path, stamp, intake) {
            tracing::warn!(%error, "the catalogue could not be written");
        }
    }
}

/// What tells whether a file has changed; `None` when it cannot be asked. Taken before the file is read, so that a
/// change while it is read makes the next look a fresh one.
pub fn stamp(path: &Path) -> Option<FileStamp> {
    FileStamp::of(&fs_err::metadata(path).ok()?).ok()
}
