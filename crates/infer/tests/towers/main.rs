//! Two-tower models on tiny graphs with the inputs and outputs of the real ones.
//!
//! The picture graphs pass single pixels on, so that a vector shows exactly what preprocessing made of
//! a picture; the text graphs multiply the tokens by fixed numbers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed set-up is a failed test")]

mod bench;
mod parity;
mod precision;

use bench::{Bench, runtime};
use rushes_infer::{
    InferError, VisualModel,
    onnx::{Attribute, Element, GraphWriter},
    open_visual, towers,
};
use rushes_model::Picture;
use std::time::Duration;

const CLIP_SIDE: usize = 224;
const CLIP_TOKENS: usize = 77;
/// Pixels 0, 32, 64 … of both sides, in three channels.
const CLIP_SAMPLES: usize = 7 * 7 * 3;
const SIGLIP_SAMPLES: usize = 8 * 8 * 3;

/// Adds nodes that pass every 32nd pixel of `pixel_values` on to `output`.
fn picture_tower(graph: &mut GraphWriter, side: usize, output: &str, element: Element) {
    let side = side as i64;
    graph.input("pixel_values", element, &[-1, 3, side, side]);
    graph.node("Cast", &["pixel_values"], "wide", vec![Attribute::int("to", Element::F32 as i64)]);
    let sampling =
        vec![Attribute::ints("kernel_shape", &[1, 1]), Attribute::ints("strides", &[32, 32])];
    graph.node("MaxPool", &["wide"], "sampled", sampling);
    graph.node("Flatten", &["sampled"], "flat", vec![]);
    graph.node("Cast", &["flat"], output, vec![Attribute::int("to", element as i64)]);
    graph.output(output, element, &[-1, -1]);
}

/// Weight of token `t` in dimension `d` of the text towers.
fn weight(t: usize, d: usize) -> f32 {
    ((t * 31 + d * 17) % 23) as f32 / 11.0 - 1.0
}

/// Adds nodes that multiply `input_ids` by the weights.
fn text_tower(graph: &mut GraphWriter, tokens: usize, dimensions: usize, output: &str) {
    graph.input("input_ids", Element::I64, &[-1, tokens as i64]);
    graph.node("Cast", &["input_ids"], "ids", vec![Attribute::int("to", Element::F32 as i64)]);
    let weights: Vec<f32> =
        (0..tokens).flat_map(|t| (0..dimensions).map(move |d| weight(t, d))).collect();
    graph.floats("weights", &[tokens as i64, dimensions as i64], &weights);
    graph.node("MatMul", &["ids", "weights"], output, vec![]);
    graph.output(output, Element::F32, &[-1, dimensions as i64]);
}

fn clip_vision(element: Element) -> Vec<u8> {
    let mut graph = GraphWriter::new();
    picture_tower(&mut graph, CLIP_SIDE, "image_embeds", element);
    graph.into_bytes()
}

fn clip_text() -> Vec<u8> {
    let mut graph = GraphWriter::new();
    text_tower(&mut graph, CLIP_TOKENS, CLIP_SAMPLES, "text_embeds");
    graph.into_bytes()
}

fn clip() -> Bench {
    let files = [("vision.onnx", clip_vision(Element::F32)), ("text.onnx", clip_text())];
    Bench::new("clip", CLIP_SAMPLES, CLIP_SIDE, &files)
}

/// What the text tower makes of these tokens.
fn text_vector(ids: &[i64], dimensions: usize) -> Vec<f64> {
    let sum = |d| {
        let terms = ids.iter().enumerate().map(|(t, &id)| id as f64 * f64::from(weight(t, d)));
        terms.sum()
    };
    normalised((0..dimensions).map(sum).collect())
}

fn normalised(mut vector: Vec<f64>) -> Vec<f64> {
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    vector.iter_mut().for_each(|value| *value /= length);
    vector
}

fn cosine(vector: &[f32], unit: &[f64]) -> f64 {
    assert_eq!(vector.len(), unit.len());
    let length = vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    assert!((length - 1.0).abs() < 1e-5, "length {length}");
    vector.iter().zip(unit).map(|(&a, &b)| f64::from(a) * b).sum()
}

/// A picture of fine and coarse texture, by formula.
fn made_picture(width: u32, height: u32) -> Picture {
    let pixel = |x: u32, y: u32| {
        [(x * x / 97 + 3 * y) % 256, ((x / 8 + y / 8) % 2) * 200 + x % 50, (x * y / 53) % 256]
    };
    let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y)));
    Picture::new(width, height, pixels.map(|value| value as u8).collect()).unwrap()
}

// Every 32nd pixel of `made_picture` after Pillow 13.0.0, red, green, blue. In Python, with NumPy:
//   y, x = np.mgrid[0:h, 0:w].astype(np.int64)
//   im = Image.fromarray(np.stack([(x*x//97+3*y)%256, ((x//8+y//8)%2)*200+x%50, (x*y//53)%256], -1)
//                        .astype(np.uint8))
// then for CLIP, with s = min(w, h):
//   im = im.resize((int(224*w/s), int(224*h/s)), Image.BICUBIC)
//   l, t = (im.width-224)//2, (im.height-224)//2; im = im.crop((l, t, l+224, t+224))
// and for SigLIP 2:
//   im = im.resize((256, 256), Image.BILINEAR)
// and np.asarray(im)[::32, ::32].transpose(2, 0, 1).reshape(-1).
#[rustfmt::skip]
const CLIP_640X360: [u8; CLIP_SAMPLES] = [
    203, 124, 98, 127, 211, 93, 31, 101, 22, 218, 25, 109, 241, 185, 144, 176, 150, 179, 6, 145, 83,
    154, 75, 49, 78, 162, 44, 245, 52, 229, 203, 232, 60, 198, 136, 206, 127, 101, 130, 214, 96, 34,
    105, 26, 168, 29, 113, 158, 189, 240, 120, 43, 47, 247, 255, 31, 240, 120, 43, 47, 247, 255, 31,
    183, 132, 100, 102, 190, 195, 93, 40, 163, 243, 242, 45, 42, 250, 31, 165, 252, 251, 35, 32, 255,
    248, 118, 35, 40, 255, 255, 23, 240, 120, 43, 47, 247, 255, 31, 1, 1, 1, 2, 2, 2, 3, 136, 187, 237,
    31, 81, 131, 182, 16, 116, 216, 61, 161, 32, 106, 153, 46, 196, 91, 249, 135, 29, 33, 233, 176,
    120, 64, 21, 209, 168, 162, 157, 151, 144, 138, 133, 48, 93, 136, 180, 224, 0, 56,
];
#[rustfmt::skip]
const CLIP_333X500: [u8; CLIP_SAMPLES] = [
    255, 18, 89, 205, 113, 67, 68, 138, 161, 232, 92, 95, 210, 211, 24, 47, 118, 234, 142, 96, 97, 167,
    190, 0, 121, 29, 239, 245, 54, 77, 148, 5, 172, 126, 127, 197, 220, 35, 151, 59, 13, 11, 84, 107,
    178, 38, 202, 156, 157, 0, 107, 161, 214, 245, 248, 243, 0, 107, 161, 214, 245, 248, 243, 0, 107,
    161, 214, 245, 248, 243, 0, 107, 161, 214, 245, 248, 243, 0, 107, 161, 214, 245, 248, 243, 0, 106,
    161, 216, 247, 250, 245, 0, 104, 162, 219, 253, 255, 251, 0, 75, 150, 225, 44, 119, 194, 1, 118,
    236, 98, 216, 77, 194, 1, 161, 66, 226, 131, 35, 195, 1, 203, 151, 98, 46, 255, 196, 1, 255, 237,
    227, 217, 207, 196, 2, 34, 66, 99, 132, 165, 197, 2, 77, 153, 228, 47, 123, 198,
];
#[rustfmt::skip]
const SIGLIP_640X360: [u8; SIGLIP_SAMPLES] = [
    1, 68, 11, 86, 37, 120, 80, 170, 136, 203, 146, 221, 172, 111, 215, 49, 15, 82, 25, 100, 51, 134,
    94, 184, 150, 217, 160, 235, 186, 34, 229, 63, 29, 96, 39, 114, 65, 148, 108, 198, 164, 231, 174,
    223, 200, 27, 216, 77, 43, 110, 53, 128, 79, 162, 122, 212, 178, 245, 188, 35, 214, 41, 112, 91, 1,
    55, 35, 65, 45, 31, 55, 35, 201, 207, 187, 217, 197, 183, 207, 187, 201, 207, 187, 217, 197, 183,
    207, 187, 61, 101, 81, 111, 91, 77, 101, 81, 1, 55, 35, 65, 45, 31, 55, 35, 1, 55, 35, 65, 45, 31,
    55, 35, 201, 207, 187, 217, 197, 183, 207, 187, 201, 207, 187, 217, 197, 183, 207, 187, 0, 0, 1, 1,
    2, 2, 3, 3, 0, 69, 137, 205, 17, 86, 154, 222, 1, 137, 18, 153, 33, 170, 50, 186, 2, 206, 154, 102,
    50, 179, 202, 150, 3, 18, 35, 50, 66, 82, 98, 114, 4, 87, 171, 170, 82, 166, 198, 78, 5, 156, 52,
    203, 99, 198, 147, 42, 5, 224, 188, 152, 115, 79, 43, 44,
];

const CLIP_MEAN: [f64; 3] = [0.48145466, 0.4578275, 0.40821073];
const CLIP_STD: [f64; 3] = [0.26862954, 0.26130258, 0.27577711];

/// The vector that a picture graph gives for these samples.
fn picture_vector(samples: &[u8], mean: [f64; 3], std: [f64; 3]) -> Vec<f64> {
    let plane = samples.len() / 3;
    let value = |(i, &v): (usize, &u8)| (f64::from(v) / 255.0 - mean[i / plane]) / std[i / plane];
    normalised(samples.iter().enumerate().map(value).collect())
}

fn assert_sees(model: &dyn VisualModel, picture: &Picture, expected: &[f64]) {
    let embedding = model.embed_picture(picture).unwrap();
    let cosine = cosine(&embedding.vector, expected);
    assert!(cosine >= 0.9999, "cosine {cosine}");
    // One step of 255 is 0.001 here, and roundings differ by one.
    let differences = embedding.vector.iter().zip(expected).map(|(&a, b)| (f64::from(a) - b).abs());
    assert!(differences.fold(0.0, f64::max) < 0.002);
    assert!(embedding.tags.is_empty());
}

#[test]
fn clip_sees_pictures_as_pillow_prepares_them() {
    let bench = clip();
    let model = bench.open().unwrap();
    assert_eq!((model.dimensions(), model.frame_long_side()), (CLIP_SAMPLES, 448));
    for (picture, samples) in
        [(made_picture(640, 360), CLIP_640X360), (made_picture(333, 500), CLIP_333X500)]
    {
        assert_sees(&*model, &picture, &picture_vector(&samples, CLIP_MEAN, CLIP_STD));
    }
}

#[test]
fn siglip2_sees_pictures_as_pillow_prepares_them() {
    for element in [Element::F32, Element::F16] {
        let bench = siglip2(element);
        let model = bench.open().unwrap();
        let expected = picture_vector(&SIGLIP_640X360, [0.5; 3], [0.5; 3]);
        assert_sees(&*model, &made_picture(640, 360), &expected);
    }
}

#[test]
fn half_precision_graphs_get_half_precision_pixels() {
    let files = [("vision.onnx", clip_vision(Element::F16)), ("text.onnx", clip_text())];
    let bench = Bench::new("clip", CLIP_SAMPLES, CLIP_SIDE, &files);
    let expected = picture_vector(&CLIP_640X360, CLIP_MEAN, CLIP_STD);
    assert_sees(&*bench.open().unwrap(), &made_picture(640, 360), &expected);
}

#[test]
fn pictures_of_any_shape_are_taken() {
    let bench = clip();
    let model = bench.open().unwrap();
    for (width, height) in [(1, 1), (2, 1), (60_000, 1), (1, 60_000), (224, 224), (223, 225)] {
        let picture = made_picture(width, height);
        assert!(model.embed_picture(&picture).is_ok(), "{width}x{height}");
    }
}

/// "a photo of a cat" in CLIP's tokens, as OpenAI's own tokenizer gives them.
const CAT: [i64; 7] = [49406, 320, 1125, 539, 320, 2368, 49407];

fn padded(ids: &[i64], length: usize) -> Vec<i64> {
    let mut ids = ids.to_vec();
    ids.resize(length, 0);
    ids
}

#[test]
fn clip_reads_sentences() {
    let bench = clip();
    let query = bench.open().unwrap().embed_text("A photo of  a cat").unwrap();
    let expected = text_vector(&padded(&CAT, CLIP_TOKENS), CLIP_SAMPLES);
    assert!(cosine(&query.vector, &expected) > 0.99999);
    assert!(query.words.is_empty() && query.word_weight == 0.0);
}

/// TinyCLIP's export: both towers, the mask and the scores in one graph.
fn joint() -> Bench {
    let mut graph = GraphWriter::new();
    text_tower(&mut graph, CLIP_TOKENS, CLIP_SAMPLES, "text_embeds");
    picture_tower(&mut graph, CLIP_SIDE, "image_embeds", Element::F32);
    graph.input("attention_mask", Element::I64, &[-1, CLIP_TOKENS as i64]);
    let to_float = vec![Attribute::int("to", Element::F32 as i64)];
    graph.node("Cast", &["attention_mask"], "logits_per_image", to_float);
    graph.output("logits_per_image", Element::F32, &[-1, -1]);
    Bench::new("clip", CLIP_SAMPLES, CLIP_SIDE, &[("model.onnx", graph.into_bytes())])
}

#[test]
fn both_towers_may_share_a_graph() {
    let bench = joint();
    let model = bench.open().unwrap();
    let expected = picture_vector(&CLIP_640X360, CLIP_MEAN, CLIP_STD);
    assert_sees(&*model, &made_picture(640, 360), &expected);
    let query = model.embed_text("a photo of a cat").unwrap();
    let expected = text_vector(&padded(&CAT, CLIP_TOKENS), CLIP_SAMPLES);
    assert!(cosine(&query.vector, &expected) > 0.99999);
}

const SIGLIP_WORDS: &str = r#"{
    "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
    "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
    "model": {"type": "WordLevel", "unk_token": "<unk>",
        "vocab": {"<pad>": 0, "<eos>": 1, "<unk>": 2, "red": 3000, "car": 70}}}"#;

fn siglip2(element: Element) -> Bench {
    let (mut vision, mut text) = (GraphWriter::new(), GraphWriter::new());
    picture_tower(&mut vision, 256, "pooler_output", element);
    text_tower(&mut text, 64, SIGLIP_SAMPLES, "pooler_output");
    let files = [
        ("vision.onnx", vision.into_bytes()),
        ("text.onnx", text.into_bytes()),
        ("tokenizer.json", SIGLIP_WORDS.as_bytes().to_vec()),
    ];
    Bench::new("siglip2", SIGLIP_SAMPLES, 256, &files)
}

/// CLIP's tiny model with these templates in its registry entry.
fn clip_in(templates: &str) -> Bench {
    let files = [("vision.onnx", clip_vision(Element::F32)), ("text.onnx", clip_text())];
    Bench::with_entry("clip", CLIP_SAMPLES, CLIP_SIDE, &format!("templates = {templates}"), &files)
}

#[test]
fn sentences_go_into_the_models_templates() {
    let read = |bench: Bench, text: &str| bench.open().unwrap().embed_text(text).unwrap().vector;
    let photo = read(clip(), "a photo of a cat");
    let drawing = read(clip(), "a drawing of a cat");
    assert_eq!(read(clip_in(r#"["a photo of {}"]"#), "a cat"), photo);

    let both = read(clip_in(r#"["a photo of {}", "a drawing of {}"]"#), "a cat");
    let sum = photo.iter().zip(&drawing).map(|(a, b)| f64::from(*a) + f64::from(*b));
    assert!(cosine(&both, &normalised(sum.collect())) > 0.999_999);
    assert!(photo != drawing);

    let bench = clip_in(r#"["a photo of {}"]"#);
    let model = bench.open().unwrap();
    assert_eq!(model.templates()[0].as_str(), "a photo of {}");
    let typed = model.embed_text_in(&[], "a photo of a cat").unwrap().vector;
    assert_eq!(typed, photo);
}

#[test]
fn siglip2_reads_lower_case_sentences_of_64_tokens() {
    let query = siglip2(Element::F32).open().unwrap().embed_text("Red CAR").unwrap();
    let expected = text_vector(&padded(&[3000, 70, 1], 64), SIGLIP_SAMPLES);
    assert!(cosine(&query.vector, &expected) > 0.99999);
}

#[test]
fn the_text_tower_comes_with_the_first_sentence_and_goes_when_idle() {
    let bench = clip();
    let model = bench.open().unwrap();
    model.embed_text("rain").unwrap();
    let hidden = bench.path("hidden");
    fs_err::rename(bench.path("text.onnx"), &hidden).unwrap();

    model.drop_idle(Duration::from_secs(3600));
    assert!(model.embed_text("rain").is_ok(), "it is still in memory");
    model.drop_idle(Duration::ZERO);
    assert!(matches!(model.embed_text("rain"), Err(InferError::MissingFile { .. })));
    assert!(model.embed_picture(&made_picture(64, 64)).is_ok());

    fs_err::rename(hidden, bench.path("text.onnx")).unwrap();
    assert!(model.embed_text("rain").is_ok());
}

#[test]
fn many_threads_get_the_same_answers() {
    let bench = clip();
    let model = bench.open().unwrap();
    let picture = made_picture(640, 360);
    let (seen, read) = (model.embed_picture(&picture).unwrap(), model.embed_text("rain").unwrap());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(model.embed_picture(&picture).unwrap(), seen);
                    assert_eq!(model.embed_text("rain").unwrap(), read);
                    model.drop_idle(Duration::ZERO);
                }
            });
        }
    });
}

#[test]
fn absent_and_broken_files_are_named() {
    for absent in ["vision.onnx", "text.onnx"] {
        let bench = clip();
        fs_err::remove_file(bench.path(absent)).unwrap();
        let message = bench.open().err().unwrap().to_string();
        assert!(message.contains(absent) && message.contains("pull tiny"), "{message}");
    }
    let bench = clip();
    fs_err::remove_dir_all(bench.folder.path().join("clip-vocabulary")).unwrap();
    let message = bench.open().err().unwrap().to_string();
    assert!(message.contains("bpe_simple_vocab_16e6.txt.gz"), "{message}");

    let bench = clip();
    fs_err::write(bench.path("vision.onnx"), b"no graph").unwrap();
    let error = bench.open().err().unwrap();
    assert!(
        matches!(&error, InferError::BadFile { path, .. } if *path == bench.path("vision.onnx"))
    );
}

#[test]
fn graphs_of_another_model_are_refused() {
    let files = [("vision.onnx", clip_vision(Element::F32)), ("text.onnx", clip_text())];
    let other_length = Bench::new("clip", 512, CLIP_SIDE, &files);
    let model = other_length.open().unwrap();
    let message = model.embed_picture(&made_picture(64, 64)).unwrap_err().to_string();
    assert!(message.contains("147 values where 512 were expected"), "{message}");

    let mut graph = GraphWriter::new();
    picture_tower(&mut graph, CLIP_SIDE, "something_else", Element::F32);
    let files = [("vision.onnx", graph.into_bytes()), ("text.onnx", clip_text())];
    let other_output = Bench::new("clip", CLIP_SAMPLES, CLIP_SIDE, &files);
    let error = other_output.open().unwrap().embed_picture(&made_picture(64, 64)).unwrap_err();
    assert!(error.to_string().contains("image_embeds"), "{error}");
}

#[test]
fn a_vector_without_direction_is_an_error() {
    let mut graph = GraphWriter::new();
    graph.input("pixel_values", Element::F32, &[-1, 3, 224, 224]);
    graph.floats("zero", &[1], &[0.0]);
    graph.node("Mul", &["pixel_values", "zero"], "nothing", vec![]);
    graph.node("GlobalAveragePool", &["nothing"], "pooled", vec![]);
    graph.node("Flatten", &["pooled"], "image_embeds", vec![]);
    graph.output("image_embeds", Element::F32, &[-1, 3]);
    let files = [("vision.onnx", graph.into_bytes()), ("text.onnx", clip_text())];
    let bench = Bench::new("clip", 3, CLIP_SIDE, &files);
    let error = bench.open().unwrap().embed_picture(&made_picture(64, 64)).unwrap_err();
    assert!(matches!(error, InferError::Run { .. }), "{error}");
}

#[test]
fn keys_that_are_no_two_tower_models_are_refused() {
    let bench = clip();
    let open = |key: &str| {
        open_visual(&bench.registry, &bench.folder, &key.parse().unwrap(), &runtime(), 1).err()
    };
    assert!(matches!(open("nowhere"), Some(InferError::Registry(_))));
    assert!(matches!(open("yunet"), Some(InferError::BadFile { .. })));
    let lite = bench.registry.get(&"lite-260".parse().unwrap()).unwrap();
    let refused = towers::open(&bench.folder, lite, &runtime(), 1).err();
    assert!(matches!(refused, Some(InferError::BadFile { .. })));
}
