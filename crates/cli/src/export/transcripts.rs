//! `rushes export transcripts`.

use crate::{
    analyze::{absolute, absolute_all},
    arguments::{ExportTranscripts, TranscriptFormat},
    settings::Settings,
};
use anyhow::{Result, bail};
use rushes_engine::{
    Engine,
    requests::{self, ExportTranscriptsRequest},
};
use std::process::ExitCode;

/// Prints where transcripts were written, or the one that was asked for. Media without a transcript are
/// named on standard error, and make the command fail.
pub fn run(settings: Settings, arguments: ExportTranscripts) -> Result<ExitCode> {
    let output_dir = arguments.output_dir.as_deref().map(absolute).transpose()?;
    if output_dir.is_none() && arguments.paths.len() > 1 {
        bail!("several transcripts are written into a folder: name one with --output-dir");
    }
    let engine = Engine::open(settings.engine)?;
    let reply = engine.export_transcripts(&ExportTranscriptsRequest {
        cache_dir: absolute(&arguments.cache_dir)?,
        media_paths: absolute_all(&arguments.paths)?,
        format: arguments.format.into(),
        output_dir,
    })?;
    for file in &reply.files {
        match &file.output_path {
            Some(path) => println!("{path}"),
            None => print!("{}", file.content),
        }
    }
    for path in &reply.missing {
        eprintln!("{path}: no transcript; rushes analyze --speech makes one");
    }
    Ok(if reply.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl From<TranscriptFormat> for requests::TranscriptFormat {
    fn from(format: TranscriptFormat) -> Self {
        match format {
            TranscriptFormat::Srt => Self::Srt,
            TranscriptFormat::Vtt => Self::Vtt,
            TranscriptFormat::Txt => Self::Txt,
            TranscriptFormat::Json => Self::Json,
            TranscriptFormat::Csv => Self::Csv,
        }
    }
}
