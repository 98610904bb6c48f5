//! On-screen text in fixtures that ffmpeg draws, also onto real footage, with the real weights.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests stand outside test functions"
)]

mod clips;
mod drawn;
mod installed;

use drawn::{FIXTURES, Fixture, Text, footage};
use installed::{models, runtime};
use rushes_infer::InferError;
use rushes_infer::ocr::{self, TextLine, TextReader};
use rushes_model::Picture;
use std::time::Duration;

fn reader(workers: usize) -> TextReader {
    TextReader::open(&runtime(), &models(), workers).expect("run `make setup-test`")
}

/// Words without case and punctuation.
fn words(text: &str) -> Vec<String> {
    let bare = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let words = text.split_whitespace().map(|word| bare(word).to_lowercase());
    words.filter(|word| !word.is_empty()).collect()
}

fn words_read(lines: &[TextLine]) -> Vec<String> {
    lines.iter().flat_map(|line| words(&line.text)).collect()
}

fn words_of(texts: &[Text]) -> Vec<String> {
    texts.iter().flat_map(|text| words(text.text)).collect()
}

/// The expected words that were not read; each that was read counts once.
fn missed(expected: &[String], mut read: Vec<String>) -> Vec<String> {
    let mut missed = expected.to_vec();
    missed.retain(|word| match read.iter().position(|other| other == word) {
        Some(found) => {
            read.swap_remove(found);
            false
        }
        None => true,
    });
    missed
}

fn fixture(name: &str) -> &'static Fixture<'static> {
    FIXTURES.iter().find(|fixture| fixture.name == name).expect("is one of them")
}

/// The required figure: of words 40 pixels high and higher at 1080p, 95 % are found.
#[test]
fn words_on_slates_lower_thirds_and_slides_are_found() {
    let reader = reader(1);
    let (mut all, mut lost) = (0, Vec::new());
    for fixture in FIXTURES {
        let lines = reader.read(&fixture.draw(1920, 1080)).expect("reads");
        let expected = words_of(fixture.texts);
        all += expected.len();
        for word in missed(&expected, words_read(&lines)) {
            lost.push(format!("{}: {word}", fixture.name));
        }
    }
    let found = 1.0 - lost.len() as f64 / all as f64;
    assert!(FIXTURES.len() >= 12 && all >= 100);
    assert!(found >= 0.95, "{found:.3} of {all} words found; lost: {lost:#?}");
}

/// The clips show one taxi, whose sign is text.
#[test]
fn footage_without_text_has_no_words() {
    let reader = reader(1);
    let mut seen = Vec::new();
    for (clip, second) in footage(40) {
        let lines = reader.read(&clips::frame(clip, second, None)).expect("reads");
        seen.extend(words_read(&lines));
    }
    seen.retain(|word| word != "taxi");
    assert_eq!(seen, Vec::<String>::new());
}

#[test]
fn lines_come_in_reading_order_and_lie_where_they_were_drawn() {
    let slate = fixture("chalk slate");
    let lines = reader(1).read(&slate.draw(1280, 720)).expect("reads");
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let expected: Vec<&str> = slate.texts.iter().map(|text| text.text).collect();
    assert_eq!(texts, expected);
    for (line, text) in lines.iter().zip(slate.texts) {
        let [left, top, size] = [text.x, text.y, text.size].map(|value| value as f32 / 1.5);
        assert!((line.left - left).abs() < size / 2.0, "{line:?}, drawn at {left}");
        assert!((line.top - top).abs() < size / 2.0, "{line:?}, drawn at {top}");
        assert!(line.height > 0.7 * size && line.height < 2.0 * size, "{line:?}, {size} px");
        assert!(line.confidence > 0.9 && line.confidence <= 1.0, "{line:?}");
    }
}

#[test]
fn tilted_text_is_read() {
    for tilt in [-15.0, -5.0, 5.0, 15.0] {
        let tilted = Fixture { tilt, ..fixture("tilted slate").clone() };
        let lines = reader(1).read(&tilted.draw(1920, 1080)).expect("reads");
        let lost = missed(&words_of(tilted.texts), words_read(&lines));
        assert!(lost.len() <= 1, "{tilt} degrees: {lost:?} is not in {lines:?}");
    }
}

#[test]
fn workers_agree_and_memory_can_be_given_back_between() {
    let reader = reader(2);
    let picture = fixture("subtitles on a car").draw(640, 360);
    let alone = reader.read(&picture).expect("reads");
    assert!(!alone.is_empty());
    reader.drop_idle(Duration::from_hours(1));
    reader.drop_idle(Duration::ZERO);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(reader.read(&picture).expect("reads"), alone));
        }
    });
}

fn noise(width: u32, height: u32) -> Picture {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        // Xorshift: the same noise on every machine.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    let pixels = (0..width * height * 3).map(|_| next()).collect();
    Picture { width, height, pixels }
}

fn plain(width: u32, height: u32, level: u8) -> Picture {
    Picture { width, height, pixels: vec![level; width as usize * height as usize * 3] }
}

#[test]
fn pictures_that_hold_no_text_have_no_lines() {
    let reader = reader(1);
    let mut pictures = vec![noise(1280, 720), noise(8000, 40), noise(33, 900)];
    for (width, height) in [(1, 1), (1, 2000), (8000, 40), (1920, 1080)] {
        pictures.extend([0, 128, 255].map(|level| plain(width, height, level)));
    }
    for picture in pictures {
        let lines = reader.read(&picture).expect("reads");
        assert_eq!(lines, [], "{}x{}", picture.width, picture.height);
    }
}

#[test]
fn a_banner_with_text_is_no_trouble() {
    let text = [Text { size: 800, x: 200, y: 100, ..fixture("slate").texts[1].clone() }];
    let banner = Fixture { texts: &text, ..fixture("slate").clone() };
    let lines = reader(1).read(&banner.draw(8000, 40)).expect("reads");
    let inside =
        |line: &TextLine| line.left + line.width <= 8000.0 && line.top + line.height <= 40.0;
    assert!(lines.iter().all(inside), "{lines:?}");
}

/// A models folder whose two files hold these bytes instead of the weights, where there are any.
fn folder_with(replaced: [Option<&[u8]>; 2]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs_err::create_dir_all(folder.path().join(ocr::MODEL)).expect("made");
    let (targets, sources) = (TextReader::files(folder.path()), TextReader::files(&models()));
    for ((target, source), bytes) in targets.iter().zip(sources).zip(replaced) {
        let whole = fs_err::read(source).expect("run `make setup-test`");
        fs_err::write(target, bytes.unwrap_or(&whole)).expect("written");
    }
    folder
}

fn refusal(folder: &std::path::Path) -> InferError {
    TextReader::open(&runtime(), folder, 1).err().expect("cannot be opened")
}

#[test]
fn missing_files_are_named_with_what_to_do() {
    let nowhere = tempfile::tempdir().expect("a folder");
    let message = refusal(nowhere.path()).to_string();
    assert!(message.contains("det.onnx"), "{message}");
    assert!(message.contains("rushes models pull pp-ocr-v4"), "{message}");
    let half = folder_with([None, None]);
    fs_err::remove_file(&TextReader::files(half.path())[1]).expect("removed");
    assert!(refusal(half.path()).to_string().contains("rec.onnx"));
}

#[test]
fn damaged_files_are_refused() {
    let [_, recogniser] = TextReader::files(&models());
    let whole = fs_err::read(recogniser).expect("run `make setup-test`");
    let cut = &whole[..whole.len() / 2];
    for replaced in [[Some(&b"no model"[..]), None], [None, Some(&[])], [None, Some(cut)]] {
        let error = refusal(folder_with(replaced).path());
        assert!(matches!(error, InferError::BadFile { .. }), "{error}");
    }
}

#[test]
fn a_detector_in_the_recognisers_place_is_refused() {
    let [detector, _] = TextReader::files(&models());
    let other = fs_err::read(detector).expect("run `make setup-test`");
    let error = refusal(folder_with([None, Some(&other)]).path());
    assert!(error.to_string().contains("no alphabet"), "{error}");
}

/// How well each size is read, and how long a frame takes.
#[test]
#[ignore = "prints figures: cargo test --test ocr figures -- --ignored --nocapture"]
fn figures() {
    let reader = reader(1);
    for size in [24, 28, 32, 40, 48, 60, 90, 140] {
        let (all, lost, extra) = read_at(&reader, size);
        println!("{size} px: {} of {all} words found, {extra} others", all - lost);
    }
    for (width, height) in [(1280, 720), (1920, 1080)] {
        for name in ["subtitles on a car", "lower third on bikes", "slate", "dense slide"] {
            time(&reader, name, &fixture(name).draw(width, height));
        }
        let frame = clips::frame("bigbuckbunny.mp4", 1.0, Some((width, height)));
        time(&reader, "no text", &frame);
    }
}

/// Words of one size: all, lost, and read without being there. Smaller sizes than the fixtures have
/// are drawn in the place of the smallest.
fn read_at(reader: &TextReader, size: u32) -> (usize, usize, usize) {
    let (mut all, mut lost, mut extra) = (0, 0, 0);
    for fixture in FIXTURES {
        let texts = fixture.texts.iter().filter(|text| text.size == size.max(40));
        let texts: Vec<Text> = texts.map(|text| Text { size, ..text.clone() }).collect();
        if texts.is_empty() {
            continue;
        }
        let picture = Fixture { texts: &texts, ..fixture.clone() }.draw(1920, 1080);
        let (expected, read) =
            (words_of(&texts), words_read(&reader.read(&picture).expect("reads")));
        let gone = missed(&expected, read.clone()).len();
        all += expected.len();
        lost += gone;
        extra += read.len() + gone - expected.len();
    }
    (all, lost, extra)
}

fn time(reader: &TextReader, name: &str, picture: &Picture) {
    let once = |_| {
        let before = core_nanoseconds();
        reader.read(picture).expect("reads");
        (core_nanoseconds() - before) as f64 / 1e6
    };
    let least = (0..7).map(once).fold(f64::MAX, f64::min);
    println!("{}x{}, {name}: {least:.0} ms", picture.width, picture.height);
}

/// What this thread had of a core.
fn core_nanoseconds() -> u64 {
    let text = fs_err::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|word| word.parse().ok()).expect("a number")
}
