//! Thumbnails of a long film, and a large still on its way to the model.

use anyhow::{Context, Result, ensure};
use clap::Args;
use rushes_engine::{
    Config, Engine,
    requests::{ThumbnailRequest, ThumbnailsRequest},
};
use rushes_media::{Limits, Tools, fit, jpeg};
use rushes_model::Picture;
use std::{path::PathBuf, time::Instant};

/// Arguments of `pictures`.
#[derive(Args)]
pub struct Arguments {
    /// A long film.
    film: PathBuf,
    /// Thumbnails of one call.
    #[arg(long, default_value_t = 20)]
    times: usize,
    /// Calls.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// A share that spreads numbers evenly and out of order: that of the golden section.
const SPREAD: f64 = 0.618_033_988_749_895;
/// Sides of a still of 24 megapixels, as cameras take them.
const STILL: (u32, u32) = (6000, 4000);
/// Long side at which pictures reach the model.
const LONG_SIDE: u32 = 640;

/// Measures both and prints a line each.
pub fn run(arguments: &Arguments) -> Result<()> {
    thumbnails(arguments)?;
    still()
}

fn thumbnails(arguments: &Arguments) -> Result<()> {
    let (home, cache) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let engine = Engine::open(Config::at(home.path()))?;
    let film = std::path::absolute(&arguments.film)?;
    let media_path = film.display().to_string();
    let duration = Tools::locate(Limits::default())?.probe(&film)?.duration_seconds;
    for round in 0..arguments.rounds {
        let place = |n: usize| ((round * arguments.times + n) as f64 * SPREAD).fract() * duration;
        let at =
            |n: usize| ThumbnailRequest { media_path: media_path.clone(), time_seconds: place(n) };
        let request = ThumbnailsRequest {
            cache_dir: cache.path().display().to_string(),
            width: 320,
            exact: true,
            requests: (0..arguments.times).map(at).collect(),
        };
        let took = |what: &str| -> Result<()> {
            let begun = Instant::now();
            let rows = engine.thumbnails(&request)?.thumbnails;
            ensure!(rows.iter().all(|row| row.error.is_none()), "a thumbnail failed");
            println!(
                "{} thumbnails of {duration:.0} s, {what}: {:.2?}",
                rows.len(),
                begun.elapsed()
            );
            Ok(())
        };
        took("new")?;
        took("again")?;
    }
    Ok(())
}

fn still() -> Result<()> {
    let (width, height) = STILL;
    let value = |i: u32| ((i / 3 % width) / 24) as u8 ^ (i.wrapping_mul(2_654_435_761) >> 28) as u8;
    let picture = Picture::new(width, height, (0..width * height * 3).map(value).collect());
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("still.jpg");
    fs_err::write(&path, jpeg(&picture.context("a picture")?, 90)?)?;
    let tools = Tools::locate(Limits::default())?;
    for _ in 0..3 {
        let begun = Instant::now();
        let small = fit(&tools.read_image(&path)?, LONG_SIDE);
        let megabytes = fs_err::metadata(&path)?.len() as f64 / 1e6;
        println!(
            "a JPEG of {width}x{height} ({megabytes:.1} MB) to {}x{}: {:.0?}",
            small.width,
            small.height,
            begun.elapsed()
        );
    }
    Ok(())
}
