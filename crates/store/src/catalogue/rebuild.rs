//! A catalogue that was lost, filled again from what bundles say of their media.

use super::{Catalogue, FileStamp, Identity, insert};
use crate::{Analysis, AnalysisFolder, BundleMeta, Entry, StoreError, bundle, parallel};
use fs_err as fs;
use rushes_model::MediaId;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What filling a catalogue again came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Bundles that were looked at.
    pub bundles: usize,
    /// Those whose facts cannot be read.
    pub unreadable: usize,
    /// Paths at which their media were.
    pub paths: usize,
    /// Paths that were entered: the medium is still there.
    pub entered: usize,
    /// Paths of which the catalogue knew already.
    pub known: usize,
    /// Paths at which nothing is now, or cannot be reached.
    pub absent: usize,
    /// Paths at which something else is now.
    pub changed: usize,
    /// Whether nobody stopped it.
    pub is_complete: bool,
}

/// Tells the medium at a path by its content; `None` when it cannot be read.
pub type Identify<'a> = &'a (dyn Fn(&Path) -> Option<MediaId> + Sync);

/// The media that are said to have been at a path.
type Said = HashMap<PathBuf, Vec<BundleMeta>>;

/// What is at a path.
enum Now {
    Found(FileStamp, Box<Identity>),
    Known,
    Absent,
    Changed,
}

impl Catalogue {
    /// Enters the media of all bundles in these folders that are still where they were when they were analysed, in
    /// one transaction. A bundle has no stamp of its file: that one of the same size is still the same, `identify`
    /// tells by its content. `go_on` hears after each bundle and each path how many of about how many are done, and
    /// `false` ends it; what was found until then is entered.
    ///
    /// # Errors
    /// When a folder cannot be listed or the database fails; nothing is entered then.
    pub fn rebuild(
        &self,
        folders: &[AnalysisFolder],
        identify: Identify<'_>,
        go_on: &(dyn Fn(usize, usize) -> bool + Sync),
    ) -> Result<Rebuilt, StoreError> {
        let mut entries = Vec::new();
        for folder in folders {
            for analysis in Analysis::ALL {
                entries.extend(folder.list(analysis)?);
            }
        }
        let done = AtomicUsize::new(0);
        let step = |of: usize| go_on(done.fetch_add(1, Ordering::Relaxed) + 1, of);
        let mut rebuilt = Rebuilt { bundles: entries.len(), ..Rebuilt::default() };
        let (said, all_read) = read(&entries, &mut rebuilt, &|| step(2 * entries.len()));
        let said: Vec<(PathBuf, Vec<BundleMeta>)> = said.into_iter().collect();
        rebuilt.paths = said.len();
        let found = Mutex::new(Vec::new());
        let of = entries.len() + said.len();
        let all_found = all_read
            && parallel::each(&said, |(path, media)| {
                let now = self.look(path, media, identify);
                found.lock().unwrap_or_else(PoisonError::into_inner).push((path, now));
                step(of)
            });
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.enter(found, &mut rebuilt)?;
        rebuilt.is_complete = all_found;
        Ok(rebuilt)
    }

    /// What is at a path at which these media were.
    fn look(
        &self,
        path: &Path,
        media: &[BundleMeta],
        identify: Identify<'_>,
    ) -> Result<Now, StoreError> {
        let metadata = fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
        // The stamp first: what is written while the content is looked at changes the next one.
        let Some(stamp) = metadata.and_then(|metadata| FileStamp::of(&metadata).ok()) else {
            return Ok(Now::Absent);
        };
        if self.identity(path, stamp)?.is_some() {
            return Ok(Now::Known);
        }
        if media.iter().all(|meta| meta.facts.size_bytes != stamp.size) {
            return Ok(Now::Changed);
        }
        let Some(id) = identify(path) else { return Ok(Now::Absent) };
        let own = media.iter().find(|meta| meta.media_id == id);
        Ok(own.map_or(Now::Changed, |meta| Now::Found(stamp, Box::new(identity(meta)))))
    }

    fn enter(
        &self,
        found: Vec<(&PathBuf, Result<Now, StoreError>)>,
        rebuilt: &mut Rebuilt,
    ) -> Result<(), StoreError> {
        let database = &self.database;
        let mut connection = database.lock();
        let transaction = connection.transaction().map_err(|error| database.failed(error))?;
        for (path, now) in found {
            match now? {
                Now::Found(stamp, identity) => {
                    insert(&transaction, path, stamp, &identity)
                        .map_err(|error| database.failed(error))?;
                    rebuilt.entered += 1;
                }
                Now::Known => rebuilt.known += 1,
                Now::Absent => rebuilt.absent += 1,
                Now::Changed => rebuilt.changed += 1,
            }
        }
        transaction.commit().map_err(|error| database.failed(error))
    }
}

/// What bundles say of where their media were, and whether all were read.
fn read(
    entries: &[Entry],
    rebuilt: &mut Rebuilt,
    step: &(dyn Fn() -> bool + Sync),
) -> (Said, bool) {
    let said = Mutex::new((Said::new(), 0));
    let all = parallel::each(entries, |entry| {
        let meta = bundle::glance(entry).ok().flatten();
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        match meta {
            Some(meta) => add(&mut said.0, meta),
            None => said.1 += 1,
        }
        drop(said);
        step()
    });
    let (said, unreadable) = said.into_inner().unwrap_or_else(PoisonError::into_inner);
    rebuilt.unreadable = unreadable;
    (said, all)
}

/// Of several bundles of one medium the one with the most facts counts, and of those the latest.
fn add(said: &mut Said, meta: BundleMeta) {
    let worth = |meta: &BundleMeta| (meta.facts.streams.is_some(), meta.created_at);
    let media = said.entry(meta.source_path.clone()).or_default();
    match media.iter_mut().find(|known| known.media_id == meta.media_id) {
        Some(known) if worth(known) < worth(&meta) => *known = meta,
        Some(_) => {}
        None => media.push(meta),
    }
}

fn identity(meta: &BundleMeta) -> Identity {
    let BundleMeta { media_id, hash_str, facts, .. } = meta;
    Identity { media_id: *media_id, hash_str: *hash_str, facts: facts.clone() }
}
