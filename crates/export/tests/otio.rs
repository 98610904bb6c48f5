//! OTIO as the library that it is named after reads it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod parsers;
mod takes;

use proptest::prelude::*;
use rushes_export::{Clip, Medium, Take, Timeline, TimelineFormat};
use rushes_model::{FrameRate, MediaKind};
use serde_json::{Value, json};
use std::{io::Write, ops::Range};
use takes::{ODD_NAME, medium, rate, reasoned, selects, take};
use tempfile::NamedTempFile;

/// Rates, start timecodes, and the rate as the library writes it.
const RATES: [(&str, &str, f64); 10] = [
    ("24000/1001", "01:00:00:00", 23.976_023_976_023_978),
    ("24", "14:59:59:23", 24.0),
    ("25", "10:00:00:00", 25.0),
    ("30000/1001", "01:00:00;00", 29.970_029_970_029_97),
    ("30000/1001", "01:00:00:00", 29.970_029_970_029_97),
    ("30", "00:00:00:00", 30.0),
    ("50", "23:59:00:00", 50.0),
    ("60000/1001", "00:59:59;56", 59.940_059_940_059_94),
    ("60000/1001", "02:03:04:05", 59.940_059_940_059_94),
    ("60", "01:00:00:00", 60.0),
];

fn file(timeline: &Timeline) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".otio").tempfile().unwrap();
    let written = TimelineFormat::Otio.write(timeline).unwrap();
    file.write_all(written.content.as_bytes()).unwrap();
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

fn read(timeline: &Timeline) -> Value {
    let file = file(timeline);
    let found = parsers::read("read_timeline.py", &[path(&file), "otio_json"]);
    found[0].clone()
}

fn time(frames: u64, rate: FrameRate) -> Value {
    json!([frames as f64, rate.as_f64()])
}

fn span(start: u64, frames: Range<u64>, rate: FrameRate) -> Value {
    let length = time(frames.end - frames.start, rate);
    json!({ "start": time(start + frames.start, rate), "duration": length })
}

/// Compares one track with the clips that it was to have: their media, ranges and remarks.
fn check_track(
    timeline: &Timeline,
    track: &Value,
    has: fn(&Medium) -> bool,
    marked: fn(&Medium) -> bool,
) {
    let expected: Vec<&Clip> =
        timeline.clips.iter().filter(|clip| has(timeline.medium(clip))).collect();
    let found = track["clips"].as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    for (clip, found) in expected.into_iter().zip(found) {
        let medium = timeline.medium(clip);
        assert_eq!(found["name"], clip.name);
        assert_eq!(found["url"], medium.url());
        assert_eq!(found["source"], span(medium.first, clip.source.clone(), medium.rate));
        let frames = medium.frames.unwrap_or(0).max(clip.source.end);
        assert_eq!(found["available"], span(medium.first, 0..frames, medium.rate));
        let markers = found["markers"].as_array().unwrap();
        assert_eq!(markers.len(), if marked(medium) { clip.markers.len() } else { 0 });
        for (marker, found) in clip.markers.iter().zip(markers) {
            assert_eq!(found["name"], marker.name);
            assert_eq!(found["comment"], marker.note);
            assert_eq!(found["range"], span(medium.first, marker.source.clone(), medium.rate));
            assert_eq!(found["metadata"]["Resolve_OTIO"]["Note"], marker.note);
        }
    }
}

fn check(timeline: &Timeline) -> Value {
    let found = read(timeline);
    assert_eq!(found["name"], timeline.name);
    assert_eq!(found["start"], time(timeline.start, timeline.rate));
    for track in found["tracks"].as_array().unwrap() {
        if track["kind"] == "Video" {
            check_track(timeline, track, Medium::has_pictures, |_| true);
        } else {
            check_track(
                timeline,
                track,
                |medium| !medium.sound.is_empty(),
                |medium| !medium.has_pictures(),
            );
        }
    }
    found
}

fn cut(rate: FrameRate, start: &str) -> Timeline {
    let media = vec![
        medium("/Volumes/A & B/ü#1 100%.mov", rate, start),
        medium(r"C:\Footage\b.mov", rate, "00:00:00:00"),
    ];
    let takes = vec![
        reasoned(take(0, ODD_NAME, 1234, 77)),
        take(1, "two\nlines\tand \u{7}", 0, 1),
        Take { handle: 12, ..reasoned(take(0, &"long ".repeat(60), 17_983, 250)) },
        take(0, "", 0, 24),
    ];
    selects(rate, media, takes).assemble()
}

#[test]
fn every_frame_is_right_at_every_rate() {
    for (text, start, number) in RATES {
        let timeline = cut(rate(text), start);
        let found = check(&timeline);
        assert_eq!(found["start"][1], number, "as the library has it");
        // Of one rate, clips lie where they do in the sequence, in both tracks.
        for track in found["tracks"].as_array().unwrap() {
            for (clip, found) in timeline.clips.iter().zip(track["clips"].as_array().unwrap()) {
                assert_eq!(found["record"], span(0, clip.record.clone(), timeline.rate));
            }
        }
    }
}

#[test]
fn pictures_and_sound_are_apart_and_in_step() {
    let pal = rate("25");
    let silent = Medium { sound: vec![], ..medium("/silent.mov", rate("50"), "10:00:00:00") };
    let still = Medium {
        kind: MediaKind::Image,
        frames: None,
        sound: vec![],
        ..medium("/still.jpg", pal, "00:00:00:00")
    };
    let sound = Medium {
        kind: MediaKind::Audio,
        size: (0, 0),
        reel: Some("ROLL 1".to_owned()),
        offline: true,
        ..medium("/sound.wav", pal, "09:00:00:00")
    };
    let unknown = Medium { frames: None, ..medium("/both.mov", pal, "00:00:00:00") };
    let takes = (0..4).map(|n| reasoned(take(n, &format!("take {n}"), 10, 50))).collect();
    let timeline = selects(pal, vec![silent, still, sound, unknown], takes).assemble();
    let found = check(&timeline);
    let kinds: Vec<_> =
        found["tracks"].as_array().unwrap().iter().map(|track| &track["kind"]).collect();
    assert_eq!(kinds, ["Video", "Audio"]);
    let [video, audio] = [&found["tracks"][0], &found["tracks"][1]];
    assert_eq!(video["gaps"], json!([span(0, 0..50, pal)]));
    assert_eq!(audio["gaps"], json!([span(0, 0..50, rate("50")), span(0, 0..50, pal)]));
    assert_eq!(video["clips"][2]["record"], audio["clips"][1]["record"], "the same take");
    let written = TimelineFormat::Otio.write(&timeline).unwrap();
    let written: Value = serde_json::from_str(&written.content).unwrap();
    let sound = &written["tracks"]["children"][1]["children"][2];
    let facts = json!({ "offline": true, "reel": "ROLL 1" });
    assert_eq!(sound["media_reference"]["metadata"]["rushes"], facts);
    assert_eq!(sound["metadata"], json!({ "rushes": { "keywords": timeline.clips[2].keywords } }));
    let group = json!({ "Link Group ID": 4 });
    for track in 0..2 {
        let both = &written["tracks"]["children"][track]["children"][3];
        assert_eq!(both["metadata"]["Resolve_OTIO"], group);
    }
}

#[test]
fn tracks_that_nothing_lies_in_are_left_out() {
    let pal = rate("25");
    let silent = Medium { sound: vec![], ..medium("/silent.mov", pal, "10:00:00:00") };
    let sound = Medium { kind: MediaKind::Audio, ..medium("/sound.wav", pal, "09:00:00:00") };
    for (medium, kind) in [(silent, "Video"), (sound, "Audio")] {
        let found = check(&selects(pal, vec![medium], vec![take(0, "a", 0, 9)]).assemble());
        assert_eq!(found["tracks"].as_array().unwrap().len(), 1);
        assert_eq!(found["tracks"][0]["kind"], kind);
    }
}

#[test]
fn what_programs_have_to_be_told_is_told() {
    let warnings = |timeline: &Timeline| TimelineFormat::Otio.write(timeline).unwrap().warnings;
    assert_eq!(warnings(&cut(rate("25"), "10:00:00:00")), Vec::<String>::new());
    let ntsc = &warnings(&cut(rate("30000/1001"), "10:00:00;00"))[..];
    assert!(ntsc.len() == 1 && ntsc[0].contains(" drop-frame"), "{ntsc:?}");
    let media = vec![medium("/a.mov", rate("50"), "10:00:00:00")];
    let mixed = warnings(&selects(rate("25"), media, vec![]).assemble());
    assert!(mixed.len() == 1 && mixed[0].contains("other frame rates"), "{mixed:?}");
}

/// What an adapter finds in what another makes of a timeline.
fn converted(timeline: &Timeline, adapter: &str, rate: Option<&str>) -> Value {
    let file = file(timeline);
    let document = parsers::read("convert_timeline.py", &[path(&file), adapter]);
    let mut other = NamedTempFile::new().unwrap();
    other.write_all(document.as_str().unwrap().as_bytes()).unwrap();
    let arguments: Vec<&str> = [path(&other), adapter].into_iter().chain(rate).collect();
    parsers::read("read_timeline.py", &arguments)[0]["tracks"].clone()
}

#[test]
fn the_library_turns_it_into_other_formats() {
    let pal = rate("25");
    let media = vec![medium("/a.mov", pal, "10:00:00:00")];
    let takes = (0..20).map(|n| reasoned(take(0, &format!("take {n}"), n * 100, 40))).collect();
    let timeline = selects(pal, media, takes).assemble();
    for (adapter, rate) in [("fcp_xml", None), ("cmx_3600", Some("25"))] {
        let tracks = converted(&timeline, adapter, rate);
        let clips = tracks[0]["clips"].as_array().unwrap();
        assert_eq!(clips.len(), 20, "{adapter}");
        for (clip, found) in timeline.clips.iter().zip(clips) {
            let first = timeline.medium(clip).first;
            assert_eq!(found["source"], span(first, clip.source.clone(), pal), "{adapter}");
            assert_eq!(found["name"], clip.name);
        }
    }
}

#[test]
fn the_library_takes_stills_sound_and_other_rates() {
    let ntsc = rate("30000/1001");
    let media = vec![
        medium("/a.mov", ntsc, "10:00:00;00"),
        Medium {
            kind: MediaKind::Image,
            frames: None,
            sound: vec![],
            ..medium("/still.jpg", ntsc, "00:00:00:00")
        },
        Medium { kind: MediaKind::Audio, ..medium("/sound.wav", ntsc, "00:00:00:00") },
        medium("/b.mov", rate("25"), "10:00:00:00"),
    ];
    let takes = (0..4).map(|n| take(n, &format!("take {n}"), 100, 40)).collect();
    let tracks = converted(&selects(ntsc, media, takes).assemble(), "fcp_xml", None);
    let names = |track: usize| -> Vec<&str> {
        let clips = tracks[track]["clips"].as_array().unwrap().iter();
        clips.filter_map(|clip| clip["name"].as_str()).collect()
    };
    assert_eq!(names(0), ["take 0", "take 1", "take 3"]);
    assert_eq!(names(1), ["take 0", "take 2", "take 3"]);
}

proptest! {
    #[test]
    fn every_value_is_a_whole_frame_of_its_own_rate(
        (sequence, other) in (0..RATES.len(), 0..RATES.len()),
        first in 0u64..4_000_000,
        takes in prop::collection::vec((0u64..9_000_000, 1u64..5000, 0u64..50), 1..9),
    ) {
        let source = Medium { first, ..medium("/a.mov", rate(RATES[other].0), "00:00:00:00") };
        let takes = takes.iter().map(|(from, length, handle)| Take { handle: *handle, ..take(0, "a", *from, *length) });
        let mut selects = selects(rate(RATES[sequence].0), vec![source], takes.collect());
        selects.timeline.start = first;
        let timeline = selects.assemble();
        let written = TimelineFormat::Otio.write(&timeline).unwrap();
        let written: Value = serde_json::from_str(&written.content).unwrap();
        for track in written["tracks"]["children"].as_array().unwrap() {
            for (clip, found) in timeline.clips.iter().zip(track["children"].as_array().unwrap()) {
                let range = &found["source_range"];
                let start = (first + clip.source.start) as f64;
                prop_assert_eq!(&range["start_time"]["value"], &json!(start));
                prop_assert_eq!(&range["duration"]["value"], &json!((clip.source.end - clip.source.start) as f64));
                prop_assert_eq!(&range["duration"]["rate"], &json!(RATES[other].2));
            }
        }
    }
}
