//! Which models there are, what they need, and where their files come from and lie.
//!
//! The [`Registry`] holds [`Entry`]s: those compiled in from `models.toml` and those of a user's own
//! file of the same form. Each names its [`ModelFile`]s, pinned by size and SHA-256, with the
//! [`Source`] that has them. A [`ModelFolder`] says where they lie on disk and which are missing.
//!
//! ```
//! use rushes_infer::registry::Registry;
//!
//! let registry = Registry::builtin()?;
//! let closure = registry.closure(&"clip-b32".parse()?)?;
//! let keys: Vec<&str> = closure.iter().map(|entry| entry.key.as_str()).collect();
//! assert_eq!(keys, ["clip-b32", "onnxruntime", "clip-vocabulary"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checks;
mod digest;
mod entry;
mod folder;

pub use digest::{ParseDigestError, Sha256Digest};
pub use entry::{
    Entry, Family, HubSource, Kind, ModelFile, PackageForm, PackageRegistry, PackageSource, Source,
};
pub use folder::ModelFolder;

use rushes_model::ModelKey;
use serde::Deserialize;
use std::{collections::HashSet, path::Path};

const BUILTIN: &str = include_str!("../../models.toml");

/// All models and components that are known, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Registry {
    entries: Vec<Entry>,
}

/// A registry file that cannot be used, or a key that is in none.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file is not TOML of the expected form.
    #[error("{origin} is not a registry of models: {reason}")]
    Parse {
        /// The file, or `models.toml` for the one compiled in.
        origin: String,
        /// What the parser said, with the line.
        reason: String,
    },
    /// A value of an entry cannot be right.
    #[error("{origin}: entry {key}: {reason}")]
    Invalid {
        /// The file.
        origin: String,
        /// The entry.
        key: ModelKey,
        /// Which value, and what it must be.
        reason: String,
    },
    /// Two entries have the same key.
    #[error("{origin}: the key {key} is taken; give the entry another one")]
    Duplicate {
        /// The file of the second entry.
        origin: String,
        /// The key.
        key: ModelKey,
    },
    /// An entry requires what is in no registry.
    #[error("{origin}: entry {key} requires {requires}, which is in no registry")]
    UnknownRequirement {
        /// The file.
        origin: String,
        /// The entry.
        key: ModelKey,
        /// The absent requirement.
        requires: ModelKey,
    },
    /// Entries require each other in a circle.
    #[error("{origin}: entry {key} requires itself, directly or through others")]
    Cycle {
        /// The file.
        origin: String,
        /// An entry of the circle.
        key: ModelKey,
    },
    /// The key is in no registry.
    #[error("there is no model {key}; `rushes models list` shows those that there are")]
    UnknownKey {
        /// The key.
        key: ModelKey,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistryFile {
    #[serde(default)]
    entry: Vec<Entry>,
}

impl Registry {
    /// The entries compiled in, with the files for this machine's platform.
    ///
    /// # Errors
    /// When `models.toml` was wrong at build time, which a test rules out.
    pub fn builtin() -> Result<Self, RegistryError> {
        Self { entries: Vec::new() }.extended(BUILTIN, "models.toml")
    }

    /// This registry and the entries of a user's file, whose keys must be new.
    ///
    /// # Errors
    /// When the file cannot be read or an entry cannot be right.
    pub fn with_user_file(self, path: &Path) -> Result<Self, RegistryError> {
        let text = fs_err::read_to_string(path)?;
        self.extended(&text, &path.display().to_string())
    }

    fn extended(mut self, text: &str, origin: &str) -> Result<Self, RegistryError> {
        let file: RegistryFile = toml::from_str(text).map_err(|error| RegistryError::Parse {
            origin: origin.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })?;
        let known = self.entries.len();
        for mut entry in file.entry {
            entry.keep_this_platform();
            self.entries.push(entry);
        }
        checks::check(&self.entries, known, origin)?;
        Ok(self)
    }

    /// All entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry with this key.
    ///
    /// # Errors
    /// [`RegistryError::UnknownKey`] when there is none.
    pub fn get(&self, key: &ModelKey) -> Result<&Entry, RegistryError> {
        self.entries
            .iter()
            .find(|entry| entry.key == *key)
            .ok_or_else(|| RegistryError::UnknownKey { key: key.clone() })
    }

    /// The models that search pictures by words.
    pub fn visual(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.kind == Kind::Visual)
    }

    /// The entry, then everything that it requires, each once.
    ///
    /// # Errors
    /// [`RegistryError::UnknownKey`] when there is no such entry.
    pub fn closure(&self, key: &ModelKey) -> Result<Vec<&Entry>, RegistryError> {
        let mut closure = vec![self.get(key)?];
        let mut seen = HashSet::from([key]);
        let mut next = 0;
        while let Some(entry) = closure.get(next).copied() {
            for required in &entry.requires {
                if seen.insert(required) {
                    closure.push(self.get(required)?);
                }
            }
            next += 1;
        }
        Ok(closure)
    }
}
