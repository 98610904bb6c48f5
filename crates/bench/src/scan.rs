//! Latency of the exact scan over mapped segments, with and without sketches.

use anyhow::{Result, ensure};
use clap::Args;
use fs_err::File;
use half::f16;
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

/// Rows of one shot, in footage sampled once a second.
const SHOT_ROWS: usize = 8;
/// Parts of a row of footage: what all have in common, its medium, its shot, itself. Frames of one shot
/// have then a cosine of 0.9, of different media 0.4.
const PARTS: [f32; 4] = [0.65, 0.35, 0.6, 0.35];
/// How fast the weight of a space's directions falls: as their number to this power.
const FALL: f32 = -0.3;
/// What a sentence's vector has of what all rows have in common: sentences lie on the other side.
const APART: f32 = -0.15;

/// A small generator, so that every run scans the same rows.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    /// A vector of length 1, of values that are as large as their weights.
    fn vector(&mut self, weights: &[f32]) -> Vec<f32> {
        unit(weights.iter().map(|weight| weight * self.next()).collect())
    }
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|value| *value /= length);
    vector
}

/// Where rows and sentences lie.
struct Space {
    noise: Noise,
    weights: Vec<f32>,
    /// What all rows have in common; nothing where they lie anywhere.
    common: Option<Vec<f32>>,
}

impl Space {
    fn new(arguments: &Arguments) -> Self {
        let mut noise = Noise(7);
        let fall = if arguments.like_footage { FALL } else { 0.0 };
        let weight = |place: usize| (place as f32 + 1.0).powf(fall);
        let weights: Vec<f32> = (0..arguments.dimensions).map(weight).collect();
        let common = arguments.like_footage.then(|| noise.vector(&weights));
        Self { noise, weights, common }
    }

    fn vector(&mut self) -> Vec<f32> {
        self.noise.vector(&self.weights)
    }

    /// The rows of a medium, as a file holds them.
    fn medium(&mut self, rows: usize) -> Vec<u8> {
        let (medium, mut shot) = (self.vector(), Vec::new());
        let mut bytes = Vec::new();
        for index in 0..rows {
            if index % SHOT_ROWS == 0 {
                shot = self.vector();
            }
            let mut row = self.vector();
            if let Some(common) = &self.common {
                row = joined(&[common, &medium, &shot, &row], &PARTS);
            }
            bytes.extend(row.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()));
        }
        bytes
    }

    fn query(&mut self) -> Query {
        let own = self.vector();
        let joined = |common| joined(&[&own, common], &[1.0, APART]);
        Query::new(self.common.as_ref().map_or(own.clone(), joined))
    }
}

/// Vectors by their shares, of length 1 together.
fn joined(vectors: &[&Vec<f32>], shares: &[f32]) -> Vec<f32> {
    let value =
        |place: usize| vectors.iter().zip(shares).map(|(one, share)| share * one[place]).sum();
    unit((0..vectors[0].len()).map(value).collect())
}

/// Writes the segments, maps them, and prints the latencies of many searches.
pub fn run(arguments: &Arguments) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut space = Space::new(arguments);
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
        File::create(&path)?.write_all(&space.medium(arguments.rows))?;
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
