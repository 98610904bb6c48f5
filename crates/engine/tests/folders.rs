//! Watch folders: what comes is analysed, once, and nothing that is not whole.
#![allow(clippy::unwrap_used)] // What helpers meet unexpectedly fails the test.

mod common;

use common::{Studio, config, files_below, make_clip, studio, text};
use fs_err as fs;
use rushes_engine::{
    Engine,
    replies::{FolderStats, WatchFolder, WatchState, WatchStatus},
    requests::{CancelRequest, PauseServiceRequest, WatchFolderSettings},
};
use rushes_model::ErrorCode;
use std::{
    io::Write,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longer than files take to settle and a clip to be analysed, on a busy machine.
const SOON: Duration = Duration::from_secs(90);

struct Watching {
    studio: Studio,
    engine: Engine,
    footage: TempDir,
}

/// An engine in charge of a home of its own.
fn watching() -> Watching {
    let studio = studio();
    let engine = in_charge(&studio);
    Watching { studio, engine, footage: tempfile::tempdir().unwrap() }
}

fn in_charge(studio: &Studio) -> Engine {
    let engine = Engine::open(config(studio.home.path())).unwrap();
    engine.take_charge().unwrap();
    engine
}

impl Watching {
    fn settings(&self) -> WatchFolderSettings {
        serde_json::from_value(serde_json::json!({
            "path": text(self.footage.path()),
            "cache_dir": text(self.studio.cache.path()),
            "speech": false,
        }))
        .unwrap()
    }

    fn create(&self) -> WatchFolder {
        self.engine.create_watch_folder(&self.settings()).unwrap()
    }

    fn status(&self) -> WatchStatus {
        self.engine.watch_status().unwrap()
    }

    fn stats(&self, id: &str) -> FolderStats {
        self.status().folder_stats.get(id).cloned().unwrap_or_default()
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&WatchStatus) -> bool) {
        let begun = Instant::now();
        while !is_so(&self.status()) {
            assert!(begun.elapsed() < SOON, "{what}: {:?}", self.status());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_for(&self, id: &str, processed: u64, failed: u64) {
        self.wait_until("files are analysed", |status| {
            let stats = status.folder_stats.get(id);
            stats.is_some_and(|one| {
                (one.pending, one.processed, one.failed) == (0, processed, failed)
            })
        });
    }

    fn take(&self, name: &str) -> PathBuf {
        let path = self.footage.path().join(name);
        clip(&path, name.len() as u32 * 20);
        path
    }

    fn bundles(&self) -> usize {
        bundles(self.studio.cache.path())
    }

    fn tasks(&self) -> usize {
        self.engine.tasks().tasks.len()
    }
}

/// A clip of two seconds in a colour of its own.
fn clip(path: &Path, hue: u32) {
    let source = format!("testsrc2=s=320x180:r=25:d=2,hue=h={hue}");
    make_clip(path, &["-f", "lavfi", "-i", &source, "-g", "25", "-pix_fmt", "yuv420p"]);
}

fn bundles(cache: &Path) -> usize {
    files_below(cache).iter().filter(|path| path.extension().is_some_and(|e| e == "rvb")).count()
}

#[test]
fn what_is_there_and_what_comes_is_analysed_once_also_after_a_restart() {
    let mut one = watching();
    one.take("a.mp4");
    fs::create_dir(one.footage.path().join("day2")).unwrap();
    one.take("day2/b.mp4");
    fs::write(one.footage.path().join("notes.txt"), "no medium").unwrap();
    let folder = one.create();
    let listed = one.engine.watch_folders().unwrap().watch_folders;
    assert_eq!(listed, std::slice::from_ref(&folder));
    one.wait_for(&folder.id, 2, 0);
    one.take("later.mp4");
    one.wait_for(&folder.id, 3, 0);
    assert_eq!((one.bundles(), one.status().files_processed_this_session), (3, 3));
    let tasks = one.engine.tasks().tasks;
    assert!(tasks.iter().all(|task| task.watch_folder.as_deref() == Some(folder.id.as_str())));

    one.engine.stop();
    one.engine = in_charge(&one.studio);
    one.wait_for(&folder.id, 3, 0);
    assert_eq!(one.tasks(), tasks.len(), "nothing new is to be done");
    one.take("last.mp4");
    one.wait_for(&folder.id, 4, 0);
    assert_eq!(one.status().files_processed_this_session, 1);
    assert_eq!(one.engine.watch_history(&folder.id).unwrap().processed, 4);
}

#[test]
fn a_file_is_left_alone_until_it_is_whole() {
    let one = watching();
    let folder = one.create();
    let whole = tempfile::tempdir().unwrap();
    let source = whole.path().join("source.mp4");
    clip(&source, 9);
    let bytes = fs::read(&source).unwrap();
    let mut copy = fs::File::create(one.footage.path().join("copied.mp4")).unwrap();
    for part in bytes.chunks(bytes.len() / 12 + 1) {
        copy.write_all(part).unwrap();
        copy.flush().unwrap();
        thread::sleep(Duration::from_millis(700));
        assert_eq!((one.tasks(), one.status().files_processed_this_session), (0, 0));
    }
    drop(copy);
    one.wait_for(&folder.id, 1, 0);
    assert_eq!(one.status().last_error, None);
}

#[test]
fn a_renamed_file_is_the_same_medium_and_a_deleted_one_keeps_its_analysis() {
    let one = watching();
    let path = one.take("a.mp4");
    let folder = one.create();
    one.wait_for(&folder.id, 1, 0);
    let renamed = one.footage.path().join("renamed.mp4");
    fs::rename(&path, &renamed).unwrap();
    one.wait_until("the new name is taken in", |status| status.files_processed_this_session == 2);
    one.wait_for(&folder.id, 1, 0);
    assert_eq!(one.bundles(), 1);
    let tasks = one.engine.tasks().tasks;
    assert!(tasks[0].message.as_deref().unwrap().contains("0 analysed"), "{tasks:?}");
    let found = one.engine.search_text(&rushes_engine::requests::SearchTextRequest::simple(
        "colours",
        text(one.studio.cache.path()),
    ));
    drop(found.unwrap());
    fs::remove_file(&renamed).unwrap();
    one.wait_for(&folder.id, 0, 0);
    assert_eq!(one.bundles(), 1);
}

#[test]
fn a_file_that_cannot_be_analysed_is_told_and_tried_again_when_it_changes() {
    let one = watching();
    let broken = one.footage.path().join("broken.mov");
    fs::write(&broken, "not a film").unwrap();
    let folder = one.create();
    one.wait_for(&folder.id, 0, 1);
    let stats = one.stats(&folder.id);
    assert_eq!(stats.failures[0].media_path, text(&broken));
    assert!(stats.failures[0].message.contains("broken.mov") && !stats.failures[0].gave_up);
    assert!(one.status().last_error.unwrap().contains("broken.mov"));
    one.wait_until("it is tried again", |status| {
        status.folder_stats[&folder.id].failures.iter().any(|failure| failure.tries >= 2)
    });
    clip(&broken, 50);
    one.wait_for(&folder.id, 1, 0);
}

#[test]
fn the_service_stops_pauses_and_starts_and_remembers_that() {
    let mut one = watching();
    let folder = one.create();
    one.engine.pause_watching(&PauseServiceRequest { seconds: None }).unwrap();
    one.wait_until("it is paused", |status| status.state == WatchState::Paused);
    one.take("a.mp4");
    one.wait_until("it is noticed", |status| status.files_pending == 1);
    thread::sleep(Duration::from_secs(4));
    assert_eq!((one.tasks(), one.status().paused_until), (0, None));
    one.engine.stop();
    one.engine = in_charge(&one.studio);
    one.wait_until("it is paused still", |status| status.state == WatchState::Paused);
    one.engine.start_watching().unwrap();
    one.wait_for(&folder.id, 1, 0);
    one.wait_until("it waits for more", |status| status.state == WatchState::Waiting);

    one.engine.stop_watching().unwrap();
    one.wait_until("it is off", |status| status.state == WatchState::Stopped);
    let paused = one.engine.pause_watching(&PauseServiceRequest { seconds: Some(5.0) });
    assert_eq!(paused.unwrap_err().code, ErrorCode::BadRequest);
    one.take("other.mp4");
    // Another process turns it on.
    let other = Engine::open(config(one.studio.home.path())).unwrap();
    other.start_watching().unwrap();
    other.pause_watching(&PauseServiceRequest { seconds: Some(3.0) }).unwrap();
    one.wait_until("it is paused", |status| status.paused_until.is_some());
    one.wait_for(&folder.id, 2, 0);
    assert_eq!(one.status().paused_until, None);
}

#[test]
fn folders_are_changed_and_removed_and_their_analyses_stay() {
    let one = watching();
    one.take("a.mp4");
    let folder = one.create();
    one.wait_for(&folder.id, 1, 0);
    let refused = one.engine.create_watch_folder(&one.settings()).unwrap_err();
    assert_eq!(refused.code, ErrorCode::BadRequest);
    let off = WatchFolderSettings { enabled: false, ..one.settings() };
    let changed = one.engine.update_watch_folder(&folder.id, &off).unwrap();
    assert_eq!((&changed.id, &changed.created_at), (&folder.id, &folder.created_at));
    one.take("unseen.mp4");
    thread::sleep(Duration::from_secs(5));
    assert_eq!(one.bundles(), 1);
    one.engine.update_watch_folder(&folder.id, &one.settings()).unwrap();
    one.wait_for(&folder.id, 2, 0);
    one.engine.delete_watch_folder(&folder.id).unwrap();
    one.wait_until("it is gone", |status| status.folder_stats.is_empty());
    assert_eq!((one.bundles(), one.engine.watch_folders().unwrap().watch_folders.len()), (2, 0));
    for id in [folder.id.as_str(), "none"] {
        assert_eq!(one.engine.watch_folder(id).unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(one.engine.delete_watch_folder(id).unwrap_err().code, ErrorCode::NotFound);
    }
}

#[test]
fn settings_that_no_analysis_could_have_are_refused() {
    let one = watching();
    let refused =
        |settings: WatchFolderSettings| one.engine.create_watch_folder(&settings).unwrap_err().code;
    let good = || one.settings();
    assert_eq!(
        refused(WatchFolderSettings { path: "relative".into(), ..good() }),
        ErrorCode::BadPath
    );
    let missing = text(&one.footage.path().join("none"));
    assert_eq!(
        refused(WatchFolderSettings { path: missing.clone(), ..good() }),
        ErrorCode::BadPath
    );
    let deep = format!("{missing}/deeper");
    assert_eq!(refused(WatchFolderSettings { cache_dir: deep, ..good() }), ErrorCode::CacheDir);
    assert_eq!(refused(WatchFolderSettings { faces: true, ..good() }), ErrorCode::BadRequest);
    assert_eq!(refused(WatchFolderSettings { visual: false, ..good() }), ErrorCode::BadRequest);
    let language = Some("klingon".to_owned());
    assert_eq!(
        refused(WatchFolderSettings { speech: true, language, ..good() }),
        ErrorCode::BadRequest
    );
    assert_eq!(one.engine.watch_folders().unwrap().watch_folders, []);
}

#[test]
fn an_unplugged_disk_is_offline_and_nothing_is_lost() {
    let one = watching();
    let disk = one.footage.path().join("disk");
    fs::create_dir(&disk).unwrap();
    one.take("disk/a.mp4");
    let settings = WatchFolderSettings { path: text(&disk), ..one.settings() };
    let folder = one.engine.create_watch_folder(&settings).unwrap();
    one.wait_for(&folder.id, 1, 0);
    let away = one.footage.path().join("away");
    fs::rename(&disk, &away).unwrap();
    one.wait_until("it is offline", |status| status.folder_stats[&folder.id].offline.is_some());
    assert_eq!((one.stats(&folder.id).processed, one.bundles()), (1, 1));
    fs::rename(&away, &disk).unwrap();
    one.wait_until("it is back", |status| status.folder_stats[&folder.id].offline.is_none());
    one.take("disk/new.mp4");
    one.wait_for(&folder.id, 2, 0);
    assert_eq!(one.status().files_processed_this_session, 2, "what was analysed is not again");
}

#[test]
fn a_damaged_analysis_is_made_again_and_no_other() {
    let one = watching();
    one.take("a.mp4");
    one.take("bb.mp4");
    let folder = one.create();
    one.wait_for(&folder.id, 2, 0);
    let bundle = files_below(one.studio.cache.path())
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "rvb"));
    let bundle = bundle.unwrap();
    let mut bytes = fs::read(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    one.engine.clear(&rushes_engine::requests::ClearRequest::default()).unwrap();
    let searched = one.engine.search_text(&rushes_engine::requests::SearchTextRequest::simple(
        "colours",
        text(one.studio.cache.path()),
    ));
    drop(searched.unwrap());
    one.wait_until("one is analysed again", |status| status.files_processed_this_session == 3);
    one.wait_for(&folder.id, 2, 0);
    assert!(bundle.exists() && one.bundles() == 3, "the damaged one lies in quarantine");
}

#[test]
fn a_cancelled_batch_waits_for_somebody() {
    let one = watching();
    let slow = one.footage.path().join("slow.mp4");
    let source = "testsrc2=s=1280x720:r=25:d=60";
    make_clip(
        &slow,
        &["-f", "lavfi", "-i", source, "-g", "25", "-preset", "ultrafast", "-pix_fmt", "yuv420p"],
    );
    let folder = one.create();
    one.wait_until("it is in work", |status| status.state == WatchState::Running);
    let status = one.status();
    assert_eq!(status.current_folder.as_deref(), one.footage.path().to_str());
    let task_id = one.engine.tasks().tasks[0].task_id.clone();
    one.engine.cancel(&CancelRequest { task_id }).unwrap();
    one.wait_for(&folder.id, 0, 1);
    assert!(one.stats(&folder.id).failures[0].gave_up);
    assert_eq!(one.bundles(), 0);
}

#[test]
fn a_link_that_leads_out_of_the_roots_is_told_and_the_rest_goes_on() {
    let studio = studio();
    let footage = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    clip(&outside.path().join("secret.mp4"), 10);
    std::os::unix::fs::symlink(outside.path().join("secret.mp4"), footage.path().join("a.mp4"))
        .unwrap();
    let roots = vec![footage.path().to_owned(), studio.cache.path().to_owned()];
    let config = rushes_engine::Config { roots, ..config(studio.home.path()) };
    let engine = Engine::open(config).unwrap();
    engine.take_charge().unwrap();
    let one = Watching { studio, engine, footage };
    one.take("good.mp4");
    let folder = one.create();
    one.wait_for(&folder.id, 1, 1);
    let failure = &one.stats(&folder.id).failures[0];
    assert!(failure.message.contains("a.mp4 leads out"), "{failure:?}");
    assert_eq!(one.bundles(), 1);
}
