//! The embedded visual model on real footage, with the real weights.
//!
//! Clips are those of `make setup`; ffmpeg takes the frames out of them.

#![allow(clippy::expect_used, reason = "helpers of tests stand outside test functions")]

mod clips;
mod installed;

use clips::{ffmpeg, input_of};
use installed::{models, runtime};
use rushes_infer::ssd::{Detector, class_name};
use rushes_infer::yunet::FaceDetector;
use rushes_infer::{Embedding, InferError, TextQuery, VisualModel, lite};
use rushes_model::Picture;
use std::time::Duration;

fn open(key: &str, workers: usize) -> lite::LiteModel {
    lite::open(&models(), &key.parse().expect("a key"), workers, &runtime()).expect("make setup")
}

/// The frame at a second of a clip, at most 640 pixels wide.
fn frame(clip: &str, second: u32) -> Picture {
    ffmpeg(&input_of(clip, f64::from(second)), "scale='min(640,iw)':-2")
}

fn score(query: &TextQuery, picture: &Embedding) -> f32 {
    let tag = |tag: &u16| {
        let found = picture.tags.iter().find(|(other, _)| other == tag);
        found.map_or(0.0, |&(_, weight)| f32::from(weight) / 255.0)
    };
    let word = |tags: &Vec<u16>| tags.iter().map(tag).fold(0.0, f32::max);
    let words: f32 = query.words.iter().map(word).sum();
    let cosine: f32 = query.vector.iter().zip(&picture.vector).map(|(a, b)| a * b).sum();
    cosine + query.word_weight * words / (query.words.len().max(1) as f32).sqrt()
}

#[test]
fn sentences_find_their_frames() {
    for key in lite::tables::KEYS {
        let model = open(key, 1);
        let clips = [("carphone_pristine.mp4", 1), ("bikes.mp4", 9), ("bigbuckbunny.mp4", 3)];
        let frames = clips.map(|(clip, second)| frame(clip, second));
        let gallery = frames.map(|frame| model.embed_picture(&frame).expect("embeds"));
        let queries = ["a man in a car", "a bicycle in the street", "a rabbit on green grass"];
        for (right, text) in queries.iter().enumerate() {
            let query = model.embed_text(text).expect("embeds");
            let scores = gallery.each_ref().map(|picture| score(&query, picture));
            let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
            assert_eq!(best, Some(right), "{key}, {text}: {scores:?}");
        }
    }
}

#[test]
fn embeddings_keep_their_form() {
    let model = open("lite-260", 1);
    assert_eq!((model.dimensions(), model.frame_long_side()), (384, 640));
    for (width, height, level) in [(1, 1, 0), (64, 3, 255), (7, 900, 90), (1280, 720, 30)] {
        let pixels = vec![level; width as usize * height as usize * 3];
        let picture = Picture::new(width, height, pixels).expect("a picture");
        let embedding = model.embed_picture(&picture).expect("embeds");
        let length = embedding.vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        assert_eq!(embedding.vector.len(), 384);
        assert!((length - 1.0).abs() < 1e-4, "{width}x{height}: {length}");
        assert!((1..=Embedding::MAX_TAGS).contains(&embedding.tags.len()));
        assert!(embedding.tags.is_sorted_by(|a, b| a.1 >= b.1), "{:?}", embedding.tags);
    }
    let query = model.embed_text("zebras, on the beach").expect("embeds");
    assert_eq!(query.words.len(), 2);
    assert!(query.words[0].contains(&340), "class 340 is the zebra: {:?}", query.words);
    assert_eq!(model.embed_text("").expect("embeds").words.len(), 0);
}

/// What is said in unknown words, and what is a class by name, has to score more.
#[test]
fn sentences_are_held_to_what_they_say() {
    for key in lite::tables::KEYS {
        let model = open(key, 1);
        let centre = |text: &str| model.embed_text(text).expect("embeds").curve.centre;
        let plain = centre("two friends talking outside");
        assert!(centre("qwrtz pflmpf xkcd") > plain + 0.2, "{key}: nonsense");
        assert!(centre("a zebra") > plain + 0.3, "{key}: the name of a class");
        assert!(["", "!!!", "\u{1f600}"].iter().all(|text| centre(text).is_finite()));
    }
}

#[test]
fn workers_agree_and_memory_can_be_given_back_between() {
    let model = open("lite-260-fast", 2);
    let picture = frame("bikes.mp4", 2);
    let alone = model.embed_picture(&picture).expect("embeds");
    model.drop_idle(Duration::from_hours(1));
    model.drop_idle(Duration::ZERO);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(model.embed_picture(&picture).expect("embeds"), alone));
        }
    });
}

/// Expected box: OpenCV's `FaceDetectorYN` on the same frame.
#[test]
fn the_face_is_where_opencv_finds_it() {
    let detector = FaceDetector::open(&runtime(), &models(), 640, 1).expect("make setup");
    let faces = detector.detect(&frame("carphone_pristine.mp4", 1), 0.4).expect("detects");
    let [face] = &faces[..] else { panic!("{faces:?}") };
    for (value, expected) in
        [face.left, face.top, face.width, face.height].iter().zip([56.4, 37.7, 49.1, 60.0])
    {
        assert!((value - expected).abs() < 1.5, "{face:?}");
    }
    assert!(face.score > 0.9);
    let [right_eye, left_eye, ..] = face.landmarks;
    assert!((right_eye.0 - 69.2).abs() < 1.5 && (left_eye.0 - 92.1).abs() < 1.5, "{face:?}");
}

/// Expected box: TensorFlow on the whole frozen graph, its own resizing and sorting out included, on
/// the same frame.
#[test]
fn the_bicycle_is_where_tensorflow_finds_it() {
    let detector = Detector::open(&runtime(), &models(), 1).expect("make setup");
    let things = detector.detect(&frame("bikes.mp4", 9)).expect("detects");
    let best = things.first().expect("something");
    assert_eq!(class_name(best.class), Some("bicycle"));
    let edges = [best.y0, best.x0, best.y1, best.x1];
    for (edge, expected) in edges.iter().zip([0.060, 0.410, 0.774, 0.914]) {
        assert!((edge - expected).abs() < 0.03, "{best:?}");
    }
    assert!((best.score - 0.737).abs() < 0.1, "{best:?}");
    assert!(things.is_sorted_by(|a, b| a.score >= b.score), "{things:?}");
    let grey = Picture::new(64, 3, vec![90; 64 * 3 * 3]).expect("a picture");
    assert_eq!(detector.detect(&grey).expect("detects"), []);
}

/// So that it stays a small installation.
#[test]
fn only_the_full_model_needs_the_detector() {
    let folder = tempfile::tempdir().expect("temp dir");
    for component in ["efficientnet-lite2", "yunet", "minilm-l6"] {
        let (from, to) = (models().join(component), folder.path().join(component));
        std::os::unix::fs::symlink(from, to).expect("linked");
    }
    let open = |key: &str| lite::open(folder.path(), &key.parse().expect("a key"), 1, &runtime());
    let picture = frame("bikes.mp4", 9);
    let embedding = open("lite-260-fast").expect("opens").embed_picture(&picture).expect("embeds");
    assert!(embedding.tags.iter().all(|&(tag, _)| tag < 2000), "{:?}", embedding.tags);
    let error = open("lite-260").err().expect("a part is missing");
    let path = Detector::file(folder.path());
    assert!(matches!(&error, InferError::MissingFile { path: missing, .. } if *missing == path));
    let whole = crate::open("lite-260", 1).embed_picture(&picture).expect("embeds");
    assert!(whole.tags.iter().any(|&(tag, _)| tag == 2002), "a bicycle: {:?}", whole.tags);
}

#[test]
fn what_is_missing_or_unknown_is_said() {
    let nowhere = tempfile::tempdir().expect("temp dir");
    let key = "lite-260".parse().expect("a key");
    let error = lite::open(nowhere.path(), &key, 1, &runtime()).err().expect("nothing is there");
    assert!(error.to_string().contains("rushes models pull lite-260"), "{error}");
    let other = "clip-b32".parse().expect("a key");
    let error = lite::open(&models(), &other, 1, &runtime()).err().expect("another family");
    assert!(matches!(error, InferError::Run { ref key, .. } if key == "clip-b32"), "{error}");
}
