//! What the ledger keeps of tasks, as JSON.

use crate::replies::ExportedClip;
use rushes_model::{ErrorCode, Failure, FileError, TaskKind, TaskState};
use rushes_store::StoreError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// How much a task matters: the smaller goes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// A person asked for it and waits.
    #[default]
    Person,
    /// A watch folder brought it.
    Folder,
}

/// What was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asked {
    /// What the task does.
    pub kind: TaskKind,
    /// The contract's `type` of its events.
    pub event: String,
    /// The body of the request.
    request: Value,
    /// Who waits for it.
    #[serde(default)]
    pub urgency: Urgency,
    /// The watch folder that brought it.
    #[serde(default)]
    pub watch_folder: Option<String>,
}

impl Asked {
    /// A person's request.
    #[must_use]
    pub fn new(kind: TaskKind, event: &str, request: &impl Serialize) -> Self {
        // Requests are structures of texts and numbers, which JSON always holds.
        let request = serde_json::to_value(request).unwrap_or_default();
        let (urgency, watch_folder) = (Urgency::Person, None);
        Self { kind, event: event.to_owned(), request, urgency, watch_folder }
    }

    /// The same, brought by a watch folder.
    #[must_use]
    pub fn by_folder(self, id: &str) -> Self {
        Self { urgency: Urgency::Folder, watch_folder: Some(id.to_owned()), ..self }
    }

    /// Lets go of what is not needed once the task is over: a request may name a hundred thousand files.
    pub fn forget_request(&mut self) {
        self.request = Value::Null;
    }

    /// The request.
    ///
    /// # Errors
    /// When it was kept by a version whose requests were different.
    pub fn request<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        T::deserialize(&self.request).map_err(|error| {
            let message = format!("kept by another version of Rushes ({error}); ask for it again");
            Failure::new(ErrorCode::Internal, message)
        })
    }
}

/// What became of a part of a task.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PartOutcome {
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<FileError>,
    /// The clip that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<ExportedClip>,
    /// Size in bytes of a clip that is whole and about to get its name. Between the name and what is kept of it the
    /// process may end, and the next one must not cut the clip again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about_to_be_named: Option<u64>,
}

impl PartOutcome {
    /// That it failed.
    #[must_use]
    pub fn failed(error: FileError) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    /// Whether the part is done: a clip that was about to get its name has it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let Some(bytes) = self.about_to_be_named else { return true };
        let there = self.clip.as_ref().map(|clip| fs_err::metadata(&clip.output_path));
        there.is_some_and(|there| there.is_ok_and(|there| there.len() == bytes))
    }
}

/// How a task ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ending {
    /// How.
    pub state: TaskState,
    /// In a sentence.
    pub message: String,
    /// Files that it covered.
    pub files_total: u64,
    /// Files that were finished, skipped or failed.
    pub files_done: u64,
    /// What went wrong with single files.
    pub errors: Vec<FileError>,
    /// Clips that it wrote.
    pub clips: Vec<ExportedClip>,
}

/// As the ledger has it.
pub fn written(value: &impl Serialize) -> String {
    // Structures of texts and numbers, which JSON always holds.
    serde_json::to_string(value).unwrap_or_default()
}

/// A failure to keep a task, as callers are told it.
pub fn not_kept(error: StoreError) -> Failure {
    Failure::new(ErrorCode::Internal, format!("the task cannot be kept: {error}"))
}
