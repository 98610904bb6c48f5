//! Times and names as texts: timecode, timestamps, frame rates, ids.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushes_fuzz::{Frame, Rate, Seconds};
use rushes_model::{
    HashStr, MediaFacts, MediaId, MediaKind, ModelKey, SourceClock, TaskId, Timecode,
    parse_timestamp, timestamp,
};
use std::fmt::Display;

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    rate: Rate,
    other: Rate,
    variable: bool,
    drop: bool,
    frame: Frame,
    seconds: Seconds,
    text: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let Input {
        rate: Rate(rate), drop, frame: Frame(frame), seconds: Seconds(seconds), text, ..
    } = input;
    let label = Timecode::of_day(frame, rate, drop);
    let read = Timecode::parse_as(&label.to_string(), rate, drop);
    assert_eq!(read.map(Timecode::frame), Some(label.frame()), "{label} at {rate}");
    if let Some(read) = Timecode::parse(text, rate) {
        let again = Timecode::parse_as(&read.to_string(), rate, read.is_drop());
        assert_eq!(again.map(Timecode::frame), Some(read.frame()), "{text:?} at {rate}");
    }
    let _ = Timecode::from_frame(frame, rate, drop).to_string();
    let _ = rate.conform(frame, input.other.0);
    if let Ok(seconds) = parse_timestamp(text) {
        assert!(seconds.is_finite() && seconds >= 0.0);
    }
    assert!(parse_timestamp(&timestamp(seconds)).is_ok() || seconds >= 3.6e12);
    clock(&input);
    reads_back::<rushes_model::FrameRate>(text);
    reads_back::<MediaId>(text);
    reads_back::<HashStr>(text);
    reads_back::<TaskId>(text);
    reads_back::<ModelKey>(text);
});

/// The timecode of any time of a medium, and the frame of any label.
fn clock(input: &Input<'_>) {
    let facts = MediaFacts {
        kind: MediaKind::Video,
        size_bytes: 1,
        duration_seconds: 1.0,
        width: 2,
        height: 2,
        frame_rate: Some(input.rate.0),
        variable_frame_rate: input.variable,
        start_timecode: Some(input.text.to_owned()),
        start_time: 0.0,
        rotation: 0,
        video_codec: None,
        audio_codec: None,
        audio_tracks: 0,
        created_at: None,
        streams: None,
    };
    let clock = SourceClock::of(&facts).expect("it has a rate");
    let label = clock.at(input.seconds.0);
    assert!(clock.frame_of(&label.to_string()).is_some(), "{label} at {}", clock.rate());
    let _ = clock.frame_of(input.text);
}

fn reads_back<T: std::str::FromStr<Err: Display> + Display + PartialEq>(text: &str) {
    match text.parse::<T>() {
        Ok(value) => assert!(value.to_string().parse::<T>().ok() == Some(value)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
