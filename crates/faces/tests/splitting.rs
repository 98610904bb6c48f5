//! Clusters with faces that are apart are split where people differ.
#![allow(clippy::unwrap_used)] // What its helpers meet unexpectedly fails the test.

mod common;

use common::{Dice, Sample, faces, violations};
use rushes_faces::{Clustering, Settings, cluster};

const DIMENSIONS: usize = 128;
const SETTINGS: Settings = Settings { eps: 0.48, min_samples: 5 };

/// Faces of one person, each in a scene of its own from `scene` on.
fn person(dice: &mut Dice, centre: &[f32], count: usize, scene: u32) -> Vec<Sample> {
    let spread = |dice: &mut Dice| 0.08 + 0.12 * dice.unit();
    (scene..)
        .take(count)
        .map(|scene| {
            let distance = spread(dice);
            Sample::alone(dice.near(centre, distance), scene)
        })
        .collect()
}

fn between(left: &[f32], right: &[f32], share: f64) -> Vec<f32> {
    let mixed = left.iter().zip(right);
    let mixed = mixed.map(|(&a, &b)| f64::from(a) * (1.0 - share) + f64::from(b) * share);
    common::normalised(&mixed.collect::<Vec<_>>())
}

fn found(samples: &[Sample]) -> Clustering {
    let clustering = cluster(&faces(samples, DIMENSIONS), &SETTINGS, &|_| true).unwrap();
    assert_eq!(violations(samples, &clustering), 0);
    clustering
}

fn sizes(clustering: &Clustering) -> Vec<usize> {
    let size = |label| clustering.labels.iter().filter(|&&other| other == Some(label)).count();
    (0..clustering.clusters).map(size).collect()
}

/// The share of faces of one person that are in the cluster with most of them.
fn kept(clustering: &Clustering, faces: std::ops::Range<usize>) -> f64 {
    let labels = &clustering.labels[faces.clone()];
    let count = |label: &Option<u32>| labels.iter().filter(|other| *other == label).count();
    let most = labels.iter().filter(|label| label.is_some()).map(count).max().unwrap_or(0);
    most as f64 / faces.len() as f64
}

/// Two people of `count` faces each, and blurred faces between them that join them.
fn bridged(count: usize) -> Vec<Sample> {
    let mut dice = Dice(11);
    let (anna, berta) = (dice.direction(DIMENSIONS), dice.direction(DIMENSIONS));
    let mut samples = person(&mut dice, &anna, count, 0);
    samples.extend(person(&mut dice, &berta, count, 10_000));
    for (scene, share) in (20_000..).zip([0.3, 0.4, 0.5, 0.6, 0.7]) {
        let middle = between(&anna, &berta, share);
        samples.push(Sample::alone(dice.near(&middle, 0.05), scene));
    }
    samples
}

/// Puts two faces into one frame.
fn seen_together(samples: &mut [Sample], left: usize, right: usize) {
    samples[right].scene = samples[left].scene;
    samples[right].frames = samples[left].frames.clone();
}

#[test]
fn two_people_joined_by_blurred_faces_are_two_when_seen_together_once() {
    for count in [40, 700] {
        let mut samples = bridged(count);
        assert_eq!(sizes(&found(&samples)), [2 * count + 5], "the faces between join them");
        seen_together(&mut samples, 3, count + 7);
        let clustering = found(&samples);
        assert_eq!(clustering.clusters, 2, "{:?}", sizes(&clustering));
        assert_eq!(kept(&clustering, 0..count), 1.0);
        assert_eq!(kept(&clustering, count..2 * count), 1.0);
        assert!(clustering.labels.iter().all(Option::is_some));
    }
}

#[test]
fn a_name_for_one_face_of_each_parts_two_people() {
    let mut samples = bridged(40);
    samples[5].person = Some(1);
    samples[50].person = Some(2);
    let clustering = found(&samples);
    assert_eq!((kept(&clustering, 0..40), kept(&clustering, 40..80)), (1.0, 1.0));
    assert_ne!(clustering.labels[0], clustering.labels[40]);
}

#[test]
fn a_person_who_is_detected_twice_now_and_then_stays_whole() {
    for (count, twice) in [(60, 2), (700, 10), (3_000, 20)] {
        let mut dice = Dice(12);
        let anna = dice.direction(DIMENSIONS);
        let mut samples = person(&mut dice, &anna, count, 0);
        for pair in 0..twice {
            seen_together(&mut samples, 2 * pair, count - 1 - pair);
        }
        let clustering = found(&samples);
        let lost = clustering.labels.iter().filter(|label| label.is_none()).count();
        assert_eq!(clustering.clusters, 1, "{:?}", sizes(&clustering));
        assert_eq!(lost, twice, "one of each pair");
    }
}

#[test]
fn a_face_that_is_said_to_be_another_leaves_its_cluster() {
    let mut dice = Dice(13);
    let anna = dice.direction(DIMENSIONS);
    let mut samples = person(&mut dice, &anna, 30, 0);
    samples.iter_mut().take(10).for_each(|sample| sample.person = Some(1));
    samples[20].person = Some(2);
    let clustering = found(&samples);
    assert_eq!(sizes(&clustering), [29]);
    assert_eq!(clustering.labels[20], None);
}

#[test]
fn look_alikes_who_are_often_seen_together_are_two() {
    let mut dice = Dice(14);
    let anna = dice.direction(DIMENSIONS);
    let sister = dice.near(&anna, 0.3);
    for together in [4, 20] {
        let mut samples = person(&mut dice, &anna, 50, 0);
        samples.extend(person(&mut dice, &sister, 50, 1_000));
        assert_eq!(found(&samples).clusters, 1, "they cannot be told by looks");
        for pair in 0..together {
            seen_together(&mut samples, pair, 50 + pair);
        }
        let clustering = found(&samples);
        assert_eq!(clustering.clusters, 2, "{:?}", sizes(&clustering));
        assert!(kept(&clustering, 0..50) > 0.95 && kept(&clustering, 50..100) > 0.95);
    }
}

#[test]
fn one_frame_is_no_obstacle_for_a_person_that_a_human_named() {
    let mut dice = Dice(15);
    let anna = dice.direction(DIMENSIONS);
    let mut samples = person(&mut dice, &anna, 20, 0);
    seen_together(&mut samples, 0, 1);
    assert_eq!(sizes(&found(&samples)), [19]);
    samples[0].person = Some(1);
    assert_eq!(sizes(&found(&samples)), [19], "who the other is nobody said");
    samples[1].person = Some(1);
    assert_eq!(sizes(&found(&samples)), [20]);
}

#[test]
fn a_crowd_in_one_frame_is_no_cluster() {
    let mut dice = Dice(16);
    let blur = dice.direction(DIMENSIONS);
    let mut samples = person(&mut dice, &blur, 200, 0);
    samples.iter_mut().for_each(|sample| sample.scene = 7);
    let clustering = found(&samples);
    assert_eq!(clustering.clusters, 0);
    assert!(clustering.core.iter().all(|&core| core));
}

#[test]
fn a_long_track_is_a_cluster_of_its_own() {
    let mut dice = Dice(17);
    let mut samples = vec![Sample::alone(dice.direction(DIMENSIONS), 0)];
    samples.push(Sample { weight: 5, ..Sample::alone(dice.direction(DIMENSIONS), 1) });
    assert_eq!(found(&samples).labels, [None, Some(0)]);
}
