//! What happens when files, folders and other programs do not behave.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use common::{clip, config, files_below, make_clip, studio, text};
use fs_err as fs;
use rushes_engine::{
    Config, Engine,
    requests::{AnalyzeRequest, SamplingName, SceneThumbnailsRequest, SearchTextRequest},
};
use rushes_model::{ErrorCode, TaskState};
use std::{
    ffi::OsStr,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, net::UnixListener},
    path::Path,
};

#[test]
fn an_analysis_that_another_process_replaced_or_removed_is_opened_again() {
    let mut studio = studio();
    let bikes = [clip("bikes.mp4")];
    studio.analyze(&studio.request(&bikes));
    assert!(!studio.search("bicycles").is_empty());

    let another_process = Engine::open(config(studio.home.path())).unwrap();
    let first = std::mem::replace(&mut studio.engine, another_process);
    let sparse =
        AnalyzeRequest { force: true, sampling: SamplingName::Fast, ..studio.request(&bikes) };
    studio.analyze(&sparse);
    let query = SearchTextRequest {
        min_similarity: Some(0.0),
        ..SearchTextRequest::simple("bicycles", text(studio.cache.path()))
    };
    let replaced = first.search_text(&query).unwrap().matches;
    assert_eq!(replaced.len(), studio.search("bicycles").len());
    assert!(replaced.iter().all(|found| found.image.starts_with("/9j/")));

    fs::remove_file(&files_below(studio.cache.path())[0]).unwrap();
    assert!(first.search_text(&query).unwrap().matches.is_empty());
}

#[test]
fn odd_things_in_a_folder_are_reported_or_passed_over_and_the_rest_goes_on() {
    let studio = studio();
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join(name);
    let not_unicode = folder.path().join(OsStr::from_bytes(b"caf\xe9 \xff.mp4"));
    fs::copy(clip("carphone_pristine.mp4"), &not_unicode).unwrap();
    fs::create_dir(inside("a folder.mp4")).unwrap();
    let _socket = UnixListener::bind(inside("socket.mp4")).unwrap();
    std::os::unix::fs::symlink("nowhere", inside("dangling.mp4")).unwrap();
    std::os::unix::fs::symlink(folder.path(), inside("circle")).unwrap();
    fs::write(inside("notes.txt"), "no medium").unwrap();
    let made = |size: &'static str| ["-f", "lavfi", "-i", size, "-frames:v"];
    make_clip(&inside("huge.mkv"), &[&made("color=size=8200x16")[..], &["1"]].concat());
    make_clip(&inside("no frames.mp4"), &[&made("color=size=16x16")[..], &["0"]].concat());

    let (task, _) = studio.analyze(&studio.request(&[folder.path().to_owned()]));
    assert_eq!(task.state, TaskState::Completed);
    let failed: Vec<&str> = task.errors.iter().map(|error| &*error.media_path).collect();
    assert_eq!(failed.len(), 2, "{:?}", task.errors);
    assert!(failed[0].ends_with("huge.mkv") && failed[1].ends_with("no frames.mp4"), "{failed:?}");
    assert!(task.errors[0].message.contains("8200x16"), "{:?}", task.errors[0]);
    let matches = studio.search("a man with a tie");
    assert_eq!(matches.len(), 1);
    assert!(matches[0].video_path.contains("caf\u{fffd}"), "{}", matches[0].video_path);
}

#[test]
fn an_analysis_that_was_removed_is_made_again() {
    let studio = studio();
    let request = studio.request(&[clip("carphone_pristine.mp4")]);
    studio.analyze(&request);
    fs::remove_dir_all(studio.cache.path().join("rushes")).unwrap();
    studio.analyze(&request);
    assert_eq!(files_below(studio.cache.path()).len(), 1);
}

#[test]
fn a_renamed_medium_is_named_as_it_was_seen_last() {
    let studio = studio();
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = ["before.mp4", "after.mp4"].map(|name| folder.path().join(name));
    fs::copy(clip("carphone_pristine.mp4"), &before).unwrap();
    studio.analyze(&studio.request(&[folder.path().to_owned()]));
    fs::rename(&before, &after).unwrap();
    let (task, _) = studio.analyze(&studio.request(&[folder.path().to_owned()]));
    assert!(task.errors.is_empty());
    let found = &studio.search("a man")[0];
    assert_eq!(found.video_path, text(&after));

    let scene = SceneThumbnailsRequest {
        cache_dir: text(studio.cache.path()),
        media_path: text(&before),
        start_time: "00:00:00".to_owned(),
        end_time: "00:00:02".to_owned(),
        max_thumbnails: 2,
        hash_str: Some(found.hash_str.clone()),
    };
    let pictures = studio.engine.scene_thumbnails(&scene).unwrap().scene_thumbnails;
    assert_eq!(pictures.unwrap().len(), 2);
}

#[test]
fn the_last_event_tells_what_went_wrong_last() {
    let studio = studio();
    let missing = studio.cache.path().join("missing.mp4");
    let (task, events) = studio.analyze(&studio.request(std::slice::from_ref(&missing)));
    assert_eq!(task.errors.len(), 1);
    let told = events.iter().find(|event| event.error.is_some()).unwrap();
    assert_eq!(told.media_path, Some(text(&missing)));
}

#[test]
fn links_in_a_folder_do_not_lead_out_of_the_roots() {
    let (studio, roots) = (studio(), tempfile::tempdir().unwrap());
    let engine =
        Engine::open(Config { roots: vec![roots.path().to_owned()], ..config(studio.home.path()) });
    let studio = common::Studio { engine: engine.unwrap(), cache: roots, ..studio };
    let footage = studio.cache.path().join("footage");
    fs::create_dir(&footage).unwrap();
    std::os::unix::fs::symlink(clip("bikes.mp4"), footage.join("out.mp4")).unwrap();
    fs::copy(clip("carphone_pristine.mp4"), footage.join("in.mp4")).unwrap();
    let (task, _) = studio.analyze(&studio.request(&[footage]));
    assert_eq!(task.errors.len(), 1);
    assert!(task.errors[0].media_path.ends_with("out.mp4"), "{:?}", task.errors);
    assert_eq!(studio.search("bicycles").len(), 1);
}

#[test]
fn a_configured_model_is_not_replaced_by_a_choice() {
    let studio = studio();
    let models = studio.engine.models();
    let failure = models.choose(&"lite-260".parse().unwrap()).unwrap_err();
    assert_eq!(failure.code, ErrorCode::BadRequest);
    assert!(models.choose(&"lite-260-fast".parse().unwrap()).is_ok());
}

#[test]
fn a_cache_dir_that_cannot_be_used_is_refused_before_any_work() {
    let studio = studio();
    let code = |cache_dir: &Path| {
        let mut request = studio.request(&[clip("carphone_pristine.mp4")]);
        request.cache_dir = text(cache_dir);
        let failure = studio.engine.analyze(&request).unwrap_err();
        assert!(failure.message.contains(&text(cache_dir)), "{}", failure.message);
        failure.code
    };
    assert_eq!(code(Path::new("/proc/self/fdinfo")), ErrorCode::CacheDir);
    assert_eq!(code(&studio.cache.path().join("missing/deep")), ErrorCode::CacheDir);
}

#[test]
fn the_home_folder_is_closed_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("new/home");
    Engine::open(Config::at(&home)).unwrap();
    assert_eq!(fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
}
