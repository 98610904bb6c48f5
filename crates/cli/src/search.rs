//! `rushes search`.

use crate::{
    analyze::{absolute, absolute_all},
    arguments::{FrameAt, Search},
    settings::Settings,
};
use anyhow::Result;
use rushes_engine::{
    Engine,
    replies::{Matches, TranscriptMatch, VisualMatch},
    requests::{
        SearchFrameRequest, SearchImageRequest, SearchTextRequest, SearchTranscriptRequest,
        TranscriptMode,
    },
};
use rushes_model::{ErrorCode, Failure};
use std::{process::ExitCode, thread, time::Duration};

/// Searches and prints a line a moment, or the API's reply as JSON. Finding nothing is no failure.
pub fn run(mut settings: Settings, arguments: Search) -> Result<ExitCode> {
    if arguments.model.is_some() {
        settings.engine.visual_model.clone_from(&arguments.model);
    }
    let engine = Engine::open(settings.engine)?;
    if let Some(words) = &arguments.said {
        return said(&engine, words, &arguments);
    }
    let search = request(&arguments)?;
    let reply = loop {
        match search.ask(&engine) {
            // On the command line nobody else can be asked to try again.
            Err(Failure { code: ErrorCode::Loading, .. }) => {
                thread::sleep(Duration::from_millis(100));
            }
            reply => break reply?,
        }
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&reply)?);
        return Ok(ExitCode::SUCCESS);
    }
    if reply.matches.is_empty() {
        println!("Nothing found. --min-similarity 0 shows what comes nearest.");
    }
    reply.matches.iter().for_each(print_moment);
    Ok(ExitCode::SUCCESS)
}

/// Searches what is said and prints a line a passage, or the API's reply as JSON.
fn said(engine: &Engine, words: &str, arguments: &Search) -> Result<ExitCode> {
    let media = absolute_all(&arguments.media)?;
    let mode = if arguments.by_meaning { TranscriptMode::Semantic } else { TranscriptMode::Exact };
    let reply = engine.search_transcript(&SearchTranscriptRequest {
        media_paths: (!media.is_empty()).then_some(media),
        max_results: arguments.max_results,
        speaker: arguments.speaker.clone(),
        mode,
        ..SearchTranscriptRequest::simple(words, absolute(&arguments.cache_dir)?)
    })?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&reply)?);
        return Ok(ExitCode::SUCCESS);
    }
    if reply.matches.is_empty() {
        println!("Nothing found. rushes analyze --speech writes down what is said.");
    }
    reply.matches.iter().for_each(print_passage);
    Ok(ExitCode::SUCCESS)
}

fn print_passage(passage: &TranscriptMatch) {
    let TranscriptMatch { start_timestamp, end_timestamp, media_path, text, .. } = passage;
    let similarity = passage.similarity.map(|similarity| format!("{similarity:5.3}  "));
    let similarity = similarity.unwrap_or_default();
    println!("{similarity}[{start_timestamp} - {end_timestamp}]  {media_path}  {text}");
}

/// One of the visual searches.
enum Request {
    Text(SearchTextRequest),
    Image(SearchImageRequest),
    Frame(SearchFrameRequest),
}

impl Request {
    fn ask(&self, engine: &Engine) -> Result<Matches, Failure> {
        match self {
            Self::Text(request) => engine.search_text(request),
            Self::Image(request) => engine.search_image(request),
            Self::Frame(request) => engine.search_frame(request),
        }
    }
}

/// The request that the arguments make.
fn request(arguments: &Search) -> Result<Request> {
    let media = absolute_all(&arguments.media)?;
    let cache_dir = absolute(&arguments.cache_dir)?;
    let query = arguments.query.clone();
    // The three bodies have these fields by the same names.
    macro_rules! with_options {
        ($simple:expr) => {{
            let mut request = $simple;
            request.media_paths = (!media.is_empty()).then_some(media);
            request.max_results = arguments.max_results;
            request.text_weight = arguments.text_weight;
            request.exclude = Some(arguments.exclude.clone());
            request.min_similarity = arguments.min_similarity;
            request.diversity = !arguments.all_takes;
            request
        }};
    }
    Ok(if let Some(image) = &arguments.image {
        let simple = SearchImageRequest::simple(absolute(image)?, cache_dir);
        Request::Image(with_options!(SearchImageRequest { query, ..simple }))
    } else if let Some(FrameAt { path, seconds }) = &arguments.frame {
        let simple = SearchFrameRequest::simple(absolute(path)?, *seconds, cache_dir);
        Request::Frame(with_options!(SearchFrameRequest { query, ..simple }))
    } else {
        let simple = SearchTextRequest::simple(query.unwrap_or_default(), cache_dir);
        Request::Text(with_options!(simple))
    })
}

fn print_moment(moment: &VisualMatch) {
    println!(
        "{:5.3}  {}  [{} - {}]  {}",
        moment.similarity,
        moment.timecode.as_ref().unwrap_or(&moment.timestamp),
        moment.scene_start_timecode.as_ref().unwrap_or(&moment.scene_start_timestamp),
        moment.scene_end_timecode.as_ref().unwrap_or(&moment.scene_end_timestamp),
        moment.video_path
    );
}
