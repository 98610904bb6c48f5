//! Latency of the exact scan over mapped segments, with and without sketches.

use crate::space::Space;
use anyhow::{Result, ensure};
use clap::Args;
use fs_err::File;
use rushes_vectors::{Hit, Query, Rows, Segment, top_k};
use std::{io::Write, path::Path, time::Instant};

/// Arguments of `scan`.
#[derive(Args)]
pub struct Arguments {
    /// Segments: hours of footage at one frame a second.
    #[arg(long, default_value_t = 100)]
    segments: usize,
    /// Rows a segment.
    #[arg(long, default_value_t = 3600)]
    rows: usize,
    /// Length of the vectors.
    #[arg(long, default_value_t = 768)]
    dimensions: usize,
    /// Searches.
    #[arg(long, default_value_t = 200)]
    searches: usize,
    /// Results a search.
    #[arg(long, default_value_t = 100)]
    results: usize,
    /// Search with sketches as well.
    #[arg(long)]
    sketch: bool,
    /// Rows that lie as those of footage do, instead of anywhere: near the others of their shot, in a
    /// space whose directions differ in weight, and all on one side.
    #[arg(long)]
    like_footage: bool,
}

/// Writes the segments, maps them, and prints the latencies of many searches.
pub fn run(arguments: &Arguments) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut space = Space::new(arguments.dimensions, arguments.like_footage);
    let segments = written(arguments, &mut space, folder.path())?;
    let segments: Vec<&Segment> = segments.iter().collect();
    let queries: Vec<Query> = (0..arguments.searches + UNTIMED).map(|_| space.query()).collect();
    let found = search(arguments, &segments, &queries, "f16")?;
    if arguments.sketch {
        let begun = Instant::now();
        segments.iter().for_each(|segment| segment.build_sketch());
        let seconds = begun.elapsed().as_secs_f64();
        let rows = arguments.segments * arguments.rows;
        let bytes: usize = segments.iter().map(|segment| segment.sketch_bytes()).sum();
        println!(
            "sketches: {seconds:.1} s on one core, {:.1} µs and {} bytes a row",
            seconds * 1e6 / rows as f64,
            bytes / rows.max(1)
        );
        let again = search(arguments, &segments, &queries, "sketch")?;
        ensure!(again == found, "searches with sketches find something else");
    }
    Ok(())
}

fn written(arguments: &Arguments, space: &mut Space, folder: &Path) -> Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for index in 0..arguments.segments {
        let path = folder.join(index.to_string());
        let rows = space.medium(arguments.rows);
        let bytes: Vec<u8> = rows.iter().flat_map(|value| value.to_le_bytes()).collect();
        File::create(&path)?.write_all(&bytes)?;
        let rows = Rows::map(&path, 0, arguments.rows, arguments.dimensions)?;
        segments.push(Segment::new(rows, None)?);
    }
    Ok(segments)
}

/// The first searches bring the pages in.
const UNTIMED: usize = 3;

/// What every query finds; prints how long that took.
fn search(
    arguments: &Arguments,
    segments: &[&Segment],
    queries: &[Query],
    how: &str,
) -> Result<Vec<Vec<Hit>>> {
    let (mut times, mut found) = (Vec::new(), Vec::new());
    for query in queries {
        let begun = Instant::now();
        found.push(top_k(segments, query, arguments.results, None)?);
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.drain(..UNTIMED);
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    let rows = arguments.segments * arguments.rows;
    let gigabytes = (rows * arguments.dimensions * 2) as f64 / 1e9;
    println!(
        "{rows} x {} {how}, top {}: p50 {:.1} ms, p95 {:.1} ms, {:.1} GB/s of f16",
        arguments.dimensions,
        arguments.results,
        at(0.5),
        at(0.95),
        gigabytes / (at(0.5) / 1000.0)
    );
    Ok(found)
}
