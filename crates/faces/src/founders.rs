//! The faces that clusters are called after.

use crate::collection::{Faces, Settings};

/// Of so many faces of a cluster, the first, its founder is looked for; a cluster that has none among them is
/// a part of one that was split.
const LOOKED_AT: usize = 1_000;

/// For each cluster the face that it began with: the core that was one first, when faces join one after the
/// other. Faces that join later do not change which that is, while the first face of a cluster may be one that
/// belonged nowhere when the cluster began. Without such a core it is the first face.
///
/// `labels` has the cluster of each face, as [`cluster`](crate::cluster) numbers them.
#[must_use]
pub fn founders(faces: &Faces, labels: &[Option<u32>], settings: &Settings) -> Vec<u32> {
    let count = labels.iter().flatten().max().map_or(0, |last| *last as usize + 1);
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); count];
    for (face, label) in (0..).zip(labels) {
        let own = label.and_then(|label| members.get_mut(label as usize));
        own.into_iter().filter(|own| own.len() < LOOKED_AT).for_each(|own| own.push(face));
    }
    members.iter().map(|members| founder(faces, members, settings)).collect()
}

fn founder(faces: &Faces, members: &[u32], settings: &Settings) -> u32 {
    let mut weights: Vec<u32> = Vec::new();
    for (place, &face) in members.iter().enumerate() {
        let mut own = faces.weight(face);
        for (earlier, weight) in members[..place].iter().zip(&mut weights) {
            if faces.distance(*earlier, face) <= f64::from(settings.eps) {
                *weight = weight.saturating_add(faces.weight(face));
                own = own.saturating_add(faces.weight(*earlier));
            }
        }
        weights.push(own);
        let first = weights.iter().position(|weight| *weight >= settings.min_samples);
        if let Some(first) = first {
            return members[first];
        }
    }
    members.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Face, cluster};

    /// Unit vectors at these angles, in degrees.
    fn faces(angles: &[f32]) -> Faces {
        let mut faces = Faces::new(2).unwrap();
        for angle in angles {
            let vector = [angle.to_radians().cos(), angle.to_radians().sin()];
            let face = Face { vector: &vector, weight: 1, scene: 0, frames: &[], person: None };
            faces.push(&face).unwrap();
        }
        faces
    }

    fn founders_of(angles: &[f32]) -> Vec<u32> {
        // Two faces are neighbours up to ten degrees apart.
        let settings = Settings { eps: 1.0 - 10.5_f32.to_radians().cos(), min_samples: 3 };
        let faces = faces(angles);
        let labels = cluster(&faces, &settings, &|_| true).unwrap().labels;
        founders(&faces, &labels, &settings)
    }

    #[test]
    fn a_cluster_is_called_after_its_first_core() {
        assert_eq!(founders_of(&[0.0, 10.0, 20.0, 90.0, 95.0, 100.0]), [1, 3]);
    }

    #[test]
    fn an_earlier_face_that_joins_through_others_changes_nothing() {
        let mut angles = vec![30.0, 0.0, 5.0, 10.0];
        assert_eq!(founders_of(&angles), [1]);
        angles.push(20.0);
        angles.push(25.0);
        assert_eq!(
            founders_of(&angles),
            [1],
            "the face at 30 degrees is the first of the cluster now"
        );
    }
}
