//! What callers ask about faces.

use rushes_faces::Grouping;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Query of `GET /faces/clusters`.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListClustersRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// The collection; all of them when absent.
    pub cluster_job_name: Option<String>,
}

/// Body of `POST /faces/clusters/samples`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ClusterSamplesRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// The collection.
    pub cluster_job_name: String,
    /// The clusters; all of them when absent.
    #[serde(default)]
    pub cluster_ids: Option<Vec<String>>,
    /// At most so many faces of each.
    #[serde(default = "default_samples")]
    #[schema(minimum = 1, maximum = 20, default = 2)]
    pub samples_per_cluster: u32,
}

fn default_samples() -> u32 {
    2
}

/// Body of `POST /faces/clusters/faces`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ClusterFacesRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// The collection.
    pub cluster_job_name: String,
    /// The cluster; all faces, those of no cluster at the end, when absent. `unclustered` means the faces of
    /// no cluster.
    #[serde(default)]
    pub cluster_id: Option<String>,
    /// The clusters, each once. Overrides `cluster_id` unless it is empty.
    #[serde(default)]
    pub cluster_ids: Option<Vec<String>>,
    /// At most so many faces.
    #[serde(default = "default_page")]
    #[schema(minimum = 1, maximum = 2000, default = 500)]
    pub limit: u32,
    /// Faces to pass over first.
    #[serde(default)]
    #[schema(minimum = 0, default = 0)]
    pub offset: u64,
}

fn default_page() -> u32 {
    500
}

/// A name for a cluster.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct NameAssignment {
    /// The cluster.
    pub cluster_id: String,
    /// The name. Empty takes the name away.
    pub name: String,
}

/// Body of `PUT /faces/clusters/names`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct RenameClustersRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// The collection.
    pub cluster_job_name: String,
    /// The names. One name on two clusters makes them one person.
    #[schema(min_items = 1)]
    pub assignments: Vec<NameAssignment>,
}

/// Clusters that are one person.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct MergeClusters {
    /// The clusters whose faces go to the target.
    #[schema(min_items = 1)]
    pub cluster_ids: Vec<String>,
    /// The one that stays, with its name.
    pub target_cluster_id: String,
}

/// Faces that belong to another cluster.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct MoveFaces {
    /// The faces.
    #[schema(min_items = 1)]
    pub face_ids: Vec<String>,
    /// Where they belong. Absent starts a new cluster.
    #[serde(default)]
    pub target_cluster_id: Option<String>,
}

/// Body of `POST /faces/clusters/modify`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ModifyClustersRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// The collection.
    pub cluster_job_name: String,
    /// Merges, which come first.
    #[serde(default)]
    pub merges: Option<Vec<MergeClusters>>,
    /// Moves, which come after them.
    #[serde(default)]
    pub moves: Option<Vec<MoveFaces>>,
}

/// Body of `POST /faces/clusters/undo`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct UndoClustersRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// The collection.
    pub cluster_job_name: String,
}

/// Body of `POST /faces/recluster`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReclusterRequest {
    /// Analysis folder.
    pub cache_dir: String,
    /// The collection.
    pub cluster_job_name: String,
    /// Cosine distance under which two faces are neighbours, on a scale on which the default suits the model;
    /// lower groups more strictly.
    #[serde(default = "default_eps")]
    #[schema(minimum = 0, maximum = 2, default = 0.48)]
    pub eps: f64,
    /// Faces near one another that a person needs; a face that is followed through frames counts for as many.
    #[serde(default = "default_min_samples")]
    #[schema(minimum = 1, maximum = 1000, default = 5)]
    pub min_samples: u32,
    /// Pick both by what the faces of the collection show; `eps` and `min_samples` are not looked at then.
    #[serde(default)]
    #[schema(default = false)]
    pub auto_detect_params: bool,
    /// Take all names away.
    #[serde(default)]
    #[schema(default = false)]
    pub clear_names: bool,
}

fn default_eps() -> f64 {
    Grouping::DEFAULT.eps
}

fn default_min_samples() -> u32 {
    Grouping::DEFAULT.min_samples
}
