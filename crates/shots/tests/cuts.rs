//! How many cuts are found on clips whose cuts are known, by density of frames.
#![allow(clippy::unwrap_used, clippy::panic)] // What its helpers meet unexpectedly fails the test.

use rushes_shots::{Change, Rule, detect};

/// Changes of one clip and the frames at which its shots begin.
struct Clip {
    name: String,
    rate: f64,
    cuts: Vec<f64>,
    every_frame: Vec<f32>,
    every_second: Vec<f32>,
}

fn numbers<T: std::str::FromStr>(line: &str) -> Vec<T> {
    line.split_whitespace().skip(1).map(|word| word.parse().ok().unwrap()).collect()
}

fn clips() -> Vec<Clip> {
    include_str!("fixtures/changes.txt")
        .split("\n\n")
        .map(|block| {
            let lines: Vec<&str> = block.trim().lines().collect();
            let [name, rate, cuts, every_frame, every_second] = lines[..] else {
                panic!("a clip has five lines: {block:.80}")
            };
            Clip {
                name: name.to_owned(),
                rate: numbers(rate)[0],
                cuts: numbers(cuts),
                every_frame: numbers(every_frame),
                every_second: numbers(every_second),
            }
        })
        .collect()
}

/// Times at which shots begin, the first left out.
fn found(differences: &[f32], rate: f64, rule: &Rule) -> Vec<f64> {
    let change = |(i, &difference): (usize, &f32)| Change { seconds: i as f64 / rate, difference };
    let changes: Vec<Change> = differences.iter().enumerate().map(change).collect();
    let shots = detect(&changes, differences.len() as f64 / rate, rule);
    shots[1..].iter().map(|shot| shot.range.start).collect()
}

/// Right, wrong and missed; a found cut is right within `tolerance` seconds of one not yet taken.
fn score(found: &[f64], known: &[f64], tolerance: f64) -> (usize, usize, usize) {
    let mut open = known.to_vec();
    let mut right = 0;
    for time in found {
        if let Some(index) = open.iter().position(|cut| (cut - time).abs() <= tolerance) {
            open.remove(index);
            right += 1;
        }
    }
    (right, found.len() - right, open.len())
}

fn f1((right, wrong, missed): (usize, usize, usize)) -> f64 {
    2.0 * right as f64 / (2 * right + wrong + missed).max(1) as f64
}

#[test]
fn every_cut_is_found_within_two_frames() {
    let clips = clips();
    assert!(clips.iter().filter(|clip| clip.cuts.len() >= 12).count() >= 3);
    let mut total = (0, 0, 0);
    for clip in &clips {
        let found = found(&clip.every_frame, clip.rate, &Rule::EVERY_FRAME);
        let known: Vec<f64> = clip.cuts.iter().map(|frame| frame / clip.rate).collect();
        let counts = score(&found, &known, 2.01 / clip.rate);
        println!("{}: right, wrong, missed {counts:?}", clip.name);
        assert!(counts.1 + counts.2 <= 1, "{}: {counts:?}, found {found:?}", clip.name);
        total = (total.0 + counts.0, total.1 + counts.1, total.2 + counts.2);
    }
    println!("F1 {:.3} of {total:?}", f1(total));
    assert!(f1(total) >= 0.98, "{total:?}");
}

#[test]
fn most_cuts_are_found_a_second_apart() {
    let mut total = (0, 0, 0);
    for clip in clips() {
        let found = found(&clip.every_second, 1.0, &Rule::EVERY_SECOND);
        // `fps=1` shows at second s what the source shows half a second later; several cuts within one
        // second are one.
        let mut known: Vec<f64> =
            clip.cuts.iter().map(|frame| (frame / clip.rate - 0.5 + 1e-9).ceil()).collect();
        known.dedup();
        known.retain(|&second| second < clip.every_second.len() as f64);
        let counts = score(&found, &known, 0.1);
        println!("{}: right, wrong, missed {counts:?}", clip.name);
        total = (total.0 + counts.0, total.1 + counts.1, total.2 + counts.2);
    }
    println!("F1 {:.3} of {total:?}", f1(total));
    // A fast pan changes as much in a second as a cut does: these clips are a quarter pans.
    assert!(f1(total) >= 0.8, "{total:?}");
}
