//! The analysis folder: which bundle is where.

use crate::{StoreError, VisualBundle, durable};
use fs_err as fs;
use rushes_model::{MediaId, ModelKey};
use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Folder of ours inside the folder that the user named.
const FOLDER: &str = "rushes";
/// Folder of visual bundles.
const VISUAL: &str = "visual";
/// Folder of damaged files.
const QUARANTINE: &str = "quarantine";
/// End of a visual bundle's name.
const EXTENSION: &str = "rvb";

/// `<cache_dir>/rushes`: one bundle per medium and model at `visual/<model>/<2 digits>/<media id>.rvb`.
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
        Ok(Self { root: cache_dir.join(FOLDER) })
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
        let probe = self.root.join(format!("writable-{:016x}", random()?));
        let written = durable::publish(&probe, |file| file.write_all(b"rushes"));
        let result = written.and_then(|()| fs::remove_file(&probe));
        result.map_err(|error| StoreError::Folder {
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
        let path = self.path_of(&bundle.meta.media_id, &bundle.meta.model_key);
        let encoded = bundle.encode()?;
        durable::publish(&path, |file| encoded.write_to(file))?;
        Ok(path)
    }

    /// All bundles, in order of model and medium. A folder that is not there has none.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn list(&self) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        for model in names_in(&self.root.join(VISUAL))? {
            let Ok(model_key) = model.parse::<ModelKey>() else { continue };
            let folder = self.root.join(VISUAL).join(&model);
            for start in names_in(&folder)? {
                let names = names_in(&folder.join(&start))?;
                let own = |name: &String| self.entry(&start, name, &model_key);
                entries.extend(names.iter().filter_map(own));
            }
        }
        entries.sort_by(|a, b| (&a.model_key, a.media_id).cmp(&(&b.model_key, b.media_id)));
        Ok(entries)
    }

    /// The bundle of a medium and model, if it is there.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn find(
        &self,
        media_id: &MediaId,
        model_key: &ModelKey,
    ) -> Result<Option<Entry>, StoreError> {
        let path = self.path_of(media_id, model_key);
        let found = path.try_exists()?;
        Ok(found.then(|| Entry { media_id: *media_id, model_key: model_key.clone(), path }))
    }

    /// The bundles of a medium, one for each model that made one.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn of_medium(&self, media_id: &MediaId) -> Result<Vec<Entry>, StoreError> {
        let models = names_in(&self.root.join(VISUAL))?;
        let keys = models.iter().filter_map(|model| model.parse::<ModelKey>().ok());
        keys.filter_map(|key| self.find(media_id, &key).transpose()).collect()
    }

    /// Moves a damaged bundle to `quarantine/`, with the reason in a text beside it, and returns its new
    /// place. Nothing is ever deleted.
    ///
    /// # Errors
    /// When it cannot be moved; a bundle that is no longer there counts as moved by somebody else.
    pub fn quarantine(&self, entry: &Entry, reason: &str) -> Result<PathBuf, StoreError> {
        let Entry { media_id, model_key, .. } = entry;
        let name = format!("{}-{media_id}-{:016x}.{EXTENSION}", model_key.as_str(), random()?);
        let to = self.root.join(QUARANTINE).join(name);
        match durable::move_aside(&entry.path, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(to),
            result => result?,
        }
        let text = format!("{}\n{reason}\n", entry.path.display());
        durable::publish(&to.with_extension("txt"), |file| file.write_all(text.as_bytes()))?;
        tracing::warn!(from = %entry.path.display(), to = %to.display(), reason, "bundle quarantined");
        Ok(to)
    }

    /// Removes what dead processes of this machine left unfinished more than a day ago, and returns how
    /// many files that were.
    ///
    /// # Errors
    /// When a folder cannot be read. A leftover that cannot be removed stays.
    pub fn remove_stale_temporaries(&self) -> Result<usize, StoreError> {
        let mut folders = vec![self.root.clone(), self.root.join(QUARANTINE)];
        for model in names_in(&self.root.join(VISUAL))? {
            let folder = self.root.join(VISUAL).join(model);
            folders.extend(names_in(&folder)?.into_iter().map(|start| folder.join(start)));
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

    fn path_of(&self, media_id: &MediaId, model_key: &ModelKey) -> PathBuf {
        let name = media_id.to_string();
        let folder = self.root.join(VISUAL).join(model_key.as_str()).join(&name[..2]);
        folder.join(format!("{name}.{EXTENSION}"))
    }

    /// The entry of a file in folder `start`, if `find` would find it there.
    fn entry(&self, start: &str, name: &str, model_key: &ModelKey) -> Option<Entry> {
        let media_id: MediaId = name.strip_suffix(EXTENSION)?.strip_suffix('.')?.parse().ok()?;
        let path = self.path_of(&media_id, model_key);
        let own = path.ends_with(Path::new(start).join(name));
        own.then(|| Entry { media_id, model_key: model_key.clone(), path })
    }
}

/// Names in a folder that are Unicode, as all of ours are; none if it is no folder.
fn names_in(folder: &Path) -> Result<Vec<String>, StoreError> {
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
