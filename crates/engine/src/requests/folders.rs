//! Watch folders.

use super::{AnalyzeRequest, SamplingName, yes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /watch-folders` and `PUT /watch-folders/{id}`: what is absent has its default, also in a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WatchFolderSettings {
    /// The folder whose media are analysed as they come.
    pub path: String,
    /// Analysis folder; made if its parent exists.
    pub cache_dir: String,
    /// Watch the folders in it as well.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub recursive: bool,
    /// Look at the pictures.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub visual: bool,
    /// Listen to the speech.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub speech: bool,
    /// Find faces.
    #[serde(default)]
    #[schema(default = false)]
    pub faces: bool,
    /// The collection that faces go to. Required when `faces` is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_job_name: Option<String>,
    /// BCP 47 or ISO 639-1 code of the speech; found out when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "en")]
    pub language: Option<String>,
    /// Whether it is watched at present.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
    /// Ours: read text in the picture as well.
    #[serde(default)]
    #[schema(default = false)]
    pub ocr: bool,
    /// Ours: `full` looks at every second, `fast` at keyframes only.
    #[serde(default)]
    #[schema(inline, default = "full")]
    pub sampling: SamplingName,
    /// Ours: how new files are noticed.
    #[serde(default)]
    #[schema(inline, default = "auto")]
    pub method: WatchMethod,
}

/// How new files are noticed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WatchMethod {
    /// As the file system needs it.
    #[default]
    Auto,
    /// The system tells. Network file systems do not tell what other machines do.
    Native,
    /// By looking every few seconds.
    Poll,
}

/// Body of `POST /watch-folders/service/pause`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct PauseServiceRequest {
    /// How long; until it is started again when absent.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub seconds: Option<f64>,
}

impl WatchFolderSettings {
    /// The analysis of media of this folder.
    #[must_use]
    pub fn analysis_of(&self, media_paths: Vec<String>) -> AnalyzeRequest {
        AnalyzeRequest {
            visual: self.visual,
            speech: self.speech,
            faces: self.faces,
            cluster_job_name: self.cluster_job_name.clone(),
            language: self.language.clone(),
            sampling: self.sampling,
            ocr: self.ocr,
            ..AnalyzeRequest::of_pictures(self.cache_dir.clone(), media_paths, None)
        }
    }
}
