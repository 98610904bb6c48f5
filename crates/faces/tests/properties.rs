//! What holds for any collection.

mod common;

use common::{Sample, distance, faces, normalised, violations};
use proptest::prelude::*;
use rushes_faces::{Density, Faces, Settings, cluster, detect_settings, extend};

/// Fewer than eight, so that sums are added in one order here and there.
const DIMENSIONS: usize = 5;

fn vector() -> impl Strategy<Value = Vec<f32>> {
    let axis = prop_oneof![Just(0.0), Just(1.0), Just(-1.0), -1.0..1.0_f64];
    proptest::collection::vec(axis, DIMENSIONS)
        .prop_filter("a direction", |values| values.iter().any(|value| value.abs() > 0.1))
        .prop_map(|values| normalised(&values))
}

fn sample(frames: u32, people: u32) -> impl Strategy<Value = Sample> {
    let seen = proptest::collection::btree_set(0..frames.max(1), 0..(frames.min(3) + 1) as usize);
    let person = proptest::option::weighted(0.2, 0..people.max(1));
    (vector(), 1_u32..4, 0_u32..3, seen, person).prop_map(
        move |(vector, weight, scene, seen, person)| {
            let frames = if frames == 0 { Vec::new() } else { seen.into_iter().collect() };
            Sample { vector, weight, scene, frames, person: person.filter(|_| people > 0) }
        },
    )
}

fn collection(frames: u32, people: u32) -> impl Strategy<Value = Vec<Sample>> {
    proptest::collection::vec(sample(frames, people), 0..70)
}

fn settings() -> impl Strategy<Value = Settings> {
    (0.02_f32..0.5, 1_u32..9).prop_map(|(eps, min_samples)| Settings { eps, min_samples })
}

fn neighbours(samples: &[Sample], settings: &Settings, face: usize) -> Vec<usize> {
    let near = |&other: &usize| {
        distance(&samples[face].vector, &samples[other].vector) <= f64::from(settings.eps)
    };
    (0..samples.len()).filter(|other| *other == face || near(other)).collect()
}

/// DBSCAN by its definition: whether each face is a core, and a component for each core.
fn cores(samples: &[Sample], settings: &Settings) -> Vec<Option<usize>> {
    let near: Vec<Vec<usize>> =
        (0..samples.len()).map(|face| neighbours(samples, settings, face)).collect();
    let core = |face: usize| {
        near[face].iter().map(|&other| samples[other].weight).sum::<u32>() >= settings.min_samples
    };
    let mut component = vec![None; samples.len()];
    for first in 0..samples.len() {
        let mut open = vec![first];
        while let Some(face) = open.pop() {
            if core(face) && component[face].is_none() {
                component[face] = Some(first);
                open.extend(&near[face]);
            }
        }
    }
    component
}

/// The same for all faces, in the form of labels.
fn by_definition(samples: &[Sample], settings: &Settings) -> Vec<Option<u32>> {
    let cores = cores(samples, settings);
    let home = |face: usize| {
        let near = neighbours(samples, settings, face);
        let mut near: Vec<usize> = near.into_iter().filter(|&core| cores[core].is_some()).collect();
        let key = |core: usize| distance(&samples[face].vector, &samples[core].vector);
        near.sort_by(|&a, &b| key(a).total_cmp(&key(b)).then(a.cmp(&b)));
        cores[face].or_else(|| near.first().and_then(|&core| cores[core]))
    };
    let homes: Vec<Option<usize>> = (0..samples.len()).map(home).collect();
    let mut order: Vec<usize> = Vec::new();
    homes.iter().flatten().for_each(|home| {
        if !order.contains(home) {
            order.push(*home);
        }
    });
    let number = |home: usize| order.iter().position(|&first| first == home);
    homes.iter().map(|home| home.and_then(number).map(|number| number as u32)).collect()
}

fn together(samples: &[Sample]) -> Faces {
    faces(samples, DIMENSIONS)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn without_constraints_it_is_dbscan(samples in collection(0, 0), settings in settings()) {
        let found = cluster(&together(&samples), &settings, &|_| true).unwrap();
        prop_assert_eq!(&found.labels, &by_definition(&samples, &settings));
        let cores: Vec<bool> = cores(&samples, &settings).iter().map(Option::is_some).collect();
        prop_assert_eq!(&found.core, &cores);
    }

    #[test]
    fn faces_that_are_apart_are_never_together(samples in collection(8, 3), settings in settings()) {
        let found = cluster(&together(&samples), &settings, &|_| true).unwrap();
        prop_assert_eq!(violations(&samples, &found), 0);
        let cores = cores(&samples, &settings);
        for (face, label) in found.labels.iter().enumerate() {
            for other in 0..face {
                if label.is_some() && *label == found.labels[other] && cores[face].is_some() && cores[other].is_some() {
                    prop_assert_eq!(cores[face], cores[other], "splitting only splits");
                }
            }
        }
    }

    #[test]
    fn what_is_at_peace_is_not_split(samples in collection(3, 2), settings in settings()) {
        let found = cluster(&together(&samples), &settings, &|_| true).unwrap();
        let whole = by_definition(&samples, &settings);
        for label in 0..whole.iter().flatten().max().map_or(0, |last| last + 1) {
            let members: Vec<usize> = (0..samples.len()).filter(|&face| whole[face] == Some(label)).collect();
            let peace = members.iter().all(|&a| members.iter().all(|&b| a == b || !common::apart(&samples[a], &samples[b])));
            let cores: Vec<usize> = members.into_iter().filter(|&face| found.core[face]).collect();
            prop_assert!(!peace || cores.iter().all(|&core| found.labels[core].is_some() && found.labels[core] == found.labels[cores[0]]));
        }
    }

    #[test]
    fn joining_later_changes_nothing(samples in collection(8, 3), settings in settings(), cuts in proptest::collection::vec(0.0..1.0_f64, 1..4)) {
        let whole = cluster(&together(&samples), &settings, &|_| true).unwrap();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| (cut * samples.len() as f64) as usize).collect();
        ends.sort_unstable();
        let mut density = Density::new(settings, DIMENSIONS);
        for end in ends {
            let part = extend(density, &together(&samples[..end]), &|_| true).unwrap();
            density = Density::from_state(part.density.to_state()).unwrap();
        }
        prop_assert_eq!(extend(density, &together(&samples), &|_| true).unwrap(), whole);
    }

    #[test]
    fn detected_settings_are_near_the_default(samples in collection(4, 2), default in settings()) {
        let found = detect_settings(&together(&samples), &default);
        prop_assert!(found.settings.eps >= default.eps * 0.499 && found.settings.eps <= default.eps * 1.251);
        prop_assert!(found.settings.min_samples <= default.min_samples.max(2));
        prop_assert!(!found.reason(1.0).is_empty());
    }
}
