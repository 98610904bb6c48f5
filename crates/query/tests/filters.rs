//! Filters against the facts of media.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed set-up is a failed test")]

use rushes_model::{FrameRate, MediaFacts, MediaKind};
use rushes_query::{MediaView, Query, parse};
use std::path::Path;

/// A UHD clip of a minute and a half at 23.976 with sound.
fn clip() -> MediaFacts {
    MediaFacts {
        kind: MediaKind::Video,
        size_bytes: 1,
        duration_seconds: 90.2,
        width: 3840,
        height: 2160,
        frame_rate: FrameRate::new(24_000, 1001),
        variable_frame_rate: false,
        start_timecode: None,
        start_time: 0.0,
        rotation: 0,
        video_codec: Some("hevc".into()),
        audio_codec: Some("pcm_s24le".into()),
        audio_tracks: 1,
        created_at: Some("2024-05-31T23:59:59Z".into()),
        streams: None,
    }
}

/// Of which nothing is known.
fn unknown() -> MediaFacts {
    MediaFacts {
        duration_seconds: 0.0,
        width: 0,
        height: 0,
        frame_rate: None,
        video_codec: None,
        audio_codec: None,
        audio_tracks: 0,
        created_at: None,
        ..clip()
    }
}

fn fits_at(facts: &MediaFacts, path: &str, query: &str) -> bool {
    let Ok(Query::Expression(node)) = parse(query) else { panic!("{query}") };
    let media = MediaView { facts, path: Path::new(path) };
    let score = node.score(&[], |filter| filter.matches(media));
    assert_eq!(node.admits(|filter| filter.matches(media)), score == 1.0, "{query}");
    score == 1.0
}

fn fits(facts: &MediaFacts, query: &str) -> bool {
    fits_at(facts, "/footage/Day 2/cam a/A001_C002.MOV", query)
}

fn check(facts: &MediaFacts, yes: &[&str], no: &[&str]) {
    yes.iter().for_each(|query| assert!(fits(facts, query), "{query}"));
    no.iter().for_each(|query| assert!(!fits(facts, query), "{query}"));
}

#[test]
fn kinds_and_sound() {
    check(
        &clip(),
        &["kind:video", "has:audio", "NOT kind:image"],
        &["kind:audio", "NOT has:audio"],
    );
    check(
        &MediaFacts { audio_codec: None, audio_tracks: 0, ..clip() },
        &["NOT has:audio"],
        &["has:audio"],
    );
}

#[test]
fn folders() {
    let yes = [
        "in:/footage",
        "in:/footage/",
        "in:\"/footage/Day 2\"",
        "in:\"/footage/Day 2/cam a/A001_C002.MOV\"",
        "in:\"day 2\"",
        "in:\"Day 2/CAM A/\"",
        "in:footage",
    ];
    // A folder's name is whole, and a path from the root on is meant to the letter.
    let no = [
        "in:/foot",
        "in:/FOOTAGE",
        "in:\"/Day 2\"",
        "in:day",
        "in:A001_C002.MOV",
        "in:\"cam a/Day 2\"",
    ];
    check(&clip(), &yes, &no);
    assert!(!fits_at(&clip(), "a.mov", "in:footage"));
    assert!(!fits_at(&clip(), "", "in:footage") && !fits_at(&clip(), "/footage", "in:\".\""));
}

#[test]
fn names() {
    let yes = ["name:a001", "name:C002.mov", "name:*.mov", "name:A???_*", "name:*"];
    check(&clip(), &yes, &["name:a002", "name:*.mp4", "name:A001?", "name:footage"]);
    assert!(!fits_at(&clip(), "/", "name:*"));
}

#[test]
fn dates() {
    let yes = [
        "date:2024",
        "date:2024-05",
        "date:2024-05-31",
        "date:>=2024-05",
        "date:<=2024-05",
        "date:<=2024",
        "date:>2024-04",
        "date:<2024-06",
        "date:>2023",
        "date:2024-05..2024-07",
        "date:2024-05-31..2024-05-31",
        "date:..2024-05-31",
        "date:2024-01-01..2024",
    ];
    let no = [
        "date:2023",
        "date:2024-06",
        "date:2024-05-30",
        "date:>2024-05",
        "date:>2024",
        "date:<2024-05",
        "date:<2024-05-31",
        "date:2024-06..2024-07",
        "date:..2024-05-30",
    ];
    check(&clip(), &yes, &no);
    for broken in ["yesterday", "", "2024", "2024-05", "é024-05-31T", "2024-02-30T00:00:00Z"] {
        let facts = MediaFacts { created_at: Some(broken.into()), ..clip() };
        assert!(!fits(&facts, "date:>=0000"), "{broken}");
    }
}

#[test]
fn durations() {
    let yes = [
        "duration:90s",
        "duration:1m30s",
        "duration:00:01:30",
        "duration:>90s",
        "duration:1m..2m",
        "duration:<2m",
        "duration:1.5m",
        "duration:>=0s",
    ];
    check(
        &clip(),
        &yes,
        &["duration:89s", "duration:91s", "duration:<=90s", "duration:2m..3m", "duration:>1h"],
    );
    check(&unknown(), &[], &["duration:<1h", "duration:0s", "duration:>=0s"]);
    let still = MediaFacts { kind: MediaKind::Image, duration_seconds: 1.0, ..clip() };
    check(&still, &[], &["duration:<1h", "duration:1s"]);
    check(
        &MediaFacts { duration_seconds: f64::NAN, ..clip() },
        &[],
        &["duration:>=0s", "duration:0s"],
    );
}

#[test]
fn sizes() {
    let yes = [
        "width:3840",
        "width:>1920",
        "height:2000..2160",
        "resolution:3840x2160",
        "resolution:4k",
        "resolution:uhd",
        "resolution:>hd",
        "resolution:2160p",
        "resolution:>=1080p",
        "orientation:landscape",
    ];
    let no = [
        "width:<3840",
        "height:1080",
        "resolution:2160x3840",
        "resolution:hd",
        "resolution:8k",
        "resolution:<4k",
        "orientation:square",
    ];
    check(&clip(), &yes, &no);
    let sized = |width, height| MediaFacts { width, height, ..clip() };
    for (width, height, class) in [
        (640, 480, "sd"),
        (1279, 719, "sd"),
        (1280, 720, "hd"),
        (720, 1280, "hd"),
        (1920, 1080, "hd"),
        (1920, 800, "hd"),
        (2560, 1440, "hd"),
        (3840, 1600, "4k"),
        (4096, 2160, "4k"),
        (2160, 2160, "4k"),
        (7680, 4320, "8k"),
    ] {
        for other in ["sd", "hd", "4k", "8k"] {
            let query = format!("resolution:{other}");
            assert_eq!(
                fits(&sized(width, height), &query),
                other == class,
                "{width}x{height} {other}"
            );
        }
    }
    check(&sized(1080, 1920), &["orientation:portrait", "resolution:1080p"], &["resolution:1920p"]);
    check(&sized(1080, 1080), &["orientation:square"], &["orientation:portrait"]);
}

#[test]
fn frame_rates_are_what_people_mean_by_their_decimals() {
    let rate = |num, den| MediaFacts { frame_rate: FrameRate::new(num, den), ..clip() };
    // As cameras, Matroska and AVI write it.
    for (num, den) in [(24_000, 1001), (500_000, 20_853), (23_976, 1000), (2398, 100)] {
        let yes = [
            "fps:23.976",
            "fps:23.98",
            "fps:24000/1001",
            "fps:>=23.976",
            "fps:<=23.976",
            "fps:<24",
        ];
        check(&rate(num, den), &yes, &["fps:24", "fps:>23.976", "fps:<23.976", "fps:>=24"]);
    }
    check(&rate(24, 1), &["fps:24", "fps:>23.976", "fps:23.976..25"], &["fps:23.976", "fps:<24"]);
    check(&rate(30_000, 1001), &["fps:29.97", "fps:29.97..30"], &["fps:30", "fps:>29.97"]);
    check(&rate(2997, 100), &["fps:29.97", "fps:>=29.97"], &["fps:30"]);
    check(&rate(60_000, 1001), &["fps:59.94", "fps:>=50"], &["fps:60", "fps:<59.94"]);
    check(&rate(120_000, 1001), &["fps:119.88"], &["fps:120"]);
    check(&rate(25, 1), &["fps:25", "fps:25.0", "fps:24..30"], &["fps:>25", "fps:25.1"]);
    check(&rate(25, 2), &["fps:12.5"], &["fps:12"]);
}

#[test]
fn codecs_have_many_names() {
    let yes = [
        "codec:hevc",
        "codec:HEVC",
        "codec:h265",
        "codec:H.265",
        "codec:x265",
        "codec:pcm",
        "codec:pcm_s24le",
    ];
    check(&clip(), &yes, &["codec:h264", "codec:avc", "codec:pcm_s16le", "codec:hev"]);
    let coded = |name: &str| MediaFacts { video_codec: Some(name.into()), ..clip() };
    check(&coded("h264"), &["codec:avc", "codec:x264"], &["codec:hevc"]);
    check(&coded("dnxhd"), &["codec:DNxHR"], &["codec:prores"]);
    check(&coded("jpeg"), &["codec:mjpeg", "codec:jpg"], &["codec:png"]);
}

#[test]
fn what_is_not_known_fits_no_filter_and_every_opposite() {
    let filters = [
        "date:>=0000",
        "width:>=0",
        "height:>=0",
        "resolution:>=sd",
        "resolution:>=1p",
        "orientation:square",
        "fps:>0.001",
        "codec:h264",
        "has:audio",
        "duration:>=0s",
    ];
    for filter in filters {
        check(&unknown(), &[&format!("NOT {filter}")], &[filter]);
    }
}
