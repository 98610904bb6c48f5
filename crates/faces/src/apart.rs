//! Faces that must not be in one cluster.

use crate::collection::Faces;

/// Pairs kept before those that stand there several times are removed.
const SLACK: usize = 1 << 20;

/// Pairs of faces that share a frame, among those that might come into one cluster.
///
/// Different persons are not listed: there would be as many pairs as faces squared. They are told
/// by [`persons_apart`].
#[derive(Debug)]
pub(crate) struct Conflicts {
    starts: Vec<usize>,
    others: Vec<u32>,
}

/// Whether a human gave two faces, or two groups of faces, different persons.
pub(crate) fn persons_apart(left: Option<u32>, right: Option<u32>) -> bool {
    matches!((left, right), (Some(left), Some(right)) if left != right)
}

impl Conflicts {
    /// Finds the pairs; `homes` calls for each component that a face might come into.
    pub(crate) fn find(faces: &Faces, homes: impl Fn(u32, &mut dyn FnMut(u32))) -> Self {
        let mut all = Vec::new();
        pairs_by_scene(faces, homes, |pairs| all.extend_from_slice(pairs));
        all.sort_unstable();
        Self::index(faces.len(), &all)
    }

    fn index(faces: usize, pairs: &[(u32, u32)]) -> Self {
        let starts = (0..=faces)
            .map(|face| pairs.partition_point(|pair| (pair.0 as usize) < face))
            .collect();
        Self { starts, others: pairs.iter().map(|pair| pair.1).collect() }
    }

    /// Faces that share a frame with a face, ascending.
    pub(crate) fn of(&self, face: u32) -> &[u32] {
        &self.others[self.starts[face as usize]..self.starts[face as usize + 1]]
    }
}

/// Calls for the pairs of each scene that has any: ascending, each both ways, each once.
pub(crate) fn pairs_by_scene(
    faces: &Faces,
    homes: impl Fn(u32, &mut dyn FnMut(u32)),
    mut found: impl FnMut(&[(u32, u32)]),
) {
    let mut by_scene: Vec<u32> = (0..faces.len() as u32).collect();
    by_scene.sort_by_key(|&face| faces.scene(face));
    for scene in by_scene.chunk_by(|&a, &b| faces.scene(a) == faces.scene(b)) {
        let pairs = in_scene(faces, scene, &homes);
        if !pairs.is_empty() {
            found(&pairs);
        }
    }
}

fn in_scene(
    faces: &Faces,
    scene: &[u32],
    homes: &impl Fn(u32, &mut dyn FnMut(u32)),
) -> Vec<(u32, u32)> {
    let mut seen: Vec<(u32, u32, u32)> = Vec::new();
    for &face in scene.iter().filter(|_| scene.len() > 1) {
        homes(face, &mut |home| {
            seen.extend(faces.frames(face).iter().map(|&frame| (home, frame, face)));
        });
    }
    seen.sort_unstable();
    let (mut pairs, mut room) = (Vec::new(), SLACK);
    for frame in seen.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        in_frame(faces, frame, &mut pairs);
        if pairs.len() > room {
            pairs.sort_unstable();
            pairs.dedup();
            room = pairs.len() * 2 + SLACK;
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

fn in_frame(faces: &Faces, frame: &[(u32, u32, u32)], pairs: &mut Vec<(u32, u32)>) {
    for (place, &(_, _, left)) in frame.iter().enumerate() {
        for &(_, _, right) in &frame[place + 1..] {
            let person = faces.person(left);
            if person.is_none() || person != faces.person(right) {
                pairs.extend([(left, right), (right, left)]);
            }
        }
    }
}
