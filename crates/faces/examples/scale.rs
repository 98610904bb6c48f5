//! Time, memory and clusters for a collection of any size.
//!
//! `cargo run --release -p rushes-faces --example scale -- FACES [DIMENSIONS] [ADDED] [SPECTRUM] [EPS] [LONGEST]`
//!
//! People have sizes by Zipf's law, one for every forty faces. Every fourth scene has two faces in
//! one frame, hardly ever of one person. ADDED faces join after the others have been clustered. A face
//! was followed through 1 to LONGEST frames, each as likely; 1 unless given.
//!
//! Directions differ in how far faces spread along them, as those of trained models do: the variance
//! of axis i is 1 / (1 + i · SPECTRUM). Distances of one person are those measured of the engine's
//! vectors (bench/runs/2026-11-25.md): about .16 in the middle and .445 at 99 in a hundred. Those
//! of two people are .96 in the middle as there, but farther at the near end: .62 at one in a
//! hundred and .53 at one in a thousand, where .578 and .46 were measured. A SPECTRUM of 0.7 gives
//! these; then so many of thousands of made-up people are within EPS of each other that density
//! makes one of them (of 30,000 faces 80 in a hundred are with most of their cluster, with 0.36
//! 99.5), and whether thousands of real people are as near has not been measured.
#![allow(clippy::print_stdout, reason = "it is what the example is for")]

use std::error::Error;
use std::time::Instant;

use rushes_faces::{Clustering, Face, Faces, Settings, cluster, detect_settings, extend};

/// Numbers that look random and are the same each time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    fn direction(&mut self, axes: &[f64]) -> Vec<f64> {
        normalised(axes.iter().map(|axis| axis * self.normal()).collect())
    }
}

fn normalised(mut vector: Vec<f64>) -> Vec<f64> {
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    vector.iter_mut().for_each(|value| *value /= length);
    vector
}

fn mixed(left: &[f64], right: &[f64], share: f64) -> Vec<f64> {
    let (a, b) = ((1.0 - share).sqrt(), share.sqrt());
    normalised(left.iter().zip(right).map(|(l, r)| l * a + r * b).collect())
}

/// People: all share a little, as all faces do.
fn people(dice: &mut Dice, count: usize, axes: &[f64]) -> Vec<Vec<f64>> {
    let common = dice.direction(axes);
    (0..count).map(|_| mixed(&dice.direction(axes), &common, 0.04)).collect()
}

/// Places where the shares of people by Zipf's law end.
fn zipf(people: usize) -> Vec<f64> {
    let ends = (0..people).scan(0.0, |sum, rank| {
        *sum += 1.0 / (rank + 1) as f64;
        Some(*sum)
    });
    ends.collect()
}

/// The first `count` faces of `all`, and who they are; each followed through at most `longest` frames.
fn collection(
    count: usize,
    all: usize,
    axes: &[f64],
    longest: u64,
) -> Result<(Faces, Vec<usize>), Box<dyn Error>> {
    let (mut dice, mut lengths) = (Dice(5), Dice(7));
    let ends = zipf((all / 40).max(2));
    let people = people(&mut dice, ends.len(), axes);
    let (mut faces, mut truth) = (Faces::new(axes.len())?, Vec::with_capacity(count));
    for at in 0..count {
        let place = dice.unit() * ends[ends.len() - 1];
        let person = ends.partition_point(|&end| end < place);
        let spread = (0.155 * (0.55 * dice.normal()).exp()).min(0.6);
        let face = mixed(&people[person], &dice.direction(axes), spread);
        let vector: Vec<f32> = face.iter().map(|&value| value as f32).collect();
        // Scenes of eight faces, in every fourth of which the first two share a frame. Of one
        // person they do so only once in eight times: a mirror, or a face detected twice.
        let together = at % 32 == 1 && (truth[at - 1] != person || at % 256 == 1);
        let (scene, frame) = ((at / 8) as u32, if together { 0 } else { (at % 8) as u32 });
        let weight = 1 + (lengths.next() % longest) as u32;
        faces.push(&Face { vector: &vector, weight, scene, frames: &[frame], person: None })?;
        truth.push(person);
    }
    Ok((faces, truth))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<f64> =
        std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let given = |place: usize, default: f64| arguments.get(place).copied().unwrap_or(default);
    let (count, dimensions) = (given(0, 20_000.0) as usize, given(1, 128.0) as usize);
    let (added, spectrum) = (given(2, 0.0) as usize, given(3, 0.36));
    let longest = given(5, 1.0).max(1.0) as u64;
    let settings = Settings { eps: given(4, 0.32) as f32, min_samples: 5 };
    let axes: Vec<f64> = (0..dimensions).map(|i| (1.0 + i as f64 * spectrum).powf(-0.5)).collect();
    let (faces, truth) = collection(count + added, count + added, &axes, longest)?;
    report_distances(&faces, &truth);
    let detected = timed("settings", || detect_settings(&faces, &settings));
    println!("  {:?}: {}", detected.settings, detected.reason(1.0));
    let (first, _) = collection(count, count + added, &axes, longest)?;
    let never = || "it was cancelled, though nobody cancels";
    let mut found = timed("cluster", || cluster(&first, &settings, &|_| true)).ok_or_else(never)?;
    if added > 0 {
        let density = found.density;
        found = timed("extend", || extend(density, &faces, &|_| true)).ok_or_else(never)?;
    }
    report(&found, &truth);
    Ok(())
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    println!("{what}: {:.2} s", start.elapsed().as_secs_f64());
    result
}

/// Where the distances of one person and of two people lie.
fn report_distances(faces: &Faces, truth: &[usize]) {
    let mut dice = Dice(6);
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for _ in 0..200_000 {
        let pair = [(); 2].map(|()| (dice.next() % faces.len() as u64) as usize);
        let [Some(left), Some(right)] = pair.map(|face| faces.get(face)) else { return };
        let products = left.vector.iter().zip(right.vector).map(|(&a, &b)| f64::from(a * b));
        let distance = 1.0 - products.sum::<f64>();
        let kind = if truth[pair[0]] == truth[pair[1]] { &mut same } else { &mut other };
        kind.push(distance);
    }
    for (name, list) in [("one person", &mut same), ("two people", &mut other)] {
        list.sort_by(f64::total_cmp);
        let at =
            |share: f64| list.get((list.len() as f64 * share) as usize).copied().unwrap_or(0.0);
        let (nearest, near, far) = (at(0.001), at(0.01), at(0.99));
        println!("{name}: median {:.3}, 0.1 % {nearest:.3}, 1 % {near:.3}, 99 % {far:.3}", at(0.5));
    }
}

fn report(found: &Clustering, truth: &[usize]) {
    let mut pairs: Vec<(u32, usize)> = found
        .labels
        .iter()
        .zip(truth)
        .filter_map(|(label, &person)| Some(((*label)?, person)))
        .collect();
    let clustered = pairs.len();
    pairs.sort_unstable();
    let mut largest = vec![0; found.clusters as usize];
    for group in pairs.chunk_by(|a, b| a == b) {
        let slot = &mut largest[group[0].0 as usize];
        *slot = group.len().max(*slot);
    }
    let pure: usize = largest.iter().sum();
    println!(
        "{} clusters of {clustered} of {} faces, {:.2} % of them with most of their cluster",
        found.clusters,
        truth.len(),
        100.0 * pure as f64 / clustered.max(1) as f64
    );
    println!(
        "{:.2} % of all faces are with most of their person",
        100.0 * gathered(&pairs) as f64 / truth.len() as f64
    );
    println!("most memory held: {}", peak());
}

/// Faces that are in the cluster with most of their person, of pairs of a cluster and a person.
fn gathered(pairs: &[(u32, usize)]) -> usize {
    let mut homes: Vec<(usize, u32)> =
        pairs.iter().map(|&(label, person)| (person, label)).collect();
    homes.sort_unstable();
    let most = |person: &[(usize, u32)]| person.chunk_by(|a, b| a == b).map(<[_]>::len).max();
    homes.chunk_by(|a, b| a.0 == b.0).filter_map(most).sum()
}

/// The peak of resident memory, where the system tells it.
fn peak() -> String {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |line| line.trim().to_owned())
}
