//! From real footage to moments, through the engine.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use common::{clip, config, decoders_of, files_below, make_clip, studio, text};
use fs_err as fs;
use rushes_engine::{
    Engine,
    replies::VisualMatch,
    requests::{
        CancelRequest, ClearRequest, LoadForMediaRequest, LoadRequest, MetadataRequest,
        SearchFrameRequest, SearchImageRequest, SearchTextRequest, ThumbnailRequest,
        ThumbnailsRequest,
    },
};
use rushes_model::{ErrorCode, TaskState};
use std::time::{Duration, Instant};

#[test]
fn a_sentence_finds_the_moment_and_every_field_is_there() {
    let studio = studio();
    let media = [clip("bikes.mp4"), clip("bigbuckbunny.mp4"), clip("carphone_pristine.mp4")];
    let (task, events) = studio.analyze(&studio.request(&media));
    assert_eq!((task.state, task.errors.len()), (TaskState::Completed, 0));
    assert_eq!((task.files_total, task.files_done), (3, 3));
    assert!(events.is_sorted_by(|a, b| a.progress <= b.progress));
    assert_eq!(events.iter().filter(|event| event.done).count(), 1);

    let matches = studio.search("a man with a tie talking inside a car");
    let best = &matches[0];
    assert!(best.video_path.ends_with("carphone_pristine.mp4"), "{}", best.video_path);
    assert!(best.frame_idx.parse::<u64>().unwrap() < 5);
    assert!(best.scene_start_seconds <= best.time_seconds);
    assert!(best.scene_end_seconds > best.scene_start_seconds);
    assert_eq!((best.timestamp.len(), best.hash_str.len()), (8, 8));
    assert!(best.image.starts_with("/9j/") && best.image.len() < 100 * 1024);
    assert!(matches.is_sorted_by(|a, b| a.similarity >= b.similarity));
    assert!(matches.is_sorted_by(|a, b| a.original_index < b.original_index));
}

#[test]
fn what_is_analysed_is_skipped_and_survives_a_restart() {
    let studio = studio();
    let request = studio.request(&[clip("bikes.mp4")]);
    studio.analyze(&request);
    let bundles = files_below(studio.cache.path());
    assert_eq!(bundles.len(), 1, "{bundles:?}");
    let written = fs::metadata(&bundles[0]).unwrap().modified().unwrap();
    let (task, _) = studio.analyze(&request);
    assert_eq!(task.state, TaskState::Completed);
    assert_eq!(fs::metadata(&bundles[0]).unwrap().modified().unwrap(), written);

    let again = Engine::open(config(studio.home.path())).unwrap();
    let load = LoadRequest { cache_dir: text(studio.cache.path()) };
    let loaded = again.load(&load).unwrap().loaded;
    assert_eq!((loaded.media, loaded.frames), (1, 10));
    assert_eq!(again.clear(&ClearRequest::default()).unwrap().loaded.media, 0);
    let query = SearchTextRequest::simple("bicycles", text(studio.cache.path()));
    assert!(!again.search_text(&query).unwrap().matches.is_empty());
}

#[test]
fn a_moved_file_is_the_same_medium() {
    let studio = studio();
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (folder.path().join("a.mp4"), folder.path().join("b.mp4"));
    fs::copy(clip("carphone_pristine.mp4"), &before).unwrap();
    studio.analyze(&studio.request(std::slice::from_ref(&before)));
    fs::rename(&before, &after).unwrap();
    let request = SearchTextRequest {
        media_paths: Some(vec![text(&after)]),
        min_similarity: Some(0.0),
        ..SearchTextRequest::simple("a face", text(studio.cache.path()))
    };
    let matches = studio.engine.search_text(&request).unwrap().matches;
    assert_eq!(matches[0].video_path, text(&after));
}

#[test]
fn bad_files_are_reported_and_the_others_go_on() {
    let studio = studio();
    let folder = tempfile::tempdir().unwrap();
    let bad = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let whole = fs::read(clip("bikes.mp4")).unwrap();
    let media = [
        folder.path().join("missing.mp4"),
        bad("empty.mp4", b""),
        bad("text.mp4", b"this is no film"),
        bad("playlist.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/passwd\n"),
        bad("truncated.mp4", &whole[..whole.len() / 100]),
        clip("carphone_pristine.mp4"),
    ];
    let (task, _) = studio.analyze(&studio.request(&media));
    assert_eq!(task.state, TaskState::Completed);
    assert_eq!((task.files_done, task.errors.len()), (6, 5), "{:?}", task.errors);
    for error in &task.errors {
        assert!(error.message.contains(&error.media_path), "{error:?}");
    }
    assert_eq!(studio.search("a face").len(), 1);
}

#[test]
fn cancelling_leaves_no_child_and_nothing_half_written() {
    let studio = studio();
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("long.mp4");
    let source = ["-f", "lavfi", "-i", "mandelbrot=size=1280x720:rate=25", "-t", "20"];
    make_clip(
        &long,
        &[&source[..], &["-c:v", "libx264", "-preset", "ultrafast", "-g", "250"]].concat(),
    );
    let mut events = studio.engine.progress();
    let started = studio.engine.analyze(&studio.request(std::slice::from_ref(&long))).unwrap();
    while events.blocking_recv().unwrap().file_progress.is_none() {}
    let begun = Instant::now();
    studio.engine.cancel(&CancelRequest { task_id: started.task_id.clone() }).unwrap();
    while decoders_of(&long) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(1), "a decoder outlived the cancel");
        std::thread::sleep(Duration::from_millis(10));
    }
    while !events.blocking_recv().unwrap().done {}
    let task = studio.engine.task(&started.task_id).unwrap();
    assert_eq!(task.state, TaskState::Cancelled);
    assert!(files_below(studio.cache.path()).is_empty());
    assert!(studio.search("anything").is_empty());
}

#[test]
fn stills_and_sound_are_taken_for_what_they_are() {
    let studio = studio();
    let folder = tempfile::tempdir().unwrap();
    let (still, sound) = (folder.path().join("still.png"), folder.path().join("sound.wav"));
    make_clip(&still, &["-f", "lavfi", "-i", "testsrc2=size=640x480", "-frames:v", "1"]);
    make_clip(&sound, &["-f", "lavfi", "-i", "sine=duration=2"]);
    let (task, _) = studio.analyze(&studio.request(&[still.clone(), sound.clone()]));
    assert_eq!((task.state, task.errors.len()), (TaskState::Completed, 0), "{:?}", task.errors);
    let rows = studio
        .engine
        .media_metadata(&MetadataRequest {
            media_paths: vec![text(&still), text(&sound), "/nowhere.mp4".to_owned()],
            cache_dir: Some(text(studio.cache.path())),
        })
        .unwrap()
        .media;
    assert_eq!(rows[0].kind.as_deref(), Some("image"));
    assert_eq!(rows[0].analysis.as_ref().unwrap().visual, ["lite-260-fast"]);
    assert_eq!(rows[1].kind.as_deref(), Some("audio"));
    assert!(rows[1].analysis.as_ref().unwrap().visual.is_empty());
    assert!(rows[2].error.as_deref().unwrap().contains("/nowhere.mp4"));
}

#[test]
fn a_search_under_way_finds_what_was_seen_so_far() {
    let studio = studio();
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("long.mp4");
    let input = text(&clip("bigbuckbunny.mp4"));
    let arguments = ["-stream_loop", "9", "-i", &input, "-an", "-c:v", "libx264"];
    make_clip(&long, &[&arguments[..], &["-preset", "ultrafast", "-g", "50"]].concat());
    let started = studio.engine.analyze(&studio.request(&[long])).unwrap();
    let begun = Instant::now();
    while studio.search("a rabbit").is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
    let state = studio.engine.task(&started.task_id).unwrap().state;
    assert_eq!(state, TaskState::Running, "the whole file was through before anything was found");
    studio.engine.stop();
}

#[test]
fn requests_are_checked_before_anything_is_done() {
    let studio = studio();
    let good = clip("carphone_pristine.mp4");
    let code = |cache_dir: &str, path: &str| {
        let mut request = studio.request(&[]);
        request.cache_dir = cache_dir.to_owned();
        request.media_paths = vec![path.to_owned()];
        studio.engine.analyze(&request).unwrap_err().code
    };
    let in_the_way = studio.cache.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    assert_eq!(code("relative", &text(&good)), ErrorCode::BadPath);
    assert_eq!(code(&text(studio.cache.path()), "relative.mp4"), ErrorCode::BadPath);
    assert_eq!(code(&text(&in_the_way), &text(&good)), ErrorCode::CacheDir);
    let mut unknown = studio.request(&[good]);
    unknown.visual_model_key = Some("no-such-model".to_owned());
    assert_eq!(studio.engine.analyze(&unknown).unwrap_err().code, ErrorCode::UnknownModel);
    let mut blank = SearchTextRequest::simple("  ", text(studio.cache.path()));
    assert_eq!(studio.engine.search_text(&blank).unwrap_err().code, ErrorCode::BadRequest);
    blank.query = "x".repeat(2001);
    assert_eq!(studio.engine.search_text(&blank).unwrap_err().code, ErrorCode::BadRequest);
    assert!(studio.search("a search of an empty folder").is_empty());
}

#[test]
fn a_picture_and_a_frame_find_what_they_show_and_words_refine_them() {
    let studio = studio();
    let media = [clip("bikes.mp4"), clip("bigbuckbunny.mp4"), clip("carphone_pristine.mp4")];
    studio.analyze(&studio.request(&media));
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("a still.png");
    make_clip(&picture, &["-i", &text(&media[1]), "-ss", "2", "-frames:v", "1"]);
    let cache_dir = || text(studio.cache.path());
    let names = |found: Vec<VisualMatch>| -> Vec<String> {
        found.into_iter().map(|found| found.video_path).collect()
    };

    let mut image = SearchImageRequest::simple(text(&picture), cache_dir());
    let matches = studio.engine.search_image(&image).unwrap().matches;
    assert!(matches[0].similarity > 0.8, "{}", matches[0].similarity);
    assert_eq!(names(matches)[0], text(&media[1]));
    image.min_similarity = Some(0.0);
    (image.query, image.text_weight) = (Some("people riding bicycles".to_owned()), 4.0);
    assert_eq!(names(studio.engine.search_image(&image).unwrap().matches)[0], text(&media[0]));

    let mut frame = SearchFrameRequest::simple(text(&media[2]), 1.0, cache_dir());
    let matches = studio.engine.search_frame(&frame).unwrap().matches;
    assert_eq!(names(matches)[0], text(&media[2]));
    frame.media_paths = Some(vec![text(&media[0])]);
    let matches = studio.engine.search_frame(&frame).unwrap().matches;
    assert!(!matches.is_empty());
    assert!(names(matches).iter().all(|name| *name == text(&media[0])));

    let no_picture = SearchImageRequest::simple(text(&media[0]) + ".png", cache_dir());
    let failure = studio.engine.search_image(&no_picture).unwrap_err();
    assert_eq!(failure.code, ErrorCode::BadPath);
    assert!(failure.message.contains("bikes.mp4.png"), "{}", failure.message);
    frame.time_seconds = 1000.0;
    assert_eq!(studio.engine.search_frame(&frame).unwrap_err().code, ErrorCode::BadPath);
    frame.time_seconds = -1.0;
    assert_eq!(studio.engine.search_frame(&frame).unwrap_err().code, ErrorCode::BadRequest);
}

#[test]
fn loading_for_media_loads_these_alone() {
    let studio = studio();
    let media = [clip("bikes.mp4"), clip("carphone_pristine.mp4")];
    studio.analyze(&studio.request(&media));
    studio.engine.clear(&ClearRequest::default()).unwrap();
    let request = LoadForMediaRequest {
        cache_dir: text(studio.cache.path()),
        media_paths: vec![text(&media[1])],
    };
    assert_eq!(studio.engine.load_for_media(&request).unwrap().loaded.media, 1);
    let search = SearchTextRequest {
        media_paths: Some(vec![text(&media[0])]),
        ..SearchTextRequest::simple("bicycles", text(studio.cache.path()))
    };
    let matches = studio.engine.search_text(&search).unwrap().matches;
    assert!(!matches.is_empty());
    assert!(matches.iter().all(|found| found.video_path == text(&media[0])));
}

#[test]
fn thumbnails_come_in_request_order_with_errors_in_their_rows() {
    let studio = studio();
    let at = |path: &str, time_seconds: f64| ThumbnailRequest {
        media_path: path.to_owned(),
        time_seconds,
    };
    let bikes = text(&clip("bikes.mp4"));
    let requests =
        vec![at(&bikes, 8.0), at("/nowhere.mp4", 0.0), at(&bikes, 99.0), at(&bikes, 0.0)];
    let cache_dir = text(studio.cache.path());
    let request = ThumbnailsRequest { cache_dir, width: 160, exact: false, requests };
    let rows = studio.engine.thumbnails(&request).unwrap().thumbnails;
    let has_picture: Vec<bool> = rows.iter().map(|row| row.thumbnail.is_some()).collect();
    assert_eq!(has_picture, [true, false, false, true]);
    assert!(rows.iter().all(|row| row.thumbnail.is_some() != row.error.is_some()));
    assert_ne!(rows[0].thumbnail, rows[3].thumbnail);
    let requests = vec![at(&bikes, -1.0)];
    let before_the_start = ThumbnailsRequest { requests, ..request };
    let failure = studio.engine.thumbnails(&before_the_start).unwrap_err();
    assert_eq!(failure.code, ErrorCode::BadRequest);
}

#[test]
fn small_thumbnails_come_from_previews_and_larger_ones_from_the_medium() {
    let studio = studio();
    let rabbit = clip("bigbuckbunny.mp4");
    studio.analyze(&studio.request(std::slice::from_ref(&rabbit)));
    let ask_for = |exact: bool, width: u32, times: &[f64]| -> Vec<Option<String>> {
        let one =
            |&time_seconds: &f64| ThumbnailRequest { media_path: text(&rabbit), time_seconds };
        let requests = times.iter().map(one).collect();
        let cache_dir = text(studio.cache.path());
        let request = ThumbnailsRequest { cache_dir, width, exact, requests };
        let rows = studio.engine.thumbnails(&request).unwrap().thumbnails;
        rows.into_iter().map(|row| row.thumbnail).collect()
    };
    let ask = |width, times: &[f64]| ask_for(false, width, times);
    // One preview stands for two times of a shot, which the medium shows five frames apart.
    let near = [1.0, 1.2];
    let (small, default, large) = (ask(160, &near), ask(320, &near), ask(400, &near));
    assert!(small[0].is_some() && small[0] == small[1]);
    assert!(default[0].is_some() && default[0] == default[1]);
    assert!(large[0].is_some() && large[0] != large[1]);
    let exact = ask_for(true, 160, &near);
    assert!(exact[0].is_some() && exact[0] != exact[1]);
    // A preview stands for no time outside the medium.
    assert_eq!(ask(160, &[10.3]), [None]);
    // What is kept is what was made, and equal times share it.
    assert_eq!(ask(400, &[1.2, 1.0, 1.2]), [large[1].clone(), large[0].clone(), large[1].clone()]);
    // Looking at thumbnails brings no analysis into searches.
    studio.engine.clear(&ClearRequest::default()).unwrap();
    assert_eq!(ask(160, &near), small);
    assert_eq!(studio.engine.clear(&ClearRequest::default()).unwrap().loaded.media, 0);
}
