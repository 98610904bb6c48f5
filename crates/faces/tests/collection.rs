//! What is refused, what is detected, and what stopping leaves.

mod common;

use std::cell::RefCell;

use common::{Dice, Sample, faces, normalised};
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
    let all = faces(&crowd(&mut Dice(1), 40, 100), 64);
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

/// A direction that is mostly along the first axes, as those of trained models are.
fn skewed(dice: &mut Dice) -> Vec<f64> {
    (0..64).map(|axis| dice.normal() * 0.93_f64.powi(axis)).collect()
}

/// Two people who look so alike that density makes one of them, seen together now and then, and
/// passers-by; all in an order in which they mix.
fn look_alikes(dice: &mut Dice, count: usize) -> Vec<Sample> {
    let (first, other) = (skewed(dice), skewed(dice));
    let second: Vec<f64> = first.iter().zip(&other).map(|(a, b)| a + 0.75 * b).collect();
    let mut samples = Vec::new();
    for at in 0..count {
        let (noise, passer) = (skewed(dice), skewed(dice));
        let person = [&first, &second][at % 2];
        let face: Vec<f64> = person.iter().zip(&noise).map(|(a, b)| a + 0.45 * b).collect();
        let vector = normalised(if at % 10 == 9 { &passer } else { &face });
        samples.push(Sample::alone(vector, (at / 2) as u32));
        samples[at].frames = vec![if at % 8 < 2 { 0 } else { at as u32 }];
    }
    samples
}

#[test]
fn among_many_faces_the_same_is_found_by_shorter_vectors() {
    // 5,000 faces at once are compared folded, 2,500 and another 2,500 as they are.
    let samples = look_alikes(&mut Dice(9), 5000);
    let settings = Settings { eps: 0.32, min_samples: 5 };
    let folded = cluster(&faces(&samples, 64), &settings, &|_| true).unwrap();
    let half = cluster(&faces(&samples[..2500], 64), &settings, &|_| true).unwrap();
    let whole = extend(half.density, &faces(&samples, 64), &|_| true).unwrap();
    assert_eq!(folded, whole);
    let density = folded.density.to_state();
    let largest = density.roots.iter().filter(|&&root| root == density.roots[0]).count();
    assert!(largest > 4300, "one component, whose nearest cores are found folded: {largest}");
    let labels = |person: usize| {
        let faces = (0..5000).filter(move |at| at % 10 != 9 && at % 2 == person);
        faces.filter_map(|at| folded.labels[at])
    };
    let most = |person: usize| {
        let counted = |label: u32| labels(person).filter(|&other| other == label).count();
        (0..folded.clusters).map(|label| (counted(label), label)).max().unwrap()
    };
    let (first, second) = (most(0), most(1));
    assert!(first.0 > 2300 && second.0 > 1900, "{first:?} and {second:?}");
    assert_ne!(first.1, second.1, "two people, though one component");
}
