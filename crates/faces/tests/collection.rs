//! What is refused, what is detected, and what stopping leaves.

mod common;

use std::cell::RefCell;

use common::{Dice, Sample, faces};
use rushes_faces::{Density, Face, Faces, FacesError, Settings, cluster, detect_settings, extend};

const DEFAULT: Settings = Settings { eps: 0.48, min_samples: 5 };

fn face(vector: &[f32]) -> Face<'_> {
    Face { vector, weight: 1, scene: 0, frames: &[], person: None }
}

#[test]
fn faces_that_are_none_are_refused_and_change_nothing() {
    assert_eq!(Faces::new(0), Err(FacesError::NoDimensions));
    let mut faces = Faces::new(2).unwrap();
    let wrong = FacesError::WrongLength { expected: 2, found: 3 };
    assert_eq!(faces.push(&face(&[1.0, 0.0, 0.0])), Err(wrong));
    for vector in [[1.0, 1.0], [0.0, 0.0], [f32::NAN, 0.0], [f32::INFINITY, 0.0]] {
        assert!(
            matches!(faces.push(&face(&vector)), Err(FacesError::NotUnit { .. })),
            "{vector:?}"
        );
    }
    let light = Face { weight: 0, ..face(&[1.0, 0.0]) };
    assert_eq!(faces.push(&light), Err(FacesError::NoWeight));
    for frames in [[2, 1], [1, 1]] {
        let unsorted = Face { frames: &frames, ..face(&[1.0, 0.0]) };
        assert_eq!(faces.push(&unsorted), Err(FacesError::FramesUnsorted));
    }
    assert!(faces.is_empty());
    let seen = Face { frames: &[3, 9], scene: 4, ..face(&[0.6, 0.8]) };
    faces.push(&seen).unwrap();
    faces.set_person(0, Some(8));
    faces.set_person(1, Some(9));
    assert_eq!(faces.get(0), Some(Face { person: Some(8), ..seen }));
    assert_eq!(faces.get(1), None);
}

#[test]
fn nothing_is_no_cluster_and_odd_settings_are_survived() {
    let none = cluster(&Faces::new(3).unwrap(), &DEFAULT, &|_| true).unwrap();
    assert_eq!((none.clusters, none.labels.len()), (0, 0));
    let one = faces(&[Sample::alone(vec![1.0, 0.0], 0), Sample::alone(vec![0.0, 1.0], 1)], 2);
    for (eps, min_samples, clusters) in
        [(f32::NAN, 1, 2), (-1.0, 1, 2), (5.0, 1, 1), (0.0, 0, 2), (0.5, u32::MAX, 0)]
    {
        let found = cluster(&one, &Settings { eps, min_samples }, &|_| true).unwrap();
        assert_eq!(found.clusters, clusters, "{eps} {min_samples}");
        detect_settings(&one, &Settings { eps, min_samples });
    }
}

fn crowd(dice: &mut Dice, people: usize, each: usize) -> Vec<Sample> {
    let mut samples = Vec::new();
    for _ in 0..people {
        let centre = dice.direction(64);
        for _ in 0..each {
            let distance = 0.08 + 0.1 * dice.unit();
            let scene = samples.len() as u32;
            samples.push(Sample::alone(dice.near(&centre, distance), scene));
        }
    }
    samples
}

#[test]
fn progress_rises_to_the_end_and_can_stop() {
    let all = faces(&crowd(&mut Dice(1), 10, 100), 64);
    let heard = RefCell::new(Vec::new());
    let listen = |done: f64| {
        heard.borrow_mut().push(done);
        true
    };
    cluster(&all, &DEFAULT, &listen).unwrap();
    let heard = heard.into_inner();
    assert!(heard.len() > 2 && heard.is_sorted() && heard.last() == Some(&1.0), "{heard:?}");
    assert_eq!(cluster(&all, &DEFAULT, &|done| done < 0.5), None);
}

#[test]
fn damaged_states_are_refused_and_foreign_ones_begun_anew() {
    let samples = crowd(&mut Dice(2), 3, 12);
    let all = faces(&samples, 64);
    let whole = cluster(&all, &DEFAULT, &|_| true).unwrap();
    let sound = whole.density.to_state();
    assert_eq!(Density::from_state(sound.clone()).unwrap(), whole.density);
    let refused = |change: &dyn Fn(&mut rushes_faces::DensityState)| {
        let mut state = sound.clone();
        change(&mut state);
        assert!(matches!(Density::from_state(state), Err(FacesError::BadState(_))));
    };
    refused(&|state| state.roots.truncate(1));
    refused(&|state| state.near_counts.truncate(1));
    refused(&|state| state.roots[3] = 1_000);
    refused(&|state| state.roots[0] = 1);
    refused(&|state| state.near_counts[0] = u32::MAX);
    refused(&|state| state.near.push(0));
    let fewer = faces(&samples[..20], 64);
    let found = extend(whole.density, &fewer, &|_| true).unwrap();
    assert_eq!(found, cluster(&fewer, &DEFAULT, &|_| true).unwrap());
    let mut others = samples;
    others[1].weight = 3;
    let others = faces(&others, 64);
    let found = extend(found.density, &others, &|_| true).unwrap();
    assert_eq!(found, cluster(&others, &DEFAULT, &|_| true).unwrap());
}

#[test]
fn a_few_pictures_have_people_of_two_faces() {
    let found = detect_settings(&faces(&crowd(&mut Dice(3), 4, 3), 64), &DEFAULT);
    assert_eq!(found.settings, Settings { eps: 0.48, min_samples: 2 });
    assert_eq!((found.different, found.same), (None, None));
    let more = detect_settings(&faces(&crowd(&mut Dice(3), 40, 3), 64), &DEFAULT);
    assert_eq!(more.settings.min_samples, 3);
}

#[test]
fn people_seen_together_bound_eps_from_above_whatever_a_mirror_shows() {
    let mut dice = Dice(4);
    // Faces of a model whose people are nearer to each other than the default says.
    let all = dice.direction(64);
    let mut samples = Vec::new();
    for scene in 0..60 {
        for _ in 0..2 {
            samples.push(Sample::alone(dice.near(&all, 0.22), scene));
        }
    }
    let mirrored = samples[0].vector.clone();
    samples[1].vector = mirrored;
    let found = detect_settings(&faces(&samples, 64), &DEFAULT);
    let different = found.different.unwrap();
    assert_eq!(found.pairs, 60);
    assert!(different > 0.2 && different < 0.4, "{different}");
    assert!(found.settings.eps <= different.max(0.24), "{found:?}");
}

#[test]
fn detected_settings_find_the_people() {
    let mut samples = crowd(&mut Dice(5), 30, 30);
    let mut dice = Dice(6);
    let people = samples.len();
    samples.extend((0..300).map(|at| Sample::alone(dice.direction(64), 10_000 + at)));
    for pair in 0..100 {
        samples[people + pair].scene = pair as u32 * 7;
    }
    let all = faces(&samples, 64);
    let found = detect_settings(&all, &DEFAULT);
    let (same, different) = (found.same.unwrap(), found.different.unwrap());
    assert!(same > 0.1 && same < 0.4 && different > 0.5, "{found:?}");
    assert!(found.settings.eps > same && found.settings.eps < different);
    let clusters = cluster(&all, &found.settings, &|_| true).unwrap();
    assert_eq!(clusters.clusters, 30);
    let counted = (0..people).filter(|&face| clusters.labels[face].is_some()).count();
    assert!(counted > people * 98 / 100, "{counted}");
}
