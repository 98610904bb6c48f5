//! What watching costs while nothing happens. Run alone, and built as it is shipped:
//! `cargo test --release -p rushes-watch --test watching -- --ignored --nocapture idle`

use crate::watched::{Watched, is_media, root, write_files};
use rushes_watch::{Method, Rules};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const FILES: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

/// Processor time of all threads of this process, from proc(5): user and system time in ticks of 10 ms.
fn busy() -> Duration {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = [11, 12].map(|at| fields[at].parse::<u64>().unwrap()).iter().sum::<u64>();
    Duration::from_millis(ticks * 10)
}

fn idles(path: &Path, method: Method) -> f64 {
    let rules = Rules::new(is_media, |_| Ok(false));
    let mut watched = Watched::start(root(path, method), rules);
    watched.until("all files", |seen| seen.settled().len() == FILES);
    watched.for_a_while(Duration::from_secs(2));
    watched.forget();
    let (began, was_busy) = (Instant::now(), busy());
    watched.for_a_while(MINUTE);
    let share = (busy() - was_busy).as_secs_f64() / began.elapsed().as_secs_f64();
    assert!(watched.seen.is_empty(), "{:?}", watched.seen);
    share
}

#[test]
#[ignore = "takes more than two minutes, alone"]
fn idle_watches_cost_less_than_a_hundredth_of_a_processor() {
    let folder = tempfile::tempdir().unwrap();
    for reel in 0..100 {
        let names = (0..FILES / 100).map(|n| format!("{n:04}.mov"));
        write_files(&folder.path().join(format!("reel {reel:02}")), names);
    }
    for method in [Method::Native, Method::Poll] {
        let share = idles(folder.path(), method);
        println!(
            "{method:?}: {:.3} % of a processor with {FILES} files in 100 folders",
            share * 100.0
        );
        assert!(share < 0.01);
    }
}
