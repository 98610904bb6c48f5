//! dlib's face recognition ResNet as an ONNX graph, built from its `.dat` file.
//!
//! The network is `anet_type` of dlib's `dnn_face_recognition_ex.cpp`: a convolution of 7x7, then
//! blocks of two convolutions of 3x3 beside a shortcut. Where a block halves the sides, its first
//! convolution has no padding and its shortcut is a mean over 2x2; dlib adds the two as if the smaller
//! one went on with zeros, in channels as well as at the right and the bottom. The affine layer behind
//! each convolution and what is done to pixels before the first are folded into the convolutions.

use super::dat::{DatError, Layer, Network};
use crate::onnx::{Attribute, Element, GraphWriter};

/// Side of the square input.
pub(super) const SIDE: usize = 150;
/// Length of a vector.
pub const DIMENSIONS: usize = 128;
/// Input and output of the graph.
pub(super) const INPUT: &str = "pixels";
/// See [`INPUT`].
pub(super) const OUTPUT: &str = "embedding";

/// Channels of each block and whether it halves the sides: `alevel4` to `alevel0`.
const BLOCKS: [(usize, bool); 14] = [
    (32, false),
    (32, false),
    (32, false),
    (64, true),
    (64, false),
    (64, false),
    (64, false),
    (128, true),
    (128, false),
    (128, false),
    (256, true),
    (256, false),
    (256, false),
    (256, true),
];
/// dlib's input layer divides by this.
const RANGE: f64 = 256.0;

/// The model's bytes: `pixels` [1, 3, 150, 150], RGB as 0..=255, to `embedding` [1, 128].
pub(super) fn graph(file: &[u8]) -> Result<Vec<u8>, DatError> {
    let network = Network::read(file)?;
    let mut graph = GraphWriter::new();
    graph.input(INPUT, Element::F32, &[1, 3, SIDE as i64, SIDE as i64]);
    graph.output(OUTPUT, Element::F32, &[1, DIMENSIONS as i64]);
    let end = file.len();
    let mut builder = Builder { layers: network.layers.into_iter(), graph, end };
    if network.sides != [SIDE as i64; 2] {
        return Err(DatError::Sides { at: 0, kind: "input_rgb_image_sized".to_owned() });
    }
    let mut map = builder.front(&network.means)?;
    for (channels, halves) in BLOCKS {
        map = builder.block(&map, channels, halves)?;
    }
    builder.project(&map)?;
    Ok(builder.graph.into_bytes())
}

/// A feature map under construction.
#[derive(Debug, Clone)]
struct Map {
    wire: String,
    channels: usize,
    side: usize,
}

struct Builder {
    layers: std::vec::IntoIter<Layer>,
    graph: GraphWriter,
    /// Where the file ends.
    end: usize,
}

impl Builder {
    /// The next layer, which must be of this kind, begin with these numbers and have so many weights.
    fn next(
        &mut self,
        kind: &'static str,
        numbers: &[usize],
        values: usize,
    ) -> Result<Layer, DatError> {
        let layer = self.layers.next().ok_or(DatError::Truncated { at: self.end })?;
        if layer.kind != kind {
            return Err(DatError::Kind { at: layer.at, wanted: kind, found: layer.kind });
        }
        let numbers = numbers.iter().map(|&number| number as i64);
        if layer.values.len() != values
            || !layer.numbers.iter().copied().take(numbers.len()).eq(numbers)
        {
            return Err(DatError::Sides { at: layer.at, kind: layer.kind });
        }
        Ok(layer)
    }

    /// Weights and biases of a convolution and the affine layer behind it, as one convolution.
    fn folded(
        &mut self,
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<(Vec<f32>, Vec<f32>), DatError> {
        let [from, to] = channels;
        let sides = [to, kernel, kernel, stride, stride, padding, padding];
        let each = from * kernel * kernel;
        let mut weight = self.next("con_4", &sides, to * (each + 1))?.values;
        let mut bias = weight.split_off(to * each);
        let affine = self.next("affine_", &[1, to, 1, 1, 1, to, 1, 1], 2 * to)?.values;
        let (factors, offsets) = affine.split_at(to);
        for (filter, factor) in weight.chunks_exact_mut(each).zip(factors) {
            filter.iter_mut().for_each(|value| *value *= factor);
        }
        for ((bias, factor), offset) in bias.iter_mut().zip(factors).zip(offsets) {
            *bias = *bias * factor + offset;
        }
        Ok((weight, bias))
    }

    fn convolution(&mut self, map: &Map, channels: usize, stride: usize) -> Result<Map, DatError> {
        // dlib pads convolutions that keep the sides and no others.
        let padding = usize::from(stride == 1);
        let (weight, bias) = self.folded([map.channels, channels], 3, stride, padding)?;
        let wire =
            self.add_convolution(&map.wire, [channels, map.channels, 3], stride, &weight, &bias);
        Ok(Map { wire, channels, side: (map.side + 2 * padding - 3) / stride + 1 })
    }

    fn add_convolution(
        &mut self,
        input: &str,
        [to, from, kernel]: [usize; 3],
        stride: usize,
        weight: &[f32],
        bias: &[f32],
    ) -> String {
        let padding = i64::from(stride == 1);
        let weight = self.graph.weight(&[to, from, kernel, kernel], weight);
        let bias = self.graph.weight(&[to], bias);
        let attributes = vec![
            Attribute::ints("kernel_shape", &[kernel as i64; 2]),
            Attribute::ints("strides", &[stride as i64; 2]),
            Attribute::ints("pads", &[padding; 4]),
        ];
        self.graph.step("Conv", &[input, &weight, &bias], attributes)
    }

    fn pool(&mut self, op: &str, map: &Map, kernel: usize) -> Map {
        let attributes = vec![
            Attribute::ints("kernel_shape", &[kernel as i64; 2]),
            Attribute::ints("strides", &[2; 2]),
        ];
        let wire = self.graph.step(op, &[&map.wire], attributes);
        Map { wire, channels: map.channels, side: (map.side - kernel) / 2 + 1 }
    }

    fn relu(&mut self, map: Map) -> Result<Map, DatError> {
        self.next("relu_", &[], 0)?;
        Ok(Map { wire: self.graph.step("Relu", &[&map.wire], vec![]), ..map })
    }

    /// From pixels to the first block.
    fn front(&mut self, means: &[f32; 3]) -> Result<Map, DatError> {
        const CHANNELS: usize = 32;
        const KERNEL: usize = 7;
        let (mut weight, mut bias) = self.folded([3, CHANNELS], KERNEL, 2, 0)?;
        for (filter, bias) in weight.chunks_exact_mut(3 * KERNEL * KERNEL).zip(&mut bias) {
            let mut offset = 0.0;
            for (plane, &mean) in filter.chunks_exact_mut(KERNEL * KERNEL).zip(means) {
                for value in plane {
                    offset += f64::from(*value) * f64::from(mean) / RANGE;
                    *value = (f64::from(*value) / RANGE) as f32;
                }
            }
            *bias = (f64::from(*bias) - offset) as f32;
        }
        let wire = self.add_convolution(INPUT, [CHANNELS, 3, KERNEL], 2, &weight, &bias);
        let map = Map { wire, channels: CHANNELS, side: (SIDE - KERNEL) / 2 + 1 };
        let map = self.relu(map)?;
        self.next("max_pool_2", &[3, 3, 2, 2, 0, 0], 0)?;
        Ok(self.pool("MaxPool", &map, 3))
    }

    fn block(&mut self, input: &Map, channels: usize, halves: bool) -> Result<Map, DatError> {
        let stride = if halves { 2 } else { 1 };
        let first = self.convolution(input, channels, stride)?;
        let first = self.relu(first)?;
        let second = self.convolution(&first, channels, 1)?;
        let mut beside = input.clone();
        if halves {
            self.next("avg_pool_2", &[2, 2, 2, 2, 0, 0], 0)?;
            beside = self.pool("AveragePool", input, 2);
        }
        self.next("add_prev_", &[], 0)?;
        let (second, beside) = (self.grown(&second, &beside), self.grown(&beside, &second));
        let wire = self.graph.step("Add", &[&second.wire, &beside.wire], vec![]);
        self.relu(Map { wire, ..second })
    }

    /// A map with zeros added until no side of the other's is larger.
    fn grown(&mut self, map: &Map, other: &Map) -> Map {
        let more = |ours: usize, theirs: usize| theirs.saturating_sub(ours) as i64;
        let (channels, side) = (more(map.channels, other.channels), more(map.side, other.side));
        if channels == 0 && side == 0 {
            return map.clone();
        }
        let after = self.graph.list(&[0, 0, 0, 0, 0, channels, side, side]);
        let wire = self.graph.step("Pad", &[&map.wire, &after], vec![]);
        Map { wire, channels: map.channels.max(other.channels), side: map.side.max(other.side) }
    }

    /// The mean of each channel, then a matrix; the last layer of the file.
    fn project(&mut self, map: &Map) -> Result<(), DatError> {
        self.next("avg_pool_2", &[0, 0, 1, 1, 0, 0], 0)?;
        let values = map.channels * DIMENSIONS;
        let matrix = self.next("fc_2", &[DIMENSIONS, map.channels], values)?.values;
        if let Some(layer) = self.layers.next() {
            return Err(DatError::Rest { at: layer.at });
        }
        let matrix = self.graph.weight(&[map.channels, DIMENSIONS], &matrix);
        let wire = self.graph.step("GlobalAveragePool", &[&map.wire], vec![]);
        let wire = self.graph.step("Flatten", &[&wire], vec![]);
        self.graph.node("MatMul", &[&wire, &matrix], OUTPUT, vec![]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faces::FaceModel;
    use crate::faces::testing::Reference;
    use crate::runtime::testing::{models, runtime};
    use crate::{Input, SessionPool};

    fn file() -> Vec<u8> {
        fs_err::read(FaceModel::file(&models())).expect("make setup")
    }

    /// Differences of single bits add up over 29 convolutions.
    #[test]
    fn vectors_are_those_of_dlib() {
        let path = FaceModel::file(&models());
        let model = graph(&file()).expect("is whole");
        let pool = SessionPool::from_memory(&runtime(), "dlib", &path, &model, 1).expect("opens");
        let pictures = Reference::read().chips();
        assert_eq!(pictures.len(), 7);
        for (name, pixels, expected) in pictures {
            let plane = |channel: usize| pixels.iter().skip(channel).step_by(3);
            let planes: Vec<f32> = (0..3).flat_map(plane).map(|&value| f32::from(value)).collect();
            let input = Input::F32(&[1, 3, SIDE, SIDE], &planes);
            let here = pool.run(&[(INPUT, input)], &[OUTPUT]).expect("runs").swap_remove(0).values;
            assert_eq!((here.len(), expected.len()), (DIMENSIONS, DIMENSIONS));
            let off = here.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-4, "{name}: {off}");
        }
    }

    #[test]
    fn files_that_end_early_or_hold_other_layers_are_errors() {
        let whole = file();
        for end in [0, 1, 200, 333, 19_381, 19_400, 22_334_843, whole.len() - 1] {
            assert!(graph(&whole[..end]).is_err(), "{end} bytes");
        }
        let more = [&whole[..], &[1]].concat();
        assert!(matches!(graph(&more), Err(DatError::Truncated { .. } | DatError::Name { .. })));
        let name = whole.windows(10).position(|name| name == b"max_pool_2").expect("a pool");
        let mut other = whole.clone();
        other[name..name + 10].copy_from_slice(b"avg_pool_2");
        let error = graph(&other).expect_err("no maximum").to_string();
        assert!(error.contains("avg_pool_2 where max_pool_2"), "{error}");
        let mut other = whole;
        // The pool's height, behind its name: a length of one byte, then 3.
        other[name + 11] = 2;
        assert!(matches!(graph(&other), Err(DatError::Sides { kind, .. }) if kind == "max_pool_2"));
    }
}
