//! JSON: the `Transcription` of the API, with source timecode.

use crate::{ExportError, Segment, Transcript, Word};
use rushes_model::{HashStr, ModelKey, timestamp};
use serde::Serialize;

#[derive(Serialize)]
struct Transcription<'a> {
    media_path: &'a str,
    hash_str: HashStr,
    language: &'a str,
    model_key: &'a ModelKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame_rate: Option<String>,
    segments: Vec<Spoken<'a>>,
}

#[derive(Serialize)]
struct Spoken<'a> {
    start_seconds: f64,
    end_seconds: f64,
    start_timestamp: String,
    end_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_timecode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_timecode: Option<String>,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    speaker: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speaker_name: Option<&'a str>,
    edited: bool,
    words: Vec<Said<'a>>,
}

#[derive(Serialize)]
struct Said<'a> {
    word: &'a str,
    start_seconds: f64,
    end_seconds: f64,
    probability: f64,
}

pub(crate) fn document(transcript: &Transcript) -> Result<String, ExportError> {
    let transcription = Transcription {
        media_path: &transcript.media_path,
        hash_str: transcript.hash_str,
        language: &transcript.language,
        model_key: &transcript.model_key,
        frame_rate: transcript.clock.map(|clock| clock.rate().to_string()),
        segments: transcript.segments.iter().map(|segment| spoken(transcript, segment)).collect(),
    };
    let json = serde_json::to_string_pretty(&transcription);
    let media = || transcript.media_path.clone();
    json.map(|json| json + "\n").map_err(|source| ExportError::Json { media: media(), source })
}

fn spoken<'a>(transcript: &Transcript, segment: &'a Segment) -> Spoken<'a> {
    let (start, end) = (segment.start(), segment.end());
    Spoken {
        start_seconds: start,
        end_seconds: end,
        start_timestamp: timestamp(start),
        end_timestamp: timestamp(end),
        start_timecode: transcript.timecode(start),
        end_timecode: transcript.timecode(end),
        text: transcript.text(segment),
        speaker: segment.speaker.as_ref().map(|speaker| speaker.label.as_str()),
        speaker_name: segment.speaker.as_ref().and_then(|speaker| speaker.name.as_deref()),
        edited: segment.edited,
        words: segment.words.iter().map(said).collect(),
    }
}

fn said(word: &Word) -> Said<'_> {
    Said {
        word: &word.text,
        start_seconds: word.start,
        end_seconds: word.end,
        probability: word.probability,
    }
}
