//! The same clusters as scikit-learn's DBSCAN. `fixtures/make_dbscan.py` made the fixture.

mod common;

use common::{Sample, faces, normalised};
use rushes_faces::{Settings, cluster};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    eps: f32,
    min_samples: u32,
    vectors: Vec<Vec<f64>>,
    weights: Vec<u32>,
    labels: Vec<i64>,
    cores: Vec<usize>,
}

fn samples(case: &Case) -> Vec<Sample> {
    let with_weight = |(vector, &weight): (&Vec<f64>, &u32)| Sample {
        weight,
        ..Sample::alone(normalised(vector), 0)
    };
    let mut samples: Vec<Sample> =
        case.vectors.iter().zip(&case.weights).map(with_weight).collect();
    for (scene, sample) in samples.iter_mut().enumerate() {
        sample.scene = scene as u32;
    }
    samples
}

/// The cluster of the nearest core within `eps`, as scikit-learn numbers clusters.
fn nearest_core(case: &Case, faces: &[Sample], face: usize) -> i64 {
    let distance = |core: usize| common::distance(&faces[face].vector, &faces[core].vector);
    let near = case.cores.iter().filter(|&&core| distance(core) <= f64::from(case.eps));
    near.min_by(|&&a, &&b| distance(a).total_cmp(&distance(b)))
        .map_or(-1, |&core| case.labels[core])
}

#[test]
fn finds_what_scikit_learn_finds() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("fixtures/dbscan.json")).unwrap();
    let mut borders = 0;
    for case in &cases {
        let samples = samples(case);
        let settings = Settings { eps: case.eps, min_samples: case.min_samples };
        let found =
            cluster(&faces(&samples, samples[0].vector.len()), &settings, &|_| true).unwrap();
        let mut theirs = std::collections::BTreeMap::new();
        for (face, label) in found.labels.iter().enumerate() {
            assert_eq!(found.core[face], case.cores.contains(&face), "face {face}");
            let expected = nearest_core(case, &samples, face);
            assert_eq!(expected == -1, case.labels[face] == -1, "face {face}");
            assert_eq!(label.is_none(), expected == -1, "face {face}");
            if let Some(label) = label {
                assert_eq!(*theirs.entry(*label).or_insert(expected), expected, "face {face}");
            }
            borders += usize::from(label.is_some() && !found.core[face]);
        }
        let distinct: std::collections::BTreeSet<_> = theirs.values().collect();
        assert_eq!(distinct.len(), found.clusters as usize);
        assert_eq!(i64::from(found.clusters), case.labels.iter().max().unwrap() + 1);
    }
    assert!(borders > 20, "{borders} faces that are no cores are in clusters");
}
