//! EfficientNet-Lite2 as an ONNX graph, built from its PyTorch checkpoint.
//!
//! The network is the list of stages of the EfficientNet paper (arXiv 1905.11946, table 1) without
//! squeeze-and-excitation and with ReLU6, at width 1.1 and depth 1.2; layer names are those of the
//! package `efficientnet_lite_pytorch`. Batch norms are folded into the convolutions before them.

use super::checkpoint::{Checkpoint, CheckpointError, Tensor};
use crate::onnx::{Attribute, Element, GraphWriter};

/// Side of the square input.
pub(super) const SIDE: usize = 260;
/// Classes of ImageNet-1k.
pub(super) const CLASSES: usize = 1000;
/// Input and output of the graph.
pub(super) const INPUT: &str = "pixels";
/// See [`INPUT`].
pub(super) const OUTPUT: &str = "logits";

/// Blocks of each stage and the stride of its first block.
const STAGES: [(usize, usize); 7] = [(1, 1), (3, 2), (3, 2), (4, 2), (4, 1), (5, 2), (1, 1)];
/// `batch_norm_epsilon` of the lite networks.
const EPSILON: f32 = 1e-3;

/// The model's bytes: `pixels` [1, 3, 260, 260], RGB as (x - 127) / 128, to `logits` [1, 1000].
pub(super) fn graph(checkpoint: &Checkpoint<'_>) -> Result<Vec<u8>, CheckpointError> {
    let mut network = Network { checkpoint, graph: GraphWriter::new(), side: SIDE };
    network.graph.input(INPUT, Element::F32, &[1, 3, SIDE as i64, SIDE as i64]);
    network.graph.output(OUTPUT, Element::F32, &[1, CLASSES as i64]);
    network.graph.floats("zero", &[], &[0.0]);
    network.graph.floats("six", &[], &[6.0]);
    let mut wire = network.convolution("_conv_stem", "_bn0", INPUT, 2, true)?;
    let strides = STAGES.iter().flat_map(|&(blocks, stride)| (0..blocks).map(move |k| (stride, k)));
    for (block, (stride, k)) in strides.enumerate() {
        wire = network.block(block, &wire, if k == 0 { stride } else { 1 })?;
    }
    wire = network.convolution("_conv_head", "_bn1", &wire, 1, true)?;
    network.classify(&wire)?;
    Ok(network.graph.into_bytes())
}

struct Network<'a> {
    checkpoint: &'a Checkpoint<'a>,
    graph: GraphWriter,
    /// Side of the current feature map, which "same" padding depends on.
    side: usize,
}

impl Network<'_> {
    /// Expand, filter each channel, project; added to its input where the shapes agree.
    fn block(
        &mut self,
        index: usize,
        input: &str,
        stride: usize,
    ) -> Result<String, CheckpointError> {
        let layer = |name: &str| format!("_blocks.{index}.{name}");
        let mut wire = input.to_owned();
        let expand = layer("_expand_conv");
        if self.checkpoint.contains(&format!("{expand}.weight")) {
            wire = self.convolution(&expand, &layer("_bn0"), &wire, 1, true)?;
        }
        wire = self.convolution(&layer("_depthwise_conv"), &layer("_bn1"), &wire, stride, true)?;
        wire = self.convolution(&layer("_project_conv"), &layer("_bn2"), &wire, 1, false)?;
        // Within a stage every block but the first keeps sides and channels.
        let first =
            STAGES.iter().scan(0, |at, &(blocks, _)| Some(std::mem::replace(at, *at + blocks)));
        if first.into_iter().all(|first| first != index) {
            let sum = layer("sum");
            self.graph.node("Add", &[&wire, input], &sum, vec![]);
            wire = sum;
        }
        Ok(wire)
    }

    /// A convolution with its batch norm folded in, "same" padding, and ReLU6 if `active`.
    fn convolution(
        &mut self,
        layer: &str,
        norm: &str,
        input: &str,
        stride: usize,
        active: bool,
    ) -> Result<String, CheckpointError> {
        let (weight, bias) = self.folded(layer, norm)?;
        let [channels, per_group, kernel, _] = weight.shape[..] else {
            return Err(CheckpointError::Shape { name: layer.to_owned(), shape: weight.shape });
        };
        let depthwise = per_group == 1;
        let (before, after) = same_padding(self.side, kernel, stride);
        self.side = self.side.div_ceil(stride);
        let sides: Vec<i64> = weight.shape.iter().map(|&side| side as i64).collect();
        let names = [format!("{layer}.weight"), format!("{layer}.bias"), format!("{layer}.out")];
        self.graph.floats(&names[0], &sides, &weight.values);
        self.graph.floats(&names[1], &sides[..1], &bias);
        let group = if depthwise { channels as i64 } else { 1 };
        let attributes = vec![
            Attribute::ints("kernel_shape", &sides[2..]),
            Attribute::ints("strides", &[stride as i64; 2]),
            Attribute::ints("pads", &[before, before, after, after]),
            Attribute::int("group", group),
        ];
        self.graph.node("Conv", &[input, &names[0], &names[1]], &names[2], attributes);
        if !active {
            return Ok(names[2].clone());
        }
        let clipped = format!("{layer}.relu6");
        self.graph.node("Clip", &[&names[2], "zero", "six"], &clipped, vec![]);
        Ok(clipped)
    }

    /// Weights and biases of a convolution followed by a batch norm, as one convolution.
    fn folded(&self, layer: &str, norm: &str) -> Result<(Tensor, Vec<f32>), CheckpointError> {
        let mut weight = self.checkpoint.tensor(&format!("{layer}.weight"))?;
        let part = |part: &str| self.checkpoint.tensor(&format!("{norm}.{part}"));
        let parts = [part("weight")?, part("bias")?, part("running_mean")?, part("running_var")?];
        let channels = weight.shape.first().copied().unwrap_or(0);
        if channels == 0 || parts.iter().any(|part| part.values.len() != channels) {
            return Err(CheckpointError::Shape { name: layer.to_owned(), shape: weight.shape });
        }
        let [gamma, beta, mean, variance] = parts.map(|part| part.values);
        let scales: Vec<f32> = gamma
            .iter()
            .zip(&variance)
            .map(|(gamma, var)| gamma / (var + EPSILON).sqrt())
            .collect();
        let each = weight.values.len() / channels;
        for (filter, scale) in weight.values.chunks_exact_mut(each).zip(&scales) {
            filter.iter_mut().for_each(|value| *value *= scale);
        }
        let bias = (0..channels).map(|c| beta[c] - mean[c] * scales[c]).collect();
        Ok((weight, bias))
    }

    fn classify(&mut self, input: &str) -> Result<(), CheckpointError> {
        let (weight, bias) =
            (self.checkpoint.tensor("_fc.weight")?, self.checkpoint.tensor("_fc.bias")?);
        let sides: Vec<i64> = weight.shape.iter().map(|&side| side as i64).collect();
        if sides.len() != 2 || sides[0] != CLASSES as i64 || bias.values.len() != CLASSES {
            return Err(CheckpointError::Shape { name: "_fc".into(), shape: weight.shape });
        }
        self.graph.floats("_fc.weight", &sides, &weight.values);
        self.graph.floats("_fc.bias", &sides[..1], &bias.values);
        self.graph.node("GlobalAveragePool", &[input], "pooled", vec![]);
        self.graph.node("Flatten", &["pooled"], "features", vec![]);
        let transposed = vec![Attribute::int("transB", 1)];
        self.graph.node("Gemm", &["features", "_fc.weight", "_fc.bias"], OUTPUT, transposed);
        Ok(())
    }
}

/// TensorFlow's "SAME": the padding before and after, the odd pixel after. The weights were trained
/// with it, so PyTorch's symmetric padding would be off by a pixel at every even side.
fn same_padding(side: usize, kernel: usize, stride: usize) -> (i64, i64) {
    let total = ((side.div_ceil(stride) - 1) * stride + kernel).saturating_sub(side);
    ((total / 2) as i64, (total - total / 2) as i64)
}

#[cfg(test)]
mod tests {
    use super::same_padding;

    #[test]
    fn padding_is_tensorflows() {
        assert_eq!(same_padding(260, 3, 2), (0, 1));
        assert_eq!(same_padding(65, 5, 2), (2, 2));
        assert_eq!(same_padding(130, 5, 2), (1, 2));
        assert_eq!(same_padding(33, 3, 1), (1, 1));
        assert_eq!(same_padding(9, 1, 1), (0, 0));
    }
}
