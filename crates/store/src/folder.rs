//! The analysis folder: which bundle is where.

mod examine;
mod report;
mod survey;

pub use report::{DamagedBundle, DamagedJournal, Examined, Repaired, Report, Sound};

use crate::{
    BundleMeta, FaceBundle, SpeechBundle, StoreError, TextBundle, VisualBundle, bundle::Encoded,
    durable,
};
use fs_err as fs;
use rushes_model::{MediaId, ModelKey};
use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Folder of ours inside the folder that the user named.
const FOLDER: &str = "rushes";
/// Folder of damaged files.
const QUARANTINE: &str = "quarantine";
/// Folder of journals.
pub(crate) const JOURNAL: &str = "journal";
/// Folder of claims.
pub(crate) const CLAIMS: &str = "claims";

/// What an analysis is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Analysis {
    /// What is seen: [`VisualBundle`]s.
    Visual,
    /// What can be read: [`TextBundle`]s.
    Text,
    /// What is said: [`SpeechBundle`]s.
    Speech,
    /// Who is seen: [`FaceBundle`]s.
    Faces,
}

impl Analysis {
    /// Every one that there is.
    pub const ALL: [Self; 4] = [Self::Visual, Self::Text, Self::Speech, Self::Faces];

    /// Folder of its bundles.
    fn folder(self) -> &'static str {
        match self {
            Self::Visual => "visual",
            Self::Text => "text",
            Self::Speech => "speech",
            Self::Faces => "faces",
        }
    }

    /// End of their names.
    fn extension(self) -> &'static str {
        match self {
            Self::Visual => "rvb",
            Self::Text => "rtb",
            Self::Speech => "rsb",
            Self::Faces => "rfb",
        }
    }
}

/// `<cache_dir>/rushes`: one bundle per medium and model, such as
/// `visual/<model>/<2 digits>/<media id>.rvb`.
///
/// Names come from hashes only. Nothing is made before something is published, and files that are not
/// ours or not finished are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalysisFolder {
    root: PathBuf,
}

/// A bundle that is there; whether it is whole, opening it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub analysis: Analysis,
    /// The medium that it is of.
    pub media_id: MediaId,
    /// The model that made it.
    pub model_key: ModelKey,
    /// The file.
    pub path: PathBuf,
}

impl AnalysisFolder {
    /// Looks at the folder that the user named, without changing anything. It may be missing if the
    /// folder above it is there.
    ///
    /// # Errors
    /// When the path is relative, a file, or under a folder that is not there.
    pub fn open(cache_dir: &Path) -> Result<Self, StoreError> {
        let refuse = |reason: &str| {
            Err(StoreError::Folder { path: cache_dir.to_owned(), reason: reason.to_owned() })
        };
        if !cache_dir.is_absolute() {
            return refuse("the path is relative. Give the whole path.");
        }
        let is_folder = |path: &Path| fs::metadata(path).map(|metadata| metadata.is_dir());
        match is_folder(cache_dir) {
            Ok(true) => {}
            Ok(false) => return refuse("it is a file. Name a folder."),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !cache_dir.parent().is_some_and(|above| is_folder(above).unwrap_or(false)) {
                    return refuse(
                        "neither it nor the folder above it is there. Connect the disk or make the folder.",
                    );
                }
            }
            Err(error) => return refuse(&error.to_string()),
        }
        Ok(Self { root: Self::root_in(cache_dir) })
    }

    /// Where the analysis folder of a folder that the user named is, or would be.
    #[must_use]
    pub fn root_in(cache_dir: &Path) -> PathBuf {
        cache_dir.join(FOLDER)
    }

    /// `<cache_dir>/rushes`, which need not be there.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the folder and writes, syncs and removes a file in it, so that a long analysis does not
    /// fail at its end.
    ///
    /// # Errors
    /// When any of that fails; the message names the path.
    pub fn ensure_writable(&self) -> Result<(), StoreError> {
        // A temporary name, so that a probe that cannot be removed is swept up like any leftover.
        let probe = durable::temporary_name(&self.root.join("writable"))?;
        let written = durable::publish(&probe, |file| file.write_all(b"rushes"));
        // Also one whose folder could not be synced is there.
        let removed = durable::remove(&probe);
        written.and(removed).map_err(|error| StoreError::Folder {
            path: self.root.clone(),
            reason: format!(
                "it cannot be written to ({error}). Choose another or free some space."
            ),
        })
    }

    /// Stores a bundle under its medium and model, in place of an earlier one, and returns where.
    ///
    /// # Errors
    /// When the bundle does not fit together or writing fails; an earlier bundle is untouched then.
    pub fn publish(&self, bundle: &VisualBundle) -> Result<PathBuf, StoreError> {
        self.write(Analysis::Visual, &bundle.meta, &bundle.encode()?)
    }

    /// The same for a bundle of text.
    ///
    /// # Errors
    /// As [`AnalysisFolder::publish`].
    pub fn publish_text(&self, bundle: &TextBundle) -> Result<PathBuf, StoreError> {
        self.write(Analysis::Text, &bundle.meta, &bundle.encode()?)
    }

    /// The same for a bundle of speech.
    ///
    /// # Errors
    /// As [`AnalysisFolder::publish`].
    pub fn publish_speech(&self, bundle: &SpeechBundle) -> Result<PathBuf, StoreError> {
        self.write(Analysis::Speech, &bundle.meta, &bundle.encode()?)
    }

    /// The same for a bundle of faces.
    ///
    /// # Errors
    /// As [`AnalysisFolder::publish`].
    pub fn publish_faces(&self, bundle: &FaceBundle) -> Result<PathBuf, StoreError> {
        self.write(Analysis::Faces, &bundle.meta, &bundle.encode()?)
    }

    fn write(
        &self,
        analysis: Analysis,
        meta: &BundleMeta,
        encoded: &Encoded<'_>,
    ) -> Result<PathBuf, StoreError> {
        let path = self.path_of(analysis, &meta.media_id, &meta.model_key);
        durable::publish(&path, |file| encoded.write_to(file))?;
        Ok(path)
    }

    /// All bundles of an analysis, in order of model and medium. A folder that is not there has none.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn list(&self, analysis: Analysis) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        for model in self.models(analysis)? {
            let folder = self.root.join(analysis.folder()).join(model.as_str());
            for start in names_in(&folder)? {
                let names = names_in(&folder.join(&start))?;
                let own = |name: &String| self.entry(analysis, &start, name, &model);
                entries.extend(names.iter().filter_map(own));
            }
        }
        entries.sort_by(|a, b| (&a.model_key, a.media_id).cmp(&(&b.model_key, b.media_id)));
        Ok(entries)
    }

    /// The models that have a folder of this analysis.
    fn models(&self, analysis: Analysis) -> Result<Vec<ModelKey>, StoreError> {
        let names = names_in(&self.root.join(analysis.folder()))?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// The bundle of a medium and model, if it is there.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn find(
        &self,
        analysis: Analysis,
        media_id: &MediaId,
        model_key: &ModelKey,
    ) -> Result<Option<Entry>, StoreError> {
        let path = self.path_of(analysis, media_id, model_key);
        let found = path.try_exists()?;
        let (media_id, model_key) = (*media_id, model_key.clone());
        Ok(found.then_some(Entry { analysis, media_id, model_key, path }))
    }

    /// The bundles of a medium, one for each model that made one.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn of_medium(
        &self,
        analysis: Analysis,
        media_id: &MediaId,
    ) -> Result<Vec<Entry>, StoreError> {
        let models = self.models(analysis)?;
        models.iter().filter_map(|key| self.find(analysis, media_id, key).transpose()).collect()
    }

    /// Moves a damaged bundle to `quarantine/`, with the reason in a text beside it, and returns its new
    /// place. Nothing is ever deleted.
    ///
    /// # Errors
    /// When it cannot be moved; a bundle that is no longer there counts as moved by somebody else.
    pub fn quarantine(&self, entry: &Entry, reason: &str) -> Result<PathBuf, StoreError> {
        let Entry { analysis, media_id, model_key, .. } = entry;
        let extension = analysis.extension();
        let name = format!("{}-{media_id}-{:016x}.{extension}", model_key.as_str(), random()?);
        let to = self.root.join(QUARANTINE).join(name);
        let note = self.note(&to, &format!("{}\n{reason}\n", entry.path.display()))?;
        if let Err(error) = durable::move_aside(&entry.path, &to) {
            if !to.exists() {
                drop(durable::remove(&note));
            }
            return if error.kind() == io::ErrorKind::NotFound {
                Ok(to)
            } else {
                Err(error.into())
            };
        }
        tracing::warn!(from = %entry.path.display(), to = %to.display(), reason, "bundle quarantined");
        Ok(to)
    }

    /// Keeps a copy of a damaged file that is about to be mended in `quarantine/`, with the reason beside it.
    pub(crate) fn keep_damaged(
        &self,
        name: &str,
        bytes: &[u8],
        reason: &str,
    ) -> Result<(), StoreError> {
        let name = format!("{:016x}-{name}", random()?);
        let to = self.root.join(QUARANTINE).join(name);
        let note = self.note(&to, &format!("{reason}\n"))?;
        durable::publish(&to, |file| file.write_all(bytes))
            .inspect_err(|_| drop(durable::remove(&note)))?;
        tracing::warn!(copy = %to.display(), reason, "damaged file kept");
        Ok(())
    }

    /// Writes the text that says why a file is in quarantine. It comes first, so that whatever fails, nothing
    /// lies there without one.
    fn note(&self, of: &Path, text: &str) -> io::Result<PathBuf> {
        let note = of.with_extension("txt");
        durable::publish(&note, |file| file.write_all(text.as_bytes()))?;
        Ok(note)
    }

    /// Removes what dead processes of this machine left unfinished more than a day ago, and returns how
    /// many files that were.
    ///
    /// # Errors
    /// When a folder cannot be read. A leftover that cannot be removed stays.
    pub fn remove_stale_temporaries(&self) -> Result<usize, StoreError> {
        let mut folders = vec![self.root.clone()];
        folders.extend([QUARANTINE, JOURNAL].map(|name| self.root.join(name)));
        for analysis in Analysis::ALL {
            for model in self.models(analysis)? {
                let folder = self.root.join(analysis.folder()).join(model.as_str());
                folders.extend(names_in(&folder)?.into_iter().map(|start| folder.join(start)));
            }
        }
        let now = SystemTime::now();
        let mut removed = 0;
        for folder in folders {
            let paths = names_in(&folder)?.into_iter().map(|name| folder.join(name));
            let stale = |path: &PathBuf| durable::remove_if_stale(path, now).unwrap_or(false);
            removed += paths.filter(stale).count();
        }
        Ok(removed)
    }

    fn path_of(&self, analysis: Analysis, media_id: &MediaId, model_key: &ModelKey) -> PathBuf {
        let name = media_id.to_string();
        let folder = self.root.join(analysis.folder()).join(model_key.as_str()).join(&name[..2]);
        folder.join(format!("{name}.{}", analysis.extension()))
    }

    /// The entry of a file in folder `start`, if `find` would find it there.
    fn entry(
        &self,
        analysis: Analysis,
        start: &str,
        name: &str,
        model_key: &ModelKey,
    ) -> Option<Entry> {
        let stem = name.strip_suffix(analysis.extension())?.strip_suffix('.')?;
        let media_id: MediaId = stem.parse().ok()?;
        let path = self.path_of(analysis, &media_id, model_key);
        let own = path.ends_with(Path::new(start).join(name));
        own.then(|| Entry { analysis, media_id, model_key: model_key.clone(), path })
    }
}

/// Names in a folder that are Unicode, as all of ours are; none if it is no folder.
pub(crate) fn names_in(folder: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(Vec::new());
        }
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok());
    }
    Ok(names)
}

fn random() -> Result<u64, StoreError> {
    getrandom::u64().map_err(|error| io::Error::other(error).into())
}
