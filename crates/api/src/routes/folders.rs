//! Watch folders.

use crate::operation::{Operation, Operations};
use rushes_engine::Engine;
use serde_json::json;
use utoipa::openapi::HttpMethod;

/// Group of these operations in the document.
const TAG: &str = "Watch folders";

pub(super) fn operations(operations: Operations) -> Operations {
    let example = json!({
        "path": "/footage",
        "cache_dir": "/footage/.rushes",
        "faces": true,
        "cluster_job_name": "cast",
    });
    let operations = operations
        .without_body(
            HttpMethod::Get,
            Operation::new(TAG, "/watch-folders", "listWatchFolders")
                .says("All watch folders, oldest first."),
            Engine::watch_folders,
        )
        .post(
            Operation::new(TAG, "/watch-folders", "createWatchFolder")
                .says(
                    "Has whatever comes into a folder analysed. What is in it already comes first.",
                )
                .creates()
                .example(example.clone()),
            Engine::create_watch_folder,
        )
        .get_one(
            Operation::new(TAG, "/watch-folders/{id}", "getWatchFolder")
                .says("One watch folder.")
                .may_miss(),
            Engine::watch_folder,
        )
        .put_one(
            Operation::new(TAG, "/watch-folders/{id}", "updateWatchFolder")
                .says("Changes a watch folder. What is absent has its default again.")
                .may_miss()
                .example(example),
            Engine::update_watch_folder,
        )
        .delete_one(
            Operation::new(TAG, "/watch-folders/{id}", "deleteWatchFolder")
                .says("Stops watching. Media and analysis stay.")
                .may_miss(),
            Engine::delete_watch_folder,
        );
    service(operations)
}

fn service(operations: Operations) -> Operations {
    operations
        .without_body(
            HttpMethod::Post,
            Operation::new(TAG, "/watch-folders/service/start", "startWatchService")
                .says("Turns the service on, also out of a pause. On is what it is at first."),
            Engine::start_watching,
        )
        .without_body(
            HttpMethod::Post,
            Operation::new(TAG, "/watch-folders/service/stop", "stopWatchService")
                .says("Turns the service off once the file in work is done, also after a restart."),
            Engine::stop_watching,
        )
        .post(
            Operation::new(TAG, "/watch-folders/service/pause", "pauseWatchService")
                .says(
                    "Has the service wait, also after a restart. New files are noticed meanwhile.",
                )
                .example(json!({"seconds": 3600})),
            Engine::pause_watching,
        )
        .without_body(
            HttpMethod::Get,
            Operation::new(TAG, "/watch-folders/service/status", "getWatchServiceStatus")
                .says("What the service is about, and for each folder what became of its files."),
            Engine::watch_status,
        )
}
