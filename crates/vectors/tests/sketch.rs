//! Searches with sketches find what searches without find, to the last bit.
#![allow(clippy::unwrap_used)] // What its helpers meet unexpectedly fails the test.

use proptest::prelude::*;
use rushes_vectors::{Hit, Keep, Query, Rows, Segment, TAGS_A_ROW, Tags, f16, top_k};

/// A small generator, so that every run sees the same rows.
struct Noise(u64);

impl Noise {
    /// From -1 to 1.
    fn next(&mut self) -> f32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    fn vector(&mut self, dim: usize) -> Vec<f32> {
        (0..dim).map(|_| self.next()).collect()
    }

    fn below(&mut self, end: usize) -> usize {
        ((self.next() + 1.0) / 2.0 * end as f32) as usize % end
    }
}

/// What kinds of rows there are.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Random,
    /// Near one another, eight by eight, and all on one side.
    Footage,
    /// Each of few rows again and again.
    Duplicated,
    Zero,
    /// Near the largest number of f16.
    Huge,
    /// Below the least normal number of f16.
    Tiny,
    /// Some with NaN or infinite values.
    Broken,
    /// One value far above all others.
    Peaked,
    /// All of these mixed.
    Mixed,
}

const KINDS: [Kind; 9] = [
    Kind::Random,
    Kind::Footage,
    Kind::Duplicated,
    Kind::Zero,
    Kind::Huge,
    Kind::Tiny,
    Kind::Broken,
    Kind::Peaked,
    Kind::Mixed,
];

fn row(kind: Kind, index: usize, dim: usize, noise: &mut Noise) -> Vec<f32> {
    let same = |seed: usize| Noise(seed as u64 * 977 + 5).vector(dim);
    let mut row = noise.vector(dim);
    let near = |seed: usize, row: &[f32]| {
        let values = same(seed).into_iter().zip(row).zip(same(0));
        values.map(|((shot, noise), common)| shot + 0.3 * noise + common).collect()
    };
    match kind {
        Kind::Random => {}
        Kind::Footage => row = near(1 + index / 8, &row),
        Kind::Duplicated => row = same(index % 7),
        Kind::Zero => row.fill(0.0),
        Kind::Huge => row.iter_mut().for_each(|value| *value *= 65_504.0),
        Kind::Tiny => row.iter_mut().for_each(|value| *value *= 1e-6),
        Kind::Broken if index % 5 == 2 => row[index % dim] = f32::INFINITY,
        Kind::Broken if index % 5 == 3 => row[index % dim] = f32::NEG_INFINITY,
        Kind::Broken if index % 5 == 4 => row[index % dim] = f32::NAN,
        Kind::Broken => {}
        Kind::Peaked => row[3 % dim] = 50.0,
        Kind::Mixed => row = self::row(KINDS[index % 8], index, dim, noise),
    }
    row
}

fn segment(kind: Kind, count: usize, dim: usize, noise: &mut Noise) -> Segment {
    let rows: Vec<f32> = (0..count).flat_map(|index| row(kind, index, dim, noise)).collect();
    let rows = Rows::owned(rows.into_iter().map(f16::from_f32).collect(), dim).unwrap();
    let mut tags = Vec::new();
    for _ in 0..count {
        let some = noise.below(TAGS_A_ROW);
        let tag = |noise: &mut Noise| (noise.below(40) as u16, 1 + noise.below(255) as u8);
        tags.extend(Tags::pack(&(0..some).map(|_| tag(noise)).collect::<Vec<_>>()));
    }
    Segment::new(rows, Some(Tags::owned(tags).unwrap())).unwrap()
}

/// Hits of which equality sees every bit.
fn bits(hits: &[Hit]) -> Vec<(usize, usize, u32)> {
    hits.iter().map(|hit| (hit.segment, hit.row, hit.score.to_bits())).collect()
}

/// Searches before any, after some, and after all segments have sketches.
fn compare(segments: &[Segment], query: &Query, k: usize, keep: Option<Keep<'_>>) {
    let found = || {
        let segments: Vec<&Segment> = segments.iter().collect();
        bits(&top_k(&segments, query, k, keep).unwrap())
    };
    let plain: Vec<Segment> = segments
        .iter()
        .map(|segment| Segment::new(segment.rows().clone(), segment.tags().cloned()).unwrap())
        .collect();
    let expected = bits(&top_k(&plain.iter().collect::<Vec<_>>(), query, k, keep).unwrap());
    segments.iter().step_by(2).for_each(Segment::build_sketch);
    assert_eq!(found(), expected, "some sketches, k {k}");
    segments.iter().for_each(Segment::build_sketch);
    assert_eq!(found(), expected, "all sketches, k {k}");
}

#[test]
fn rows_of_every_kind_and_length_are_found_as_without() {
    let mut noise = Noise(3);
    for dim in [1, 7, 32, 384, 768, 1152] {
        for kind in KINDS {
            let counts = [130, 1, 301, 0];
            let segments: Vec<_> =
                counts.iter().map(|&count| segment(kind, count, dim, &mut noise)).collect();
            for scale in [1.0, 0.0, 1e-20, 1e30] {
                let vector: Vec<f32> =
                    noise.vector(dim).iter().map(|value| value * scale).collect();
                compare(&segments, &Query::new(vector), 12, None);
            }
        }
    }
}

#[test]
fn queries_that_no_step_fits_find_the_same() {
    let mut noise = Noise(5);
    let segments = [segment(Kind::Mixed, 900, 40, &mut noise)];
    for odd in [f32::INFINITY, f32::NAN, f32::MAX, 1e-45, 1e9] {
        let mut vector = noise.vector(40);
        vector[17] = odd;
        compare(&segments, &Query::new(vector), 20, None);
    }
    compare(&segments, &Query::new(vec![1e-45; 40]), 20, None);
}

#[test]
fn rows_that_are_filtered_do_not_push_others_out() {
    let mut noise = Noise(9);
    let segments = [Kind::Random, Kind::Duplicated].map(|kind| segment(kind, 3000, 96, &mut noise));
    let query = Query::new(noise.vector(96));
    let all = top_k(&segments.iter().collect::<Vec<_>>(), &query, 3000, None).unwrap();
    let worst = all.last().unwrap().score;
    // Of the best half nothing may be found.
    let keep = |index: usize, row: usize| {
        !all.iter().any(|hit| (hit.segment, hit.row) == (index, row)) || row.is_multiple_of(97)
    };
    compare(&segments, &query, 40, Some(&keep));
    let nothing = |_: usize, _: usize| false;
    compare(&segments, &query, 40, Some(&nothing));
    let segments: Vec<&Segment> = segments.iter().collect();
    let found = top_k(&segments, &query, 200, Some(&keep)).unwrap();
    assert!(found.iter().filter(|hit| hit.score <= worst).count() > 100);
}

#[test]
fn any_number_of_hits_can_be_wanted() {
    let mut noise = Noise(11);
    let segments =
        [Kind::Footage, Kind::Broken, Kind::Zero].map(|kind| segment(kind, 500, 64, &mut noise));
    let query = Query::new(noise.vector(64)).with_words(&[vec![3, 8], vec![20]], 0.7);
    for k in [0, 1, 7, 186, 187, 188, 1499, 1500, 9000, usize::MAX] {
        compare(&segments, &query, k, None);
    }
}

#[test]
fn a_sketch_is_made_once_and_has_the_size_that_is_told() {
    let mut noise = Noise(13);
    let segment = segment(Kind::Random, 1000, 768, &mut noise);
    assert!(!segment.has_sketch());
    assert_eq!(segment.sketch_bytes(), 0);
    std::thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(|| segment.build_sketch())));
    });
    assert!(segment.has_sketch() && segment.clone().has_sketch());
    let each = segment.sketch_bytes() as f64 / 1000.0;
    assert!((592.0..625.0).contains(&each), "{each}");
    let long = Rows::owned(vec![f16::ONE; 2 * 70_000], 70_000).unwrap();
    let long = Segment::new(long, None).unwrap().with_sketch();
    assert!(!long.has_sketch());
    compare(&[long], &Query::new(vec![1.0; 70_000]), 1, None);
}

fn case() -> impl Strategy<Value = (Vec<(usize, usize)>, usize, u64)> {
    let segments = prop::collection::vec((0..KINDS.len(), 0usize..700), 1..5);
    (segments, 1usize..200, any::<u64>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn sketches_change_nothing(
        (shapes, dim, seed) in case(),
        words in prop::collection::vec(prop::collection::vec(0u16..45, 0..4), 0..4),
        (weight, exponent) in (-0.5f32..2.0, -30i32..30),
        (k, modulus) in (0usize..60, 1usize..4),
    ) {
        let mut noise = Noise(seed);
        let made = |&(kind, count): &(usize, usize)| segment(KINDS[kind], count, dim, &mut noise);
        let segments: Vec<Segment> = shapes.iter().map(made).collect();
        let scale = 10f32.powi(exponent);
        let vector: Vec<f32> = noise.vector(dim).iter().map(|value| value * scale).collect();
        let query = Query::new(vector).with_words(&words, weight * scale);
        let keep = |segment: usize, row: usize| (segment + row).is_multiple_of(modulus);
        compare(&segments, &query, k, Some(&keep));
    }
}
