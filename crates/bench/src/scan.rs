//! Latency of the exact scan over mapped segments.

use anyhow::Result;
use clap::Args;
use fs_err::File;
use half::f16;
use rushes_vectors::{Query, Rows, Segment, top_k};
use std::{io::Write, time::Instant};

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
}

/// A small generator, so that every run scans the same rows.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }
}

/// Writes the segments, maps them, and prints the latencies of many searches.
pub fn run(arguments: &Arguments) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut noise = Noise(7);
    let scale = 1.0 / (arguments.dimensions as f32 / 3.0).sqrt();
    let mut segments = Vec::new();
    for index in 0..arguments.segments {
        let values: Vec<u8> = (0..arguments.rows * arguments.dimensions)
            .flat_map(|_| f16::from_f32(noise.next() * scale).to_le_bytes())
            .collect();
        let path = folder.path().join(index.to_string());
        File::create(&path)?.write_all(&values)?;
        let rows = Rows::map(&path, 0, arguments.rows, arguments.dimensions)?;
        segments.push(Segment::new(rows, None)?);
    }
    let segments: Vec<&Segment> = segments.iter().collect();
    let mut times = Vec::new();
    for search in 0..arguments.searches + 3 {
        let query = Query::new((0..arguments.dimensions).map(|_| noise.next() * scale).collect());
        let begun = Instant::now();
        top_k(&segments, &query, arguments.results, None)?;
        // The first searches bring the pages in.
        if search >= 3 {
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let rows = arguments.segments * arguments.rows;
    let gigabytes = (rows * arguments.dimensions * 2) as f64 / 1e9;
    println!(
        "{rows} x {} f16, top {}: p50 {:.1} ms, p95 {:.1} ms, {:.1} GB/s",
        arguments.dimensions,
        arguments.results,
        at(0.5),
        at(0.95),
        gigabytes / (at(0.5) / 1000.0)
    );
    Ok(())
}
