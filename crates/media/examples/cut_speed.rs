//! How long it takes to copy a hundred clips of 5 to 10 s out of one medium, two at a time.
//!
//! `cargo run --release -p rushes-media --example cut_speed -- FILE FOLDER`

#![allow(clippy::unwrap_used, reason = "a measurement")]
#![allow(clippy::print_stdout, reason = "its result")]

use rushes_media::{Cut, CutMode, Limits, Tools, extension};
use rushes_model::TimeRange;
use std::{
    env,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

const CLIPS: usize = 100;

fn main() {
    let args: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [file, folder] = args.as_slice() else {
        println!("give a file and a folder");
        return;
    };
    let tools = Tools::locate(Limits::default()).unwrap();
    let facts = tools.probe(file).unwrap();
    let step = (facts.duration_seconds - 20.0) / CLIPS as f64;
    let ranges: Vec<TimeRange> = (0..CLIPS)
        .map(|i| {
            let start = 3.3 + i as f64 * step;
            TimeRange { start, end: start + 5.0 + (i % 6) as f64 }
        })
        .collect();
    let started = Instant::now();
    let cutter = tools.cutter(file, &facts, &ranges).unwrap();
    let looked = started.elapsed();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(range) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let name =
                        format!("{:.0}.{}", range.start, extension(&facts, file, CutMode::Copy));
                    let cut = Cut { range: *range, mode: CutMode::Copy };
                    cutter.cut(&cut, &folder.join(name), |_| ()).unwrap();
                }
            });
        }
    });
    println!("look {looked:.2?}, all {:.2?} for {CLIPS} clips", started.elapsed());
}
