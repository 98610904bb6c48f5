//! `rushes export`.

mod ranges;
mod transcripts;

use crate::{
    analyze::{absolute, watch},
    arguments::{ClipCodec, Export, ExportClips, ExportSheet, ExportTimeline, TimelineFormat},
    settings::Settings,
};
use anyhow::{Context, Result};
use ranges::Chosen;
use rushes_engine::{
    Engine,
    requests::{
        self, ClipMode, ContactSheetRequest, ExportClipsRequest, TimelineOfFormatRequest,
        TimelineRequest,
    },
};
use std::{path::Path, process::ExitCode};

/// Writes what was found for other programs.
pub fn run(settings: Settings, export: Export) -> Result<ExitCode> {
    match export {
        Export::Transcripts(arguments) => transcripts::run(settings, arguments),
        Export::Timeline(arguments) => timeline(&Engine::open(settings.engine)?, arguments),
        Export::Clips(arguments) => clips(&Engine::open(settings.engine)?, arguments),
        Export::Sheet(arguments) => sheet(&Engine::open(settings.engine)?, arguments),
    }
}

/// Writes a sequence and prints where.
fn timeline(engine: &Engine, arguments: ExportTimeline) -> Result<ExitCode> {
    let format = match arguments.format {
        Some(format) => format.into(),
        None => format_of(&arguments.output)?,
    };
    let Chosen { clips, cache_dir } = Chosen::of(engine, arguments.ranges)?;
    let reply = engine.export_timeline(&TimelineOfFormatRequest {
        timeline: TimelineRequest {
            clips,
            segments: Vec::new(),
            cache_dir,
            handle_seconds: arguments.handles,
            sequence_name: arguments.name,
            frame_rate: arguments.frame_rate,
            start_timecode: arguments.start_timecode,
            output_path: Some(new_file(&arguments.output)?),
            overwrite: arguments.overwrite,
        },
        format,
    })?;
    warn(&reply.warnings);
    let (path, rate) = (reply.output_path.unwrap_or_default(), reply.frame_rate);
    let clips = if reply.clip_count == 1 { "clip" } else { "clips" };
    let (count, seconds) = (reply.clip_count, reply.duration_seconds);
    println!("{path}: {count} {clips}, {seconds:.1} s at {rate}");
    Ok(ExitCode::SUCCESS)
}

/// Cuts clips, shows how far it is, and prints what is in each file.
fn clips(engine: &Engine, arguments: ExportClips) -> Result<ExitCode> {
    let Chosen { clips, cache_dir } = Chosen::of(engine, arguments.ranges)?;
    let events = engine.progress();
    let started = engine.export_clips(&ExportClipsRequest {
        clips,
        segments: Vec::new(),
        cache_dir,
        handle_seconds: arguments.handles,
        output_dir: absolute(&arguments.output_dir)?,
        mode: if arguments.reencode.is_some() { ClipMode::Reencode } else { ClipMode::Copy },
        codec: arguments.reencode.map_or_else(Default::default, Into::into),
    })?;
    warn(&started.warnings);
    let code = watch(engine, events, &started)?;
    for clip in engine.task(&started.task_id)?.clips {
        let timecode = clip.start_timecode.map(|timecode| format!("  {timecode}"));
        println!(
            "{}  {:.3} - {:.3} s{}",
            clip.output_path,
            clip.start_seconds,
            clip.end_seconds,
            timecode.unwrap_or_default()
        );
    }
    Ok(code)
}

/// Writes a page and prints where.
fn sheet(engine: &Engine, arguments: ExportSheet) -> Result<ExitCode> {
    let Chosen { clips, cache_dir } = Chosen::of(engine, arguments.ranges)?;
    let reply = engine.export_contact_sheet(&ContactSheetRequest {
        clips,
        segments: Vec::new(),
        cache_dir,
        title: arguments.title,
        output_path: Some(new_file(&arguments.output)?),
        overwrite: arguments.overwrite,
    })?;
    warn(&reply.warnings);
    println!("{}", reply.output_path.unwrap_or_default());
    Ok(ExitCode::SUCCESS)
}

/// The absolute form of a file to be written. Its folder's links are resolved and its own are not, so that what
/// a link leads to is never replaced.
fn new_file(path: &Path) -> Result<String> {
    let name = path.file_name().with_context(|| format!("{} names no file", path.display()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = absolute(folder.unwrap_or(Path::new(".")))?;
    let file = Path::new(&folder).join(name).into_os_string().into_string();
    file.map_err(|name| anyhow::anyhow!("{} is not UTF-8; choose another name", name.display()))
}

fn warn(warnings: &[String]) {
    warnings.iter().for_each(|warning| eprintln!("note: {warning}"));
}

/// The format that programs expect behind a name.
fn format_of(output: &Path) -> Result<requests::TimelineFormat> {
    let end = output.extension().and_then(|end| end.to_str()).map(str::to_lowercase);
    match end.as_deref() {
        Some("xml") => Some(requests::TimelineFormat::Xmeml),
        Some("fcpxml") => Some(requests::TimelineFormat::Fcpxml),
        Some("edl") => Some(requests::TimelineFormat::Edl),
        Some("otio") => Some(requests::TimelineFormat::Otio),
        _ => None,
    }
    .with_context(|| {
        format!(
            "{} ends with none of .xml, .fcpxml, .edl and .otio: say --format",
            output.display()
        )
    })
}

impl From<TimelineFormat> for requests::TimelineFormat {
    fn from(format: TimelineFormat) -> Self {
        match format {
            TimelineFormat::Xmeml => Self::Xmeml,
            TimelineFormat::Fcpxml => Self::Fcpxml,
            TimelineFormat::Edl => Self::Edl,
            TimelineFormat::Otio => Self::Otio,
        }
    }
}

impl From<ClipCodec> for requests::ClipCodec {
    fn from(codec: ClipCodec) -> Self {
        match codec {
            ClipCodec::Prores => Self::Prores,
            ClipCodec::H264 => Self::H264,
        }
    }
}
