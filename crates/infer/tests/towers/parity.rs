//! Pictures as the published image processors prepare them.
//!
//! `tests/reference/make_pictures.py` drew the same pictures by the same formulas, put them through the
//! image processors of `transformers` and projected the result; here the towers do, on a graph that
//! projects likewise.

use crate::{Bench, CLIP_SIDE, cosine, normalised, picture_tower};
use rushes_infer::onnx::{Attribute, Element, GraphWriter};
use rushes_model::Picture;
use serde::Deserialize;

const REFERENCE: &str = include_str!("../reference/pictures.json");

#[derive(Deserialize)]
struct Reference {
    pictures: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    width: u32,
    height: u32,
    clip: Prepared,
    siglip2: Prepared,
}

/// What the published software makes of a picture.
#[derive(Deserialize)]
struct Prepared {
    /// The prepared picture, projected.
    vector: Vec<f64>,
    /// Every 32nd pixel of it, plane by plane.
    pixels: Vec<u8>,
}

/// 0..255 out of three numbers, without order.
fn hashed(x: u32, y: u32, c: u32) -> u32 {
    let mixed = x
        .wrapping_mul(374_761_393)
        .wrapping_add(y.wrapping_mul(668_265_263))
        .wrapping_add(c.wrapping_mul(2_246_822_519));
    let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(1_274_126_177);
    (mixed ^ (mixed >> 16)) & 255
}

/// Hashed values at the corners of cells, joined linearly.
fn clouds(x: u32, y: u32, c: u32, cell: u32) -> u32 {
    let (i, j, fx, fy) = (x / cell, y / cell, x % cell, y % cell);
    let top = hashed(i, j, c) * (cell - fx) + hashed(i + 1, j, c) * fx;
    let bottom = hashed(i, j + 1, c) * (cell - fx) + hashed(i + 1, j + 1, c) * fx;
    (top * (cell - fy) + bottom * fy) / (cell * cell)
}

fn photo(x: u32, y: u32, c: u32) -> u32 {
    let coarse = 8 * clouds(x, y, c, 64) + 4 * clouds(x, y, c + 3, 16);
    let value = (coarse + 2 * clouds(x, y, c + 6, 4) + hashed(x, y, c + 9)) / 15;
    if (x * 3 + y * 2) % 400 < 120 { value / 2 } else { value }
}

fn drawn(kind: &str, width: u32, height: u32) -> Picture {
    let value = |x: u32, y: u32, c: u32| match kind {
        "photo" => photo(x, y, c),
        "rings" => {
            let (dx, dy) = (x.abs_diff(width / 2), y.abs_diff(height / 2));
            (dx * dx + dy * dy) / (256 + 64 * c) % 256
        }
        "edges" => ((x / 7 + y / 5 + c) % 2 * 255) ^ (if (x + y) % 97 < 3 { 255 } else { 0 }),
        "noise" => hashed(x, y, c),
        "grey" => 119,
        _ => x * 255 / (width - 1),
    };
    let pixels = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| (x, y, c))))
        .map(|(x, y, c)| value(x, y, c) as u8);
    Picture::new(width, height, pixels.collect()).unwrap()
}

/// A picture tower of 48 sums: each of 4 by 4 tiles under three patterns of weights.
fn projection(side: usize, output: &str) -> Vec<u8> {
    let tile = side / 4;
    let weight = |o: u32, c: u32, y, x| hashed(x, y, 3 * o + c) as f32 / 128.0 - 1.0;
    let mut weights = Vec::new();
    for (o, c) in (0..9).map(|plane| (plane / 3, plane % 3)) {
        let tile = tile as u32;
        weights.extend((0..tile).flat_map(|y| (0..tile).map(move |x| weight(o, c, y, x))));
    }
    let (side, tile) = (side as i64, tile as i64);
    let mut graph = GraphWriter::new();
    graph.input("pixel_values", Element::F32, &[-1, 3, side, side]);
    graph.floats("weights", &[3, 3, tile, tile], &weights);
    let tiling = ["kernel_shape", "strides"].map(|name| Attribute::ints(name, &[tile, tile]));
    graph.node("Conv", &["pixel_values", "weights"], "tiles", tiling.to_vec());
    graph.node("Flatten", &["tiles"], output, vec![]);
    graph.output(output, Element::F32, &[-1, 48]);
    graph.into_bytes()
}

fn sampling(side: usize, output: &str) -> Vec<u8> {
    let mut graph = GraphWriter::new();
    picture_tower(&mut graph, side, output, Element::F32);
    graph.into_bytes()
}

/// A model of a family with this picture tower, whose text tower nobody opens.
fn model(family: &str, dimensions: usize, side: usize, vision: Vec<u8>) -> Bench {
    let words = ("tokenizer.json", Vec::new());
    let files = [("vision.onnx", vision), ("text.onnx", Vec::new()), words];
    Bench::new(family, dimensions, side, &files)
}

struct Family {
    key: &'static str,
    side: usize,
    output: &'static str,
    mean: [f64; 3],
    std: [f64; 3],
    of: fn(&Row) -> &Prepared,
}

/// Holds a family against every reference picture.
fn compare(family: &Family) {
    let reference: Reference = serde_json::from_str(REFERENCE).unwrap();
    let samples = (family.side / 32).pow(2) * 3;
    let projecting = model(family.key, 48, family.side, projection(family.side, family.output));
    let sampled = model(family.key, samples, family.side, sampling(family.side, family.output));
    let (projecting, sampled) = (projecting.open().unwrap(), sampled.open().unwrap());
    for row in &reference.pictures {
        let name = format!("{} {} {}x{}", family.key, row.kind, row.width, row.height);
        let (picture, expected) = (drawn(&row.kind, row.width, row.height), (family.of)(row));

        let vector = projecting.embed_picture(&picture).unwrap().vector;
        let projected = cosine(&vector, &normalised(expected.vector.clone()));
        let vector = sampled.embed_picture(&picture).unwrap().vector;
        let pixels = crate::picture_vector(&expected.pixels, family.mean, family.std);
        let pixels = cosine(&vector, &pixels);
        // 0.999 is asked for. Whatever is done as published comes out above 0.9999; a cut half a pixel
        // off gave 0.9855 on the widest strip, the two passes the other way round 0.9991 on the edges.
        assert!(projected >= 0.9999 && pixels >= 0.9999, "{name}: {projected} {pixels}");
    }
}

#[test]
fn clip_prepares_pictures_as_published() {
    compare(&Family {
        key: "clip",
        side: CLIP_SIDE,
        output: "image_embeds",
        mean: crate::CLIP_MEAN,
        std: crate::CLIP_STD,
        of: |row| &row.clip,
    });
}

#[test]
fn siglip2_prepares_pictures_as_published() {
    compare(&Family {
        key: "siglip2",
        side: 256,
        output: "pooler_output",
        mean: [0.5; 3],
        std: [0.5; 3],
        of: |row| &row.siglip2,
    });
}
