//! What is built of faces.

use crate::operation::{Operation, Operations};
use rushes_engine::Engine;
use serde_json::json;

/// Collections of faces and the people in them.
pub(super) fn faces(operations: Operations) -> Operations {
    corrections(readings(operations))
}

fn readings(operations: Operations) -> Operations {
    let of = |path, id| Operation::new("Faces", path, id).reads_much().may_miss();
    operations
        .get_by_query(
            of("/faces/clusters", "listClusters")
                .says("The face collections of cache_dir and their clusters, largest first."),
            Engine::list_clusters,
        )
        .post(
            of("/faces/clusters/samples", "getClusterSamples")
                .says(
                    "The clearest faces of each cluster, those that look most different first, with \
                     pictures.",
                )
                .takes_lists()
                .example(json!({
                    "cache_dir": "/footage/.rushes",
                    "cluster_job_name": "cast",
                    "samples_per_cluster": 3,
                })),
            Engine::cluster_samples,
        )
        .post(
            of("/faces/clusters/faces", "getClusterFaces")
                .says(
                    "A page of the faces of clusters, or of all faces. The cluster id `unclustered` means \
                     the faces of no cluster.",
                )
                .takes_lists()
                .example(json!({
                    "cache_dir": "/footage/.rushes",
                    "cluster_job_name": "cast",
                    "cluster_id": "0123456789abcdef",
                })),
            Engine::cluster_faces,
        )
}

fn corrections(operations: Operations) -> Operations {
    let of = |path, id| Operation::new("Faces", path, id).reads_much().may_miss();
    operations
        .put(
            of("/faces/clusters/names", "renameClusters")
                .says(
                    "Gives clusters names, all or none of those asked for; an empty one takes a name \
                     away. One name on two clusters makes them one person. Names stay with the faces \
                     when these are grouped anew.",
                )
                .takes_lists()
                .example(json!({
                    "cache_dir": "/footage/.rushes",
                    "cluster_job_name": "cast",
                    "assignments": [{"cluster_id": "0123456789abcdef", "name": "Anna"}],
                })),
            Engine::rename_clusters,
        )
        .post(
            of("/faces/clusters/modify", "modifyClusters")
                .says(
                    "Merges clusters, then moves faces, all or none. What a person changed by hand \
                     outlives a later recluster.",
                )
                .takes_lists()
                .example(json!({
                    "cache_dir": "/footage/.rushes",
                    "cluster_job_name": "cast",
                    "merges": [{
                        "cluster_ids": ["fedcba9876543210"],
                        "target_cluster_id": "0123456789abcdef",
                    }],
                })),
            Engine::modify_clusters,
        )
        .post(
            of("/faces/clusters/undo", "undoClusters")
                .says(
                    "Takes back the last decision about names and clusters of a collection that holds; \
                     called again, the one before it.",
                )
                .example(json!({"cache_dir": "/footage/.rushes", "cluster_job_name": "cast"})),
            Engine::undo_clusters,
        )
        .post(
            of("/faces/recluster", "recluster")
                .says(
                    "Groups the faces of a collection anew, in the background. What a person changed by \
                     hand stays.",
                )
                .starts_task()
                .example(json!({
                    "cache_dir": "/footage/.rushes",
                    "cluster_job_name": "cast",
                    "auto_detect_params": true,
                })),
            Engine::recluster,
        )
}
