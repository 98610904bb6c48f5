//! Following faces through the shots of one medium.

use rushes_model::Area;

use crate::vector::{add, dot, dot_sums, unit};

/// What a sighting without quality counts for in the vector of a track.
const LEAST_QUALITY: f32 = 1e-3;

/// A face in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// When the frame is; sightings of one frame have the same seconds.
    pub seconds: f64,
    /// Where the face is.
    pub area: Area,
    /// How clear it is; more is better.
    pub quality: f32,
    /// Unit vector of the embedding model.
    pub vector: Vec<f32>,
}

/// A face followed through a shot.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Indices of its sightings in the order of time.
    pub members: Vec<usize>,
    /// Index of the clearest, the earliest of several.
    pub representative: usize,
    /// Unit vector of the mean of its sightings, each counted by its quality.
    pub vector: Vec<f32>,
}

/// What faces are followed by. Distances are cosine distances of the embedding model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackSettings {
    /// Distance up to which a face is taken for the one of a track wherever in the picture it is:
    /// after a swap of places, a fast move, or a gap.
    pub same: f32,
    /// Distance beyond which a face is another one even where the boxes overlap. Between `same` and
    /// this, which is a head that turns, the boxes decide.
    pub veto: f32,
    /// Overlap of two boxes, intersection over union, that says that they are one face. Low, since
    /// a face moves by a good part of its width between samples a second apart.
    pub overlap: f32,
    /// How far apart in seconds samples may lie for their boxes to be compared.
    pub overlap_seconds: f64,
    /// The longest gap in seconds, within a shot, over which a track goes on.
    pub bridge_seconds: f64,
}

impl TrackSettings {
    /// Settings for a model whose faces of one person are up to `eps` apart.
    ///
    /// The veto lies at five quarters of it: with the default of 0.48 at 0.6, where pairs of
    /// different people begin.
    pub fn for_distance(eps: f32) -> Self {
        Self {
            same: eps,
            veto: eps * 1.25,
            overlap: 0.2,
            overlap_seconds: 2.0,
            bridge_seconds: 6.0,
        }
    }
}

/// Gathers the sightings of a medium to tracks, in the order of their first sightings.
///
/// `cuts` are the seconds at which shots start, sorted. Every sighting is in exactly one track; no
/// track crosses a cut or has two sightings of one frame. Frame by frame, the pairs of a running
/// track and a face that fit are taken best first: by the distance between the face and the mean of
/// the track, less up to half of `same` for overlapping boxes.
pub fn tracks(sightings: &[Sighting], cuts: &[f64], settings: &TrackSettings) -> Vec<Track> {
    let mut order: Vec<usize> = (0..sightings.len()).collect();
    order.sort_by(|&a, &b| sightings[a].seconds.total_cmp(&sightings[b].seconds));
    let mut runs: Vec<Run> = Vec::new();
    let mut active: Vec<usize> = Vec::new();
    for frame in order.chunk_by(|&a, &b| sightings[a].seconds == sightings[b].seconds) {
        let seconds = sightings[frame[0]].seconds;
        let shot = cuts.partition_point(|&cut| cut <= seconds);
        active.retain(|&run| runs[run].goes_on(seconds, shot, settings));
        let pairs = assign(frame, &active, &runs, sightings, settings);
        for (&sighting, run) in frame.iter().zip(pairs) {
            match run {
                Some(run) => runs[run].take(sighting, &sightings[sighting]),
                None => {
                    active.push(runs.len());
                    runs.push(Run::new(sighting, &sightings[sighting], shot));
                }
            }
        }
    }
    runs.into_iter().map(|run| run.finish(sightings)).collect()
}

/// For each face of a frame the track that it goes on with.
fn assign(
    frame: &[usize],
    active: &[usize],
    runs: &[Run],
    sightings: &[Sighting],
    settings: &TrackSettings,
) -> Vec<Option<usize>> {
    let mut fits = Vec::new();
    for (place, &sighting) in frame.iter().enumerate() {
        let cost = |&run: &usize| runs[run].cost(&sightings[sighting], settings);
        fits.extend(active.iter().filter_map(|run| Some((cost(run)?, *run, place))));
    }
    fits.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
    let mut chosen = vec![None; frame.len()];
    let mut taken = std::collections::HashSet::new();
    for (_, run, place) in fits {
        if chosen[place].is_none() && taken.insert(run) {
            chosen[place] = Some(run);
        }
    }
    chosen
}

/// A track while it is followed.
struct Run {
    members: Vec<usize>,
    shot: usize,
    seconds: f64,
    area: Area,
    sums: Vec<f64>,
    mean: Vec<f32>,
}

impl Run {
    fn new(index: usize, sighting: &Sighting, shot: usize) -> Self {
        let mut run = Self {
            members: Vec::new(),
            shot,
            seconds: sighting.seconds,
            area: sighting.area,
            sums: vec![0.0; sighting.vector.len()],
            mean: sighting.vector.clone(),
        };
        run.take(index, sighting);
        run
    }

    fn take(&mut self, index: usize, sighting: &Sighting) {
        self.members.push(index);
        self.seconds = sighting.seconds;
        self.area = sighting.area;
        add(&mut self.sums, &sighting.vector, f64::from(sighting.quality.max(LEAST_QUALITY)));
        if let Some(mean) = unit(&self.sums) {
            self.mean = mean;
        }
    }

    fn goes_on(&self, seconds: f64, shot: usize, settings: &TrackSettings) -> bool {
        self.shot == shot && seconds - self.seconds <= settings.bridge_seconds
    }

    /// How badly a face fits; `None` if it is another one.
    fn cost(&self, sighting: &Sighting, settings: &TrackSettings) -> Option<f64> {
        let distance = 1.0 - dot(&self.mean, &sighting.vector);
        let near = sighting.seconds - self.seconds <= settings.overlap_seconds;
        let shared = if near { overlap(&self.area, &sighting.area) } else { 0.0 };
        let follows = shared >= settings.overlap && distance <= f64::from(settings.veto);
        let bonus = f64::from(shared) * f64::from(settings.same) / 2.0;
        (follows || distance <= f64::from(settings.same)).then_some(distance - bonus)
    }

    fn finish(self, sightings: &[Sighting]) -> Track {
        // Through `max`, a quality that is not a number counts as the least.
        let quality = |index: usize| sightings[index].quality.max(LEAST_QUALITY);
        let clearer =
            |best: usize, &next: &usize| if quality(next) > quality(best) { next } else { best };
        let representative = self.members.iter().fold(self.members[0], clearer);
        let directed = dot_sums(&self.sums, &self.sums).sqrt() > 1e-6;
        let vector = if directed { self.mean } else { sightings[representative].vector.clone() };
        Track { members: self.members, representative, vector }
    }
}

/// Intersection over union of two boxes; 0 for boxes without an area.
fn overlap(left: &Area, right: &Area) -> f32 {
    let side = |from: f32, length: f32, other: f32, other_length: f32| {
        ((from + length).min(other + other_length) - from.max(other)).max(0.0)
    };
    let shared = side(left.left, left.width, right.left, right.width)
        * side(left.top, left.height, right.top, right.height);
    let all = left.width * left.height + right.width * right.height - shared;
    if shared > 0.0 && all > 0.0 { shared / all } else { 0.0 }
}
