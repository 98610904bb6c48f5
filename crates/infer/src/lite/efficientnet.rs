//! EfficientNet-Lite2 as an ONNX graph, built from its PyTorch checkpoint.
//!
//! The network is the list of stages of the EfficientNet paper (arXiv 1905.11946, table 1) without
//! squeeze-and-excitation and with ReLU6, at width 1.1 and depth 1.2; layer names are those of the
//! package `efficientnet_lite_pytorch`. Batch norms are folded into the convolutions before them.

use crate::onnx::{Attribute, Convolution, Element, GraphWriter};
use crate::torch::{Checkpoint, CheckpointError};

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
    network.graph.relu6_bounds();
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
        let (weight, bias) = self.checkpoint.folded(layer, norm, EPSILON)?;
        let Ok(sides) = <[usize; 4]>::try_from(&weight.shape[..]) else {
            return Err(CheckpointError::Shape { name: layer.to_owned(), shape: weight.shape });
        };
        let parts = Convolution { layer, sides, weight: &weight.values, bias: &bias, stride };
        let output = self.graph.same_convolution(input, self.side, &parts);
        self.side = self.side.div_ceil(stride);
        Ok(if active { self.graph.relu6(&output) } else { output })
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
