//! What callers are told about watch folders.

use crate::requests::WatchFolderSettings;
use rushes_store::WatchFailure;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};
use utoipa::ToSchema;

/// Reply of `GET /watch-folders`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WatchFolders {
    /// All, oldest first.
    pub watch_folders: Vec<WatchFolder>,
}

/// A watch folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WatchFolder {
    /// Its id.
    pub id: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: String,
    /// What is watched, and what for.
    #[serde(flatten)]
    pub settings: WatchFolderSettings,
}

/// What the service is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchState {
    /// It is off.
    Stopped,
    /// A file is in work.
    Running,
    /// It ends the file in work, then it is off.
    Stopping,
    /// It was told to wait.
    Paused,
    /// It is on, and no file is in work: there is none, its folder is offline, or somebody's analysis goes first.
    Waiting,
}

/// Reply of `GET /watch-folders/service/status`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WatchStatus {
    /// `running` while a file is in work, `waiting` while the service is on and none is.
    #[schema(value_type = String, pattern = "^(stopped|running|stopping|paused|waiting)$")]
    pub state: WatchState,
    /// The folder of the file in work.
    #[schema(required = true)]
    pub current_folder: Option<String>,
    /// The file in work.
    #[schema(required = true)]
    pub current_file: Option<String>,
    /// Files that are there and not analysed yet, those that failed and are tried again left out.
    pub files_pending: u64,
    /// Files that were analysed, or found analysed, since the server started.
    pub files_processed_this_session: u64,
    /// What went wrong last since the server started.
    #[schema(required = true)]
    pub last_error: Option<String>,
    /// When a pause ends, in Unix seconds.
    #[schema(required = true)]
    pub paused_until: Option<f64>,
    /// For the id of each watch folder what became of its files.
    pub folder_stats: BTreeMap<String, FolderStats>,
}

/// What became of the files of a watch folder.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct FolderStats {
    /// Files that are there and not analysed yet.
    pub pending: u64,
    /// Files that are analysed.
    pub processed: u64,
    /// Files that could not be analysed.
    pub failed: u64,
    /// Ours: why the folder is not watched at present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<String>,
    /// Ours: how new files are noticed, `native` or `poll`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Ours: the files that could not be analysed, the first hundred by name.
    pub failures: Vec<FailedFile>,
}

/// A file of a watch folder that could not be analysed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FailedFile {
    /// The file.
    pub media_path: String,
    /// What went wrong the last time.
    pub message: String,
    /// How many times it was tried.
    pub tries: u32,
    /// Whether it is not tried any more until it changes.
    pub gave_up: bool,
}

impl FailedFile {
    /// So many are told of each folder.
    pub(crate) const MOST: usize = 100;

    /// A file and why it could not be analysed.
    pub(crate) fn of(path: &Path, failure: &WatchFailure) -> Self {
        Self {
            media_path: path.display().to_string(),
            message: failure.reason.clone(),
            tries: failure.tries,
            gave_up: failure.gave_up,
        }
    }
}
