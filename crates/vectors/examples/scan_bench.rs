//! Time of an exact search over 100 hours at one row a second: 100 mapped files of 3,600 rows.
//!
//! `cargo run -p rushes-vectors --release --example scan_bench [DIM] [SEGMENTS]`
#![allow(clippy::print_stdout, clippy::unwrap_used)] // A program for the terminal, not a library.

use rushes_vectors::{Query, Rows, Segment, TAG_ROW_BYTES, TAGS_A_ROW, Tags, f16, top_k};
use std::{path::Path, time::Instant};

const ROWS: usize = 3600;
const TOP: usize = 100;
const SEARCHES: usize = 200;

/// Numbers that only have to look like none in particular.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit_vector(&mut self, dim: usize) -> Vec<f32> {
        let mut centred = || (self.next() >> 40) as f32 / (1 << 24) as f32 - 0.5;
        let vector: Vec<f32> = (0..dim).map(|_| centred()).collect();
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.iter().map(|value| value / length).collect()
    }
}

fn write_segment(path: &Path, dim: usize, noise: &mut Noise) {
    let mut bytes = Vec::with_capacity(ROWS * (dim * 2 + TAG_ROW_BYTES));
    for _ in 0..ROWS {
        let vector = noise.unit_vector(dim);
        bytes.extend(vector.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()));
    }
    for _ in 0..ROWS {
        let tag = |place: usize| ((noise.next() % 1100) as u16, 255 - 10 * place as u8);
        bytes.extend(Tags::pack(&(0..TAGS_A_ROW).map(tag).collect::<Vec<_>>()));
    }
    fs_err::write(path, bytes).unwrap();
}

fn open(path: &Path, dim: usize) -> Segment {
    let tags_at = (ROWS * dim * 2) as u64;
    let rows = Rows::map(path, 0, ROWS, dim).unwrap();
    Segment::new(rows, Some(Tags::map(path, tags_at, ROWS).unwrap())).unwrap()
}

fn report(name: &str, segments: &[&Segment], queries: &[Query]) {
    queries.iter().take(5).for_each(|query| drop(top_k(segments, query, TOP, None).unwrap()));
    let time = |query: &Query| {
        let start = Instant::now();
        let hits = top_k(segments, query, TOP, None).unwrap();
        assert_eq!(hits.len(), TOP);
        start.elapsed().as_secs_f64() * 1e3
    };
    let mut times: Vec<f64> = queries.iter().map(time).collect();
    times.sort_by(f64::total_cmp);
    // On a machine that does other things too, the best says what the scan itself takes.
    let (best, p50, p95) = (times[0], times[times.len() / 2], times[times.len() * 95 / 100]);
    let bytes: usize = segments.iter().map(|segment| ROWS * segment.rows().dim() * 2).sum();
    let speed = bytes as f64 / best / 1e6;
    println!("{name:<20} best {best:.1}  p50 {p50:.1}  p95 {p95:.1} ms  {speed:.1} GB/s at best");
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().unwrap());
    let dim = arguments.next().unwrap_or(768);
    let count: usize = arguments.next().unwrap_or(100);
    let folder = tempfile::tempdir().unwrap();
    let mut noise = Noise(88_172_645_463_325_252);
    let owned: Vec<Segment> = (0..count)
        .map(|index| {
            let path = folder.path().join(index.to_string());
            write_segment(&path, dim, &mut noise);
            open(&path, dim)
        })
        .collect();
    let segments: Vec<&Segment> = owned.iter().collect();
    let threads = rayon::current_num_threads();
    println!("{} rows of {dim}, top {TOP}, {threads} threads, {SEARCHES} searches", count * ROWS);

    let vectors: Vec<Vec<f32>> = (0..SEARCHES).map(|_| noise.unit_vector(dim)).collect();
    let plain: Vec<Query> = vectors.iter().map(|vector| Query::new(vector.clone())).collect();
    report("vectors", &segments, &plain);
    let words: Vec<Vec<u16>> = (0..3).map(|word| (word * 300..word * 300 + 10).collect()).collect();
    let tagged: Vec<Query> = plain.into_iter().map(|query| query.with_words(&words, 0.1)).collect();
    report("vectors and 3 words", &segments, &tagged);
}
