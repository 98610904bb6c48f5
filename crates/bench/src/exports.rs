//! Exports: a long sequence in every format, and clips cut out of an hour.

use crate::analysis::peak_memory_mb;
use anyhow::{Result, ensure};
use clap::Args;
use rushes_engine::{
    Config, Engine,
    replies::Task,
    requests::{
        ClipRange, ExportClipsRequest, TimelineFormat, TimelineOfFormatRequest, TimelineRequest,
    },
};
use rushes_media::{Limits, Tools};
use serde_json::json;
use std::{path::PathBuf, time::Instant};

/// Arguments of `exports`.
#[derive(Args)]
pub struct Arguments {
    /// A film of an hour.
    film: PathBuf,
    /// Clips of the sequence.
    #[arg(long, default_value_t = 10_000)]
    clips: usize,
    /// Media that they are of.
    #[arg(long, default_value_t = 50)]
    media: usize,
    /// Clips that are cut out of the film.
    #[arg(long, default_value_t = 100)]
    cuts: usize,
}

/// Length of a clip in seconds.
const LENGTH: f64 = 5.0;

/// Measures both and prints a line each.
pub fn run(arguments: &Arguments) -> Result<()> {
    let home = tempfile::tempdir()?;
    let engine = Engine::open(Config::at(home.path()))?;
    timelines(&engine, arguments)?;
    cuts(&engine, arguments)
}

/// Sequences of copies of the film, which are links to it: as media they are one, as files they are many.
fn timelines(engine: &Engine, arguments: &Arguments) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let film = std::path::absolute(&arguments.film)?;
    let media: Vec<String> = (0..arguments.media)
        .map(|number| {
            let link = folder.path().join(format!("A{number:03}_C001.mp4"));
            std::os::unix::fs::symlink(&film, &link)?;
            Ok(link.display().to_string())
        })
        .collect::<Result<_>>()?;
    let clips: Vec<ClipRange> = (0..arguments.clips).map(|number| clip(&media, number)).collect();
    for format in
        [TimelineFormat::Xmeml, TimelineFormat::Fcpxml, TimelineFormat::Edl, TimelineFormat::Otio]
    {
        for round in ["first", "again"] {
            let timeline: TimelineRequest = serde_json::from_value(json!({}))?;
            let timeline = TimelineRequest { clips: clips.clone(), ..timeline };
            let request = TimelineOfFormatRequest { timeline, format };
            let begun = Instant::now();
            let reply = engine.export_timeline(&request)?;
            println!(
                "{} clips as {format:?}, {round}: {:.2?}, {:.1} MB, peak memory {} MB",
                reply.clip_count,
                begun.elapsed(),
                reply.content.len() as f64 / 1e6,
                peak_memory_mb()?
            );
        }
    }
    Ok(())
}

fn clip(media: &[String], number: usize) -> ClipRange {
    let start = (number * 37 % 3500) as f64;
    ClipRange {
        name: Some(format!("Take {number}")),
        query: Some("a dog on a beach".to_owned()),
        people: Some(vec!["Anna".to_owned(), "Zoë".to_owned()]),
        text: Some(format!("what is said in clip {number} & what it <means>")),
        ..ClipRange::of(&media[number % media.len()], start, start + LENGTH)
    }
}

/// Copies clips, spread evenly, and says how long that took.
fn cuts(engine: &Engine, arguments: &Arguments) -> Result<()> {
    let output = tempfile::tempdir()?;
    let film = std::path::absolute(&arguments.film)?;
    let length = Tools::locate(Limits::default())?.probe(&film)?.duration_seconds;
    let spacing = (length - LENGTH) / arguments.cuts as f64;
    let at = |number: usize| {
        let start = number as f64 * spacing;
        ClipRange::of(film.display().to_string(), start, start + LENGTH)
    };
    let mut events = engine.progress();
    let request: ExportClipsRequest = serde_json::from_value(json!({
        "output_dir": output.path().display().to_string(),
    }))?;
    let clips = (0..arguments.cuts).map(at).collect();
    let begun = Instant::now();
    let id = engine.export_clips(&ExportClipsRequest { clips, ..request })?.task_id;
    let mut latest = events.blocking_recv();
    while latest.as_ref().is_some_and(|event| !event.done) {
        latest = events.blocking_recv();
    }
    let took = begun.elapsed();
    let Task { errors, clips, .. } = engine.task(&id)?;
    ensure!(errors.is_empty() && clips.len() == arguments.cuts, "{errors:?}");
    println!("{} clips of {LENGTH} s copied out of {length:.0} s: {took:.2?}", clips.len());
    Ok(())
}
