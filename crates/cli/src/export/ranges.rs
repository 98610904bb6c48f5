//! Ranges that are typed, or found by a search before.

use crate::{
    analyze::absolute,
    arguments::{ClipAt, Moment, Ranges},
};
use anyhow::{Context, Result, bail};
use rushes_engine::{Engine, requests::ClipRange};
use serde::Deserialize;
use std::{
    io::{self, Read},
    path::Path,
};

/// Most bytes of JSON that are read: ten thousand matches with their pictures.
const MAX_JSON: u64 = 1 << 30;

/// Ranges as requests have them.
pub struct Chosen {
    pub clips: Vec<ClipRange>,
    pub cache_dir: Option<String>,
}

/// The shapes of JSON that have ranges in them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Found {
    List(Vec<ClipRange>),
    Matches { matches: Vec<ClipRange> },
    Clips { clips: Vec<ClipRange> },
}

impl Chosen {
    /// The ranges of the command line, then those of JSON.
    pub fn of(engine: &Engine, ranges: Ranges) -> Result<Self> {
        let typed = ranges.clips.iter().map(|clip| typed(engine, clip));
        let mut clips: Vec<ClipRange> = typed.collect::<Result<_>>()?;
        if let Some(from) = &ranges.from {
            clips.extend(found(from)?);
        }
        if clips.is_empty() {
            bail!("there are no ranges to export");
        }
        for clip in clips.iter_mut().filter(|clip| clip.query.is_none()) {
            clip.query.clone_from(&ranges.query);
        }
        let cache_dir = ranges.cache_dir.as_deref().map(absolute).transpose()?;
        Ok(Self { clips, cache_dir })
    }
}

fn found(from: &Path) -> Result<Vec<ClipRange>> {
    let mut text = String::new();
    if from == Path::new("-") {
        io::stdin().take(MAX_JSON).read_to_string(&mut text).context("standard input")?;
    } else {
        fs_err::File::open(from)?.take(MAX_JSON).read_to_string(&mut text)?;
    }
    let found = serde_json::from_str(&text).with_context(|| {
        format!("{} is not what `rushes search --json` prints, nor a list of clips", from.display())
    })?;
    Ok(match found {
        Found::List(clips) | Found::Matches { matches: clips } | Found::Clips { clips } => clips,
    })
}

fn typed(engine: &Engine, clip: &ClipAt) -> Result<ClipRange> {
    let path = absolute(&clip.path)?;
    let seconds = |moment: &Moment| match moment {
        Moment::Seconds(seconds) => Ok(*seconds),
        Moment::Timecode(timecode) => engine.seconds_at(&path, timecode),
    };
    let (start, end) = (seconds(&clip.start)?, seconds(&clip.end)?);
    Ok(ClipRange::of(path, start, end))
}
