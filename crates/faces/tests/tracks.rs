//! Following faces through shots.

mod common;

use common::Dice;
use proptest::prelude::*;
use rushes_faces::{Sighting, TrackSettings, tracks};
use rushes_model::Area;

const SETTINGS: fn() -> TrackSettings = || TrackSettings::for_distance(0.48);

fn at(seconds: f64, left: f32, vector: &[f32]) -> Sighting {
    let area = Area { left, top: 0.3, width: 0.1, height: 0.15 };
    Sighting { seconds, area, quality: 0.5, vector: vector.to_vec() }
}

fn members(sightings: &[Sighting], cuts: &[f64]) -> Vec<Vec<usize>> {
    tracks(sightings, cuts, &SETTINGS()).into_iter().map(|track| track.members).collect()
}

fn two_people() -> (Vec<f32>, Vec<f32>) {
    let mut dice = Dice(7);
    (dice.direction(128), dice.direction(128))
}

#[test]
fn a_face_that_moves_by_a_third_of_its_width_is_followed() {
    let (anna, _) = two_people();
    let mut dice = Dice(1);
    let walk: Vec<Sighting> = (0..20_u8)
        .map(|second| at(f64::from(second), f32::from(second) * 0.03, &dice.near(&anna, 0.2)))
        .collect();
    assert_eq!(members(&walk, &[0.0]), [(0..20).collect::<Vec<_>>()]);
}

#[test]
fn a_head_that_turns_is_followed_by_its_box() {
    let (anna, _) = two_people();
    let turned = Dice(3).near(&anna, 0.55);
    let seen = [at(0.0, 0.1, &anna), at(1.0, 0.11, &turned), at(2.0, 0.12, &anna)];
    assert_eq!(members(&seen, &[]), [vec![0, 1, 2]]);
    let elsewhere = [at(0.0, 0.1, &anna), at(1.0, 0.7, &turned)];
    assert_eq!(members(&elsewhere, &[]).len(), 2);
}

#[test]
fn people_who_swap_places_keep_their_tracks() {
    let (anna, berta) = two_people();
    let seen =
        [at(0.0, 0.1, &anna), at(0.0, 0.7, &berta), at(1.0, 0.1, &berta), at(1.0, 0.7, &anna)];
    assert_eq!(members(&seen, &[]), [vec![0, 3], vec![1, 2]]);
}

#[test]
fn another_face_in_the_same_place_is_another_track() {
    let (anna, berta) = two_people();
    assert_eq!(members(&[at(0.0, 0.1, &anna), at(1.0, 0.1, &berta)], &[]).len(), 2);
}

#[test]
fn a_cut_ends_a_track_and_a_short_gap_does_not() {
    let (anna, _) = two_people();
    let seen = [at(0.0, 0.1, &anna), at(1.0, 0.1, &anna), at(6.0, 0.5, &anna)];
    assert_eq!(members(&seen, &[0.0]), [vec![0, 1, 2]]);
    assert_eq!(members(&seen, &[0.0, 1.0]), [vec![0], vec![1, 2]]);
    let late = [at(0.0, 0.1, &anna), at(7.0, 0.1, &anna)];
    assert_eq!(members(&late, &[]).len(), 2);
}

#[test]
fn twins_side_by_side_are_told_by_their_boxes() {
    let (anna, _) = two_people();
    let seen: Vec<Sighting> = (0..8_u8)
        .flat_map(|at_second| [0.1, 0.3].map(|left| at(f64::from(at_second), left, &anna)))
        .collect();
    assert_eq!(members(&seen, &[]), [[0, 2, 4, 6, 8, 10, 12, 14], [1, 3, 5, 7, 9, 11, 13, 15]]);
}

#[test]
fn the_clearest_face_stands_for_a_track_and_weighs_most() {
    let (anna, _) = two_people();
    let mut dice = Dice(9);
    let mut seen: Vec<Sighting> =
        (0..3_u8).map(|second| at(f64::from(second), 0.1, &dice.near(&anna, 0.2))).collect();
    seen[1].quality = 0.9;
    seen[0].quality = f32::NAN;
    seen[2].quality = 0.1;
    let track = &tracks(&seen, &[], &SETTINGS())[0];
    assert_eq!(track.representative, 1);
    let to = |index: usize| common::distance(&track.vector, &seen[index].vector);
    assert!(to(1) < to(2) && to(2) < to(0), "{} {} {}", to(0), to(1), to(2));
    assert!(common::distance(&track.vector, &track.vector).abs() < 1e-6);
}

fn sighting() -> impl Strategy<Value = Sighting> {
    let vector = proptest::collection::vec(-1.0..1.0_f64, 4)
        .prop_map(|values| common::normalised(&[values[0] + 1.1, values[1], values[2], values[3]]));
    let place = (0.0_f32..0.9, 0.0_f32..0.9, 0.0_f32..0.5, 0.0_f32..0.5);
    (0_u8..30, place, 0.0_f32..1.0, vector).prop_map(|(half, place, quality, vector)| Sighting {
        seconds: f64::from(half) / 2.0,
        area: Area { left: place.0, top: place.1, width: place.2, height: place.3 },
        quality,
        vector,
    })
}

proptest! {
    #[test]
    fn tracks_are_a_partition_without_cuts_or_twins(
        sightings in proptest::collection::vec(sighting(), 0..80),
        cuts in proptest::collection::btree_set(0_u8..16, 0..5),
        sorted in any::<bool>(),
    ) {
        let mut sightings = sightings;
        if sorted {
            sightings.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        }
        let cuts: Vec<f64> = cuts.into_iter().map(f64::from).collect();
        let found = tracks(&sightings, &cuts, &SETTINGS());
        let mut all: Vec<usize> = found.iter().flat_map(|track| track.members.clone()).collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..sightings.len()).collect::<Vec<_>>());
        for track in &found {
            let times: Vec<f64> = track.members.iter().map(|&member| sightings[member].seconds).collect();
            prop_assert!(times.is_sorted_by(|a, b| a < b), "one sighting a frame, in order");
            let shot = |time: f64| cuts.iter().filter(|&&cut| cut <= time).count();
            prop_assert!(times.iter().all(|&time| shot(time) == shot(times[0])), "no cut is crossed");
            prop_assert!(track.members.contains(&track.representative));
            let best = sightings[track.representative].quality;
            prop_assert!(track.members.iter().all(|&member| sightings[member].quality <= best));
            prop_assert!(common::distance(&track.vector, &track.vector).abs() < 1e-5);
        }
    }
}
