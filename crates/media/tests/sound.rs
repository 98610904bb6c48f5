//! The sound of media in which a tone is heard at known times.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

mod fixtures;

use fixtures::Fixtures;
use rushes_media::{Cancel, MediaError, SAMPLE_RATE};
use std::path::Path;

/// Samples of one value of a loudness curve: 10 ms.
const STEP: usize = SAMPLE_RATE as usize / 100;

/// A source for ffmpeg: six seconds in which a tone is heard from `from` to `to`.
fn tone(from: f64, to: f64, rate: u32) -> String {
    let tone = format!("'if(between(t,{from},{to}),0.5*sin(2764*t),0)'");
    format!("-f lavfi -i aevalsrc={tone}:s={rate}:d=6")
}

fn listen(made: &Fixtures, path: &Path, track: usize) -> Result<Vec<f32>, MediaError> {
    let facts = made.tools.probe(path)?;
    let blocks = made.tools.sound(path, &facts, track, &Cancel::new())?;
    Ok(blocks.collect::<Result<Vec<_>, _>>()?.concat())
}

/// When a tone begins and ends, in seconds, and how long all lasts.
fn heard(samples: &[f32]) -> (f64, f64, f64) {
    let loud = |step: &[f32]| step.iter().any(|sample| sample.abs() > 0.1);
    let loud: Vec<bool> = samples.chunks(STEP).map(loud).collect();
    let seconds = |step: usize| step as f64 / 100.0;
    let first = loud.iter().position(|loud| *loud).expect("nothing is heard");
    let last = loud.iter().rposition(|loud| *loud).unwrap();
    (seconds(first), seconds(last + 1), samples.len() as f64 / f64::from(SAMPLE_RATE))
}

#[track_caller]
fn assert_heard(samples: &[f32], from: f64, to: f64, tolerance: f64) {
    let (first, last, _) = heard(samples);
    let near = |a: f64, b: f64| (a - b).abs() <= tolerance;
    assert!(near(first, from) && near(last, to), "{first} to {last}, not {from} to {to}");
}

#[test]
fn a_tone_is_heard_at_its_time_in_every_form() {
    let made = Fixtures::new();
    let forms = [
        (44_100, "a.wav"),
        (8000, "-ac 1 b.wav"),
        (192_000, "-c:a flac c.flac"),
        (48_000, "-af pan=5.1|FC=c0 d.flac"),
        (48_000, "-af pan=stereo|FL=c0 -c:a aac e.m4a"),
        (44_100, "-c:a libmp3lame f.mp3"),
        (48_000, "-c:a pcm_s24le -output_ts_offset 7.4 g.mov"),
        (48_000, "-c:a ac3 -output_ts_offset 100 h.ts"),
    ];
    for (rate, output) in forms {
        made.ffmpeg(&format!("{} {output}", tone(2.0, 3.0, rate)));
        let path = made.path(output.split_whitespace().last().unwrap());
        let samples = listen(&made, &path, 0).unwrap();
        assert_heard(&samples, 2.0, 3.0, 0.06);
        let (.., length) = heard(&samples);
        assert!((length - 6.0).abs() < 0.1, "{output} lasts {length} s");
    }
}

#[test]
fn sound_that_begins_late_keeps_its_place_beside_the_picture() {
    let made = Fixtures::new();
    let raw = made.numbered("25", 150, "-c:v mpeg4 -g 25 v.mp4");
    for output in ["late.mp4", "late.mkv", "-output_ts_offset 3 later.mkv"] {
        let input = format!("-i {} -itsoffset 1.5 {}", raw.display(), tone(2.0, 3.0, 48_000));
        made.ffmpeg(&format!("{input} -map 0:v -map 1:a -c:v copy -c:a aac {output}"));
        let path = made.path(output.split_whitespace().last().unwrap());
        assert_heard(&listen(&made, &path, 0).unwrap(), 3.5, 4.5, 0.06);
    }
}

#[test]
fn tracks_are_told_apart() {
    let made = Fixtures::new();
    let (first, second) = (tone(1.0, 2.0, 48_000), tone(4.0, 5.0, 44_100));
    made.ffmpeg(&format!("{first} {second} -map 0 -map 1 -c:a aac two.mkv"));
    let path = made.path("two.mkv");
    assert_heard(&listen(&made, &path, 0).unwrap(), 1.0, 2.0, 0.06);
    assert_heard(&listen(&made, &path, 1).unwrap(), 4.0, 5.0, 0.06);
    let error = listen(&made, &path, 2).unwrap_err();
    assert!(error.to_string().contains("no audio track 2: it has 2"), "{error}");
}

#[test]
fn damaged_packets_are_silence_and_what_follows_keeps_its_time() {
    let made = Fixtures::new();
    made.ffmpeg(&format!("{} -c:a aac whole.mkv", tone(4.0, 5.0, 48_000)));
    let mut bytes = fs_err::read(made.path("whole.mkv")).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle..middle + 300].fill(0xff);
    fs_err::write(made.path("damaged.mkv"), bytes).unwrap();
    let samples = listen(&made, &made.path("damaged.mkv"), 0).unwrap();
    assert_heard(&samples, 4.0, 5.0, 0.1);
}

#[test]
fn what_cannot_be_heard_is_told() {
    let made = Fixtures::new();
    let silent = made.numbered("25", 25, "-c:v mpeg4 silent.mp4");
    let error = listen(&made, &silent, 0).unwrap_err();
    assert!(matches!(error, MediaError::NoSound(_)) && error.to_string().contains("silent.mp4"));

    made.ffmpeg(&format!("{} tone.wav", tone(1.0, 2.0, 48_000)));
    let (path, cancel) = (made.path("tone.wav"), Cancel::new());
    let facts = made.probe(&path);
    cancel.cancel();
    let blocks = made.tools.sound(&path, &facts, 0, &cancel).unwrap();
    let error = blocks.last().unwrap().unwrap_err();
    assert!(matches!(error, MediaError::Cancelled), "{error}");
    fs_err::remove_file(&path).unwrap();
    let gone = made.tools.sound(&path, &facts, 0, &Cancel::new()).err().unwrap();
    assert!(matches!(gone, MediaError::Missing(_)), "{gone}");
}
