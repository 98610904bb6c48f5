//! Settings that suit a collection, without anybody having said who is who.

use pulp::Simd;
use rayon::prelude::*;

use crate::apart::pairs_by_scene;
use crate::collection::{Faces, Settings};
use crate::products::{Products, products};

/// Collections of fewer faces have people of two faces.
const FEW: usize = 50;

/// Collections of fewer faces have people of three faces.
const SOME: usize = 500;

/// Pairs seen in one frame that say something.
const LEAST_PAIRS: usize = 10;

/// Pairs that are looked at in all, and in each scene at least.
const PAIRS: usize = 20_000;
const PAIRS_OF_SCENE: usize = 16;

/// Faces whose neighbourhoods are looked at.
const SAMPLE: usize = 2_000;

/// How far below its chord, as a share of its height, a curve bends at least.
const LEAST_BEND: f64 = 0.1;

/// Rows and columns of a block of products.
const BLOCK: usize = 256;

/// Settings for a collection, and what they were picked from.
#[derive(Debug, Clone, PartialEq)]
pub struct Detected {
    /// What to cluster by.
    pub settings: Settings,
    /// Number of faces.
    pub faces: usize,
    /// Pairs of faces of one frame that were looked at.
    pub pairs: usize,
    /// Cosine distance at which different people begin, if enough were seen together.
    pub different: Option<f32>,
    /// Faces whose neighbourhoods were looked at.
    pub sampled: usize,
    /// Cosine distance at which the faces of one person end, if the curve has a knee.
    pub same: Option<f32>,
    /// Whether `eps` was kept within half and five quarters of the default.
    pub clamped: bool,
}

impl Detected {
    /// The reasons in a sentence or two, with distances of which each is so many times what it is here.
    #[must_use]
    pub fn reason(&self, scale: f32) -> String {
        let different = self.different.map_or_else(
            || format!("only {} pairs of faces share a frame", self.pairs),
            |from| format!("faces that share a frame differ by {:.2} and more", from * scale),
        );
        let same = self.same.map_or_else(
            || "how far the faces of one person reach cannot be told".to_owned(),
            |to| format!("the faces of one person reach to about {:.2}", to * scale),
        );
        let clamped = if self.clamped { "; kept near the model's own distance" } else { "" };
        format!(
            "{different}; {same}{clamped}. {} faces: people have at least {}.",
            self.faces, self.settings.min_samples
        )
    }
}

/// Picks settings for a collection. `default` are the model's: its neighbour distance, and the
/// usual `min_samples`.
///
/// `min_samples` comes from the number of faces: a handful of pictures has no person five times.
/// It is 2 for fewer than 50 faces, 3 for fewer than 500, and never above the default.
///
/// `eps` lies between two distances that the collection itself tells:
///
/// * from above, where different people begin: faces seen in one frame are different people, and of
///   their distances the 2 % quantile is taken, one pair at least being left out, since now and
///   then a face is detected twice or is in a mirror;
/// * from below, where the faces of one person end: the knee of the curve of the distances at which
///   faces have `min_samples`, the point farthest below the chord of the sorted curve
///   (Satopää et al., Finding a "Kneedle" in a Haystack, 2011). It exists if the curve bends.
///
/// With both, a quarter of the way from the lower to the upper; with one, the default moved inside
/// it; never below half or above five quarters of the default, which is the model's own distance.
/// Everything is sampled by a fixed rule: at most 2,000 faces, evenly spread in the order of
/// joining and compared with all, and at most about 20,000 pairs, evenly spread over the scenes.
pub fn detect_settings(faces: &Faces, default: &Settings) -> Detected {
    let min_samples = default.min_samples.min(match faces.len() {
        few if few < FEW => 2,
        some if some < SOME => 3,
        _ => default.min_samples,
    });
    let seen_together = distances_in_frames(faces);
    let different = begin(&seen_together);
    let reaches = reaches(faces, min_samples);
    let same = knee(&reaches);
    let wanted = between(same, different, f64::from(default.eps));
    let (low, high) = (f64::from(default.eps) * 0.5, f64::from(default.eps) * 1.25);
    let eps = wanted.max(low).min(high);
    Detected {
        settings: Settings { eps: eps as f32, min_samples },
        faces: faces.len(),
        pairs: seen_together.len(),
        different: different.map(|distance| distance as f32),
        sampled: reaches.len(),
        same: same.map(|distance| distance as f32),
        clamped: eps != wanted,
    }
}

fn between(same: Option<f64>, different: Option<f64>, default: f64) -> f64 {
    match (same, different) {
        (Some(same), Some(different)) if same < different => same + (different - same) / 4.0,
        (_, Some(different)) => default.min(different),
        (Some(same), None) => default.max(same),
        (None, None) => default,
    }
}

/// Distances of faces that share a frame, ascending.
fn distances_in_frames(faces: &Faces) -> Vec<f64> {
    let mut distances = Vec::new();
    let mut scenes = 0;
    pairs_by_scene(faces, |_, found| found(0), |_| scenes += 1);
    let share = (PAIRS / scenes.max(1)).max(PAIRS_OF_SCENE);
    pairs_by_scene(
        faces,
        |_, found| found(0),
        |pairs| {
            let once: Vec<_> = pairs.iter().filter(|pair| pair.0 < pair.1).collect();
            let step = once.len().div_ceil(share).max(1);
            distances.extend(once.iter().step_by(step).map(|pair| faces.distance(pair.0, pair.1)));
        },
    );
    distances.sort_by(f64::total_cmp);
    distances
}

/// Where different people begin.
fn begin(ascending: &[f64]) -> Option<f64> {
    let left_out = ascending.len().div_ceil(50);
    (ascending.len() >= LEAST_PAIRS).then(|| ascending.get(left_out).copied()).flatten()
}

/// The distances at which sampled faces have `min_samples`, ascending. Left out are those that have
/// so many sightings themselves, and those that never get there.
fn reaches(faces: &Faces, min_samples: u32) -> Vec<f64> {
    let all = faces.len();
    let sampled: Vec<u32> =
        (0..all.min(SAMPLE)).map(|at| (at * all / all.min(SAMPLE)) as u32).collect();
    let light: Vec<u32> =
        sampled.into_iter().filter(|&face| faces.weight(face) < min_samples).collect();
    let blocks = light.par_chunks(BLOCK).map(|rows| block_reaches(faces, rows, min_samples));
    let mut reaches: Vec<f64> = blocks.collect::<Vec<_>>().into_iter().flatten().collect();
    reaches.sort_by(f64::total_cmp);
    reaches
}

fn block_reaches(faces: &Faces, rows: &[u32], min_samples: u32) -> Vec<f64> {
    let (left, mut scratch) = (faces.gather(rows), Vec::new());
    let nearest = vec![Vec::new(); rows.len()];
    let mut search = Search { rows, start: 0, most: min_samples as usize, nearest };
    for right in faces.vectors().chunks(BLOCK * faces.dimensions()) {
        products(&left, right, faces.dimensions(), &mut scratch, &mut search);
        search.start += BLOCK as u32;
    }
    let reach = |(&row, nearest): (&u32, &Vec<(f32, u32)>)| reach(faces, row, nearest, min_samples);
    rows.iter().zip(&search.nearest).filter_map(reach).collect()
}

/// Keeps the greatest products of each row with others, as many as may be needed.
struct Search<'a> {
    rows: &'a [u32],
    /// The face of the first column.
    start: u32,
    most: usize,
    nearest: Vec<Vec<(f32, u32)>>,
}

impl Products for Search<'_> {
    #[inline(always)]
    fn least(&self, row: usize) -> f32 {
        let full = self.nearest[row].get(self.most - 1);
        full.map_or(f32::NEG_INFINITY, |last| last.0)
    }

    fn hear<S: Simd>(&mut self, _simd: S, row: usize, column: usize, product: f32) {
        let (face, nearest) = (self.start + column as u32, &mut self.nearest[row]);
        if face == self.rows[row] {
            return;
        }
        let at = nearest.partition_point(|kept| kept.0 >= product);
        nearest.insert(at, (product, face));
        nearest.truncate(self.most);
    }
}

/// The distance at which a face has `min_samples`, rounded to what a product is good for.
fn reach(faces: &Faces, row: u32, nearest: &[(f32, u32)], min_samples: u32) -> Option<f64> {
    let mut weight = u64::from(faces.weight(row));
    for &(_, face) in nearest {
        weight += u64::from(faces.weight(face));
        if weight >= u64::from(min_samples) {
            return Some((faces.distance(row, face) * 1e4).round() / 1e4);
        }
    }
    None
}

/// The value of the point farthest below the chord of an ascending curve.
fn knee(ascending: &[f64]) -> Option<f64> {
    let (first, last) = (*ascending.first()?, *ascending.last()?);
    let height = last - first;
    let steps = (ascending.len() - 1) as f64;
    let below = |(at, &value): (usize, &f64)| (first + height * at as f64 / steps - value, value);
    let (bend, value) = ascending
        .iter()
        .enumerate()
        .map(below)
        .fold((0.0, first), |best, next| if next.0 > best.0 { next } else { best });
    (ascending.len() >= FEW / 2 && bend > LEAST_BEND * height).then_some(value)
}
