//! The table of what is built.

mod export;
mod faces;
mod folders;

use crate::operation::{Operation, Operations};
use rushes_engine::Engine;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Reply of `GET /health`.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
    /// Version of the program.
    version: &'static str,
}

/// Every operation that is built.
pub(crate) fn operations() -> Operations {
    let operations = Operations::default().open(
        Operation::new("Health", "/health", "getHealth").says("Whether the server is up."),
        || Health { status: "ok", version: env!("CARGO_PKG_VERSION") },
    );
    let operations = analysis_data(analysis(media(models(operations))));
    let operations = faces::faces(transcriptions(thumbnails(search(operations))));
    folders::operations(export::export(operations))
}

fn models(operations: Operations) -> Operations {
    operations
        .get(
            Operation::new("Models", "/models/loaded", "getLoadedModels")
                .says("What is in memory. model_key is null where nothing of that kind is loaded."),
            Engine::loaded_models,
        )
        .get(
            Operation::new("Models", "/models/available", "getAvailableModels")
                .says("Every model this machine can run, which are on disk, and which is active."),
            Engine::available_models,
        )
        .post(
            Operation::new("Models", "/models/load", "loadModel")
                .says(
                    "Makes a model the active one of its kind, fetching it first if it is not on \
                     disk. Goes on in the background; the task reports progress.",
                )
                .starts_task()
                .example(json!({"model_key": "lite-260"})),
            Engine::load_model,
        )
}

fn media(operations: Operations) -> Operations {
    operations.post(
        Operation::new("Media", "/media/metadata", "getMediaMetadata")
            .says(
                "One row a path, in request order. A path that cannot be read gets a row with an \
                 error in place of the facts; the call itself still succeeds.",
            )
            .takes_lists()
            .probes()
            .example(json!({"media_paths": ["/footage/A001_C001.mp4"]})),
        Engine::media_metadata,
    )
}

fn analysis(operations: Operations) -> Operations {
    operations
        .post(
            Operation::new("Analysis", "/analyze", "analyze")
                .says(
                    "Starts one task over many files. What is already analysed with the same model \
                     is skipped unless force is true. A file that fails is reported and the others \
                     go on.",
                )
                .takes_lists()
                .starts_task()
                .example(json!({"cache_dir": "/footage/.rushes", "media_paths": ["/footage"]})),
            Engine::analyze,
        )
        .post(
            Operation::new("Analysis", "/analyze/cancel", "cancelAnalysis")
                .says(
                    "Stops a task soon. Files already finished stay analysed; the file in progress \
                     leaves nothing half-written.",
                )
                .may_miss()
                .example(json!({"task_id": "0123456789abcdef0123456789abcdef"})),
            Engine::cancel,
        )
        .post(
            Operation::new("Analysis", "/analyze/pause", "pauseAnalysis")
                .says(
                    "Ours. Has an analysis wait once the files in work are done, also after a \
                     restart.",
                )
                .may_miss()
                .example(json!({"task_id": "0123456789abcdef0123456789abcdef"})),
            Engine::pause,
        )
        .post(
            Operation::new("Analysis", "/analyze/resume", "resumeAnalysis")
                .says("Ours. Has a paused analysis go on.")
                .may_miss()
                .example(json!({"task_id": "0123456789abcdef0123456789abcdef"})),
            Engine::resume,
        )
        .get(
            Operation::new("Analysis", "/tasks", "listTasks")
                .says("Tasks of this server, newest first, for clients that poll."),
            Engine::tasks,
        )
        .get_one(
            Operation::new("Analysis", "/tasks/{task_id}", "getTask").says("One task.").may_miss(),
            Engine::task,
        )
}

fn analysis_data(operations: Operations) -> Operations {
    operations
        .post(
            Operation::new("Analysis", "/analysis-data/load", "loadAnalysisData")
                .says(
                    "Makes everything analysed in cache_dir searchable. A search loads what it \
                     needs by itself, so this only takes the wait away from the first one.",
                )
                .reads_much()
                .example(json!({"cache_dir": "/footage/.rushes"})),
            Engine::load,
        )
        .post(
            Operation::new("Analysis", "/analysis-data/load-for-media", "loadAnalysisDataForMedia")
                .says("Makes what is analysed of these media searchable.")
                .takes_lists()
                .reads_much()
                .example(json!({
                    "cache_dir": "/footage/.rushes",
                    "media_paths": ["/footage/A001_C001.mp4"],
                })),
            Engine::load_for_media,
        )
        .post(
            Operation::new("Analysis", "/analysis-data/load-transcriptions", "loadTranscriptions")
                .says("Makes transcripts searchable, of these media or of all.")
                .takes_lists()
                .example(json!({"cache_dir": "/footage/.rushes"})),
            Engine::load_transcriptions,
        )
        .post(
            Operation::new("Analysis", "/analysis-data/clear", "clearAnalysisData")
                .says(
                    "Drops loaded data from memory, of one cache_dir or of all. Nothing on disk \
                     changes.",
                )
                .example(json!({"cache_dir": "/footage/.rushes"})),
            Engine::clear,
        )
}

fn search(operations: Operations) -> Operations {
    let visual = |path, id| Operation::new("Search", path, id).takes_lists().searches().may_miss();
    operations
        .post(
            visual("/search/text", "searchText")
                .says("Moments that look like the words, best first, never more than max_results.")
                .example(json!({
                    "query": "man pointing a finger",
                    "cache_dir": "/footage/.rushes",
                    "search_all": true,
                    "max_results": 10,
                })),
            Engine::search_text,
        )
        .post(
            visual("/search/image", "searchImage")
                .says("Moments that look like a picture, which words may refine.")
                .example(json!({
                    "image_path": "/references/beach.jpg",
                    "query": "at sunset",
                    "cache_dir": "/footage/.rushes",
                })),
            Engine::search_image,
        )
        .post(
            visual("/search/frame", "searchFrame")
                .says("Moments that look like a frame of a medium, which words may refine.")
                .example(json!({
                    "media_path": "/footage/A001_C001.mp4",
                    "time_seconds": 12.5,
                    "cache_dir": "/footage/.rushes",
                })),
            Engine::search_frame,
        )
        .post(
            Operation::new("Search", "/search/transcript", "searchTranscript")
                .says(
                    "Where words are said, whatever their case, accents and punctuation; they may run \
                     across neighbouring segments. mode semantic ranks by meaning instead.",
                )
                .takes_lists()
                .searches()
                .example(json!({"query": "good morning", "cache_dir": "/footage/.rushes"})),
            Engine::search_transcript,
        )
}

fn thumbnails(operations: Operations) -> Operations {
    operations
        .post(
            Operation::new("Thumbnails", "/thumbnails", "getThumbnails")
                .says(
                    "One row a request, in request order. A frame that cannot be had gets a row \
                     with an error and no thumbnail.",
                )
                .takes_lists()
                .decodes()
                .example(json!({
                    "cache_dir": "/footage/.rushes",
                    "requests": [{"media_path": "/footage/A001_C001.mp4", "time_seconds": 2.5}],
                })),
            Engine::thumbnails,
        )
        .post(
            Operation::new("Thumbnails", "/thumbnails/scene", "getSceneThumbnails")
                .says("Pictures evenly spread over a range, in time order.")
                .decodes()
                .example(json!({
                    "cache_dir": "/footage/.rushes",
                    "media_path": "/footage/A001_C001.mp4",
                    "start_time": "00:01:00",
                    "end_time": "00:02:00",
                })),
            Engine::scene_thumbnails,
        )
}

fn transcriptions(operations: Operations) -> Operations {
    operations
        .post(
            Operation::new("Transcriptions", "/transcriptions", "getTranscriptions")
                .says("Stored transcripts. A path that has none is listed under missing.")
                .takes_lists()
                .reads_much()
                .example(json!({
                    "cache_dir": "/footage/.rushes",
                    "media_paths": ["/footage/A001_C001.mp4"],
                })),
            Engine::transcriptions,
        )
        .post(
            Operation::new("Transcriptions", "/transcriptions/range", "getTranscriptionRange")
                .says(
                    "The segments that overlap the half-open range [start_seconds, end_seconds), in \
                     pages.",
                )
                .may_miss()
                .example(json!({
                    "cache_dir": "/footage/.rushes",
                    "media_path": "/footage/A001_C001.mp4",
                    "start_seconds": 60,
                    "end_seconds": 90,
                })),
            Engine::transcription_range,
        )
        .put(
            Operation::new("Transcriptions", "/transcriptions/segments", "putTranscriptionSegments")
                .says(
                    "Puts a text in the place of what was heard in a range, in every model's transcript \
                     of the medium and for good; null takes it back. Answers the segments there now.",
                )
                .may_miss()
                .example(json!({
                    "cache_dir": "/footage/.rushes",
                    "media_path": "/footage/A001_C001.mp4",
                    "start_seconds": 61.2,
                    "end_seconds": 64.8,
                    "text": "We met in Łódź.",
                })),
            Engine::correct_transcript,
        )
        .put(
            Operation::new("Transcriptions", "/transcriptions/speakers", "putTranscriptionSpeakers")
                .says(
                    "Gives speakers names, all or none of those asked for. Names stay with the voices \
                     when the medium is analysed again.",
                )
                .may_miss()
                .example(json!({
                    "cache_dir": "/footage/.rushes",
                    "media_path": "/footage/A001_C001.mp4",
                    "names": {"SPEAKER_00": "Anna"},
                })),
            Engine::name_speakers,
        )
}
