//! Tasks that outlive the engine, wait, and let others go first.
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

mod common;

use common::{Studio, config, files_below, make_clip, studio, text};
use fs_err as fs;
use rushes_engine::{
    Engine,
    replies::Task,
    requests::{CancelRequest, PauseRequest},
};
use rushes_model::TaskState;
use rushes_store::{BegunFile, Catalogue, FileStamp};
use std::{
    collections::HashMap,
    num::NonZeroUsize,
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

/// Takes that differ, of so many seconds each.
fn takes(folder: &std::path::Path, count: usize, seconds: u32) -> Vec<PathBuf> {
    let take = |number: usize| {
        let path = folder.join(format!("take{number}.mp4"));
        let hue = format!("testsrc2=s=320x180:r=25:d={seconds},hue=h={}", number * 40);
        make_clip(&path, &["-f", "lavfi", "-i", &hue, "-g", "25", "-pix_fmt", "yuv420p"]);
        path
    };
    (0..count).map(take).collect()
}

/// An engine on the studio's home that keeps its tasks and works on one file at a time.
fn open(studio: &Studio) -> Engine {
    let one = NonZeroUsize::MIN;
    let config = rushes_engine::Config { files_at_once: one, ..config(studio.home.path()) };
    let engine = Engine::open(config).unwrap();
    engine.take_charge().unwrap();
    engine
}

fn wait_for(engine: &Engine, id: &str, is_so: impl Fn(&Task) -> bool) -> Task {
    let begun = Instant::now();
    loop {
        let task = engine.task(id).unwrap();
        if is_so(&task) {
            return task;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{task:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn ended(engine: &Engine, id: &str) -> Task {
    wait_for(engine, id, |task| task.state.is_final())
}

fn written_at(studio: &Studio) -> HashMap<PathBuf, SystemTime> {
    let bundles = files_below(studio.cache.path());
    let bundles = bundles.into_iter().filter(|path| path.extension().is_some_and(|e| e == "rvb"));
    bundles.map(|path| (path.clone(), fs::metadata(&path).unwrap().modified().unwrap())).collect()
}

#[test]
fn an_analysis_goes_on_after_a_restart_and_does_nothing_twice() {
    let studio = studio();
    let footage = tempfile::tempdir().unwrap();
    takes(footage.path(), 6, 4);
    fs::write(footage.path().join("a.mov"), "not a film").unwrap();
    let mut request = studio.request(&[footage.path().to_owned()]);
    // Whoever asks for it again wants each to be looked at once more, and only once.
    request.force = true;
    let first = open(&studio);
    let id = first.analyze(&request).unwrap().task_id;
    let before = wait_for(&first, &id, |task| task.files_done >= 3);
    first.stop();
    assert!(!first.task(&id).unwrap().state.is_final());
    drop(first);
    let done = written_at(&studio);
    assert!(done.len() as u64 >= before.files_done - 1, "{before:?}");

    let second = open(&studio);
    let task = ended(&second, &id);
    assert_eq!((task.state, task.files_total, task.files_done), (TaskState::Completed, 7, 7));
    assert_eq!(task.errors.len(), 1, "{task:?}");
    assert_eq!((task.progress, second.tasks().tasks.len()), (1.0, 1));
    let after = written_at(&studio);
    assert_eq!(after.len(), 6);
    let redone = done.iter().filter(|(path, when)| after[*path] != **when).count();
    assert!(redone <= 1, "{redone} files were analysed twice");
    drop(second);

    let third = open(&studio);
    let again = third.task(&id).unwrap();
    assert_eq!((again.state, again.files_done, again.errors.len()), (task.state, 7, 1));
    assert_eq!(again.message, task.message);
}

#[test]
fn a_paused_analysis_waits_even_through_a_restart() {
    let studio = studio();
    let footage = tempfile::tempdir().unwrap();
    let takes = takes(footage.path(), 5, 3);
    let first = open(&studio);
    let id = first.analyze(&studio.request(&takes)).unwrap().task_id;
    let pause = PauseRequest { task_id: id.clone() };
    wait_for(&first, &id, |task| task.state == TaskState::Running);
    assert!(first.pause(&pause).unwrap().paused);
    let waiting = wait_for(&first, &id, |task| task.state == TaskState::Queued);
    assert!(waiting.files_done < 5, "{waiting:?}");
    // Others go on meanwhile.
    let other = first.analyze(&studio.request(&takes[4..])).unwrap().task_id;
    assert_eq!(ended(&first, &other).state, TaskState::Completed);
    first.stop();
    drop(first);

    let second = open(&studio);
    std::thread::sleep(Duration::from_millis(300));
    let still = second.task(&id).unwrap();
    assert_eq!((still.state, still.paused), (TaskState::Queued, true));
    assert!(!second.resume(&pause).unwrap().paused);
    let task = ended(&second, &id);
    assert_eq!((task.state, task.files_done, task.errors.len()), (TaskState::Completed, 5, 0));
}

#[test]
fn a_paused_analysis_can_be_cancelled_and_stays_so() {
    let studio = studio();
    let footage = tempfile::tempdir().unwrap();
    let takes = takes(footage.path(), 3, 3);
    let first = open(&studio);
    let id = first.analyze(&studio.request(&takes)).unwrap().task_id;
    first.pause(&PauseRequest { task_id: id.clone() }).unwrap();
    wait_for(&first, &id, |task| task.state == TaskState::Queued);
    first.cancel(&CancelRequest { task_id: id.clone() }).unwrap();
    assert_eq!(first.task(&id).unwrap().state, TaskState::Cancelled);
    drop(first);
    let second = open(&studio);
    assert_eq!(second.task(&id).unwrap().state, TaskState::Cancelled);
    assert!(text(&takes[0]).ends_with(".mp4") && written_at(&studio).len() < 3);
}

#[test]
fn two_that_share_a_folder_do_not_do_the_same_work() {
    let one = studio();
    let other = studio();
    let footage = tempfile::tempdir().unwrap();
    let takes = takes(footage.path(), 8, 2);
    // The same medium under another name is claimed as well.
    fs::copy(&takes[0], footage.path().join("copy.mp4")).unwrap();
    let request = one.request(&[footage.path().to_owned()]);
    let (a, b) = (open(&one), open(&other));
    let ids = [a.analyze(&request).unwrap().task_id, b.analyze(&request).unwrap().task_id];
    let (first, second) = (ended(&a, &ids[0]), ended(&b, &ids[1]));
    let analysed = |task: &Task| -> u64 {
        let message = task.message.clone().unwrap();
        let count = message.split(" analysed").next().and_then(|text| text.split(' ').next_back());
        count.unwrap().parse().unwrap()
    };
    for task in [&first, &second] {
        assert_eq!((task.state, task.files_done, task.errors.len()), (TaskState::Completed, 9, 0));
    }
    assert_eq!(analysed(&first) + analysed(&second), 8, "{first:?} {second:?}");
    assert!(analysed(&first) > 0 && analysed(&second) > 0, "both have worked");
    assert_eq!(written_at(&one).len(), 8);
    let left = fs::read_dir(one.cache.path().join("rushes/claims")).unwrap().count();
    assert_eq!(left, 0, "claims end with the work");
}

#[test]
fn a_task_waits_for_a_disk_that_is_not_there_at_the_start() {
    let studio = studio();
    let footage = tempfile::tempdir().unwrap();
    let takes = takes(footage.path(), 3, 2);
    let disk = footage.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mut request = studio.request(&takes);
    request.cache_dir = text(&disk.join("analysis"));
    let first = open(&studio);
    let id = first.analyze(&request).unwrap().task_id;
    first.pause(&PauseRequest { task_id: id.clone() }).unwrap();
    wait_for(&first, &id, |task| task.state == TaskState::Queued);
    first.resume(&PauseRequest { task_id: id.clone() }).unwrap();
    first.stop();
    drop(first);
    let away = footage.path().join("away");
    fs::rename(&disk, &away).unwrap();
    let second = open(&studio);
    let says_why = |task: &Task| task.message.as_ref().is_some_and(|text| text.contains("Waits"));
    let waiting = wait_for(&second, &id, says_why);
    assert_eq!(waiting.state, TaskState::Queued);
    fs::rename(&away, &disk).unwrap();
    let task = ended(&second, &id);
    assert_eq!((task.state, task.files_done, task.errors.len()), (TaskState::Completed, 3, 0));
}

#[test]
fn a_file_at_which_processes_end_comes_last_and_is_given_up_until_somebody_names_it() {
    let studio = studio();
    let footage = tempfile::tempdir().unwrap();
    let takes = takes(footage.path(), 3, 2);
    let first = open(&studio);
    let id = first.analyze(&studio.request(&takes)).unwrap().task_id;
    first.pause(&PauseRequest { task_id: id.clone() }).unwrap();
    wait_for(&first, &id, |task| task.state == TaskState::Queued);
    first.stop();
    drop(first);
    for bundle in written_at(&studio).into_keys() {
        fs::remove_file(bundle).unwrap();
    }

    let catalogue = Catalogue::open(&config(studio.home.path()).catalogue()).unwrap();
    let begun = |path: &PathBuf, times| {
        let stamp = FileStamp::of(&fs::metadata(path).unwrap()).unwrap();
        BegunFile { path: path.clone(), stamp, times }
    };
    // As if four processes had ended at the first take, and one at the second.
    catalogue.begin(&begun(&takes[0], 4)).unwrap();
    catalogue.begin(&begun(&takes[1], 1)).unwrap();
    let second = open(&studio);
    second.resume(&PauseRequest { task_id: id.clone() }).unwrap();
    let task = ended(&second, &id);
    assert_eq!((task.state, task.files_done, task.errors.len()), (TaskState::Completed, 3, 1));
    assert_eq!(task.errors[0].media_path, text(&takes[0]));
    assert!(task.errors[0].message.contains("4 times in a row"), "{task:?}");
    assert_eq!(catalogue.begun().unwrap(), [begun(&takes[0], 4)]);

    let id = second.analyze(&studio.request(&takes)).unwrap().task_id;
    let task = ended(&second, &id);
    assert_eq!((task.state, task.errors.len()), (TaskState::Completed, 0), "{task:?}");
    assert_eq!(written_at(&studio).len(), 3);
    assert_eq!(catalogue.begun().unwrap(), []);
}
