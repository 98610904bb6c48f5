//! The scan against a plain one, over mapped, read and owned rows.
#![allow(clippy::unwrap_used)] // What its helpers meet unexpectedly fails the test.

use proptest::prelude::*;
use rushes_vectors::{
    GrowingSegment, Hit, Query, Rows, Segment, TAG_ROW_BYTES, Tags, VectorsError, dot, f16,
    rank_rows, top_k, top_k_by,
};
use std::path::Path;

type Row = (Vec<f32>, Vec<(u16, u8)>);

fn growing(rows: &[Row], dim: usize) -> GrowingSegment {
    let mut segment = GrowingSegment::new(dim);
    rows.iter().for_each(|(vector, tags)| segment.push(vector, tags).unwrap());
    segment
}

/// What a query is made of.
#[derive(Debug, Clone)]
struct Parts {
    vector: Vec<f32>,
    words: Vec<Vec<u16>>,
    weight: f32,
}

impl Parts {
    fn query(&self) -> Query {
        Query::new(self.vector.clone()).with_words(&self.words, self.weight)
    }

    /// The score of a row by its definition.
    fn score(&self, segment: &Segment, row: usize) -> f32 {
        let score = dot(&self.vector, segment.rows().row(row));
        let Some(tags) = segment.tags().filter(|_| !self.words.is_empty()) else { return score };
        let tags: Vec<(u16, u8)> = tags.row(row).collect();
        let best = |word: &Vec<u16>| {
            let weights = tags.iter().filter(|(tag, _)| word.contains(tag));
            f32::from(weights.map(|&(_, weight)| weight).max().unwrap_or(0)) / 255.0
        };
        let count = self.words.len() as f32;
        score + self.weight * (self.words.iter().map(best).sum::<f32>() / count.sqrt())
    }
}

/// All rows by what `score` says of them, sorted; rows of no score are left out.
fn plain(segments: &[&Segment], k: usize, score: impl Fn(usize, usize) -> Option<f32>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        for row in 0..segment.rows().count() {
            let score = score(index, row).filter(|score| !score.is_nan());
            hits.extend(score.map(|score| Hit { segment: index, row, score }));
        }
    }
    hits.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then((a.segment, a.row).cmp(&(b.segment, b.row)))
    });
    hits.truncate(k);
    hits
}

/// Values from a coarse grid, so that equal scores are common; some are NaN.
fn value() -> impl Strategy<Value = f32> {
    prop_oneof![30 => (-4i8..=4).prop_map(|step| f32::from(step) / 4.0), 1 => Just(f32::NAN)]
}

fn rows(dim: usize) -> impl Strategy<Value = Vec<Row>> {
    let tags = prop::collection::vec((0u16..12, 1u8..=255), 0..6);
    prop::collection::vec((prop::collection::vec(value(), dim), tags), 0..600)
}

fn parts(dim: usize) -> impl Strategy<Value = Parts> {
    let vector = prop::collection::vec((-4i8..=4).prop_map(|step| f32::from(step) / 4.0), dim);
    let words = prop::collection::vec(prop::collection::vec(0u16..14, 0..4), 0..4);
    let made = |(vector, words, weight)| Parts { vector, words, weight };
    (vector, words, -0.5f32..2.0).prop_map(made)
}

fn case() -> impl Strategy<Value = (Vec<Vec<Row>>, Vec<Parts>)> {
    (1usize..70).prop_flat_map(|dim| {
        (prop::collection::vec(rows(dim), 1..4), prop::collection::vec(parts(dim), 1..4))
    })
}

fn snapshots(media: &[Vec<Row>], dim: usize) -> Vec<std::sync::Arc<Segment>> {
    media.iter().map(|rows| growing(rows, dim).snapshot()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_scan_is_exact(
        (media, queries) in case(),
        k in 0usize..60,
        modulus in 1usize..4,
    ) {
        let owned = snapshots(&media, queries[0].vector.len());
        let segments: Vec<&Segment> = owned.iter().map(AsRef::as_ref).collect();
        let keep = |segment: usize, row: usize| (segment + row).is_multiple_of(modulus);
        let found = top_k(&segments, &queries[0].query(), k, Some(&keep)).unwrap();
        let score = |index: usize, row| {
            keep(index, row).then(|| queries[0].score(segments[index], row))
        };
        prop_assert_eq!(found, plain(&segments, k, score));
    }

    #[test]
    fn several_queries_in_one_scan_are_exact(
        (media, queries) in case(),
        k in 0usize..60,
        modulus in 1usize..4,
    ) {
        let owned = snapshots(&media, queries[0].vector.len());
        let segments: Vec<&Segment> = owned.iter().map(AsRef::as_ref).collect();
        let combine = |index: usize, row: usize, scores: &[f32]| match (index + row) % modulus {
            0 => scores.iter().sum::<f32>() - scores[0] / 2.0,
            1 => f32::NEG_INFINITY,
            _ => f32::NAN,
        };
        let asked: Vec<Query> = queries.iter().map(Parts::query).collect();
        let found = top_k_by(&segments, &asked, &combine, k).unwrap();
        let score = |index: usize, row: usize| {
            let score = |parts: &Parts| parts.score(segments[index], row);
            let score = combine(index, row, &queries.iter().map(score).collect::<Vec<_>>());
            Some(score).filter(|&score| score > f32::NEG_INFINITY)
        };
        prop_assert_eq!(found, plain(&segments, k, score));
        let chosen = |index: usize, row: usize| (index * 7 + row) % 3 != 1;
        let rows = |index: usize| (0..segments[index].rows().count()).map(move |row| (index, row));
        let rows: Vec<_> = (0..segments.len()).flat_map(rows).filter(|&(index, row)| chosen(index, row)).collect();
        let ranked = rank_rows(&segments, &asked, &combine, &rows).unwrap();
        let score = |index: usize, row: usize| chosen(index, row).then(|| score(index, row)).flatten();
        prop_assert_eq!(ranked, plain(&segments, rows.len(), score));
    }
}

#[test]
fn one_query_that_is_not_changed_finds_what_top_k_finds() {
    let segments =
        [growing(&varied(5000, 37), 37).snapshot(), growing(&varied(9, 37), 37).snapshot()];
    let segments: Vec<&Segment> = segments.iter().map(AsRef::as_ref).collect();
    let query = Query::new(varied(7, 37)[6].0.clone()).with_words(&[vec![3, 5]], 0.3);
    let expected = top_k(&segments, &query, 40, None).unwrap();
    assert_eq!(top_k_by(&segments, &[query], &|_, _, scores| scores[0], 40).unwrap(), expected);
}

#[test]
fn without_queries_the_caller_alone_ranks() {
    let segment = growing(&varied(3000, 5), 5).snapshot();
    let later = |_: usize, row: usize, scores: &[f32]| {
        assert!(scores.is_empty());
        if row < 2999 { row as f32 } else { f32::INFINITY }
    };
    let found = top_k_by(&[&segment, &segment], &[], &later, 3).unwrap();
    let places: Vec<_> = found.iter().map(|hit| (hit.segment, hit.row)).collect();
    assert_eq!(places, [(0, 2999), (1, 2999), (0, 2998)]);
    assert_eq!(top_k_by(&[&segment], &[], &later, 0).unwrap(), []);
    assert_eq!(top_k_by(&[], &[], &later, 9).unwrap(), []);
}

fn varied(count: usize, dim: usize) -> Vec<Row> {
    let value = |row: usize, place: usize| ((row * 31 + place * 17) % 101) as f32 / 101.0 - 0.5;
    let vector = |row| (0..dim).map(|place| value(row, place)).collect();
    (0..count).map(|row| (vector(row), vec![((row % 50) as u16, 200)])).collect()
}

/// A file with vectors at byte 64 and tags at a later multiple of 64; returns the latter.
fn write(path: &Path, segment: &Segment) -> u64 {
    let mut bytes = vec![0xAA; 64];
    bytes.extend(segment.rows().to_bits().into_iter().flat_map(u16::to_le_bytes));
    bytes.resize(bytes.len().next_multiple_of(64), 0);
    let tags_at = bytes.len() as u64;
    bytes.extend(segment.tags().unwrap().to_bytes());
    fs_err::write(path, bytes).unwrap();
    tags_at
}

#[test]
fn mapped_read_and_owned_rows_answer_alike() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("segment");
    let (count, dim) = (5000, 37);
    let owned = growing(&varied(count, dim), dim).snapshot();
    let tags_at = write(&path, &owned);
    let mapped = Segment::new(
        Rows::map(&path, 64, count, dim).unwrap(),
        Some(Tags::map(&path, tags_at, count).unwrap()),
    );
    let read = Segment::new(
        Rows::read(&path, 64, count, dim).unwrap(),
        Some(Tags::read(&path, tags_at, count).unwrap()),
    );
    let query = Query::new(varied(7, dim)[6].0.clone()).with_words(&[vec![3, 5]], 0.3);
    let expected = top_k(&[&owned], &query, 50, None).unwrap();
    assert_eq!(expected.len(), 50);
    for segment in [mapped.unwrap(), read.unwrap()] {
        assert_eq!(top_k(&[&segment], &query, 50, None).unwrap(), expected);
    }
}

#[test]
fn files_that_do_not_hold_the_rows_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("segment");
    fs_err::write(&path, vec![0; 64 + 10 * 8 * 2]).unwrap();
    assert!(Rows::map(&path, 64, 10, 8).is_ok());
    for open in [Rows::map, Rows::read] {
        assert!(matches!(open(&path, 64, 11, 8), Err(VectorsError::Short { .. })));
        assert!(matches!(open(&path, 32, 1, 8), Err(VectorsError::Layout { .. })));
        assert!(matches!(open(&path, 64, usize::MAX, 8), Err(VectorsError::Layout { .. })));
        assert!(matches!(open(&path, 64, 1, 0), Err(VectorsError::Layout { .. })));
        let error = open(&folder.path().join("gone"), 64, 1, 8).unwrap_err().to_string();
        assert!(error.contains("gone"), "{error}");
        assert_eq!(open(&path, 64, 0, 8).unwrap().count(), 0);
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    assert!(Rows::owned(vec![f16::ONE; 7], 2).is_err());
    assert!(Tags::owned(vec![0; TAG_ROW_BYTES + 1]).is_err());
    let rows = Rows::owned(vec![f16::ONE; 4], 2).unwrap();
    let tags = Tags::owned(vec![0; TAG_ROW_BYTES]).unwrap();
    assert!(Segment::new(rows.clone(), Some(tags)).is_err());
    let segment = Segment::new(rows, None).unwrap();
    let error = top_k(&[&segment], &Query::new(vec![1.0; 3]), 5, None).unwrap_err();
    assert!(matches!(error, VectorsError::Dimensions { query: 3, rows: 2 }));
    let queries = [Query::new(vec![1.0; 2]), Query::new(vec![1.0; 3])];
    let error = top_k_by(&[&segment], &queries, &|_, _, scores| scores[0], 5).unwrap_err();
    assert!(matches!(error, VectorsError::Dimensions { query: 3, rows: 2 }));
    assert!(GrowingSegment::new(2).push(&[1.0], &[]).is_err());
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let rows = varied(600, 9);
    let mut segment = growing(&rows[..300], 9);
    let early = segment.snapshot();
    rows[300..].iter().for_each(|(vector, tags)| segment.push(vector, tags).unwrap());
    let late = segment.snapshot();
    assert_eq!((early.rows().count(), late.rows().count(), segment.count()), (300, 600, 600));
    assert_eq!(early.rows().to_bits(), late.rows().to_bits()[..300 * 9]);
    let tags: Vec<(u16, u8)> = late.tags().unwrap().row(599).collect();
    assert_eq!(tags, rows[599].1);
    assert_eq!(late.rows().row(599)[4], f16::from_f32(rows[599].0[4]));
}

#[test]
fn nothing_to_search_finds_nothing() {
    let empty = GrowingSegment::new(4).snapshot();
    let query = Query::new(vec![1.0; 4]);
    assert_eq!(top_k(&[], &query, 5, None).unwrap(), []);
    assert_eq!(top_k(&[&empty], &query, 5, None).unwrap(), []);
}
