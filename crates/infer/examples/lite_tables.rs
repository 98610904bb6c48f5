//! Makes `assets/lite-tables.f16`: vectors of labels and attributes, and each key's mean picture.
//!
//! ```text
//! RUSHES_CACHE=$PWD/.cache/tune scripts/eval-media bench/eval/visual-tune.tsv
//! cargo run --release -p rushes-infer --example lite_tables -- \
//!     ~/.rushes/models .cache/tune/eval crates/infer/assets/lite-tables.f16
//! ```
//!
//! The pictures that the model is only checked on must not shape it, hence the cache of its own.
//! The first folder holds the models, the second the pictures that the mean is taken of: every
//! picture below it counts once, in the order of their paths.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use anyhow::{Context, Result, bail};
use rushes_infer::lite::tables::{KEYS, Tables, mean_row};
use rushes_infer::minilm::SentenceEncoder;
use rushes_infer::registry::{ModelFolder, Registry};
use rushes_infer::{Runtime, VisualModel, lite};
use std::path::{Path, PathBuf};

#[path = "pictures/mod.rs"]
mod pictures;

/// A mean of fewer pictures would lean towards what happens to be in them.
const FEWEST_PICTURES: usize = 200;

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [models, media, target] = &arguments[..] else {
        bail!("usage: lite_tables MODELS_FOLDER PICTURES_FOLDER TARGET_FILE");
    };
    let runtime = Runtime::installed(&Registry::builtin()?, &ModelFolder::new(models))?;
    let mut tables = Tables::of_words(&SentenceEncoder::open(&runtime, models, 1)?)?;
    let paths = pictures::below(media)?;
    if paths.len() < FEWEST_PICTURES {
        bail!("{} holds {} pictures of {FEWEST_PICTURES}", media.display(), paths.len());
    }
    let mut means = Vec::new();
    for key in KEYS {
        // The tables still have no means, so the vectors come out as they are before centring.
        let model = lite::open_with(models, &key.parse()?, 1, &runtime, tables.clone())?;
        means.extend(mean_of(&model, &paths)?);
    }
    tables.means = means;
    fs_err::write(target, tables.to_bytes())?;
    println!("{} pictures, {} bytes in {}", paths.len(), tables.to_bytes().len(), target.display());
    Ok(())
}

fn mean_of(model: &impl VisualModel, paths: &[PathBuf]) -> Result<Vec<f32>> {
    let embed = |path: &Path| {
        let picture = pictures::read(path, model.frame_long_side())?;
        model.embed_picture(&picture).with_context(|| path.display().to_string())
    };
    let mut rows = Vec::new();
    for path in paths {
        rows.extend(embed(path)?.vector);
    }
    Ok(mean_row(&rows))
}
