//! What can go wrong between a registry entry and a file on disk.

use crate::registry::{RegistryError, Sha256Digest};
use rushes_model::ModelKey;
use std::{io, path::PathBuf};

/// A pull that did not get all files.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The key is in no registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// All files of the entry are for other machines.
    #[error("{key} has no files for this operating system and processor")]
    Platform {
        /// The entry.
        key: ModelKey,
    },
    /// The caller stopped the pull.
    #[error("the download was cancelled; pulling again goes on where it stopped")]
    Cancelled,
    /// Only the model hub has the file, and it may not be asked.
    #[error(
        "{file} of {repo} is in no local folder and HF_HUB_OFFLINE forbids the network. Unset it, or \
         put the file into RUSHES_HUB_FOLDER/{repo}/{path}."
    )]
    Offline {
        /// Name of the file in the models folder.
        file: String,
        /// Repository on the hub.
        repo: String,
        /// Path inside the repository.
        path: String,
    },
    /// The server refused.
    #[error("{url} answered with status {status}: {}", hint(*.status))]
    Http {
        /// Address asked.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// There is no server at the address.
    #[error(
        "{url} cannot be reached ({reason}). Check the network and HF_ENDPOINT, and pull again."
    )]
    Unreachable {
        /// Address asked.
        url: String,
        /// What happened.
        reason: String,
    },
    /// A connection that did not last, or an answer that makes no sense.
    #[error(
        "{url} could not be read ({reason}). Check the network; pulling again goes on where this \
         stopped."
    )]
    Network {
        /// Address asked.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The source has another file than the registry means.
    #[error("{from} has {found} bytes where the registry says {expected}. Nothing was kept of it.")]
    WrongSize {
        /// Address, archive or file.
        from: String,
        /// Size in the registry.
        expected: u64,
        /// Size found, or found so far.
        found: u64,
    },
    /// The bytes are not those that the registry means.
    #[error(
        "{from} has the SHA-256 {found} where the registry says {expected}. The download was removed; \
         pull again, and if it stays so do not trust the source."
    )]
    WrongHash {
        /// Address, archive or file.
        from: String,
        /// Digest in the registry.
        expected: Sha256Digest,
        /// Digest of what came.
        found: Sha256Digest,
    },
    /// The models folder's disk cannot take the files.
    #[error("{} has {free} bytes free and the files need {needed}. Free some space and pull again.", .path.display())]
    NoSpace {
        /// The models folder.
        path: PathBuf,
        /// Bytes to fetch.
        needed: u64,
        /// Bytes that a user may write.
        free: u64,
    },
    /// The disk became full on the way.
    #[error("the disk is full ({0}). Free some space; pulling again goes on where this stopped.")]
    DiskFull(io::Error),
    /// The registry's client did not bring the package.
    #[error("the package {requirement} could not be fetched: {reason}")]
    Package {
        /// `name==version`.
        requirement: String,
        /// What the client said.
        reason: String,
    },
    /// A package's archive is broken or lacks the file.
    #[error("{} is not the archive that the registry means: {reason}", .path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading or writing in the models folder failed.
    #[error(transparent)]
    Io(io::Error),
}

impl FetchError {
    /// Whether trying again at once may help.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Network { .. } | Self::Unreachable { .. } => true,
            Self::Http { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        }
    }
}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(error),
            _ => Self::Io(error),
        }
    }
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => "it wants a token that may read this repository; set HF_TOKEN",
        404 | 410 => "it does not have this file; check HF_ENDPOINT and the registry entry",
        408 | 425 | 429 | 500..=599 => "it cannot serve now; try again later",
        _ => "this is no answer of a model hub; check HF_ENDPOINT",
    }
}
