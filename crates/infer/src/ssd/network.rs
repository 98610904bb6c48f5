//! SSD-MobileNetV2 as an ONNX graph, built from its frozen TensorFlow graph.
//!
//! The backbone is the list of stages of the MobileNetV2 paper (arXiv 1801.04381, table 2), the rest
//! the `SSDMobileNetV2FeatureExtractor` of TensorFlow's object detection library: four more pairs of
//! layers, and two convolutions over each of six maps, for boxes and for classes. Layer names are the
//! file's. Batch norms are folded into the convolutions before them.

use super::frozen::{FrozenError, FrozenGraph, Tensor};
use crate::onnx::{Attribute, BatchNorm, Convolution, Element, GraphWriter};

/// Side of the square input.
pub(super) const SIDE: usize = 300;
/// Sides of the six maps that boxes are told from.
pub(super) const MAP_SIDES: [usize; 6] = [19, 10, 5, 3, 2, 1];
/// Anchors of all maps: three at each place of the first, six at each of the others.
const ANCHORS: usize = 3 * 361 + 6 * (100 + 25 + 9 + 4 + 1);
/// Classes of COCO by their ids, and the background as the first.
pub(super) const SCORES: usize = 91;
/// Input of the graph.
pub(super) const INPUT: &str = "pixels";
/// Outputs of the graph: boxes against their anchors, and logits of the classes.
pub(super) const OUTPUTS: [&str; 2] = ["boxes", "scores"];

/// Blocks of each stage and the stride of its first block.
const STAGES: [(usize, usize); 7] = [(1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)];
/// The block whose expanded channels are the first map.
const FIRST_MAP_BLOCK: usize = 13;
/// Channels of the maps behind the backbone.
const EXTRA_MAPS: [usize; 4] = [512, 256, 256, 128];
/// Where the layers of the feature extractor stand in the file.
const FEATURES: &str = "FeatureExtractor/MobilenetV2";
/// The constant that the file adds to every variance.
const EPSILON: f32 = 1e-3;

/// The model: `pixels` [1, 3, 300, 300], RGB as x * 2 / 255 - 1, to `boxes` [1, 1917, 4] and `scores`
/// [1, 1917, 91], anchors in the order of maps, rows, columns.
pub(super) fn graph(weights: &FrozenGraph) -> Result<GraphWriter, FrozenError> {
    let mut network = Network { weights, graph: GraphWriter::new() };
    network.graph.input(INPUT, Element::F32, &[1, 3, SIDE as i64, SIDE as i64]);
    network.graph.relu6_bounds();
    let maps = network.maps()?;
    network.heads(OUTPUTS[0], "BoxEncodingPredictor", 4, &maps)?;
    network.heads(OUTPUTS[1], "ClassPredictor", SCORES, &maps)?;
    Ok(network.graph)
}

struct Network<'a> {
    weights: &'a FrozenGraph,
    graph: GraphWriter,
}

/// A square feature map.
#[derive(Debug, Clone)]
struct Map {
    wire: String,
    side: usize,
}

impl Network<'_> {
    /// The six maps, finest first.
    fn maps(&mut self) -> Result<Vec<Map>, FrozenError> {
        let input = Map { wire: INPUT.to_owned(), side: SIDE };
        let mut map = self.active(&format!("{FEATURES}/Conv"), &input, 2)?;
        let mut maps = Vec::new();
        let strides =
            STAGES.iter().flat_map(|&(blocks, stride)| (0..blocks).map(move |k| (k, stride)));
        for (index, (k, stride)) in strides.enumerate() {
            let layer = match index {
                0 => format!("{FEATURES}/expanded_conv"),
                _ => format!("{FEATURES}/expanded_conv_{index}"),
            };
            let expanded = self.expand(&layer, &map)?;
            // Within a stage every block but the first keeps sides and channels.
            let (stride, shortcut) = if k == 0 { (stride, None) } else { (1, Some(&map)) };
            map = self.project(&layer, &expanded, stride, shortcut)?;
            if index == FIRST_MAP_BLOCK {
                maps.push(expanded);
            }
        }
        maps.push(self.active(&format!("{FEATURES}/Conv_1"), &map, 1)?);
        self.extra_maps(&mut maps)?;
        Ok(maps)
    }

    /// Every further map is half of the one before.
    fn extra_maps(&mut self, maps: &mut Vec<Map>) -> Result<(), FrozenError> {
        for (number, channels) in (2..).zip(EXTRA_MAPS) {
            let layer = format!("{FEATURES}/layer_19_2_Conv2d_{number}_3x3_s2_{channels}");
            let narrow = format!("{FEATURES}/layer_19_1_Conv2d_{number}_1x1_{}", channels / 2);
            let Some(last) = maps.last() else { return Ok(()) };
            let map = self.active(&narrow, &last.clone(), 1)?;
            let map = self.active(&format!("{layer}_depthwise"), &map, 2)?;
            maps.push(self.active(&layer, &map, 1)?);
        }
        Ok(())
    }

    /// A block's first layer, which the first block does not have.
    fn expand(&mut self, layer: &str, input: &Map) -> Result<Map, FrozenError> {
        let expand = format!("{layer}/expand");
        if !self.weights.contains(&format!("{expand}/weights")) {
            return Ok(input.clone());
        }
        self.active(&expand, input, 1)
    }

    /// The rest of a block: filter each channel, project, and add what came in.
    fn project(
        &mut self,
        layer: &str,
        expanded: &Map,
        stride: usize,
        shortcut: Option<&Map>,
    ) -> Result<Map, FrozenError> {
        let filtered = self.active(&format!("{layer}/depthwise"), expanded, stride)?;
        let mut map = self.normed(&format!("{layer}/project"), &filtered, 1)?;
        if let Some(shortcut) = shortcut {
            let sum = format!("{layer}/add");
            self.graph.node("Add", &[&map.wire, &shortcut.wire], &sum, vec![]);
            map.wire = sum;
        }
        Ok(map)
    }

    /// A convolution, its batch norm and ReLU6.
    fn active(&mut self, layer: &str, input: &Map, stride: usize) -> Result<Map, FrozenError> {
        let map = self.normed(layer, input, stride)?;
        Ok(Map { wire: self.graph.relu6(&map.wire), ..map })
    }

    /// A convolution with its batch norm folded in.
    fn normed(&mut self, layer: &str, input: &Map, stride: usize) -> Result<Map, FrozenError> {
        let (sides, mut weight) = self.kernel(layer)?;
        let part = |part: &str| self.weights.tensor(&format!("{layer}/BatchNorm/{part}"));
        let parts = [part("gamma")?, part("beta")?, part("moving_mean")?, part("moving_variance")?];
        let [gamma, beta, mean, variance] = parts.each_ref().map(|part| &part.values[..]);
        let norm = BatchNorm { gamma, beta, mean, variance, epsilon: EPSILON };
        if !norm.has_channels(sides[0]) {
            return Err(misfit(layer, &sides));
        }
        let bias = norm.fold_into(&mut weight);
        let parts = Convolution { layer, sides, weight: &weight, bias: &bias, stride };
        let wire = self.graph.same_convolution(&input.wire, input.side, &parts);
        Ok(Map { wire, side: input.side.div_ceil(stride) })
    }

    /// Weights of a layer as ONNX orders them: outputs, inputs, height, width.
    fn kernel(&self, layer: &str) -> Result<([usize; 4], Vec<f32>), FrozenError> {
        let depthwise = format!("{layer}/depthwise_weights");
        let (tensor, order) = if self.weights.contains(&depthwise) {
            // TensorFlow: height, width, channels, filters a channel.
            (self.weights.tensor(&depthwise)?, [2, 3, 0, 1])
        } else {
            // TensorFlow: height, width, inputs, outputs.
            (self.weights.tensor(&format!("{layer}/weights"))?, [3, 2, 0, 1])
        };
        transposed(&tensor, order).ok_or_else(|| misfit(layer, &tensor.shape))
    }

    /// What each anchor of each map says, one row an anchor.
    fn heads(
        &mut self,
        output: &str,
        predictor: &str,
        width: usize,
        maps: &[Map],
    ) -> Result<(), FrozenError> {
        let rows = format!("{output}.rows");
        self.graph.integers(&rows, &[3], &[1, -1, width as i64]);
        let mut wires = Vec::new();
        for (number, map) in maps.iter().enumerate() {
            wires.push(self.head(&format!("BoxPredictor_{number}/{predictor}"), map, &rows)?);
        }
        let wires: Vec<&str> = wires.iter().map(String::as_str).collect();
        self.graph.node("Concat", &wires, output, vec![Attribute::int("axis", 1)]);
        self.graph.output(output, Element::F32, &[1, ANCHORS as i64, width as i64]);
        Ok(())
    }

    fn head(&mut self, layer: &str, map: &Map, rows: &str) -> Result<String, FrozenError> {
        let (sides, weight) = self.kernel(layer)?;
        let bias = self.weights.tensor(&format!("{layer}/biases"))?.values;
        if bias.len() != sides[0] {
            return Err(misfit(layer, &sides));
        }
        let parts = Convolution { layer, sides, weight: &weight, bias: &bias, stride: 1 };
        let planes = self.graph.same_convolution(&map.wire, map.side, &parts);
        let (pixels, flat) = (format!("{layer}.pixels"), format!("{layer}.anchors"));
        let order = vec![Attribute::ints("perm", &[0, 2, 3, 1])];
        self.graph.node("Transpose", &[&planes], &pixels, order);
        self.graph.node("Reshape", &[&pixels, rows], &flat, vec![]);
        Ok(flat)
    }
}

fn misfit(layer: &str, sides: &[usize]) -> FrozenError {
    let shape = sides.iter().map(|&side| side as i64).collect();
    FrozenError::Shape { name: layer.to_owned(), shape }
}

/// A tensor of four sides in another order of them; `None` when it has not four.
fn transposed(tensor: &Tensor, order: [usize; 4]) -> Option<([usize; 4], Vec<f32>)> {
    let shape: [usize; 4] = tensor.shape[..].try_into().ok()?;
    let strides = [shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1];
    let (sides, steps) = (order.map(|axis| shape[axis]), order.map(|axis| strides[axis]));
    let mut values = Vec::with_capacity(tensor.values.len());
    for a in 0..sides[0] {
        for b in 0..sides[1] {
            for c in 0..sides[2] {
                let start = a * steps[0] + b * steps[1] + c * steps[2];
                values.extend((0..sides[3]).map(|d| tensor.values[start + d * steps[3]]));
            }
        }
    }
    Some((sides, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_exchanged() {
        let values = (0_u8..24).map(f32::from).collect();
        let tensor = Tensor { shape: vec![1, 2, 3, 4], values };
        let (sides, values) = transposed(&tensor, [3, 2, 0, 1]).expect("four sides");
        assert_eq!(sides, [4, 3, 1, 2]);
        assert_eq!(values[..8], [0.0, 12.0, 4.0, 16.0, 8.0, 20.0, 1.0, 13.0]);
        assert_eq!(transposed(&Tensor { shape: vec![24], ..tensor }, [0, 1, 2, 3]), None);
    }
}
