//! Which faces of a person to show: the clearest, and those that look most different.

use super::gather::Member;

/// Of so many faces of a person, the clearest, some are chosen; more would take longer and look no different.
const CANDIDATES: usize = 2_000;

/// Numbers of at most `count` of some faces: the clearest, then always the one that is clear and least
/// like those before it.
#[must_use]
pub fn samples(members: &[Member], faces: &[usize], count: usize) -> Vec<usize> {
    let quality = |face: &usize| members[*face].track().quality;
    let mut clearest = faces.to_vec();
    clearest.sort_by(|a, b| quality(b).total_cmp(&quality(a)));
    let candidates = clearest.into_iter().take(CANDIDATES);
    let mut left: Vec<Candidate> = candidates.map(|face| Candidate::new(members, face)).collect();
    let mut chosen = Vec::new();
    while chosen.len() < count {
        let best = (0..left.len()).max_by(|a, b| left[*a].rank().total_cmp(&left[*b].rank()));
        let Some(best) = best else { break };
        // Of equal ones `max_by` takes the last; the order of the rest does not matter.
        let best = left.swap_remove(best);
        left.iter_mut().for_each(|other| other.away_from(&best));
        chosen.push(best.face);
    }
    chosen
}

struct Candidate {
    face: usize,
    quality: f32,
    vector: Vec<f32>,
    /// Cosine distance from the nearest of those that are chosen, at most 1.
    distance: f32,
}

impl Candidate {
    fn new(members: &[Member], face: usize) -> Self {
        let member = &members[face];
        let vector = member.faces.vector(member.track).collect();
        Self { face, quality: member.track().quality, vector, distance: 1.0 }
    }

    fn rank(&self) -> f32 {
        self.quality * self.distance
    }

    fn away_from(&mut self, other: &Self) {
        let cosine: f32 = self.vector.iter().zip(&other.vector).map(|(a, b)| a * b).sum();
        self.distance = self.distance.min((1.0 - cosine).max(0.0));
    }
}
