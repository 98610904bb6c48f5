//! The JSON bodies of every call: never a panic, and those that are kept for later read back as they are.
#![no_main]

#[path = "../../crates/engine/src"]
#[allow(unused)]
mod engine {
    pub mod requests;
}

use engine::requests::*;
use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};

fuzz_target!(|body: &[u8]| {
    kept::<LoadModelRequest>(body);
    kept::<AnalyzeRequest>(body);
    kept::<TimelineRequest>(body).map(|timeline| timeline.selection().clips.len());
    kept::<ExportClipsRequest>(body).map(|clips| clips.selection().segments.len());
    kept::<ContactSheetRequest>(body).map(|sheet| sheet.selection().cache_dir.is_some());
    kept::<WatchFolderSettings>(body);
    read::<MetadataRequest>(body);
    read::<CancelRequest>(body);
    read::<PauseRequest>(body);
    read::<LoadRequest>(body);
    read::<LoadForMediaRequest>(body);
    read::<LoadTranscriptionsRequest>(body);
    read::<TranscriptionsRequest>(body);
    read::<TranscriptionRangeRequest>(body);
    read::<CorrectTranscriptRequest>(body);
    read::<NameSpeakersRequest>(body);
    read::<ClearRequest>(body);
    read::<SearchTextRequest>(body);
    read::<SearchImageRequest>(body);
    read::<SearchFrameRequest>(body);
    read::<SearchTranscriptRequest>(body);
    read::<ThumbnailsRequest>(body);
    read::<SceneThumbnailsRequest>(body);
    read::<ExportTranscriptsRequest>(body);
    read::<TimelineOfFormatRequest>(body);
    read::<PauseServiceRequest>(body);
    read::<ListClustersRequest>(body);
    read::<ClusterSamplesRequest>(body);
    read::<ClusterFacesRequest>(body);
    read::<RenameClustersRequest>(body);
    read::<ModifyClustersRequest>(body);
    read::<UndoClustersRequest>(body);
    read::<ReclusterRequest>(body);
});

fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

fn kept<T: DeserializeOwned + Serialize>(body: &[u8]) -> Option<T> {
    let request: T = read(body)?;
    let written = serde_json::to_vec(&request).expect("it can be written");
    let again: T = serde_json::from_slice(&written).expect("and read");
    assert_eq!(serde_json::to_vec(&again).expect("and written"), written);
    Some(request)
}
