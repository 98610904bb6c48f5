//! Clips: what is in the files, what they are called, and what is left of those that were not finished.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![allow(clippy::disallowed_methods, reason = "ffprobe is asked what others would see")]

mod common;

use common::{Studio, config, files_below, make_clip, studio, text};
use fs_err as fs;
use rushes_engine::{
    Engine,
    replies::{ExportedClip, Task},
    requests::{CancelRequest, ClipCodec, ClipMode, ClipRange, ExportClipsRequest},
};
use rushes_model::{ErrorCode, TaskState};
use serde_json::json;
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// Six seconds at 25 frames a second with a keyframe every two, from 10:00:00:00 on.
fn film(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let video = "testsrc2=size=320x180:rate=25:duration=6";
    let inputs = ["-f", "lavfi", "-i", video, "-f", "lavfi", "-i", "sine=duration=6"];
    let outputs = [
        "-timecode",
        "10:00:00:00",
        "-c:v",
        "libx264",
        "-g",
        "50",
        "-keyint_min",
        "50",
        "-bf",
        "0",
    ];
    make_clip(&path, &[&inputs[..], &outputs[..], &["-sc_threshold", "0"]].concat());
    path
}

fn request(clips: Vec<ClipRange>, output: &Path) -> ExportClipsRequest {
    let body = json!({ "output_dir": text(output) });
    ExportClipsRequest { clips, ..serde_json::from_value(body).unwrap() }
}

fn finish(engine: &Engine, request: &ExportClipsRequest) -> Task {
    let mut events = engine.progress();
    let id = engine.export_clips(request).unwrap().task_id;
    let mut progress = 0.0;
    loop {
        let event = events.blocking_recv().unwrap();
        assert_eq!(event.kind, "export");
        assert!(event.progress >= progress, "progress never falls");
        progress = event.progress;
        if event.done {
            return engine.task(&id).unwrap();
        }
    }
}

fn output(studio: &Studio) -> PathBuf {
    let folder = studio.home.path().join("selects");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Frames that ffprobe counts by decoding, and the start timecode that it reads.
fn seen(path: &Path) -> (u64, String) {
    let arguments = ["-v", "error", "-count_frames", "-select_streams", "v:0", "-of", "json"];
    let entries = ["-show_entries", "stream=nb_read_frames:stream_tags=timecode"];
    let output = Command::new("ffprobe").args(arguments).args(entries).arg(path).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let stream = &report["streams"][0];
    let frames = stream["nb_read_frames"].as_str().unwrap().parse().unwrap();
    (frames, stream["tags"]["timecode"].as_str().unwrap_or_default().to_owned())
}

fn by_index(task: &Task) -> Vec<ExportedClip> {
    let mut clips = task.clips.clone();
    clips.sort_by_key(|clip| clip.index);
    clips
}

#[test]
fn copies_tell_what_is_really_in_them() {
    let studio = studio();
    let (film, output) = (film(studio.home.path(), "A001.mov"), output(&studio));
    fs::write(output.join("A001_10000200.mov"), "somebody's own").unwrap();
    let clips = vec![
        ClipRange::of(text(&film), 2.0, 3.0),
        ClipRange {
            name: Some("Take/1: \"Zoë\" 🎬".into()),
            ..ClipRange::of(text(&film), 3.0, 4.0)
        },
        ClipRange { name: Some("é".repeat(300)), ..ClipRange::of(text(&film), 0.0, 1.0) },
    ];
    let task = finish(&studio.engine, &request(clips, &output));
    assert_eq!((task.state, task.errors.len()), (TaskState::Completed, 0), "{:?}", task.errors);
    let clips = by_index(&task);
    let names: Vec<_> =
        clips.iter().map(|clip| Path::new(&clip.output_path).file_name().unwrap()).collect();
    assert_eq!(names[0], "A001_10000200 (2).mov");
    assert_eq!(names[1], "Take_1_ _Zoë_ 🎬.mov");
    assert!(names[2].len() <= 255);
    assert_eq!(task.output_paths.len(), 3);
    assert_eq!(fs::read(output.join("A001_10000200.mov")).unwrap(), b"somebody's own");
    assert_eq!(files_below(&output).len(), 4, "and nothing else");

    // The second begins in the middle of a group of pictures, so at the keyframe before.
    let ranges: Vec<_> = clips.iter().map(|clip| (clip.start_seconds, clip.end_seconds)).collect();
    assert_eq!(ranges, [(2.0, 3.0), (2.0, 4.0), (0.0, 1.0)]);
    let counts: Vec<_> = clips.iter().map(|clip| clip.frame_count).collect();
    assert_eq!(counts, [Some(25), Some(50), Some(25)]);
    for clip in &clips {
        let (frames, timecode) = seen(Path::new(&clip.output_path));
        assert_eq!(Some(frames), clip.frame_count, "{clip:?}");
        assert_eq!(Some(timecode), clip.start_timecode, "{clip:?}");
    }
}

#[test]
fn encoded_clips_have_the_very_frames() {
    let studio = studio();
    let (film, output) = (film(studio.home.path(), "A001.mov"), output(&studio));
    for (codec, extension) in [(ClipCodec::Prores, "mov"), (ClipCodec::H264, "mp4")] {
        let clips =
            vec![ClipRange::of(text(&film), 1.04, 1.28), ClipRange::of(text(&film), 5.96, 6.0)];
        let request = ExportClipsRequest {
            mode: ClipMode::Reencode,
            codec,
            handle_seconds: 0.04,
            ..request(clips, &output)
        };
        let task = finish(&studio.engine, &request);
        assert_eq!(task.errors.len(), 0, "{:?}", task.errors);
        let clips = by_index(&task);
        // Six frames and one on either side; of the last frame one before and none after.
        let found: Vec<_> = clips.iter().map(|clip| seen(Path::new(&clip.output_path))).collect();
        assert_eq!(found, [(8, "10:00:01:00".to_owned()), (2, "10:00:05:23".to_owned())]);
        assert!(clips.iter().all(|clip| clip.output_path.ends_with(extension)), "{clips:?}");
    }
}

#[test]
fn what_cannot_be_cut_does_not_hold_up_the_rest() {
    let studio = studio();
    let (film, output) = (film(studio.home.path(), "A001.mov"), output(&studio));
    let still = studio.home.path().join("still.png");
    make_clip(&still, &["-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1"]);
    let clips = vec![
        ClipRange::of(text(&studio.home.path().join("away.mov")), 0.0, 1.0),
        ClipRange::of(text(&still), 0.0, 1.0),
        ClipRange::of(text(&film), 0.0, 1.0),
    ];
    let task = finish(&studio.engine, &request(clips, &output));
    let messages: Vec<_> = task.errors.iter().map(|error| error.message.as_str()).collect();
    assert!(messages.iter().any(|message| message.contains("is offline")), "{messages:?}");
    assert!(messages.iter().any(|message| message.contains("still picture")), "{messages:?}");
    assert_eq!((messages.len(), task.clips.len(), task.files_done), (2, 1, 3));
    assert_eq!(files_below(&output).len(), 1);
}

#[test]
fn folders_that_cannot_take_them_are_refused_at_once() {
    let studio = studio();
    let film = film(studio.home.path(), "A001.mov");
    // Nobody can write to the last one, and its file system has no room.
    for bad in [studio.home.path().join("none"), film.clone(), PathBuf::from("/proc")] {
        let clips = vec![ClipRange::of(text(&film), 0.0, 1.0)];
        let failure = studio.engine.export_clips(&request(clips, &bad)).unwrap_err();
        assert_eq!(failure.code, ErrorCode::BadPath);
        assert!(failure.message.starts_with("output_dir: "), "{}", failure.message);
    }
    let output = output(&studio);
    for bad in [Vec::new(), vec![ClipRange::of(text(&film), 7.0, 8.0)]] {
        let failure = studio.engine.export_clips(&request(bad, &output)).unwrap_err();
        assert_eq!(failure.code, ErrorCode::BadRequest);
    }
    assert!(files_below(&output).is_empty());
}

/// Waits until something is true, for half a minute at most.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what} did not happen");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Two hundred clips, which take a while.
fn many(film: &Path) -> Vec<ClipRange> {
    let clip = |n: u32| ClipRange::of(text(film), f64::from(n % 100) / 25.0, 6.0);
    (0..200).map(clip).collect()
}

#[test]
fn a_cancelled_export_leaves_whole_clips_only() {
    let studio = studio();
    let (film, output) = (film(studio.home.path(), "A001.mov"), output(&studio));
    let request = ExportClipsRequest { mode: ClipMode::Reencode, ..request(many(&film), &output) };
    let id = studio.engine.export_clips(&request).unwrap().task_id;
    wait_until("the first clip", || !studio.engine.task(&id).unwrap().clips.is_empty());
    studio.engine.cancel(&CancelRequest { task_id: id.clone() }).unwrap();
    wait_until("the end", || studio.engine.task(&id).unwrap().state == TaskState::Cancelled);
    let task = studio.engine.task(&id).unwrap();
    assert!(task.clips.len() < 200 && task.errors.is_empty(), "{:?}", task.errors);
    let files = files_below(&output);
    assert_eq!(files.len(), task.clips.len());
    assert!(files.iter().all(|file| seen(file).0 > 0));
    assert_eq!(fs::read_dir(&output).unwrap().count(), files.len(), "no folder of unfinished ones");
}

#[test]
fn exports_wait_for_each_other_and_a_waiting_one_is_cancelled_at_once() {
    let studio = studio();
    let (film, output) = (film(studio.home.path(), "A001.mov"), output(&studio));
    let first = ExportClipsRequest { mode: ClipMode::Reencode, ..request(many(&film), &output) };
    let first = studio.engine.export_clips(&first).unwrap().task_id;
    let second = vec![ClipRange::of(text(&film), 0.0, 1.0)];
    let second = studio.engine.export_clips(&request(second, &output)).unwrap().task_id;
    let state = |id: &str| studio.engine.task(id).unwrap().state;
    wait_until("the first begins", || state(&first) == TaskState::Running);
    assert_eq!(state(&second), TaskState::Queued);
    studio.engine.cancel(&CancelRequest { task_id: second.clone() }).unwrap();
    assert_eq!(state(&second), TaskState::Cancelled);
    let folders = || fs::read_dir(&output).unwrap().flatten().filter(|it| it.path().is_dir());
    wait_until("one of them has a folder", || folders().count() == 1);
    studio.engine.cancel(&CancelRequest { task_id: first.clone() }).unwrap();
    wait_until("the end", || state(&first) == TaskState::Cancelled);
    assert!(
        studio.engine.tasks().tasks.iter().all(|task| task.clips.is_empty()),
        "a list is brief"
    );
}

#[test]
fn what_is_heard_after_the_last_picture_can_be_cut() {
    let studio = studio();
    let output = output(&studio);
    let film = studio.home.path().join("tail.mov");
    let video = "testsrc2=size=320x180:rate=25:duration=2";
    make_clip(&film, &["-f", "lavfi", "-i", video, "-f", "lavfi", "-i", "sine=duration=4"]);
    let task =
        finish(&studio.engine, &request(vec![ClipRange::of(text(&film), 1.0, 3.5)], &output));
    assert_eq!((task.errors.len(), task.clips.len()), (0, 1), "{:?}", task.errors);
    // What it shows ends with the pictures, and its sound goes on.
    assert_eq!(task.clips[0].frame_count, Some(50), "{:?}", task.clips);
    let probe = ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"];
    let length = Command::new("ffprobe").args(probe).arg(&task.clips[0].output_path).output();
    let length: f64 = String::from_utf8(length.unwrap().stdout).unwrap().trim().parse().unwrap();
    assert!((3.4..3.6).contains(&length), "{length}");
}

#[test]
fn a_disk_without_room_is_refused_before_anything_is_written() {
    let studio = studio();
    let film = film(studio.home.path(), "A001.mov");
    let disk = tempfile::tempdir().unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let command = Command::new(program).args(arguments).arg(disk.path()).output();
        command.is_ok_and(|output| output.status.success())
    };
    if !run("mount", &["-t", "tmpfs", "-o", "size=1m", "rushes-test"]) {
        // Only root may mount; /proc, which has no room at all, is tried elsewhere.
        return;
    }
    let clips = vec![ClipRange::of(text(&film), 0.0, 1.0)];
    let refused = studio.engine.export_clips(&request(clips, disk.path()));
    let left = files_below(disk.path()).len();
    assert!(run("umount", &[]));
    let failure = refused.unwrap_err();
    assert_eq!((failure.code, left), (ErrorCode::BadPath, 0));
    assert!(failure.message.contains("MB are free"), "{}", failure.message);
}

/// Names the folder in which the other process works, when this file is run as one.
const ROOM: &str = "RUSHES_TEST_CLIPS_ROOM";

#[test]
fn a_killed_export_leaves_nothing_half_written() {
    if let Some(room) = env::var_os(ROOM).map(PathBuf::from) {
        let engine = Engine::open(config(&room.join("home"))).unwrap();
        let clips = many(&room.join("A001.mov"));
        let reencode = ExportClipsRequest {
            mode: ClipMode::Reencode,
            ..request(clips, &room.join("selects"))
        };
        finish(&engine, &reencode);
        return;
    }
    let room = tempfile::tempdir().unwrap();
    let (home, output) = (room.path().join("home"), room.path().join("selects"));
    film(room.path(), "A001.mov");
    fs::create_dir(&output).unwrap();
    for round in 0..3 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "a_killed_export_leaves_nothing_half_written"])
            .env(ROOM, room.path())
            .spawn()
            .unwrap();
        let clips =
            || files_below(&output).into_iter().filter(|file| file.parent() == Some(&output));
        wait_until("a clip", || clips().count() > round);
        thread::sleep(Duration::from_millis(70 * round as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(clips().all(|file| seen(&file).0 > 0), "what has its name is whole");
        // The next start sweeps up; its ffmpegs have ended with the pipes to their parent, or soon do.
        wait_until("sweeping up", || {
            drop(Engine::open(config(&home)).unwrap());
            fs::read_dir(&output).unwrap().flatten().all(|entry| entry.path().is_file())
        });
        for file in clips().collect::<Vec<_>>() {
            fs::remove_file(file).unwrap();
        }
    }
}
