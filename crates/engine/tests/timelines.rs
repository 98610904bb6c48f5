//! Timelines and contact sheets: which frames, which words, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use common::{Studio, clip, make_clip, publish_speech, studio, text};
use fs_err as fs;
use rushes_engine::{
    Engine,
    replies::ExportedTimeline,
    requests::{
        ClipRange, ContactSheetRequest, MAX_TIMELINE_CLIPS, SegmentChoice, TimelineFormat,
        TimelineOfFormatRequest, TimelineRequest,
    },
};
use rushes_model::{ErrorCode, Failure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const FORMATS: [TimelineFormat; 4] =
    [TimelineFormat::Xmeml, TimelineFormat::Fcpxml, TimelineFormat::Edl, TimelineFormat::Otio];

/// A clip of three seconds with start timecode and two tracks of sound.
fn take(studio: &Studio, name: &str, rate: &str, timecode: &str) -> PathBuf {
    let path = studio.home.path().join(name);
    let video = format!("testsrc2=size=320x180:rate={rate}:duration=3");
    let inputs = ["-f", "lavfi", "-i", &video, "-f", "lavfi", "-i", "sine=duration=3"];
    let outputs = ["-map", "0", "-map", "1", "-map", "1", "-timecode", timecode, "-c:v", "libx264"];
    make_clip(&path, &[&inputs[..], &outputs[..], &["-g", "50"]].concat());
    path
}

fn request(clips: Vec<ClipRange>) -> TimelineRequest {
    serde_json::from_value::<TimelineRequest>(json!({}))
        .map(|request| TimelineRequest { clips, ..request })
        .unwrap()
}

fn export(
    engine: &Engine,
    timeline: TimelineRequest,
    format: TimelineFormat,
) -> Result<ExportedTimeline, Failure> {
    engine.export_timeline(&TimelineOfFormatRequest { timeline, format })
}

/// The sequence as OpenTimelineIO has it, and its clips with pictures.
fn otio(studio: &Studio, timeline: TimelineRequest) -> (Value, Vec<Value>) {
    let reply = export(&studio.engine, timeline, TimelineFormat::Otio).unwrap();
    let sequence: Value = serde_json::from_str(&reply.content).unwrap();
    let tracks = sequence["tracks"]["children"].as_array().unwrap().clone();
    let video = tracks.into_iter().find(|track| track["kind"] == "Video").unwrap();
    (sequence, video["children"].as_array().unwrap().clone())
}

/// First frame and length of a clip, with its rate.
fn span(clip: &Value) -> (f64, f64, f64) {
    let range = &clip["source_range"];
    let number = |value: &Value| value.as_f64().unwrap();
    let (start, length) = (&range["start_time"], &range["duration"]);
    (number(&start["value"]), number(&length["value"]), number(&start["rate"]))
}

#[test]
fn every_frame_is_the_one_that_was_meant() {
    let studio = studio();
    let drop = take(&studio, "drop.mov", "30000/1001", "00:59:59;00");
    let film = take(&studio, "film.mov", "24000/1001", "01:00:00:00");
    let at = |path: &Path, from: u32, to: u32, num: f64, den: f64| {
        let time = |frame: u32| (f64::from(frame) * den / num * 1000.0).round() / 1000.0;
        ClipRange::of(text(path), time(from), time(to))
    };
    // Times as containers with milliseconds have them, across a turn of the hour.
    let clips = vec![at(&drop, 29, 31, 30_000.0, 1001.0), at(&film, 1, 72, 24_000.0, 1001.0)];
    let (sequence, found) = otio(&studio, request(clips.clone()));
    let ntsc = 30_000.0 / 1001.0;
    // 00:59:59;00 is frame 107,862 of the day: an hour has 107,892, in 54 minutes two labels less.
    assert_eq!(span(&found[0]), (107_862.0 + 29.0, 2.0, ntsc));
    assert_eq!(span(&found[1]), (86_400.0 + 1.0, 71.0, 24_000.0 / 1001.0));
    assert_eq!(sequence["global_start_time"]["value"].as_f64(), Some(107_892.0), "01:00:00;00");

    let handles = TimelineRequest { handle_seconds: 1.0, ..request(clips.clone()) };
    let (_, found) = otio(&studio, handles);
    // As far as the medium goes: 30 frames on either side of frame 29 and 30, of which one is not there.
    assert_eq!(span(&found[0]), (107_862.0, 61.0, ntsc));
    assert_eq!(found[0]["markers"].as_array().unwrap().len(), 1, "the range within its handles");

    let other = TimelineRequest {
        frame_rate: Some("25/1".parse().unwrap()),
        start_timecode: Some("10:00:00:00".to_owned()),
        ..request(clips)
    };
    let (sequence, found) = otio(&studio, other);
    assert_eq!(sequence["global_start_time"]["value"].as_f64(), Some(900_000.0));
    assert_eq!(span(&found[1]).1, 71.0, "what is counted in the medium stays");
}

#[test]
fn every_format_has_the_names_words_and_remarks() {
    let studio = studio();
    let film = take(&studio, "a & b.mov", "25", "10:00:00:00");
    publish_speech(
        studio.cache.path(),
        &film,
        "whisper-tiny.en",
        &[(Some(0), "Where were you then")],
    );
    let clip = ClipRange {
        name: Some("Take <1> \"]]> 🎬".to_owned()),
        query: Some("a dog & a cat".to_owned()),
        people: Some(vec!["Zoë".to_owned()]),
        note: Some("the best one".to_owned()),
        ..ClipRange::of(text(&film), 1.0, 2.0)
    };
    let timeline =
        TimelineRequest { cache_dir: Some(text(studio.cache.path())), ..request(vec![clip]) };
    for format in FORMATS {
        let reply = export(&studio.engine, timeline.clone(), format).unwrap();
        assert_eq!((reply.warnings.len(), reply.clip_count), (0, 1), "{:?}", reply.warnings);
        // Of the two seconds from one second on the first two words are in the range.
        for word in ["Zo", "the best one", "Where were", "dog"] {
            assert!(reply.content.contains(word), "{format:?}: {word}\n{}", reply.content);
        }
        assert!(!reply.content.contains("you then"), "{format:?}\n{}", reply.content);
    }
}

#[test]
fn chosen_segments_are_exported_and_neighbours_are_one_clip() {
    let studio = studio();
    let film = take(&studio, "talk.mov", "25", "00:00:00:00");
    let talk = [(Some(0), "One"), (Some(0), "two"), (Some(1), "three")];
    publish_speech(studio.cache.path(), &film, "whisper-tiny.en", &talk);
    let choose = |indices: &[usize]| TimelineRequest {
        cache_dir: Some(text(studio.cache.path())),
        segments: vec![SegmentChoice { media_path: text(&film), indices: indices.to_vec() }],
        ..request(Vec::new())
    };
    let said = studio.engine.export_timeline(&TimelineOfFormatRequest {
        timeline: choose(&[1, 2]),
        format: TimelineFormat::Otio,
    });
    assert!(said.unwrap().content.contains("Words: two three"), "two people say it");
    // Words begin at 1, 1.5 and 2 s and last four tenths.
    let (_, found) = otio(&studio, choose(&[2, 0, 1]));
    let spans: Vec<_> = found.iter().map(span).collect();
    assert_eq!(spans, [(50.0, 10.0, 25.0), (25.0, 23.0, 25.0)]);
    for bad in [choose(&[3]), TimelineRequest { cache_dir: None, ..choose(&[0]) }, choose(&[])] {
        let failure = export(&studio.engine, bad, TimelineFormat::Otio).unwrap_err();
        assert_eq!(failure.code, ErrorCode::BadRequest, "{}", failure.message);
    }
}

#[test]
fn what_cannot_be_exported_is_refused_with_its_place() {
    let studio = studio();
    let film = take(&studio, "film.mov", "25", "00:00:00:00");
    let other = take(&studio, "other.mov", "24", "00:00:00:00");
    let of = |start, end| ClipRange::of(text(&film), start, end);
    let good = of(0.0, 1.0);
    let refused =
        |timeline: TimelineRequest, format| export(&studio.engine, timeline, format).unwrap_err();
    for bad in [of(2.0, 1.0), of(1.0, 1.0), of(-1.0, 1.0), of(3.0, 4.0), of(1e300, f64::MAX)] {
        let failure = refused(request(vec![good.clone(), bad.clone()]), TimelineFormat::Xmeml);
        assert_eq!(failure.code, ErrorCode::BadRequest, "{bad:?}");
        assert!(failure.message.starts_with("clips[1] of "), "{}", failure.message);
    }
    let mixed = request(vec![good.clone(), ClipRange::of(text(&other), 0.0, 1.0)]);
    let failure = refused(mixed.clone(), TimelineFormat::Edl);
    assert_eq!(failure.code, ErrorCode::BadRequest);
    assert!(failure.message.contains("24/1"), "{}", failure.message);
    for format in [TimelineFormat::Xmeml, TimelineFormat::Fcpxml, TimelineFormat::Otio] {
        assert!(export(&studio.engine, mixed.clone(), format).is_ok(), "{format:?}");
    }
    let sequence = |change: &dyn Fn(&mut TimelineRequest)| {
        let mut timeline = request(vec![good.clone()]);
        change(&mut timeline);
        timeline
    };
    let many = vec![good.clone(); MAX_TIMELINE_CLIPS + 1];
    for bad in [
        request(Vec::new()),
        request(many),
        sequence(&|one| one.frame_rate = Some("1/2".parse().unwrap())),
        sequence(&|one| one.start_timecode = Some("25:61:00:00".to_owned())),
        sequence(&|one| one.start_timecode = Some("24:00:00:00".to_owned())),
        sequence(&|one| one.handle_seconds = f64::NAN),
        sequence(&|one| one.handle_seconds = -1.0),
    ] {
        let failure = refused(bad, TimelineFormat::Otio);
        assert_eq!(failure.code, ErrorCode::BadRequest, "{}", failure.message);
    }
    let no_media = studio.home.path().join("notes.txt");
    fs::write(&no_media, "notes").unwrap();
    let failure =
        refused(request(vec![ClipRange::of(text(&no_media), 0.0, 1.0)]), TimelineFormat::Otio);
    assert_eq!(failure.code, ErrorCode::BadPath, "{}", failure.message);
}

#[test]
fn ranges_past_the_end_and_media_that_are_away_are_told() {
    let studio = studio();
    let film = take(&studio, "film.mov", "25", "10:00:00:00");
    let past = request(vec![ClipRange::of(text(&film), 2.0, 9.0)]);
    let reply = export(&studio.engine, past.clone(), TimelineFormat::Otio).unwrap();
    assert!(reply.warnings[0].contains("cut at 3.000 s"), "{:?}", reply.warnings);
    assert_eq!(reply.duration_seconds, 1.0);

    let away = film.with_file_name("moved.mov");
    fs::rename(&film, &away).unwrap();
    let never = studio.home.path().join("never.mov");
    let clips = vec![ClipRange::of(text(&film), 1.0, 2.0), ClipRange::of(text(&never), 0.0, 2.0)];
    for format in FORMATS {
        let reply = export(&studio.engine, request(clips.clone()), format).unwrap();
        assert_eq!(reply.warnings.len(), 2, "{:?}", reply.warnings);
        assert!(reply.warnings[0].contains("film.mov is offline"), "{:?}", reply.warnings);
        assert!(reply.warnings[1].contains("never seen here"), "{:?}", reply.warnings);
    }
    let (_, found) = otio(&studio, request(clips.clone()));
    assert_eq!(span(&found[0]), (900_025.0, 25.0, 25.0), "what was known of it");
    assert_eq!(span(&found[1]), (0.0, 50.0, 25.0), "counted in the sequence's frames");

    // Seen where it is now, it is found there.
    let there = request(vec![ClipRange::of(text(&away), 0.0, 1.0)]);
    export(&studio.engine, there, TimelineFormat::Otio).unwrap();
    let reply = export(&studio.engine, request(clips), TimelineFormat::Otio).unwrap();
    assert!(reply.warnings[0].contains("was taken from"), "{:?}", reply.warnings);
    assert!(reply.content.contains("moved.mov"));
}

#[test]
fn documents_are_written_whole_where_nothing_is() {
    let studio = studio();
    let film = take(&studio, "film.mov", "25", "00:00:00:00");
    let output = studio.home.path().join("cut.xml");
    let into = |path: &Path, overwrite| TimelineRequest {
        output_path: Some(text(path)),
        overwrite,
        ..request(vec![ClipRange::of(text(&film), 0.0, 1.0)])
    };
    let write = |path: &Path, overwrite| studio.engine.export_premiere_xml(&into(path, overwrite));
    let reply = write(&output, false).unwrap();
    assert_eq!(reply.output_path, Some(text(&output)));
    assert_eq!(fs::read_to_string(&output).unwrap(), reply.content);
    assert!(write(&output, false).is_err());
    assert!(write(&output, true).is_ok());
    let bytes = fs::read(&film).unwrap();
    for bad in [&film, &studio.home.path().join("none/cut.xml"), studio.home.path()] {
        let failure = write(bad, true).unwrap_err();
        assert_eq!(failure.code, ErrorCode::BadPath, "{}", failure.message);
        assert!(failure.message.starts_with("output_path: "), "{}", failure.message);
    }
    assert_eq!(fs::read(&film).unwrap(), bytes, "footage is never written to");
}

#[test]
fn what_is_heard_after_the_last_picture_is_left_out_and_told() {
    let studio = studio();
    let film = studio.home.path().join("tail.mov");
    let video = "testsrc2=size=320x180:rate=25:duration=2";
    make_clip(&film, &["-f", "lavfi", "-i", video, "-f", "lavfi", "-i", "sine=duration=4"]);
    let of = |start, end| ClipRange::of(text(&film), start, end);
    let both = request(vec![of(1.0, 3.5), of(3.0, 3.5)]);
    let reply = export(&studio.engine, both.clone(), TimelineFormat::Otio).unwrap();
    assert_eq!((reply.clip_count, reply.duration_seconds), (1, 1.0));
    assert!(reply.warnings[0].contains("no pictures after 2.000 s"), "{:?}", reply.warnings);
    let failure =
        export(&studio.engine, request(vec![of(3.0, 3.5)]), TimelineFormat::Otio).unwrap_err();
    assert_eq!(failure.code, ErrorCode::BadRequest, "nothing is left");
}

#[test]
fn timecodes_are_counted_as_the_medium_counts() {
    let studio = studio();
    let film = take(&studio, "drop.mov", "30000/1001", "00:59:59;00");
    let at = |timecode: &str| studio.engine.seconds_at(&text(&film), timecode);
    for timecode in ["01:00:00;00", "01:00:00:00"] {
        assert!((at(timecode).unwrap() - 1.001).abs() < 1e-9, "{timecode}");
    }
    assert!((at("01:00:02;00").unwrap() - 3.003).abs() < 1e-9, "its end");
    for bad in ["00:59:58:29", "01:00:02:01", "01:00:00", "x"] {
        let failure = at(bad).unwrap_err();
        assert_eq!(failure.code, ErrorCode::BadRequest, "{bad}");
        assert!(failure.message.contains("from 00:59:59;00 to 01:00:02;00"), "{}", failure.message);
    }
}

#[test]
fn another_medium_in_the_place_of_a_moved_one_is_not_taken_for_it() {
    let studio = studio();
    let film = take(&studio, "A001.mov", "25", "10:00:00:00");
    let (there, other) =
        (film.with_file_name("copy.mov"), take(&studio, "B.mov", "25", "00:00:00:00"));
    fs::copy(&film, &there).unwrap();
    let both = vec![ClipRange::of(text(&film), 0.0, 1.0), ClipRange::of(text(&there), 0.0, 1.0)];
    export(&studio.engine, request(both), TimelineFormat::Otio).unwrap();
    fs::remove_file(&film).unwrap();
    fs::rename(&other, &there).unwrap();
    let one = request(vec![ClipRange::of(text(&film), 0.0, 1.0)]);
    let reply = export(&studio.engine, one, TimelineFormat::Otio).unwrap();
    assert!(reply.warnings[0].contains("is offline"), "{:?}", reply.warnings);
    assert!(!reply.content.contains("copy.mov"));
}

#[test]
fn matches_of_searches_are_clips_as_they_are() {
    let matched = json!({
        "video_path": "/a.mov", "frame_idx": "2", "image": "", "similarity": 0.9,
        "scene_start_seconds": 1.5, "scene_end_seconds": 2.5, "time_seconds": 2.0,
    });
    let clip: ClipRange = serde_json::from_value(matched).unwrap();
    assert_eq!(clip, ClipRange::of("/a.mov", 1.5, 2.5));
    let said = json!({
        "media_path": "/a.mov", "hash_str": "0", "start_seconds": 1, "end_seconds": 2, "text": "Hello",
        "start_timestamp": "00:00:01", "speaker": "SPEAKER_00", "speaker_name": "Zoë",
    });
    let clip: ClipRange = serde_json::from_value(said).unwrap();
    assert_eq!((clip.text.as_deref(), clip.speaker_name.as_deref()), (Some("Hello"), Some("Zoë")));
}

#[test]
fn stills_and_sound_have_their_place() {
    let studio = studio();
    let still = studio.home.path().join("still.png");
    make_clip(&still, &["-f", "lavfi", "-i", "testsrc2=size=320x180", "-frames:v", "1"]);
    let sound = studio.home.path().join("sound.wav");
    make_clip(&sound, &["-f", "lavfi", "-i", "sine=duration=3"]);
    let clips = vec![ClipRange::of(text(&still), 0.0, 4.0), ClipRange::of(text(&sound), 1.0, 2.0)];
    for format in FORMATS {
        let reply = export(&studio.engine, request(clips.clone()), format).unwrap();
        assert_eq!(
            (reply.frame_rate.as_str(), reply.duration_seconds),
            ("25/1", 5.0),
            "{format:?}"
        );
    }
}

#[test]
fn a_sheet_shows_what_an_editor_looks_for() {
    let studio = studio();
    let film = clip("bikes.mp4");
    publish_speech(studio.cache.path(), &film, "whisper-tiny.en", &[(Some(0), "Where <were> you")]);
    let output = studio.home.path().join("sheet.html");
    let sheet = ContactSheetRequest {
        clips: vec![
            ClipRange { name: Some("A & B".to_owned()), ..ClipRange::of(text(&film), 1.0, 3.0) },
            ClipRange::of(text(&studio.home.path().join("away.mov")), 0.0, 1.0),
        ],
        segments: Vec::new(),
        cache_dir: Some(text(studio.cache.path())),
        title: "Day <3>".to_owned(),
        output_path: Some(text(&output)),
        overwrite: false,
    };
    let reply = studio.engine.export_contact_sheet(&sheet).unwrap();
    assert_eq!(fs::read_to_string(&output).unwrap(), reply.content);
    for part in
        ["Day &lt;3&gt;", "A &amp; B", "Where &lt;were&gt; you", "data:image/jpeg;base64,/9j/"]
    {
        assert!(reply.content.contains(part), "{part}");
    }
    assert_eq!(reply.content.matches("<img").count(), 1, "what is away has no picture");
    assert!(reply.warnings[0].contains("away.mov"), "{:?}", reply.warnings);
}
