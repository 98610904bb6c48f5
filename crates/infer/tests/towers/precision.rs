//! Files of other precision than the reference: half-precision weights, and four bits a weight, as the
//! exports of SigLIP 2 have them.
//!
//! The towers here have the exports' operators (patches by a convolution, a layer norm spelled out,
//! attention, GELU, mean pooling; for words a table of rows) at a small size, with weights by formula.

use crate::{Bench, SIGLIP_WORDS, cosine, made_picture, normalised};
use half::f16;
use rushes_infer::onnx::{Attribute, Element, GraphWriter};

/// Width of the towers.
const WIDTH: usize = 64;
/// Weights that share a scale, as in the exports.
const BLOCK: usize = 32;
/// Rows of the word table: the largest token of [`SIGLIP_WORDS`] and one more.
const WORDS: usize = 3001;

/// How a tower's file holds its weights and passes its values on.
#[derive(Clone, Copy, PartialEq)]
enum Precision {
    Full,
    /// Half-precision weights and inner values; inputs and outputs as named.
    Half(Element),
    /// As half precision, with the square matrices at four bits a weight.
    FourBits,
}

/// Numbers around 0, spread like weights: the sum of four hashed ones.
fn weights(seed: usize, count: usize, scale: f32) -> Vec<f32> {
    let one = |i: usize| (i.wrapping_mul(2_654_435_761) >> 7) % 1000;
    let value = |i: usize| {
        let sum: usize = (0..4).map(|k| one(4 * i + k + 7919 * seed)).sum();
        (sum as f32 / 2000.0 - 1.0) * scale
    };
    (0..count).map(value).collect()
}

/// The square matrices of a tower, by name; the seed is what tells them apart.
const MATRICES: [(&str, usize); 5] =
    [("query", 2), ("key", 3), ("value", 4), ("up", 5), ("head", 6)];

fn matrix(name: &str) -> Vec<f32> {
    let (_, seed) = MATRICES.iter().find(|(known, _)| *known == name).unwrap();
    weights(*seed, WIDTH * WIDTH, 0.2)
}

/// A matrix at four bits: two weights a byte, column by column, and a scale for each block, around 8.
struct Quantised {
    bytes: Vec<u8>,
    scales: Vec<f16>,
}

fn quantised(matrix: &[f32]) -> Quantised {
    let (mut bytes, mut scales) = (Vec::new(), Vec::new());
    for column in 0..WIDTH {
        for block in 0..WIDTH / BLOCK {
            let at = |row: usize| matrix[(block * BLOCK + row) * WIDTH + column];
            let largest = (0..BLOCK).map(|row| at(row).abs()).fold(0.0, f32::max);
            let scale = f16::from_f32(largest / 7.0);
            let level = |row| (at(row) / scale.to_f32()).round().clamp(-8.0, 7.0) as i8 + 8;
            bytes.extend((0..BLOCK).step_by(2).map(|row| (level(row) | level(row + 1) << 4) as u8));
            scales.push(scale);
        }
    }
    Quantised { bytes, scales }
}

/// What the four bits stand for, worked out from the bytes alone.
fn dequantised(packed: &Quantised) -> Vec<f64> {
    let mut matrix = vec![0.0; WIDTH * WIDTH];
    for (index, byte) in packed.bytes.iter().enumerate() {
        for (half, level) in [byte & 15, byte >> 4].into_iter().enumerate() {
            let weight = 2 * index + half;
            let (column, row) = (weight / WIDTH, weight % WIDTH);
            let scale = packed.scales[weight / BLOCK].to_f64();
            matrix[row * WIDTH + column] = (f64::from(level) - 8.0) * scale;
        }
    }
    matrix
}

/// A graph under construction at some precision.
struct Tower {
    graph: GraphWriter,
    precision: Precision,
}

impl Tower {
    fn new(precision: Precision) -> Self {
        Self { graph: GraphWriter::new(), precision }
    }

    fn inner(&self) -> Element {
        if self.precision == Precision::Full { Element::F32 } else { Element::F16 }
    }

    /// Element of inputs and outputs.
    fn outer(&self) -> Element {
        match self.precision {
            Precision::Half(outer) => outer,
            Precision::Full | Precision::FourBits => Element::F32,
        }
    }

    fn node(&mut self, op: &str, inputs: &[&str], output: &str) {
        self.graph.node(op, inputs, output, vec![]);
    }

    fn cast(&mut self, input: &str, output: &str, to: Element) {
        self.graph.node("Cast", &[input], output, vec![Attribute::int("to", to as i64)]);
    }

    fn constant(&mut self, name: &str, sides: &[i64], values: &[f32]) {
        match self.inner() {
            Element::F16 => {
                let values: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
                self.graph.halves(name, sides, &values);
            }
            _ => self.graph.floats(name, sides, values),
        }
    }

    /// `input` times one of [`MATRICES`].
    fn product(&mut self, input: &str, name: &str, output: &str) {
        let width = WIDTH as i64;
        if self.precision != Precision::FourBits {
            self.constant(name, &[width, width], &matrix(name));
            return self.node("MatMul", &[input, name], output);
        }
        let packed = quantised(&matrix(name));
        let blocks = (WIDTH / BLOCK) as i64;
        let scales = format!("{name}.scales");
        self.graph.bytes(name, &[width, blocks, BLOCK as i64 / 2], &packed.bytes);
        self.graph.halves(&scales, &[width * blocks], &packed.scales);
        let settings = [("K", width), ("N", width), ("bits", 4), ("block_size", BLOCK as i64)];
        let settings = settings.map(|(name, value)| Attribute::int(name, value));
        self.graph.microsoft_node(
            "MatMulNBits",
            &[input, name, &scales],
            output,
            settings.to_vec(),
        );
    }

    fn mean(&mut self, input: &str, output: &str, axis: i64) {
        let keep = i64::from(axis == -1);
        let settings = vec![Attribute::ints("axes", &[axis]), Attribute::int("keepdims", keep)];
        self.graph.node("ReduceMean", &[input], output, settings);
    }

    /// A layer norm as exports spell it out.
    fn layer_norm(&mut self, input: &str, output: &str) {
        self.constant("epsilon", &[], &[1e-5]);
        self.mean(input, "mean", -1);
        self.node("Sub", &[input, "mean"], "centred");
        self.node("Mul", &["centred", "centred"], "squared");
        self.mean("squared", "variance", -1);
        self.node("Add", &["variance", "epsilon"], "positive");
        self.node("Sqrt", &["positive"], "deviation");
        self.node("Div", &["centred", "deviation"], output);
    }

    /// One block of a transformer over `[1, n, WIDTH]`, then the mean over the n and the head.
    fn block(&mut self, input: &str) {
        self.layer_norm(input, "normed");
        for name in ["query", "key", "value"] {
            self.product("normed", name, &format!("{name}.out"));
        }
        let swap = vec![Attribute::ints("perm", &[0, 2, 1])];
        self.graph.node("Transpose", &["key.out"], "key.swapped", swap);
        self.node("MatMul", &["query.out", "key.swapped"], "attention");
        self.graph.node("Softmax", &["attention"], "shares", vec![Attribute::int("axis", -1)]);
        self.node("MatMul", &["shares", "value.out"], "attended");
        self.node("Add", &["attended", "normed"], "residual");
        self.product("residual", "up", "wide");
        self.gelu("wide", "curved");
        self.mean("curved", "pooled", 1);
        self.product("pooled", "head", "headed");
    }

    fn gelu(&mut self, input: &str, output: &str) {
        self.constant("root", &[], &[std::f32::consts::FRAC_1_SQRT_2]);
        self.constant("one", &[], &[1.0]);
        self.node("Mul", &[input, "root"], "scaled");
        self.node("Erf", &["scaled"], "erf");
        self.node("Add", &["erf", "one"], "gate");
        self.node("Mul", &[input, "gate"], output);
    }

    fn finish(mut self, input: &str) -> Vec<u8> {
        self.cast(input, "pooler_output", self.outer());
        self.graph.output("pooler_output", self.outer(), &[-1, WIDTH as i64]);
        self.graph.into_bytes()
    }
}

fn vision(precision: Precision) -> Vec<u8> {
    let mut tower = Tower::new(precision);
    tower.graph.input("pixel_values", tower.outer(), &[-1, 3, 256, 256]);
    tower.cast("pixel_values", "pixels", tower.inner());
    let (width, side) = (WIDTH as i64, 32);
    let patches = weights(1, WIDTH * 3 * 32 * 32, 0.05);
    tower.constant("patches", &[width, 3, side, side], &patches);
    let tiling = ["kernel_shape", "strides"].map(|name| Attribute::ints(name, &[side, side]));
    tower.graph.node("Conv", &["pixels", "patches"], "tiles", tiling.to_vec());
    tower.graph.integers("rows", &[3], &[0, width, -1]);
    tower.node("Reshape", &["tiles", "rows"], "columns");
    let swap = vec![Attribute::ints("perm", &[0, 2, 1])];
    tower.graph.node("Transpose", &["columns"], "sequence", swap);
    tower.block("sequence");
    tower.finish("headed")
}

fn text(precision: Precision) -> Vec<u8> {
    let mut tower = Tower::new(precision);
    tower.graph.input("input_ids", Element::I64, &[-1, 64]);
    tower.constant("table", &[WORDS as i64, WIDTH as i64], &weights(9, WORDS * WIDTH, 1.0));
    tower.node("Gather", &["table", "input_ids"], "sequence");
    tower.block("sequence");
    tower.finish("headed")
}

fn bench(precision: Precision) -> Bench {
    let files = [
        ("vision.onnx", vision(precision)),
        ("text.onnx", text(precision)),
        ("tokenizer.json", SIGLIP_WORDS.as_bytes().to_vec()),
    ];
    Bench::new("siglip2", WIDTH, 256, &files)
}

/// Vectors of a picture and a sentence.
fn vectors(precision: Precision) -> [Vec<f32>; 2] {
    let bench = bench(precision);
    let model = bench.open().unwrap();
    let picture = model.embed_picture(&made_picture(640, 360)).unwrap().vector;
    [picture, model.embed_text("red car").unwrap().vector]
}

fn widened(vector: &[f32]) -> Vec<f64> {
    vector.iter().map(|&value| f64::from(value)).collect()
}

#[test]
fn half_precision_files_give_the_reference_s_vectors() {
    let full = vectors(Precision::Full);
    for outer in [Element::F32, Element::F16] {
        for (half, full) in vectors(Precision::Half(outer)).iter().zip(&full) {
            let cosine = cosine(half, &normalised(widened(full)));
            assert!(cosine >= 0.999, "{outer:?}: {cosine}");
        }
    }
}

#[test]
fn four_bit_files_stay_near_the_reference() {
    let full = vectors(Precision::Full);
    for (small, full) in vectors(Precision::FourBits).iter().zip(&full) {
        let cosine = cosine(small, &normalised(widened(full)));
        // .969 and .997 are known of the real towers, which are deeper.
        assert!(cosine > 0.95, "{cosine}");
    }
}

/// `rows` of [`WIDTH`] values times a matrix.
fn times(rows: &[Vec<f64>], matrix: &[f64]) -> Vec<Vec<f64>> {
    let cell = |row: &[f64], column: usize| {
        row.iter().enumerate().map(|(k, value)| value * matrix[k * WIDTH + column]).sum()
    };
    rows.iter().map(|row| (0..WIDTH).map(|column| cell(row, column)).collect()).collect()
}

fn layer_normed(row: &[f64]) -> Vec<f64> {
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / WIDTH as f64;
    let centre = mean(&mut row.iter().copied());
    let variance = mean(&mut row.iter().map(|value| (value - centre).powi(2)));
    row.iter().map(|value| (value - centre) / (variance + 1e-5).sqrt()).collect()
}

/// The error function by its series, which converges well where GELU bends.
fn erf(x: f64) -> f64 {
    let x = x.clamp(-5.0, 5.0);
    let (mut term, mut sum) = (x, x);
    for n in 1..120 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

/// The text tower with the matrices that the four bits stand for, in plain arithmetic.
fn by_hand(ids: &[usize]) -> Vec<f64> {
    let table = weights(9, WORDS * WIDTH, 1.0);
    let matrix = |name| dequantised(&quantised(&matrix(name)));
    let row = |id: usize| {
        let values = table[id * WIDTH..][..WIDTH].iter();
        layer_normed(&values.map(|&value| f16::from_f32(value).to_f64()).collect::<Vec<_>>())
    };
    let normed: Vec<Vec<f64>> = ids.iter().map(|&id| row(id)).collect();
    let [query, key, value] = ["query", "key", "value"].map(|name| times(&normed, &matrix(name)));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let residual: Vec<Vec<f64>> = query
        .iter()
        .zip(&normed)
        .map(|(query, normed)| {
            let scores: Vec<f64> = key.iter().map(|key| dot(query, key)).collect();
            let highest = scores.iter().copied().fold(f64::MIN, f64::max);
            let shares: Vec<f64> = scores.iter().map(|score| (score - highest).exp()).collect();
            let total: f64 = shares.iter().sum();
            let attended = |column: usize| {
                shares.iter().zip(&value).map(|(share, value)| share * value[column]).sum::<f64>()
            };
            (0..WIDTH).map(|column| attended(column) / total + normed[column]).collect()
        })
        .collect();
    let wide = times(&residual, &matrix("up"));
    let curved = |value: f64| value * (1.0 + erf(value * std::f64::consts::FRAC_1_SQRT_2));
    let pooled = (0..WIDTH)
        .map(|column| wide.iter().map(|row| curved(row[column])).sum::<f64>() / ids.len() as f64)
        .collect();
    normalised(times(&[pooled], &matrix("head")).remove(0))
}

#[test]
fn four_bit_weights_mean_what_their_bytes_say() {
    let [_, vector] = vectors(Precision::FourBits);
    // "red", "car" and the end in the tokens of SIGLIP_WORDS, padded to 64.
    let mut ids = vec![3000, 70, 1];
    ids.resize(64, 0);
    let cosine = cosine(&vector, &by_hand(&ids));
    // One word of the two changed comes out at .9998: most tokens are padding.
    assert!(cosine >= 0.999_99, "{cosine}");
}
