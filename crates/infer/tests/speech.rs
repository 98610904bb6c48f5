//! Speech with Whisper's smallest model, on words at known times and sentences of a book.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

mod installed;

use installed::{models, runtime};
use rushes_infer::{
    InferError,
    speech::{SAMPLE_RATE, VoiceDetector, Whisper, Window, Windows, Word},
};
use std::{
    collections::HashMap,
    ops::Range,
    path::{Path, PathBuf},
};

const MODEL: &str = "whisper-tiny.en";
/// Bytes before the samples of the files that are read here.
const HEADER: usize = 44;

fn media() -> PathBuf {
    std::env::var_os("RUSHES_TEST_MEDIA").expect("make setup-test, and RUSHES_TEST_MEDIA").into()
}

/// The samples of a file of 16 bits, 16 kHz, mono.
fn samples(path: &Path) -> Vec<f32> {
    let bytes = fs_err::read(path).expect("make setup-test");
    let values = bytes[HEADER..].as_chunks::<2>().0.iter().map(|bytes| i16::from_le_bytes(*bytes));
    values.map(|value| f32::from(value) / 32_768.0).collect()
}

fn windows(samples: &[f32]) -> Vec<Window> {
    let detector = VoiceDetector::open(&runtime(), &models(), 1).expect("make setup-test");
    let (mut ear, mut windows, mut full) = (detector.listen(), Windows::new(false), Vec::new());
    for block in samples.chunks(10_000) {
        full.extend(windows.add(block, &ear.hear(block).unwrap()));
    }
    full.extend(windows.finish());
    full
}

fn words(whisper: &Whisper, samples: &[f32]) -> Vec<Word> {
    let mut listener = whisper.listener().unwrap();
    let mut words = Vec::new();
    for window in windows(samples) {
        let (language, sure) = listener.language(&window.samples).unwrap();
        assert_eq!((language, sure), ("en", 1.0));
        for phrase in listener.transcribe(&window.samples, language, || false).unwrap() {
            words.extend(phrase.words.into_iter().map(|word| {
                let Range { start, end } = window.time(word.start..word.end);
                Word { start, end, ..word }
            }));
        }
    }
    words
}

fn whisper() -> Whisper {
    Whisper::open(&models(), &MODEL.parse().unwrap()).expect("make setup-test")
}

fn plain(word: &str) -> String {
    word.to_lowercase().chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// Words that are said once, with when they begin.
fn known_times(kind: &str) -> HashMap<String, f64> {
    let path = media().join(format!("spoken-{kind}.tsv"));
    let text = fs_err::read_to_string(path).expect("make setup-test");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let once = |word: &str| lines.iter().filter(|line| line[0] == word).count() == 1;
    let known = lines.iter().filter(|line| once(line[0]));
    known.map(|line| (line[0].to_owned(), line[1].parse().unwrap())).collect()
}

/// Wanted: half of the words within 80 ms of when they begin, 95 of 100 within 250 ms.
#[test]
fn words_begin_when_they_are_said() {
    let whisper = whisper();
    let mut errors = Vec::new();
    for kind in ["close", "apart", "noisy"] {
        let known = known_times(kind);
        let said = words(&whisper, &samples(&media().join(format!("spoken-{kind}.wav"))));
        assert!(said.windows(2).all(|pair| pair[0].end <= pair[1].start + 1e-9), "{said:?}");
        assert!(said.iter().all(|word| word.start <= word.end), "{said:?}");
        assert!(said.iter().all(|word| (0.0..=1.0).contains(&word.probability)), "{said:?}");
        let found: Vec<f64> = said
            .iter()
            .filter_map(|word| Some((word.start - known.get(&plain(&word.text))?).abs()))
            .collect();
        assert!(found.len() * 10 >= known.len() * 7, "{} of {} words", found.len(), known.len());
        errors.extend(found);
    }
    errors.sort_by(f64::total_cmp);
    let at = |share: usize| errors[errors.len() * share / 100];
    assert!(at(50) < 0.08 && at(95) < 0.25, "half {} s, 95 % {} s", at(50), at(95));
}

#[test]
fn sentences_of_a_book_are_written_down() {
    let whisper = whisper();
    let said = |number: &str| {
        let name = format!("sense_and_sensibility_01_austen_64kb-{number}.wav");
        let words = words(&whisper, &samples(&media().join(name)));
        words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(said("0930"), "He might even have been made amiable himself.");
    let long = said("0870");
    assert!(long.contains("had then leisure to consider how much"), "{long}");
}

/// A sound by the second into it.
type Sound = Box<dyn FnMut(f32) -> f32>;

/// White noise from -1 to 1.
fn noise() -> Sound {
    let mut state = 1u32;
    Box::new(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    })
}

/// What is left of noise when only slow changes pass, very quiet.
fn room_tone() -> Sound {
    let (mut noise, mut rumble) = (noise(), 0.0);
    Box::new(move |at| {
        rumble = 0.98 * rumble + 0.002 * noise(at);
        rumble
    })
}

fn wave(at: f32, hertz: f32) -> f32 {
    (at * hertz * std::f32::consts::TAU).sin()
}

/// Nothing can be made up where nobody speaks: ten minutes of each.
#[test]
fn where_nobody_speaks_there_is_nothing_to_listen_to() {
    let mut loud = noise();
    let mut sounds: [(&str, Sound); 5] = [
        ("silence", Box::new(|_| 0.0)),
        ("noise", Box::new(move |at| 0.3 * loud(at))),
        ("hum", Box::new(|at| 0.2 * wave(at, 50.0) + 0.1 * wave(at, 150.0))),
        ("room tone", room_tone()),
        ("music", Box::new(tune)),
    ];
    for (what, sound) in &mut sounds {
        // Seconds begin anew every minute: large ones are too coarse for waves.
        let at = |n: u32| (n % (60 * SAMPLE_RATE)) as f32 / SAMPLE_RATE as f32;
        let samples: Vec<f32> = (0..600 * SAMPLE_RATE).map(|n| sound(at(n))).collect();
        assert_eq!(windows(&samples).len(), 0, "{what}");
    }
}

/// Plucked chords, two a second, and a bass under them.
fn tune(at: f32) -> f32 {
    const ROOTS: [f32; 8] = [262.0, 220.0, 175.0, 196.0, 262.0, 330.0, 294.0, 196.0];
    let beat = (at * 2.0) as usize;
    let fading = (-4.0 * (at * 2.0).fract()).exp();
    let root = ROOTS[beat % ROOTS.len()];
    let chord: f32 = [1.0, 1.26, 1.5, 2.0].iter().map(|step| 0.12 * wave(at, root * step)).sum();
    fading * chord + 0.15 * wave(at, root / 4.0)
}

#[test]
fn files_that_are_missing_or_damaged_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let key = MODEL.parse().unwrap();
    let error = Whisper::open(folder.path(), &key).err().unwrap();
    assert!(matches!(error, InferError::MissingFile { .. }), "{error}");
    let own = folder.path().join(MODEL);
    fs_err::create_dir(&own).unwrap();
    fs_err::write(own.join("vocabulary.txt"), "a\nb\n").unwrap();
    let whole = fs_err::read(models().join(MODEL).join("model.bin")).unwrap();
    for cut in [0, 100, whole.len() / 2, whole.len() - 5000] {
        fs_err::write(own.join("model.bin"), &whole[..cut]).unwrap();
        let error = Whisper::open(folder.path(), &key).err().unwrap();
        assert!(matches!(error, InferError::BadFile { .. }), "{cut}: {error}");
        assert!(error.to_string().contains("model.bin"), "{error}");
    }
}
