//! What was found out of a large collection, kept on this machine so that the next start has it.
//!
//! A state that does not fit the faces is begun anew by [`rushes_faces::extend`], so that a file that is old or of
//! another collection costs time and nothing else.

use rushes_faces::{Density, DensityState, Settings};
use rushes_store::{keep_numbers, kept_numbers};
use std::path::Path;

/// Faces from which a state is kept: fewer are grouped in a second.
pub const LARGE: usize = 10_000;
/// Of the layout below; others are not read.
const VERSION: u32 = 1;
/// Numbers before the lists.
const HEADER: usize = 8;

/// Keeps a state in place of another. What cannot be written is worked out again.
pub fn keep(path: &Path, density: &Density) {
    if let Err(error) = keep_numbers(path, &numbers(density.to_state())) {
        tracing::warn!(path = %path.display(), %error, "the groups of a large collection were not kept");
    }
}

/// The state of a file that was found by these settings.
pub fn kept(path: &Path, settings: &Settings) -> Option<Density> {
    let density = Density::from_state(state(&kept_numbers(path)?)?).ok()?;
    (density.settings() == *settings).then_some(density)
}

fn numbers(state: DensityState) -> Vec<u32> {
    let DensityState { settings, dimensions, fingerprint, weights, roots, near_counts, near } =
        state;
    let header = [
        VERSION,
        settings.eps.to_bits(),
        settings.min_samples,
        dimensions as u32,
        fingerprint as u32,
        (fingerprint >> 32) as u32,
        weights.len() as u32,
        near.len() as u32,
    ];
    [&header[..], &weights, &roots, &near_counts, &near].concat()
}

/// `None` when the lists do not use the numbers up.
fn state(numbers: &[u32]) -> Option<DensityState> {
    let (header, lists) = numbers.split_first_chunk::<HEADER>()?;
    let [version, eps, min_samples, dimensions, low, high, faces, near] = *header;
    let (faces, near) = (faces as usize, near as usize);
    let (weights, lists) = lists.split_at_checked(faces)?;
    let (roots, lists) = lists.split_at_checked(faces)?;
    let (near_counts, lists) = lists.split_at_checked(faces)?;
    (version == VERSION && lists.len() == near).then(|| DensityState {
        settings: Settings { eps: f32::from_bits(eps), min_samples },
        dimensions: dimensions as usize,
        fingerprint: u64::from(high) << 32 | u64::from(low),
        weights: weights.to_vec(),
        roots: roots.to_vec(),
        near_counts: near_counts.to_vec(),
        near: lists.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rushes_faces::{Face, Faces, cluster, extend};

    fn faces(count: usize) -> Faces {
        let mut faces = Faces::new(2).unwrap();
        for face in 0..count {
            let angle = face as f32 * 0.7;
            let vector = [angle.cos(), angle.sin()];
            faces
                .push(&Face { vector: &vector, weight: 1, scene: 0, frames: &[], person: None })
                .unwrap();
        }
        faces
    }

    #[test]
    fn a_state_goes_on_where_it_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let settings = Settings { eps: 0.02, min_samples: 3 };
        let some = cluster(&faces(40), &settings, &|_| true).unwrap();
        keep(&path, &some.density);
        let left = kept(&path, &settings).unwrap();
        assert_eq!(left, some.density);
        let all = extend(left, &faces(60), &|_| true).unwrap();
        assert_eq!(all, cluster(&faces(60), &settings, &|_| true).unwrap());
        assert_eq!(kept(&path, &Settings { eps: 0.03, ..settings }), None);
    }

    #[test]
    fn numbers_that_no_state_is_are_none() {
        let good = numbers(
            cluster(&faces(9), &Settings { eps: 0.02, min_samples: 2 }, &|_| true)
                .unwrap()
                .density
                .to_state(),
        );
        assert!(state(&good).is_some());
        for length in 0..good.len() {
            assert!(state(&good[..length]).is_none(), "{length}");
        }
        assert!(state(&[&good[..], &[0]].concat()).is_none());
        for place in [0, 6, 7] {
            let mut bad = good.clone();
            bad[place] = u32::MAX;
            assert!(state(&bad).is_none(), "{place}");
        }
    }
}
