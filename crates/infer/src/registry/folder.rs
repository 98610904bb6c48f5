//! The folder that models lie in: `<folder>/<entry's key>/<file name>`.

use super::{Entry, ModelFile, Sha256Digest};
use rushes_model::ModelKey;
use std::{
    io,
    path::{Path, PathBuf},
};

/// Where models lie on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFolder {
    folder: PathBuf,
}

impl ModelFolder {
    /// The folder need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The folder of one entry.
    #[must_use]
    pub fn entry_path(&self, key: &ModelKey) -> PathBuf {
        self.folder.join(key.as_str())
    }

    /// Where a file of an entry lies or will lie.
    #[must_use]
    pub fn path_of(&self, entry: &Entry, file: &str) -> PathBuf {
        self.entry_path(&entry.key).join(file)
    }

    /// Files that are absent or of another size. Fast enough for every start: contents are not read.
    #[must_use]
    pub fn missing<'a>(&self, entry: &'a Entry) -> Vec<&'a ModelFile> {
        let is_missing = |file: &&ModelFile| !self.has_size(entry, file);
        entry.files.iter().filter(is_missing).collect()
    }

    /// Whether every file is there with its size.
    #[must_use]
    pub fn is_complete(&self, entry: &Entry) -> bool {
        self.missing(entry).is_empty()
    }

    /// Files that are absent or differ from their SHA-256. Reads every byte.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn verify<'a>(&self, entry: &'a Entry) -> io::Result<Vec<&'a ModelFile>> {
        let mut wrong = Vec::new();
        for file in &entry.files {
            if self.matches(entry, file, &|| false)? == Some(false) {
                wrong.push(file);
            }
        }
        Ok(wrong)
    }

    /// Whether a file is there with its size and SHA-256; `None` when cancelled.
    pub(crate) fn matches(
        &self,
        entry: &Entry,
        file: &ModelFile,
        cancelled: &dyn Fn() -> bool,
    ) -> io::Result<Option<bool>> {
        if !self.has_size(entry, file) {
            return Ok(Some(false));
        }
        let digest = Sha256Digest::of_file(&self.path_of(entry, &file.name), cancelled)?;
        Ok(digest.map(|digest| digest == file.sha256))
    }

    fn has_size(&self, entry: &Entry, file: &ModelFile) -> bool {
        fs_err::metadata(self.path_of(entry, &file.name))
            .is_ok_and(|facts| facts.is_file() && facts.len() == file.bytes)
    }
}
