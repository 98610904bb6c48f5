//! `rushes search`.

use crate::{
    analyze::{absolute, absolute_all},
    arguments::Search,
    settings::Settings,
};
use anyhow::Result;
use rushes_engine::{Engine, replies::VisualMatch, requests::SearchTextRequest};
use rushes_model::{ErrorCode, Failure};
use std::{process::ExitCode, thread, time::Duration};

/// Searches and prints a line a moment, or the API's reply as JSON. Finding nothing is no failure.
pub fn run(mut settings: Settings, arguments: Search) -> Result<ExitCode> {
    if arguments.model.is_some() {
        settings.engine.visual_model = arguments.model;
    }
    let engine = Engine::open(settings.engine)?;
    let media = absolute_all(&arguments.media)?;
    let request = SearchTextRequest {
        media_paths: (!media.is_empty()).then_some(media),
        max_results: arguments.max_results,
        exclude: Some(arguments.exclude),
        ..SearchTextRequest::simple(arguments.query, absolute(&arguments.cache_dir)?)
    };
    let reply = loop {
        match engine.search_text(&request) {
            // On the command line nobody else can be asked to try again.
            Err(Failure { code: ErrorCode::Loading, .. }) => {
                thread::sleep(Duration::from_millis(100));
            }
            reply => break reply?,
        }
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&reply)?);
    } else if reply.matches.is_empty() {
        println!("Nothing found.");
    }
    if !arguments.json {
        reply.matches.iter().for_each(print_moment);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_moment(moment: &VisualMatch) {
    println!(
        "{:5.3}  {}  [{} - {}]  {}",
        moment.similarity,
        moment.timestamp,
        moment.scene_start_timestamp,
        moment.scene_end_timestamp,
        moment.video_path
    );
}
