//! Faces in footage, in pictures without any, and in pictures that nobody would call pictures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, helpers included")]

mod clips;
mod installed;

use clips::frame;
use installed::{models, runtime};
use rushes_infer::InferError;
use rushes_infer::faces::{EPS_SCALE, FaceModel, KEY, LEAST_QUALITY, SMALLEST_FACE, SeenFace};
use rushes_infer::registry::Registry;
use rushes_infer::yunet::Face;
use rushes_model::Picture;

/// A man talks in a car.
const TALK: &str = "carphone_pristine.mp4";
/// The API's default for `eps`.
const EPS: f32 = 0.48;

fn open() -> FaceModel {
    FaceModel::open(&runtime(), &models(), 1).expect("make setup-test")
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    1.0 - a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>()
}

fn plain(width: u32, height: u32) -> Picture {
    Picture::new(width, height, vec![120; (width * height * 3) as usize]).unwrap()
}

/// The talking man, the frame four times as large.
fn talker(model: &FaceModel, second: f64) -> (Picture, SeenFace) {
    let picture = frame(TALK, second, Some((704, 576)));
    let faces = model.detect(&picture).unwrap();
    assert_eq!(faces.len(), 1, "{second}: {faces:?}");
    (picture, faces[0])
}

#[test]
fn one_man_has_one_face_throughout() {
    let model = open();
    assert_eq!((model.key().as_str(), model.dimensions()), (KEY, 128));
    assert!(Registry::builtin().unwrap().get(model.key()).is_ok());
    let mut vectors = Vec::new();
    for second in [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5] {
        let (picture, seen) = talker(&model, second);
        assert!(seen.quality > 0.5, "{second}: {seen:?}");
        vectors.push(model.embed(&picture, &seen.face).unwrap());
        let length = vectors.last().unwrap().iter().map(|value| value * value).sum::<f32>();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
    }
    // As in a track: each is near to the mean of the others.
    for one in &vectors {
        let others = vectors.iter().filter(|other| *other != one);
        let mut mean = vec![0.0; model.dimensions()];
        others.for_each(|other| mean.iter_mut().zip(other).for_each(|(sum, value)| *sum += value));
        let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt();
        mean.iter_mut().for_each(|value| *value /= length);
        let off = distance(one, &mean);
        assert!(off < EPS * EPS_SCALE, "{off}");
    }
}

/// The same face larger, smaller and turned has nearly the same vector; blurred, a worse quality.
#[test]
fn size_and_blur_change_what_they_should() {
    let model = open();
    let (picture, seen) = talker(&model, 0.0);
    let one = model.embed(&picture, &seen.face).unwrap();
    for size in [(528, 432), (1408, 1152), (352, 288)] {
        let picture = frame(TALK, 0.0, Some(size));
        let seen = model.detect(&picture).unwrap();
        let off = distance(&one, &model.embed(&picture, &seen[0].face).unwrap());
        assert!(off < 0.1, "{size:?}: {off}");
    }
    let mut last = seen.quality;
    for small in [(88, 72), (56, 46), (40, 32), (28, 23)] {
        let blurred = enlarged(&frame(TALK, 0.0, Some(small)), picture.width, picture.height);
        let quality = model.detect(&blurred).unwrap().first().map_or(0.0, |seen| seen.quality);
        assert!(quality < last, "{small:?}: {quality}, not less than {last}");
        last = quality;
    }
    assert!(last < LEAST_QUALITY, "{last}");
}

/// Larger with soft edges.
fn enlarged(picture: &Picture, width: u32, height: u32) -> Picture {
    let image = image::RgbImage::from_raw(picture.width, picture.height, picture.pixels.clone());
    let filter = image::imageops::FilterType::CatmullRom;
    let large = image::imageops::resize(&image.unwrap(), width, height, filter);
    Picture::new(width, height, large.into_raw()).unwrap()
}

/// A cartoon, fields of colour, and sizes at the edge of what is possible.
#[test]
fn where_nobody_is_is_no_face() {
    let model = open();
    let pictures = [
        ("a dot", plain(1, 1)),
        ("a line", plain(3000, 1)),
        ("a pole", plain(1, 3000)),
        ("a field", plain(4096, 2160)),
    ];
    for (what, picture) in &pictures {
        assert_eq!(model.detect(picture).unwrap(), [], "{what}");
    }
    // The hero of a cartoon has a face, of a kind.
    for second in [0.0, 1.0, 2.0, 3.0, 4.0, 5.0] {
        for seen in model.detect(&frame("bigbuckbunny.mp4", second, None)).unwrap() {
            assert!(seen.quality < 0.5, "{second}: {seen:?}");
        }
    }
}

#[test]
fn faces_that_are_too_small_are_left_out() {
    let model = open();
    for width in [88, 44] {
        let picture = frame(TALK, 0.0, Some((width, width * 9 / 11)));
        let faces = model.detect(&picture).unwrap();
        let small = |seen: &SeenFace| seen.face.width.min(seen.face.height) < SMALLEST_FACE;
        assert!(!faces.iter().any(small), "{width}: {faces:?}");
        assert_eq!(faces.len(), usize::from(width == 88), "{width}: {faces:?}");
    }
}

/// The right part of the picture, then of the face, is missing.
#[test]
fn a_face_partly_outside_is_still_embedded() {
    let model = open();
    let (picture, seen) = talker(&model, 0.0);
    let one = model.embed(&picture, &seen.face).unwrap();
    let cut = (seen.face.left + 0.8 * seen.face.width) as u32;
    let rows = picture.pixels.chunks_exact(picture.width as usize * 3);
    let pixels = rows.flat_map(|row| row[..cut as usize * 3].to_vec()).collect();
    let part = Picture::new(cut, picture.height, pixels).unwrap();
    let faces = model.detect(&part).unwrap();
    let off = distance(&one, &model.embed(&part, &faces[0].face).unwrap());
    assert!(off < EPS * EPS_SCALE, "{off}");
    assert!(faces[0].quality <= seen.quality, "{faces:?}");
    let crop = model.chip(&part, &faces[0].face).unwrap();
    assert!(crop.width < crop.height, "{} x {}", crop.width, crop.height);
}

#[test]
fn crops_show_the_face_with_a_margin() {
    let model = open();
    let (picture, seen) = talker(&model, 0.0);
    let crop = model.chip(&picture, &seen.face).unwrap();
    assert_eq!(crop.width.max(crop.height), 160);
    let again = model.detect(&crop).unwrap();
    assert_eq!(again.len(), 1);
    let part = again[0].face.height / crop.height as f32;
    assert!((part - 1.0 / 1.6).abs() < 0.1, "{part}");
    let small = Face { left: 10.0, top: 10.0, width: 20.0, height: 30.0, ..seen.face };
    let crop = model.chip(&picture, &small).unwrap();
    assert!(
        crop.height <= 50 && crop.width <= 50,
        "{} x {}: small faces are not enlarged",
        crop.width,
        crop.height
    );
}

/// A detector never makes such faces, a damaged analysis may.
#[test]
fn faces_that_cannot_be_are_errors_or_empty_pictures() {
    let model = open();
    let picture = plain(100, 100);
    let at = |x: f32| Face {
        score: 0.9,
        left: x,
        top: x,
        width: 50.0,
        height: 50.0,
        landmarks: [(x, x); 5],
    };
    for x in [10.0, -1e9, 1e30, f32::NAN, f32::INFINITY] {
        assert!(matches!(model.embed(&picture, &at(x)), Err(InferError::Run { .. })), "{x}");
    }
    for x in [-1e9, 500.0, f32::NAN] {
        assert!(matches!(model.chip(&picture, &at(x)), Err(InferError::Picture { .. })), "{x}");
    }
}

#[test]
fn files_that_are_missing_or_damaged_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let open = || FaceModel::open(&runtime(), folder.path(), 1).err().unwrap();
    let error = open().to_string();
    assert!(error.contains("rushes models pull dlib-resnet-v1"), "{error}");
    let (from, to) = (FaceModel::file(&models()), FaceModel::file(folder.path()));
    fs_err::create_dir_all(to.parent().unwrap()).unwrap();
    let whole = fs_err::read(from).unwrap();
    for bytes in [&[][..], &whole[..whole.len() / 2], &whole[..whole.len() - 1], &whole[1..]] {
        fs_err::write(&to, bytes).unwrap();
        let error = open();
        let named = matches!(&error, InferError::BadFile { path, .. } if *path == to);
        assert!(named, "{} bytes: {error}", bytes.len());
    }
    fs_err::write(&to, &whole).unwrap();
    let error = open().to_string();
    assert!(error.contains("rushes models pull yunet"), "{error}");
}
