//! Reads a medium pass by pass and prints how fast each was, in multiples of real time.
//!
//! `cargo run --release -p rushes-media --example pass_speed -- /footage/take.mov 260`
#![allow(clippy::print_stdout, reason = "its purpose")]

use rushes_media::{Cancel, Limits, MediaError, Sample, Tools};
use rushes_model::Sampling;
use std::{env, path::Path, time::Instant};

fn main() -> Result<(), MediaError> {
    let args: Vec<String> = env::args().skip(1).collect();
    let path = Path::new(args.first().map_or("", String::as_str));
    let long_side = args.get(1).and_then(|side| side.parse().ok()).unwrap_or(260);
    let tools = Tools::locate(Limits::default())?;
    let start = Instant::now();
    let facts = tools.probe(path)?;
    println!("probe {:.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let plan = tools.plan(path, &facts, Sampling::Full)?;
    println!("plan {:.3} s", start.elapsed().as_secs_f64());
    for pass in &plan.passes {
        let start = Instant::now();
        let (mut frames, mut changes) = (0, 0);
        for sample in tools.frames(path, &facts, pass, long_side, &Cancel::new())? {
            match sample? {
                Sample::Frame(_) => frames += 1,
                Sample::Change { .. } => changes += 1,
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        let speed = facts.duration_seconds / seconds;
        println!("{pass:?}: {frames} frames, {changes} changes in {seconds:.2} s, {speed:.1} x");
    }
    Ok(())
}
