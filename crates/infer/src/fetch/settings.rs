//! Where files of the model hub may come from.

use crate::registry::HubSource;
use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

/// The model hub unless `HF_ENDPOINT` names a mirror of it.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// How the model hub is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address in front of `/<repo>/resolve/<revision>/<path>`, without a final slash.
    pub endpoint: String,
    /// Never use the network for hub files.
    pub offline: bool,
    /// Sent to the endpoint and, by redirect, to no other host.
    pub token: Option<String>,
    /// Folders that are looked into before the network. Either `<folder>/<repo>/<path>` or the layout
    /// of the hub's own cache, `<folder>/hub/models--<owner>--<name>/snapshots/<revision>/<path>`.
    pub folders: Vec<PathBuf>,
    /// Tries in a row that bring nothing before a file is given up.
    pub tries: u32,
    /// Wait before the second try; each further wait is twice as long, up to half a minute.
    pub retry_delay: Duration,
    /// Silence after which a connection is given up.
    pub stall: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: DEFAULT_ENDPOINT.to_owned(),
            offline: false,
            token: None,
            folders: Vec::new(),
            tries: 5,
            retry_delay: Duration::from_secs(1),
            stall: Duration::from_secs(20),
        }
    }
}

/// Without the token, which must not get into logs.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("endpoint", &self.endpoint)
            .field("offline", &self.offline)
            .field("folders", &self.folders)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// The defaults and what the environment says: `HF_ENDPOINT`, `HF_HUB_OFFLINE`, `HF_TOKEN`, and the
    /// folders `RUSHES_HUB_FOLDER` and `HF_HOME`.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// As [`Settings::from_env`], with another source of the variables.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| lookup(name).filter(|value| !value.trim().is_empty());
        // The words that the hub's own Python client takes for yes.
        let is_yes =
            |value: String| ["1", "ON", "YES", "TRUE"].contains(&value.to_uppercase().as_str());
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
        Self {
            endpoint: endpoint.trim().trim_end_matches('/').to_owned(),
            offline: set("HF_HUB_OFFLINE").is_some_and(is_yes),
            token: set("HF_TOKEN").map(|token| token.trim().to_owned()),
            folders: ["RUSHES_HUB_FOLDER", "HF_HOME"]
                .into_iter()
                .filter_map(|name| set(name).map(PathBuf::from))
                .collect(),
            ..Self::default()
        }
    }

    pub(super) fn url(&self, source: &HubSource) -> String {
        format!("{}/{}/resolve/{}/{}", self.endpoint, source.repo, source.revision, source.path)
    }

    /// The file in the first folder that has it.
    pub(super) fn local_copy(&self, source: &HubSource) -> Option<PathBuf> {
        self.folders
            .iter()
            .flat_map(|folder| [plain_path(folder, source), cache_path(folder, source)])
            .find(|path| path.is_file())
    }
}

fn plain_path(folder: &Path, source: &HubSource) -> PathBuf {
    folder.join(&source.repo).join(&source.path)
}

fn cache_path(folder: &Path, source: &HubSource) -> PathBuf {
    let repo = format!("models--{}", source.repo.replace('/', "--"));
    folder.join("hub").join(repo).join("snapshots").join(&source.revision).join(&source.path)
}
