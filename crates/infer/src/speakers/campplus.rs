//! CAM++ as an ONNX graph, built from 3D-Speaker's checkpoint for Chinese and English.
//!
//! The network is that of arXiv 2303.00332: a front of two-dimensional convolutions, then densely
//! connected convolutions over time, each masked by what is heard around it. Layer names are those of
//! 3D-Speaker's `DTDNN.py`. Its last batch norm is followed by nothing.

use super::fbank::BANDS;
use crate::onnx::{Attribute, Element, GraphWriter};
use crate::torch::{Checkpoint, CheckpointError, Tensor};

/// Length of a vector.
pub(super) const DIMENSIONS: usize = 192;
/// Input and output of the graph.
pub(super) const INPUT: &str = "features";
/// See [`INPUT`].
pub(super) const OUTPUT: &str = "embedding";

/// Layers, kernel and dilation of each dense block.
const BLOCKS: [(usize, usize, usize); 3] = [(12, 3, 1), (24, 3, 2), (16, 3, 2)];
/// Frames that a mask looks at together, beside all.
const SEGMENT: i64 = 100;
/// PyTorch's default of batch norms.
const EPSILON: f32 = 1e-5;

/// The model's bytes: `features` [1, frames, 80], their mean over time taken away, to `embedding` [1, 192].
pub(super) fn graph(checkpoint: &Checkpoint<'_>) -> Result<Vec<u8>, CheckpointError> {
    let mut graph = GraphWriter::new();
    graph.input(INPUT, Element::F32, &[1, -1, BANDS as i64]);
    graph.output(OUTPUT, Element::F32, &[1, DIMENSIONS as i64]);
    let axes = [0, 1, 2, 3].map(|axis| graph.list(&[axis]));
    let mut network = Network { checkpoint, graph, axes };
    let mut wire = network.front()?;
    wire = network.folded(
        &wire,
        "xvector.tdnn.linear",
        "xvector.tdnn.nonlinear.batchnorm",
        &[2],
        2,
    )?;
    wire = network.relu(&wire);
    for (block, (layers, kernel, dilation)) in (1..).zip(BLOCKS) {
        for layer in 1..=layers {
            let name = format!("xvector.block{block}.tdnnd{layer}");
            wire = network.dense_layer(&wire, &name, kernel, dilation)?;
        }
        wire = network.transit(&wire, &format!("xvector.transit{block}"))?;
    }
    wire = network.norm_relu(&wire, "xvector.out_nonlinear.batchnorm")?;
    wire = network.statistics(&wire);
    let (dense, norm) = ("xvector.dense.linear", "xvector.dense.nonlinear.batchnorm");
    wire = network.folded(&wire, dense, norm, &[1], 0)?;
    let [_, _, time, _] = &network.axes;
    network.graph.node("Squeeze", &[&wire, time], OUTPUT, vec![]);
    Ok(network.graph.into_bytes())
}

struct Network<'a> {
    checkpoint: &'a Checkpoint<'a>,
    graph: GraphWriter,
    /// Lists of one number, the numbers 0 to 3.
    axes: [String; 4],
}

impl Network<'_> {
    fn relu(&mut self, input: &str) -> String {
        self.graph.step("Relu", &[input], vec![])
    }

    /// A convolution over one axis or two; `padding` on every side.
    fn convolution(
        &mut self,
        input: &str,
        weight: &Tensor,
        bias: Option<&[f32]>,
        strides: &[i64],
        padding: usize,
        dilation: usize,
    ) -> String {
        let kernel: Vec<i64> = weight.shape.iter().skip(2).map(|&side| side as i64).collect();
        let attributes = vec![
            Attribute::ints("strides", strides),
            Attribute::ints("pads", &vec![padding as i64; 2 * kernel.len()]),
            Attribute::ints("dilations", &vec![dilation as i64; kernel.len()]),
            Attribute::ints("kernel_shape", &kernel),
        ];
        let weights = self.graph.weight(&weight.shape, &weight.values);
        let bias = bias.map(|bias| self.graph.weight(&[bias.len()], bias)).unwrap_or_default();
        self.graph.step("Conv", &[input, &weights, &bias], attributes)
    }

    /// A convolution and the batch norm after it.
    fn folded(
        &mut self,
        input: &str,
        layer: &str,
        norm: &str,
        strides: &[i64],
        padding: usize,
    ) -> Result<String, CheckpointError> {
        let (weight, bias) = self.checkpoint.folded(layer, norm, EPSILON)?;
        Ok(self.convolution(input, &weight, Some(&bias), strides, padding, 1))
    }

    /// A convolution of one step over time, without or with biases.
    fn pointwise(&mut self, input: &str, layer: &str) -> Result<String, CheckpointError> {
        let weight = self.checkpoint.tensor(&format!("{layer}.weight"))?;
        let bias = format!("{layer}.bias");
        let bias = self.checkpoint.contains(&bias).then(|| self.checkpoint.tensor(&bias));
        let bias = bias.transpose()?.map(|bias| bias.values);
        Ok(self.convolution(input, &weight, bias.as_deref(), &[1], 0, 1))
    }

    /// A batch norm that stands before a convolution, and what it switches off.
    fn norm_relu(&mut self, input: &str, name: &str) -> Result<String, CheckpointError> {
        let channels = self.checkpoint.tensor(&format!("{name}.running_mean"))?.values.len();
        let parts = self.checkpoint.norm(name, channels)?;
        let parts = parts.map(|part| self.graph.weight(&[channels], &part));
        let [factors, offsets, means, variances] = &parts;
        let epsilon = vec![Attribute::float("epsilon", EPSILON)];
        let inputs = [input, factors, offsets, means, variances];
        let wire = self.graph.step("BatchNormalization", &inputs, epsilon);
        Ok(self.relu(&wire))
    }

    /// Features as a picture of one channel, bands high, to [1, 320, frames].
    fn front(&mut self) -> Result<String, CheckpointError> {
        let turned = vec![Attribute::ints("perm", &[0, 2, 1])];
        let mut wire = self.graph.step("Transpose", &[INPUT], turned);
        wire = self.graph.step("Unsqueeze", &[&wire, &self.axes[1].clone()], vec![]);
        wire = self.folded(&wire, "head.conv1", "head.bn1", &[1, 1], 1)?;
        wire = self.relu(&wire);
        for (layer, block) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
            wire = self.residual(&wire, &format!("head.layer{layer}.{block}"), block == 0)?;
        }
        wire = self.folded(&wire, "head.conv2", "head.bn2", &[2, 1], 1)?;
        wire = self.relu(&wire);
        let sides = self.graph.list(&[0, 320, -1]);
        Ok(self.graph.step("Reshape", &[&wire, &sides], vec![]))
    }

    /// Two convolutions beside a shortcut; the first block of a layer halves the bands.
    fn residual(
        &mut self,
        input: &str,
        name: &str,
        halves: bool,
    ) -> Result<String, CheckpointError> {
        let strides = if halves { [2, 1] } else { [1, 1] };
        let (conv, norm) = (|n: u8| format!("{name}.conv{n}"), |n: u8| format!("{name}.bn{n}"));
        let mut wire = self.folded(input, &conv(1), &norm(1), &strides, 1)?;
        wire = self.relu(&wire);
        wire = self.folded(&wire, &conv(2), &norm(2), &[1, 1], 1)?;
        let mut beside = input.to_owned();
        if halves {
            let (conv, norm) = (format!("{name}.shortcut.0"), format!("{name}.shortcut.1"));
            beside = self.folded(input, &conv, &norm, &strides, 0)?;
        }
        let sum = self.graph.step("Add", &[&wire, &beside], vec![]);
        Ok(self.relu(&sum))
    }

    /// A layer whose output is appended to the channels that it was given.
    fn dense_layer(
        &mut self,
        input: &str,
        name: &str,
        kernel: usize,
        dilation: usize,
    ) -> Result<String, CheckpointError> {
        let mut wire = self.norm_relu(input, &format!("{name}.nonlinear1.batchnorm"))?;
        let norm = format!("{name}.nonlinear2.batchnorm");
        wire = self.folded(&wire, &format!("{name}.linear1"), &norm, &[1], 0)?;
        wire = self.relu(&wire);
        let local = self.checkpoint.tensor(&format!("{name}.cam_layer.linear_local.weight"))?;
        let padding = dilation * (kernel - 1) / 2;
        let local = self.convolution(&wire, &local, None, &[1], padding, dilation);
        let mask = self.mask(&wire, &format!("{name}.cam_layer"))?;
        let masked = self.graph.step("Mul", &[&local, &mask], vec![]);
        Ok(self.graph.step("Concat", &[input, &masked], vec![Attribute::int("axis", 1)]))
    }

    /// What is heard in each segment and altogether, as a factor for every channel and frame.
    fn mask(&mut self, input: &str, name: &str) -> Result<String, CheckpointError> {
        let all = self.mean(input);
        let segments = self.segment_means(input);
        let context = self.graph.step("Add", &[&segments, &all], vec![]);
        let mut wire = self.pointwise(&context, &format!("{name}.linear1"))?;
        wire = self.relu(&wire);
        wire = self.pointwise(&wire, &format!("{name}.linear2"))?;
        Ok(self.graph.step("Sigmoid", &[&wire], vec![]))
    }

    fn mean(&mut self, input: &str) -> String {
        let attributes = vec![Attribute::ints("axes", &[2]), Attribute::int("keepdims", 1)];
        self.graph.step("ReduceMean", &[input], attributes)
    }

    /// The mean of its segment at every frame; the last segment may be short.
    fn segment_means(&mut self, input: &str) -> String {
        let [zero, _, time, after] = self.axes.clone();
        let pool = vec![
            Attribute::ints("kernel_shape", &[SEGMENT]),
            Attribute::ints("strides", &[SEGMENT]),
            Attribute::int("ceil_mode", 1),
            Attribute::int("count_include_pad", 0),
        ];
        let mut wire = self.graph.step("AveragePool", &[input], pool);
        wire = self.graph.step("Unsqueeze", &[&wire, &after], vec![]);
        let sides = self.graph.list(&[1, 1, 1, SEGMENT]);
        wire = self.graph.step("Expand", &[&wire, &sides], vec![]);
        let sides = self.graph.list(&[0, 0, -1]);
        wire = self.graph.step("Reshape", &[&wire, &sides], vec![]);
        let frames = self.frames(input);
        self.graph.step("Slice", &[&wire, &zero, &frames, &time], vec![])
    }

    /// How many frames there are.
    fn frames(&mut self, input: &str) -> String {
        let [_, _, time, after] = self.axes.clone();
        let shape = self.graph.step("Shape", &[input], vec![]);
        self.graph.step("Slice", &[&shape, &time, &after], vec![])
    }

    fn transit(&mut self, input: &str, name: &str) -> Result<String, CheckpointError> {
        let wire = self.norm_relu(input, &format!("{name}.nonlinear.batchnorm"))?;
        self.pointwise(&wire, &format!("{name}.linear"))
    }

    /// Mean and deviation over time, the latter without bias as `torch.std` has it.
    fn statistics(&mut self, input: &str) -> String {
        let mean = self.mean(input);
        let off = self.graph.step("Sub", &[input, &mean], vec![]);
        let square = self.graph.step("Mul", &[&off, &off], vec![]);
        let time = self.axes[2].clone();
        let sum = self.graph.step("ReduceSum", &[&square, &time], vec![]);
        let frames = self.frames(input);
        let float = vec![Attribute::int("to", Element::F32 as i64)];
        let frames = self.graph.step("Cast", &[&frames], float);
        let one = self.graph.weight(&[1], &[1.0]);
        let freedom = self.graph.step("Sub", &[&frames, &one], vec![]);
        let variance = self.graph.step("Div", &[&sum, &freedom], vec![]);
        let deviation = self.graph.step("Sqrt", &[&variance], vec![]);
        self.graph.step("Concat", &[&mean, &deviation], vec![Attribute::int("axis", 1)])
    }
}
