//! Convolutions as TensorFlow pads them, with the batch norms behind them folded in.

use super::{Attribute, GraphWriter};

/// A layer's numbers.
pub(crate) struct Convolution<'a> {
    /// Name of the layer; its tensors are called after it.
    pub layer: &'a str,
    /// Output channels, input channels of a group, height and width of the kernel. One input channel
    /// a group means that every channel is filtered for itself.
    pub sides: [usize; 4],
    /// As many values as `sides` says, row-major.
    pub weight: &'a [f32],
    /// A value per output channel.
    pub bias: &'a [f32],
    /// Step in both directions.
    pub stride: usize,
}

/// A batch norm in inference; every list has a value per channel.
pub(crate) struct BatchNorm<'a> {
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
    pub mean: &'a [f32],
    pub variance: &'a [f32],
    pub epsilon: f32,
}

impl BatchNorm<'_> {
    /// Whether every list has that many values.
    pub(crate) fn has_channels(&self, channels: usize) -> bool {
        [self.gamma, self.beta, self.mean, self.variance].iter().all(|part| part.len() == channels)
    }

    /// Scales the weights of the convolution before it, output channels outermost, and returns the
    /// biases that make the two one.
    pub(crate) fn fold_into(&self, weight: &mut [f32]) -> Vec<f32> {
        let each = (weight.len() / self.gamma.len().max(1)).max(1);
        let scales: Vec<f32> = self
            .gamma
            .iter()
            .zip(self.variance)
            .map(|(gamma, variance)| gamma / (variance + self.epsilon).sqrt())
            .collect();
        for (filter, scale) in weight.chunks_exact_mut(each).zip(&scales) {
            filter.iter_mut().for_each(|value| *value *= scale);
        }
        let parts = self.beta.iter().zip(self.mean).zip(&scales);
        parts.map(|((beta, mean), scale)| beta - mean * scale).collect()
    }
}

impl GraphWriter {
    /// Adds a convolution with "same" padding over a square map of `side` and returns the name of its
    /// output, whose side is `side / stride`, rounded up.
    pub(crate) fn same_convolution(
        &mut self,
        input: &str,
        side: usize,
        layer: &Convolution<'_>,
    ) -> String {
        let [channels, per_group, kernel, _] = layer.sides;
        let (before, after) = same_padding(side, kernel, layer.stride);
        let sides = layer.sides.map(|side| side as i64);
        let name = |part: &str| format!("{}.{part}", layer.layer);
        let (weight, bias, output) = (name("weight"), name("bias"), name("out"));
        self.floats(&weight, &sides, layer.weight);
        self.floats(&bias, &sides[..1], layer.bias);
        let group = if per_group == 1 { channels as i64 } else { 1 };
        let attributes = vec![
            Attribute::ints("kernel_shape", &sides[2..]),
            Attribute::ints("strides", &[layer.stride as i64; 2]),
            Attribute::ints("pads", &[before, before, after, after]),
            Attribute::int("group", group),
        ];
        self.node("Conv", &[input, &weight, &bias], &output, attributes);
        output
    }

    /// Adds the bounds that [`relu6`](Self::relu6) reads, once a graph.
    pub(crate) fn relu6_bounds(&mut self) {
        self.floats("zero", &[], &[0.0]);
        self.floats("six", &[], &[6.0]);
    }

    /// Adds a ReLU6 and returns the name of its output.
    pub(crate) fn relu6(&mut self, input: &str) -> String {
        let clipped = format!("{input}.relu6");
        self.node("Clip", &[input, "zero", "six"], &clipped, vec![]);
        clipped
    }
}

/// TensorFlow's "SAME": the padding before and after, the odd pixel after. PyTorch's symmetric padding
/// would be off by a pixel at every even side.
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
