//! Where a search looks: the media of one model, and what each is called.

use crate::{
    intake::Reception,
    library::{LoadedFolder, LoadedMedia, LoadedText},
    models::ModelPool,
};
use rushes_model::{Failure, MediaId, ModelKey};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where a search looks.
pub struct Scope<'a> {
    folder: &'a LoadedFolder,
    reception: &'a Reception,
    /// The media, of one model.
    pub media: Vec<Arc<LoadedMedia>>,
    /// The path that the caller knows each medium by, where it named one.
    named: HashMap<MediaId, PathBuf>,
}

impl<'a> Scope<'a> {
    /// All of a folder that the active model has analysed, or the media that `paths` lead to: files by
    /// their content, wherever they have moved, and folders by what lies below them.
    ///
    /// # Errors
    /// `BadRequest` when the folder holds analyses by other models only.
    pub fn new(
        folder: &'a LoadedFolder,
        models: &ModelPool,
        active: &ModelKey,
        reception: &'a Reception,
        paths: Option<&[PathBuf]>,
    ) -> Result<Self, Failure> {
        let seen = || seen_by(folder, models, active);
        let Some(paths) = paths else {
            folder.load_all()?;
            return Ok(Self { folder, reception, media: seen()?, named: HashMap::new() });
        };
        let folders: Vec<&PathBuf> = paths.iter().filter(|path| path.is_dir()).collect();
        if folder.is_untouched() || folder.is_whole() || !folders.is_empty() {
            folder.load_all()?;
        }
        let named = named(paths, &folder.seen_by(active), reception);
        if !folder.is_whole() {
            named.keys().for_each(|media_id| folder.load_medium(*media_id));
        }
        let mut scope = Self { folder, reception, media: seen()?, named };
        let below = |path: PathBuf| folders.iter().any(|folder| path.starts_with(folder));
        let wanted = |media: &LoadedMedia| {
            scope.named.contains_key(&media.media_id) || below(scope.path_of(media))
        };
        scope.media = scope.media.iter().filter(|media| wanted(media)).cloned().collect();
        Ok(scope)
    }

    /// The path that the caller named, or where the medium was last seen.
    pub fn path_of(&self, media: &LoadedMedia) -> PathBuf {
        let last_seen = || self.reception.last_seen(media.media_id, &media.source);
        self.named.get(&media.media_id).cloned().unwrap_or_else(last_seen)
    }

    /// What was read in a medium, if anything was.
    pub fn text_of(&self, media: &LoadedMedia) -> Option<Arc<LoadedText>> {
        self.folder.text_of(media.media_id)
    }

    /// Leaves out the media that `admits` refuses.
    pub fn narrow(&mut self, admits: impl Fn(&LoadedMedia, &Path) -> bool) {
        let kept = |media: &Arc<LoadedMedia>| admits(media, &self.path_of(media));
        let media = self.media.iter().filter(|media| kept(media)).cloned().collect();
        self.media = media;
    }
}

/// The media that files are, by content or, where a file cannot be read, by where it was analysed.
fn named(
    paths: &[PathBuf],
    all: &[Arc<LoadedMedia>],
    reception: &Reception,
) -> HashMap<MediaId, PathBuf> {
    let mut named = HashMap::new();
    for path in paths {
        let by_source = || all.iter().find(|media| media.source == *path);
        let by_source = || by_source().map(|media| media.media_id);
        if let Some(media_id) = reception.media_id(path).or_else(by_source) {
            named.entry(media_id).or_insert_with(|| path.clone());
        }
    }
    named
}

fn seen_by(
    folder: &LoadedFolder,
    models: &ModelPool,
    active: &ModelKey,
) -> Result<Vec<Arc<LoadedMedia>>, Failure> {
    let media = folder.seen_by(active);
    let others = folder.models();
    if media.is_empty() && !others.is_empty() {
        return Err(models.analysed_by_others(active, &others));
    }
    Ok(media)
}
