//! PyanNet as an ONNX graph, built from the checkpoint of `pyannote/segmentation-3.0`.
//!
//! The network is that of arXiv 2104.04045: filters of SincNet (arXiv 1808.00158), convolutions, four
//! layers of LSTM that run both ways, and classes that stand for sets of voices (arXiv 2310.13025).

use crate::onnx::{Attribute, Element, GraphWriter};
use crate::torch::{Checkpoint, CheckpointError, Tensor};

/// Samples that the network looks at: ten seconds.
pub(super) const SAMPLES: usize = 160_000;
/// Sets of voices, see [`CLASSES`].
pub(super) const INPUT: &str = "samples";
/// Log-probabilities of the classes.
pub(super) const OUTPUT: &str = "classes";
/// The voices of each class, a bit each: none, one of three, two of them.
pub(super) const CLASSES: [u8; 7] = [0b000, 0b001, 0b010, 0b100, 0b011, 0b101, 0b110];

/// Dictionary of the weights within the checkpoint.
const WEIGHTS: &str = "state_dict";
/// asteroid-filterbanks' `ParamSincFB` at 16 kHz: 80 filters of 251 taps, every tenth sample, none that
/// begins below or is narrower than 50 Hz.
const FILTERS: usize = 80;
const TAPS: usize = 251;
const STRIDE: i64 = 10;
const LEAST_HERTZ: f64 = 50.0;
const NYQUIST: f64 = 8_000.0;
/// PyTorch's defaults of `InstanceNorm1d` and `leaky_relu`.
const EPSILON: f32 = 1e-5;
const LEAK: f32 = 0.01;
/// Width of an LSTM in one direction.
const HIDDEN: usize = 128;
const LSTMS: usize = 4;

/// The model's bytes: `samples` [1, 1, 160000] in -1..=1 to `classes` [frames, 1, 7], logarithms.
pub(super) fn graph(checkpoint: &Checkpoint<'_>) -> Result<Vec<u8>, CheckpointError> {
    let mut network = Network { checkpoint, graph: GraphWriter::new() };
    network.graph.input(INPUT, Element::F32, &[1, 1, SAMPLES as i64]);
    network.graph.output(OUTPUT, Element::F32, &[-1, 1, CLASSES.len() as i64]);
    let mut wire = network.filtered(INPUT)?;
    // [1, channels, frames] to [frames, 1, channels].
    wire = network.graph.step("Transpose", &[&wire], vec![Attribute::ints("perm", &[2, 0, 1])]);
    for layer in 0..LSTMS {
        wire = network.lstm(&wire, layer)?;
    }
    for layer in 0..2 {
        wire = network.linear(&wire, &format!("linear.{layer}"))?;
        wire = network.leaky(&wire);
    }
    wire = network.linear(&wire, "classifier")?;
    network.graph.node("LogSoftmax", &[&wire], OUTPUT, vec![Attribute::int("axis", 2)]);
    Ok(network.graph.into_bytes())
}

struct Network<'a> {
    checkpoint: &'a Checkpoint<'a>,
    graph: GraphWriter,
}

impl Network<'_> {
    fn tensor(&self, name: &str) -> Result<Tensor, CheckpointError> {
        self.checkpoint.tensor(&format!("{WEIGHTS}.{name}"))
    }

    fn weight(&mut self, name: &str) -> Result<String, CheckpointError> {
        let tensor = self.tensor(name)?;
        Ok(self.graph.weight(&tensor.shape, &tensor.values))
    }

    /// Three times filters, the greatest of three, and a norm.
    fn filtered(&mut self, input: &str) -> Result<String, CheckpointError> {
        let mut wire = self.norm(input, "sincnet.wav_norm1d")?;
        for layer in 0..3 {
            wire = if layer == 0 { self.sinc(&wire)? } else { self.convolution(&wire, layer)? };
            let three = ["kernel_shape", "strides"].map(|name| Attribute::ints(name, &[3]));
            wire = self.graph.step("MaxPool", &[&wire], three.to_vec());
            wire = self.norm(&wire, &format!("sincnet.norm1d.{layer}"))?;
            wire = self.leaky(&wire);
        }
        Ok(wire)
    }

    fn norm(&mut self, input: &str, name: &str) -> Result<String, CheckpointError> {
        let (scale, bias) =
            (self.weight(&format!("{name}.weight"))?, self.weight(&format!("{name}.bias"))?);
        let epsilon = vec![Attribute::float("epsilon", EPSILON)];
        Ok(self.graph.step("InstanceNormalization", &[input, &scale, &bias], epsilon))
    }

    fn leaky(&mut self, input: &str) -> String {
        self.graph.step("LeakyRelu", &[input], vec![Attribute::float("alpha", LEAK)])
    }

    fn sinc(&mut self, input: &str) -> Result<String, CheckpointError> {
        let part = |part: &str| self.tensor(&format!("sincnet.conv1d.0.filterbank.{part}"));
        let parts = [part("low_hz_")?, part("band_hz_")?, part("n_")?, part("window_")?];
        let filters = filters(&parts)?;
        let weight = self.graph.weight(&[FILTERS, 1, TAPS], &filters);
        let attributes = vec![
            Attribute::ints("kernel_shape", &[TAPS as i64]),
            Attribute::ints("strides", &[STRIDE]),
        ];
        let wire = self.graph.step("Conv", &[input, &weight], attributes);
        Ok(self.graph.step("Abs", &[&wire], vec![]))
    }

    fn convolution(&mut self, input: &str, layer: usize) -> Result<String, CheckpointError> {
        let weight = self.weight(&format!("sincnet.conv1d.{layer}.weight"))?;
        let bias = self.weight(&format!("sincnet.conv1d.{layer}.bias"))?;
        let five = vec![Attribute::ints("kernel_shape", &[5])];
        Ok(self.graph.step("Conv", &[input, &weight, &bias], five))
    }

    /// A layer that runs both ways: [frames, 1, any] to [frames, 1, 256].
    fn lstm(&mut self, input: &str, layer: usize) -> Result<String, CheckpointError> {
        let weight = self.gates("weight_ih", layer)?;
        let recurrent = self.gates("weight_hh", layer)?;
        let bias = self.biases(layer)?;
        let attributes = vec![
            Attribute::int("hidden_size", HIDDEN as i64),
            Attribute::string("direction", "bidirectional"),
        ];
        let wire = self.graph.step("LSTM", &[input, &weight, &recurrent, &bias], attributes);
        // [frames, directions, 1, 128] to [frames, 1, 256].
        let perm = vec![Attribute::ints("perm", &[0, 2, 1, 3])];
        let wire = self.graph.step("Transpose", &[&wire], perm);
        let sides = self.graph.list(&[0, 0, 2 * HIDDEN as i64]);
        Ok(self.graph.step("Reshape", &[&wire, &sides], vec![]))
    }

    /// A matrix of both directions in ONNX's order of gates.
    fn gates(&mut self, kind: &str, layer: usize) -> Result<String, CheckpointError> {
        let mut values = Vec::new();
        for direction in ["", "_reverse"] {
            let name = format!("lstm.{kind}_l{layer}{direction}");
            values.extend(reordered(&name, &self.tensor(&name)?)?);
        }
        let columns = values.len() / (2 * 4 * HIDDEN);
        Ok(self.graph.weight(&[2, 4 * HIDDEN, columns], &values))
    }

    /// The biases of inputs, then those of states, of each direction.
    fn biases(&mut self, layer: usize) -> Result<String, CheckpointError> {
        let mut values = Vec::new();
        for direction in ["", "_reverse"] {
            for kind in ["bias_ih", "bias_hh"] {
                let name = format!("lstm.{kind}_l{layer}{direction}");
                values.extend(reordered(&name, &self.tensor(&name)?)?);
            }
        }
        Ok(self.graph.weight(&[2, 8 * HIDDEN], &values))
    }

    fn linear(&mut self, input: &str, name: &str) -> Result<String, CheckpointError> {
        let weight = self.weight(&format!("{name}.weight"))?;
        let turned =
            self.graph.step("Transpose", &[&weight], vec![Attribute::ints("perm", &[1, 0])]);
        let product = self.graph.step("MatMul", &[input, &turned], vec![]);
        let bias = self.weight(&format!("{name}.bias"))?;
        Ok(self.graph.step("Add", &[&product, &bias], vec![]))
    }
}

/// PyTorch stacks the gates as input, forget, cell, output; ONNX as input, output, forget, cell.
fn reordered(name: &str, tensor: &Tensor) -> Result<Vec<f32>, CheckpointError> {
    if tensor.shape.first() != Some(&(4 * HIDDEN)) {
        return Err(CheckpointError::Shape { name: name.to_owned(), shape: tensor.shape.clone() });
    }
    let gate = |gate: usize| {
        let length = tensor.values.len() / 4;
        &tensor.values[gate * length..][..length]
    };
    Ok([gate(0), gate(3), gate(1), gate(2)].concat())
}

/// Rows of [`TAPS`] values out of lower edges, widths, half of the points in time, and half of a window:
/// band-passes that begin with a cosine, then as many that begin with a sine.
fn filters(parts: &[Tensor; 4]) -> Result<Vec<f32>, CheckpointError> {
    let half = TAPS / 2;
    let expected = [FILTERS / 2, FILTERS / 2, half, half];
    if let Some((part, _)) = parts.iter().zip(expected).find(|(part, n)| part.values.len() != *n) {
        let name = "sincnet.conv1d.0.filterbank".to_owned();
        return Err(CheckpointError::Shape { name, shape: part.shape.clone() });
    }
    let [lows, bands, times, window] = parts.each_ref().map(|part| &part.values);
    let edges: Vec<(f64, f64)> =
        lows.iter().zip(bands).map(|(&low, &band)| edges(low, band)).collect();
    let mut filters = Vec::with_capacity(FILTERS * TAPS);
    for cosine in [true, false] {
        for &(low, high) in &edges {
            let tap = |(&time, &window): (&f32, &f32)| {
                let (time, window) = (f64::from(time), f64::from(window));
                let (low, high) = (low * time, high * time);
                let wave = if cosine { high.sin() - low.sin() } else { low.cos() - high.cos() };
                wave / (time / 2.0) * window / (2.0 * (high - low) / time)
            };
            let left: Vec<f64> = times.iter().zip(window).map(tap).collect();
            let (middle, sign) = if cosine { (1.0, 1.0) } else { (0.0, -1.0) };
            let right = left.iter().rev().map(|tap| sign * tap);
            let row = left.iter().copied().chain([middle]).chain(right);
            filters.extend(row.map(|tap| tap as f32));
        }
    }
    Ok(filters)
}

/// Where a band begins and ends, in hertz.
fn edges(low: f32, band: f32) -> (f64, f64) {
    let low = LEAST_HERTZ + f64::from(low).abs();
    let high = low + LEAST_HERTZ + f64::from(band).abs();
    (low, high.clamp(LEAST_HERTZ, NYQUIST))
}
