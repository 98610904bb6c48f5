//! EDLs as programs of others read them: OpenTimelineIO's adapter, and pycmx with timecode.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod parsers;
mod takes;

use fs_err as fs;
use proptest::prelude::*;
use rushes_export::{
    Medium, Selects, Take, Timeline, TimelineDocument, TimelineError, TimelineFormat,
};
use rushes_model::{MediaKind, SoundTrack, Timecode};
use serde_json::Value;
use std::collections::HashSet;
use takes::{ODD_NAME, medium, rate, reasoned, selects, take};

fn written(timeline: &Timeline) -> TimelineDocument {
    TimelineFormat::Edl.write(timeline).unwrap()
}

/// What pycmx and timecode find.
fn read_by_pycmx(list: &str, rate: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.edl");
    fs::write(&path, list).unwrap();
    parsers::read("read_edl.py", &[path.to_str().unwrap(), rate])
}

/// What `OpenTimelineIO` finds: the clips of a track.
fn read_by_otio(list: &str, rate: f64) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.edl");
    fs::write(&path, list).unwrap();
    parsers::read("read_timeline.py", &[path.to_str().unwrap(), "cmx_3600", &rate.to_string()])
}

fn frames(time: &Value) -> u64 {
    let value = time[0].as_f64().unwrap();
    assert!((value - value.round()).abs() < 1e-3, "{value} is no frame");
    value.round() as u64
}

/// Two media, three takes, the first two of one medium and with handles.
fn three(rate_text: &str, start: &str) -> Timeline {
    let rate = rate(rate_text);
    let media = vec![
        medium("/footage/A001C003_take one.mov", rate, start),
        medium("/footage/A001C004.mov", rate, start),
    ];
    let first = Take { handle: 12, ..reasoned(take(0, ODD_NAME, 40_007, 333)) };
    let takes = vec![first, take(0, "second", 3, 1), reasoned(take(1, "third", 17_981, 1801))];
    selects(rate, media, takes).assemble()
}

const RATES: [(&str, &str, &str); 11] = [
    ("24000/1001", "23.976", "01:02:03:04"),
    ("24", "24", "10:59:58:23"),
    ("25", "25", "00:00:00:00"),
    ("30000/1001", "29.97", "01:00:59;29"),
    ("30000/1001", "29.97", "01:00:59:29"),
    ("30", "30", "09:08:07:06"),
    ("50", "50", "01:00:00:49"),
    ("60000/1001", "59.94", "01:09:59;59"),
    ("60000/1001", "59.94", "01:09:59:59"),
    ("60", "60", "22:00:00:59"),
    ("48", "48", "00:59:59:47"),
];

#[test]
fn others_find_every_frame_at_every_rate() {
    for (rate_text, name, start) in RATES {
        let timeline = three(rate_text, start);
        let list = written(&timeline).content;
        let found = read_by_pycmx(&list, name);
        assert_eq!(found["unrecognized"], serde_json::json!([]), "{start} at {name}");
        let events = found["events"].as_array().unwrap();
        let otio = read_by_otio(&list, timeline.rate.as_f64());
        let tracks = otio[0]["tracks"].as_array().unwrap();
        assert_eq!(tracks.len(), 3, "picture and two channels");
        let clips = tracks[0]["clips"].as_array().unwrap();
        assert_eq!((events.len(), clips.len()), (3, 3));
        for ((clip, event), other) in timeline.clips.iter().zip(events).zip(clips) {
            let first = timeline.medium(clip).first;
            let source = [first + clip.source.start, first + clip.source.end];
            let record = [timeline.start + clip.record.start, timeline.start + clip.record.end];
            assert_eq!(event["source"], serde_json::json!(source), "{start} at {name}");
            assert_eq!(event["record"], serde_json::json!(record), "{start} at {name}");
            assert_eq!(event["name"], clip.name.as_str());
            assert_eq!(event["file"], timeline.medium(clip).file_name());
            assert_eq!(event["audio"], serde_json::json!([1, 2]));
            assert_eq!(other["name"], clip.name.as_str());
            assert_eq!(frames(&other["source"]["start"]), source[0], "{start} at {name}");
            assert_eq!(frames(&other["source"]["duration"]), clip.source.end - clip.source.start);
            assert_eq!(frames(&other["record"]["duration"]), clip.record.end - clip.record.start);
            // The adapter does not know locators with a semicolon.
            let markers = if timeline.drop { &[][..] } else { &clip.markers };
            let found = other["markers"].as_array().unwrap();
            assert_eq!(found.len(), markers.len());
            for (found, marker) in found.iter().zip(markers) {
                let at = record[0] + marker.source.start - clip.source.start;
                assert_eq!(frames(&found["range"]["start"]), at);
                assert_eq!(found["name"], marker.name.as_str());
            }
        }
    }
}

#[test]
fn a_list_looks_as_cmx_lists_do() {
    let mut timeline = three("30000/1001", "01:00:59;28");
    timeline.name = "Day 1\nTITLE: \u{1b}evil\u{2028}line ".to_owned() + &"é".repeat(100);
    timeline.media[1].drop = false;
    timeline.media[1].sound = Vec::new();
    timeline.media[1].reel = Some("Card 7".to_owned());
    timeline.clips[2].name = String::new();
    let document = written(&timeline);
    let expected = [
        &format!("TITLE: Day 1 TITLE:  evil line {}", "é".repeat(70 - 24)),
        "FCM: DROP FRAME",
        "",
        "001  A001C003 AA/V  C        01:23:14;15 01:23:26;12 01:00:00;00 01:00:11;27",
        &format!("* FROM CLIP NAME:  {ODD_NAME}"),
        "* SOURCE FILE: A001C003_take one.mov",
        "* LOC: 01:00:00;12 RED     a dog & a <cat>",
        "* COMMENT: PATH: /footage/A001C003_take one.mov",
        "* COMMENT: Search: a dog & a <cat>",
        "* COMMENT: People: Zoë",
        "* COMMENT: Words: “Good morning.”",
        "* COMMENT: KEYWORDS: a dog & a <cat>, Zoë",
        "002  A001C003 AA/V  C        01:01:00;03 01:01:00;04 01:00:11;27 01:00:11;28",
        "* FROM CLIP NAME:  second",
        "* SOURCE FILE: A001C003_take one.mov",
        "* COMMENT: PATH: /footage/A001C003_take one.mov",
        "003  CARD7    V     C        01:10:55:21 01:11:55:22 01:00:11;28 01:01:12;01",
    ];
    let lines: Vec<&str> = document.content.split("\r\n").collect();
    assert_eq!(lines[..17], expected);
    assert_eq!(lines[17], "* FROM CLIP NAME:  A001C004.mov");
    assert!(lines.iter().all(|line| !line.chars().any(char::is_control)));
    assert_eq!(document.warnings.len(), 2, "{:?}", document.warnings);
    assert!(document.warnings[0].starts_with("1 files do not count frames as the sequence does"));
    assert!(document.warnings[1].starts_with("1 reel names"));
}

#[test]
fn channels_are_named_as_far_as_lists_can() {
    let sound = |channels: &[u32]| -> Vec<SoundTrack> {
        channels.iter().map(|&channels| SoundTrack { channels, sample_rate: 48_000 }).collect()
    };
    let layouts: [(MediaKind, &[u32], bool, &[u32]); 8] = [
        (MediaKind::Video, &[], true, &[]),
        (MediaKind::Image, &[], true, &[]),
        (MediaKind::Video, &[1], true, &[1]),
        (MediaKind::Video, &[2], true, &[1, 2]),
        (MediaKind::Video, &[1, 2], true, &[1, 2, 3]),
        (MediaKind::Video, &[6], true, &[1, 2, 3, 4]),
        (MediaKind::Audio, &[1], false, &[1]),
        (MediaKind::Audio, &[1, 1, 1, 1], false, &[1, 2, 3, 4]),
    ];
    let medium = |(kind, channels, ..): &(MediaKind, &[u32], bool, &[u32])| Medium {
        kind: *kind,
        sound: sound(channels),
        ..medium("/footage/one.mov", rate("25"), "01:00:00:00")
    };
    let media: Vec<Medium> = layouts.iter().map(medium).collect();
    let takes = (0..media.len()).map(|index| take(index, "one", 0, 25)).collect();
    let document = written(&selects(rate("25"), media, takes).assemble());
    let found = read_by_pycmx(&document.content, "25");
    for (event, (.., video, audio)) in found["events"].as_array().unwrap().iter().zip(layouts) {
        assert_eq!((&event["video"], &event["audio"]), (&video.into(), &audio.into()));
    }
    assert_eq!(document.warnings.len(), 1);
    assert!(document.warnings[0].contains("four channels"), "{:?}", document.warnings);
}

#[test]
fn reels_tell_sources_apart() {
    let rate = rate("25");
    let named = |path: &str, reel: Option<&str>| Medium {
        reel: reel.map(str::to_owned),
        ..medium(path, rate, "00:00:00:00")
    };
    let mut media = vec![
        named("/a/C0001.MP4", None),
        named("/b/C0001.MP4", None),
        named(r"D:\x\C0001.MP4", None),
        named("/c/tape.mov", Some("A001")),
        named("/d/tape.mov", Some("A001")),
        named("/d/ax.mov", None),
        named("/d/日本.mov", None),
        named("/d/a-very_long name.mov", None),
        named("/d/a-very_long name too.mov", Some("a-very_long_reel")),
        named("/d/日本語.mov", Some("日本")),
        named("/e/BL", Some("bl")),
    ];
    let several = (0..200).map(|n| named(&format!("/many/{n}/GX010001.MP4"), None));
    media.extend(several);
    let takes = (0..media.len()).map(|index| take(index, "one", 0, 25)).collect();
    let timeline = selects(rate, media, takes).assemble();
    let found = read_by_pycmx(&written(&timeline).content, "25");
    let reels: Vec<&str> = found["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["reel"].as_str().unwrap())
        .collect();
    let expected = [
        "C0001", "C00012", "C00013", "A001", "A001", "AX2", "REEL", "AVERY_LO", "AVERY_L2",
        "REEL2", "BL2", "GX010001", "GX010002",
    ];
    assert_eq!(reels[..13], expected);
    assert_eq!(reels[210], "GX010200");
    // Two files are of one tape.
    assert_eq!(reels.iter().collect::<HashSet<_>>().len(), reels.len() - 1);
    let allowed =
        |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    assert!(reels.iter().all(|reel| reel.len() <= 8 && reel.chars().all(allowed)));
}

#[test]
fn mixed_rates_are_refused_by_name() {
    let media = vec![
        medium("/a.mov", rate("25"), "00:00:00:00"),
        medium("/unused.mov", rate("24"), "00:00:00:00"),
        medium("/b.mov", rate("50"), "00:00:00:00"),
    ];
    let mixed = selects(rate("25"), media, vec![take(0, "a", 0, 25), take(2, "b", 0, 25)]);
    let error = TimelineFormat::Edl.write(&mixed.clone().assemble()).unwrap_err();
    assert!(
        matches!(&error, TimelineError::MixedRates { medium, .. } if medium == "/b.mov"),
        "{error}"
    );
    let one = Selects { takes: vec![take(0, "a", 0, 25)], ..mixed };
    assert!(TimelineFormat::Edl.write(&one.assemble()).is_ok());
}

#[test]
fn long_lists_and_midnight_are_written_with_a_warning() {
    let rate = rate("30000/1001");
    let media = vec![medium("/a.mov", rate, "23:59:30;00")];
    let takes = (0..1200).map(|n| take(0, "one", n, 30)).collect();
    let document = written(&selects(rate, media, takes).assemble());
    let found = read_by_pycmx(&document.content, "29.97");
    let numbers: Vec<u64> = found["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=1200).collect::<Vec<_>>());
    assert_eq!(document.warnings.len(), 2, "{:?}", document.warnings);
    assert!(document.warnings[0].contains("1200 events"));
    assert!(
        document.warnings[1].starts_with("30 clips go on past midnight"),
        "{:?}",
        document.warnings
    );
    // 30 s before midnight are 900 frames: the clip from 871 on ends after it.
    assert!(document.content.contains("  C        23:59:59;01 00:00:00;01 "));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever people call things, a list has an event a clip, and only lines that lists may have.
    #[test]
    fn whatever_is_chosen_is_found_again(
        of in 0..RATES.len(),
        texts in prop::collection::vec(any::<[String; 4]>(), 1..8),
        ranges in prop::collection::vec((0u64..2_000_000, 1u64..5000, 0u64..100), 8),
    ) {
        let (rate_text, _, start) = RATES[of];
        let rate = rate(rate_text);
        let media = texts.iter().map(|[path, ..]| medium(&format!("/{path}"), rate, start)).collect();
        let take = |(n, ([_, name, marker, note], &(from, length, handle))): (usize, (&[String; 4], _))| Take {
            handle,
            reason: Some((marker.clone(), note.clone())),
            keywords: vec![name.clone()],
            ..take(n, name, from, length)
        };
        let takes = texts.iter().zip(&ranges).enumerate().map(take).collect();
        let timeline = selects(rate, media, takes).assemble();
        let list = written(&timeline).content;
        let lines = list.strip_suffix("\r\n").unwrap().split("\r\n").skip(3);
        prop_assert!(!list.replace("\r\n", "").contains(char::is_control));
        let (events, rest): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with(char::is_numeric));
        prop_assert!(rest.iter().all(|line| line.starts_with("* ")), "{rest:?}");
        prop_assert_eq!(events.len(), timeline.clips.len());
        for (event, clip) in events.iter().zip(&timeline.clips) {
            let times: Vec<Timecode> =
                event.split(' ').rev().take(4).map(|label| Timecode::parse(label, rate).unwrap()).collect();
            let medium = timeline.medium(clip);
            let source = [medium.first + clip.source.start, medium.first + clip.source.end];
            let record = [timeline.start + clip.record.start, timeline.start + clip.record.end];
            let labels = source.map(|frame| Timecode::of_day(frame, rate, medium.drop));
            prop_assert_eq!([times[3], times[2]], labels);
            let labels = record.map(|frame| Timecode::of_day(frame, rate, timeline.drop));
            prop_assert_eq!([times[1], times[0]], labels);
        }
    }
}
