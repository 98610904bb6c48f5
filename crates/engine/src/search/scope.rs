//! Where a search looks: the media of one model or those that were heard, and what each is called.

use crate::{
    intake::Reception,
    library::{LoadedFolder, LoadedMedia, LoadedText, LoadedTranscript},
    models::ModelPool,
};
use rushes_model::{Failure, MediaId, ModelKey};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The media that a caller names, and what it calls them.
pub struct Named<'a> {
    reception: &'a Reception,
    /// Rank and path of each medium that a file is; `None` where all media are meant.
    files: Option<HashMap<MediaId, (usize, PathBuf)>>,
    folders: Vec<PathBuf>,
}

impl<'a> Named<'a> {
    /// All media, or those that `paths` lead to: files by their content, wherever they have moved, or, where
    /// a file cannot be read, by where it was analysed; folders by what lies below them.
    pub fn new<'s>(
        reception: &'a Reception,
        paths: Option<&[PathBuf]>,
        analysed: impl Iterator<Item = (MediaId, &'s Path)> + Clone,
    ) -> Self {
        let paths_or_none = paths.unwrap_or_default();
        let folders = paths_or_none.iter().filter(|path| path.is_dir()).cloned().collect();
        let files = paths.map(|paths| {
            let mut files = HashMap::new();
            for (rank, path) in paths.iter().enumerate() {
                let by_source = || analysed.clone().find(|(_, source)| source == path);
                let by_source = || by_source().map(|(media_id, _)| media_id);
                if let Some(media_id) = reception.media_id(path).or_else(by_source) {
                    files.entry(media_id).or_insert_with(|| (rank, path.clone()));
                }
            }
            files
        });
        Self { reception, files, folders }
    }

    fn file(&self, media_id: MediaId) -> Option<&(usize, PathBuf)> {
        self.files.as_ref()?.get(&media_id)
    }

    /// The path that the caller named, or where the medium was last seen.
    pub fn path_of(&self, media_id: MediaId, source: &Path) -> PathBuf {
        let named = self.file(media_id).map(|(_, path)| path.clone());
        named.unwrap_or_else(|| self.reception.last_seen(media_id, source))
    }

    /// Whether single files are meant, rather than folders or everything.
    fn is_of_files(&self) -> bool {
        self.files.is_some() && self.folders.is_empty()
    }

    /// Where a medium stands among others: as it was named, then by where it was analysed.
    pub fn order(&self, media_id: MediaId, source: &Path) -> (usize, PathBuf) {
        let rank = self.file(media_id).map_or(usize::MAX, |(rank, _)| *rank);
        (rank, source.to_owned())
    }

    /// Whether a medium is meant.
    pub fn holds(&self, media_id: MediaId, source: &Path) -> bool {
        let Some(files) = &self.files else { return true };
        let below = |path: PathBuf| self.folders.iter().any(|folder| path.starts_with(folder));
        files.contains_key(&media_id)
            || !self.folders.is_empty() && below(self.path_of(media_id, source))
    }
}

/// Where a search looks.
pub struct Scope<'a> {
    folder: &'a LoadedFolder,
    named: Named<'a>,
    /// The media, of one model.
    pub media: Vec<Arc<LoadedMedia>>,
    /// What is said in them, if the search listens.
    heard: HashMap<MediaId, Arc<LoadedTranscript>>,
}

impl<'a> Scope<'a> {
    /// All of a folder that the active model has analysed, or the media that `paths` lead to.
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
        let all = paths.is_none_or(|paths| paths.iter().any(|path| path.is_dir()));
        if all || folder.is_untouched() || folder.is_whole() {
            folder.load_all()?;
        }
        let before = folder.seen_by(active);
        let sources = before.iter().map(|media| (media.media_id, &*media.source));
        let named = Named::new(reception, paths, sources);
        if !folder.is_whole() {
            let files = named.files.iter().flat_map(HashMap::keys);
            files.for_each(|media_id| folder.load_medium(*media_id));
        }
        let mut media = seen_by(folder, models, active)?;
        media.retain(|media| named.holds(media.media_id, &media.source));
        Ok(Self { folder, named, media, heard: HashMap::new() })
    }

    /// Has the search listen as well: to the transcripts by this model or, where it has none of a medium,
    /// by another one.
    ///
    /// # Errors
    /// `CacheDir` when the folder cannot be listed.
    pub fn listen(&mut self, preferred: Option<&ModelKey>) -> Result<(), Failure> {
        if self.named.is_of_files() {
            self.media.iter().for_each(|media| self.folder.load_transcripts_of(media.media_id));
        } else {
            self.folder.load_transcripts_again()?;
        }
        let all = self.folder.heard(preferred).into_iter();
        self.heard = all.map(|one| (one.place().0, one)).collect();
        Ok(())
    }

    /// The path that the caller named, or where the medium was last seen.
    pub fn path_of(&self, media: &LoadedMedia) -> PathBuf {
        self.named.path_of(media.media_id, &media.source)
    }

    /// What was read in a medium, if anything was.
    pub fn text_of(&self, media: &LoadedMedia) -> Option<Arc<LoadedText>> {
        self.folder.text_of(media.media_id)
    }

    /// What is said in a medium, if the search listens and anybody speaks.
    pub fn transcript_of(&self, media: &LoadedMedia) -> Option<&Arc<LoadedTranscript>> {
        self.heard.get(&media.media_id)
    }

    /// Leaves out the media that `admits` refuses.
    pub fn narrow(&mut self, admits: impl Fn(&LoadedMedia, &Path) -> bool) {
        let kept = |media: &Arc<LoadedMedia>| admits(media, &self.path_of(media));
        let media = self.media.iter().filter(|media| kept(media)).cloned().collect();
        self.media = media;
    }
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
