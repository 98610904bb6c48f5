//! Crashes, full disks and races while bundles are published.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.
#![allow(clippy::disallowed_methods)] // Only another process can be killed, or run out of space.

mod common;

use common::{again, child_folder, large, small};
use rushes_store::{Analysis, AnalysisFolder, Journal, Machine, VisualBundleFile};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// What the child of the next test does: publish without end, and say what is done.
#[test]
fn child_that_publishes() {
    let Some(folder) = child_folder() else { return };
    let analyses = AnalysisFolder::open(&folder).unwrap();
    for media in (0..=255u8).cycle() {
        analyses.publish(&large(media, 50, 300_000)).unwrap();
        println!("\npublished {media}");
    }
}

#[test]
fn a_killed_writer_loses_nothing_and_leaves_nothing_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..12 {
        let this = Command::new(std::env::current_exe().unwrap());
        let mut command = again(this, "child_that_publishes", folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut published = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("published ")?.parse::<u8>().ok());
        let first = published.next().expect("the child publishes");
        std::thread::sleep(Duration::from_micros(1700 * round));
        child.kill().unwrap();
        let acknowledged: Vec<u8> = std::iter::once(first).chain(published).collect();
        child.wait().unwrap();

        let analyses = AnalysisFolder::open(folder.path()).unwrap();
        let entries = analyses.list(Analysis::Visual).unwrap();
        for entry in &entries {
            let file = VisualBundleFile::open(&entry.path).unwrap();
            assert_eq!(file.meta().media_id, entry.media_id);
        }
        for media in acknowledged {
            assert!(entries.iter().any(|entry| entry.media_id.0[0] == media), "{media} was lost");
        }
    }
}

fn journal(folder: &Path) -> Journal {
    let home = folder.join("home");
    fs_err::create_dir_all(&home).unwrap();
    Journal::new(AnalysisFolder::open(folder).unwrap(), Machine::open(&home).unwrap())
}

/// What the children of the next test do: append without end, and say what is written.
#[test]
fn child_that_appends() {
    let Some(folder) = child_folder() else { return };
    let journal = journal(&folder);
    for n in 0.. {
        let body = format!("{}-{n}", std::process::id());
        journal.append("number", &body).unwrap();
        println!("\nwritten {body}");
    }
}

#[test]
fn processes_that_are_killed_lose_no_record_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for round in 0..8 {
        let children = [0, 1].map(|_| {
            let this = Command::new(std::env::current_exe().unwrap());
            let mut command = again(this, "child_that_appends", folder.path());
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
        });
        let said = children.map(|mut child| {
            let mut lines =
                BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
            let first = lines.find(|line| line.starts_with("written ")).expect("the child appends");
            std::thread::sleep(Duration::from_micros(1900 * round));
            child.kill().unwrap();
            child.wait().unwrap();
            std::iter::once(first).chain(lines).collect::<Vec<_>>()
        });
        let bodies = said.iter().flatten().filter_map(|line| line.strip_prefix("written "));
        written.extend(bodies.map(str::to_owned));
        let found = journal(folder.path()).read().unwrap();
        assert!(found.damaged.is_empty(), "{:?}", found.damaged);
        let there: Vec<&str> = found.records.iter().filter_map(|one| one.body.as_str()).collect();
        for body in &written {
            assert!(there.contains(&body.as_str()), "{body} was lost");
        }
        let sequences = found.records.iter().map(|record| record.sequence);
        assert!(sequences.eq(0..found.records.len() as u64), "two wrote at once");
    }
}

/// What the child of the next test does: publish more than it may write.
#[test]
fn child_without_space() {
    let Some(folder) = child_folder() else { return };
    let analyses = AnalysisFolder::open(&folder).unwrap();
    let error = analyses.publish(&large(1, 50, 3_000_000)).unwrap_err().to_string();
    assert!(error.contains(folder.to_str().unwrap()), "{error}");
    println!("\nrefused");
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let path = analyses.publish(&small(1)).unwrap();

    // The limit on file sizes fails a write as a full disk does, and needs no disk to fill.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""]);
    shell.arg(std::env::current_exe().unwrap());
    let output = again(shell, "child_without_space", folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("refused"), "{output:?}");

    let file = VisualBundleFile::open(&path).unwrap();
    assert_eq!(file.times().len(), 3, "the earlier bundle is untouched");
    let left = fs_err::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "nothing is left beside it");
    analyses.publish(&large(1, 50, 3_000_000)).unwrap();
}

#[test]
fn two_writers_of_one_medium_end_as_one_valid_file() {
    let folder = tempfile::tempdir().unwrap();
    let analyses = AnalysisFolder::open(folder.path()).unwrap();
    let path = analyses.publish(&small(1)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers = [10usize, 400].map(|rows| {
            let analyses = &analyses;
            scope.spawn(move || {
                let bundle = large(1, rows, rows * 1000);
                (0..30).for_each(|_| drop(analyses.publish(&bundle).unwrap()));
            })
        });
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let rows = VisualBundleFile::open(&path).unwrap().times().len();
                assert!([3, 10, 400].contains(&rows), "{rows}");
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(fs_err::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    assert_eq!(analyses.list(Analysis::Visual).unwrap().len(), 1);
}
