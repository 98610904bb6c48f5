//! What callers are told about faces.

use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Reply of `GET /faces/clusters`.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct ClusterJobs {
    /// The collections.
    pub cluster_jobs: Vec<ClusterJob>,
}

/// A collection of faces.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ClusterJob {
    /// Its name.
    pub cluster_job_name: String,
    /// Its faces. One that is followed through frames is one face.
    pub face_count: u64,
    /// Those that are in no cluster.
    pub unclustered_face_count: u64,
    /// Cosine distance under which two faces are neighbours.
    pub eps: f64,
    /// Faces near one another that a person needs.
    pub min_samples: u32,
    /// Ours: whether both were picked by what its faces show.
    pub auto_detected: bool,
    /// Ours: media that joined it.
    pub media_count: u64,
    /// Its clusters, largest first.
    pub clusters: Vec<Cluster>,
}

/// A cluster.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Cluster {
    /// Its id, which stays when faces join.
    pub cluster_id: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its faces.
    pub face_count: u64,
    /// Media that they are in.
    pub media_count: u64,
    /// Ours: the frames in which they were seen, about one a second.
    pub frame_count: u64,
}

/// A face.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Face {
    /// Its id.
    pub face_id: String,
    /// Its cluster; `unclustered` where it is in none.
    pub cluster_id: String,
    /// Where the medium is.
    pub media_path: String,
    /// Short alias of the medium.
    pub hash_str: String,
    /// When it is clearest.
    pub time_seconds: f64,
    /// The same as `HH:MM:SS`.
    pub timestamp: String,
    /// Left, top, width and height as fractions of the frame.
    #[serde(rename = "box")]
    #[schema(min_items = 4, max_items = 4)]
    pub place: [f32; 4],
    /// How clear it is, 0 to 1.
    pub score: f64,
    /// Ours: when it is first seen in this shot.
    pub start_seconds: f64,
    /// Ours: when it is last seen in this shot.
    pub end_seconds: f64,
    /// JPEG (base64).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Byte)]
    pub image: Option<String>,
}

/// Reply of `POST /faces/clusters/samples`.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct ClusterSamples {
    /// Of each cluster the clearest faces, those that look most different first.
    pub samples: BTreeMap<String, Vec<Face>>,
}

/// Reply of `POST /faces/clusters/faces`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FacePage {
    /// The faces.
    pub faces: Vec<Face>,
    /// How many there are in all.
    pub total: u64,
    /// As asked for.
    pub limit: u64,
    /// As asked for.
    pub offset: u64,
}

/// Reply of `PUT /faces/clusters/names`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RenamedClusters {
    /// Clusters whose names were set.
    pub updated: u64,
    /// The name of each of them, empty where it was taken away.
    pub changes: BTreeMap<String, String>,
}

/// Reply of `POST /faces/clusters/modify`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ModifiedClusters {
    /// Clusters that went into another.
    pub merged: u64,
    /// Faces that went to another cluster.
    pub moved: u64,
    /// Clusters that were started, in the order of the moves that started them.
    pub created_cluster_ids: Vec<String>,
}

/// Reply of `POST /faces/clusters/undo`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UndoneCorrection {
    /// What was taken back, as a sentence.
    pub message: String,
    /// `names`, `modify` or `clear_names`.
    pub undone: String,
}
