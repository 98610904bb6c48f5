//! Tasks and their progress, as the contract's `Task` schema and Socket.IO event name them.

use crate::TaskId;
use serde::{Deserialize, Serialize};

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Analysis of media.
    Analyze,
    /// A new clustering of faces.
    Recluster,
    /// Fetching and loading of a model.
    LoadModel,
    /// Cutting of clips.
    ExportClips,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// Waiting for its turn.
    Queued,
    /// At work.
    Running,
    /// Ended, with or without errors of single files.
    Completed,
    /// Stopped by request.
    Cancelled,
    /// Ended early by an error of the whole task.
    Failed,
}

impl TaskState {
    /// Whether the task is over.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed)
    }
}

/// What went wrong with one file while the task went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileError {
    /// The file, as the request named it or as a walked folder gave it.
    pub media_path: String,
    /// What happened and what to do.
    pub message: String,
}

/// One progress event. Fields and their meaning are the contract's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The task.
    pub task_id: TaskId,
    /// What is being processed: `video`, `speech`, `faces`, `recluster`, `model` or `export`.
    #[serde(rename = "type")]
    pub kind: String,
    /// True exactly once, in the last event.
    pub done: bool,
    /// 0 to 1 over the whole task, never falling.
    pub progress: f64,
    /// Where the task stands.
    pub state: TaskState,
    /// The file in work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_path: Option<String>,
    /// Files that the task covers.
    pub files_total: u64,
    /// Files that are finished, skipped or failed.
    pub files_done: u64,
    /// 0 to 1 within the file in work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_progress: Option<f64>,
    /// Media seconds per wall second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// Seconds to the end at the present speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<f64>,
    /// What went wrong with `media_path`; the task goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// A sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
