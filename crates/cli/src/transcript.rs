//! `rushes transcript`.

use crate::{
    analyze::{absolute, absolute_all},
    arguments::Transcript,
    settings::Settings,
};
use anyhow::Result;
use rushes_engine::{Engine, requests::TranscriptionsRequest};
use std::process::ExitCode;

/// Prints what is said in media, a line a segment, with a question mark where a word is
/// uncertain, or the API's reply as JSON. Media without a transcript
/// are named on standard error, and make the command fail.
pub fn run(settings: Settings, arguments: Transcript) -> Result<ExitCode> {
    let engine = Engine::open(settings.engine)?;
    let reply = engine.transcriptions(&TranscriptionsRequest {
        cache_dir: absolute(&arguments.cache_dir)?,
        media_paths: absolute_all(&arguments.paths)?,
        words: true,
    })?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&reply)?);
        return Ok(ExitCode::SUCCESS);
    }
    for one in &reply.transcriptions {
        println!("{} ({}, {})", one.media_path, one.language, one.model_key);
        for segment in &one.segments {
            let speaker = segment.speaker_name.as_ref().or(segment.speaker.as_ref());
            let speaker = speaker.map_or(String::new(), |name| format!("{name}: "));
            let words = segment.words.iter().flatten();
            let doubt = if words.clone().any(|word| word.uncertain) { "?" } else { " " };
            println!("  {} {doubt} {speaker}{}", segment.start_timestamp, segment.text);
        }
        if one.segments.is_empty() {
            println!("  nobody speaks");
        }
    }
    for path in &reply.missing {
        eprintln!("{path}: no transcript; rushes analyze --speech makes one");
    }
    Ok(if reply.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
