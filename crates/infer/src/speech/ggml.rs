//! Whisper's weights in the form that whisper.cpp reads, made of CTranslate2's.
//!
//! The form is that of whisper.cpp's `models/convert-pt-to-ggml.py`: figures of the network, mel filters,
//! the tokens' bytes, then tensors, the sides of each in reverse order.

use super::{
    ctranslate::{Matrix, Weights, WeightsError},
    mel,
};
use half::f16;

const MAGIC: u32 = 0x6767_6d6c;
/// ggml's numbers of the kinds of tensors: 32-bit floats, 16-bit floats, and Q8_0, which has 32 values that share
/// a 16-bit factor as 8-bit integers.
const F32: u32 = 0;
const F16: u32 = 1;
const Q8_0: u32 = 8;
/// Values of a block of Q8_0.
const BLOCK: usize = 32;
/// The kind of a file most of whose tensors are Q8_0 (`GGML_FTYPE_MOSTLY_Q8_0`), in version 2 of ggml's
/// quantisation.
const MOSTLY_Q8_0: u32 = 2007;
/// Values that each head of attention of every Whisper model has.
const HEAD: usize = 64;
/// Most bands of a spectrogram: 80 in Whisper's models, 128 from large-v3 on. Each costs a filter, whatever
/// a file says.
const MOST_MELS: usize = 128;
/// What ends the tokens that are text.
const END_OF_TEXT: &str = "<|endoftext|>";

/// Writes the weights of a model whose `vocabulary` has a token a line.
pub(super) fn from_ctranslate(
    weights: &Weights<'_>,
    vocabulary: &str,
) -> Result<Vec<u8>, WeightsError> {
    let mut file = Writer::default();
    let conv = weights.matrix("encoder/conv1/weight")?;
    let [width, mels @ 1..=MOST_MELS, _] = conv.shape[..] else {
        return Err(wrong("encoder/conv1/weight", &conv));
    };
    let side = |name: &str, side: usize| {
        let matrix = weights.matrix(name)?;
        matrix.shape.get(side).copied().ok_or_else(|| wrong(name, &matrix))
    };
    let layers = |part: &str| {
        let name = |layer: &usize| format!("{part}/layer_{layer}/ffn/linear_0/weight");
        (0..).take_while(|layer| weights.contains(&name(layer))).count()
    };
    let (listening, speaking) = (layers("encoder"), layers("decoder"));
    let tokens = side("decoder/embeddings/weight", 0)?;
    let (heard, said) = (
        side("encoder/position_encodings/encodings", 0)?,
        side("decoder/position_encodings/encodings", 0)?,
    );
    file.numbers(&[MAGIC, tokens as u32, heard as u32, width as u32, (width / HEAD) as u32]);
    file.numbers(&[listening as u32, said as u32, width as u32, (width / HEAD) as u32]);
    file.numbers(&[speaking as u32, mels as u32, MOSTLY_Q8_0]);
    file.filters(mels);
    file.tokens(vocabulary);
    for tensor in tensors(listening, speaking) {
        file.tensor(weights, &tensor)?;
    }
    Ok(file.bytes)
}

fn wrong(name: &str, matrix: &Matrix<'_>) -> WeightsError {
    WeightsError::Shape { name: name.to_owned(), shape: matrix.shape.clone() }
}

/// A tensor of whisper.cpp, and where CTranslate2 has its numbers: a run of rows of a variable.
struct Tensor {
    name: String,
    variable: String,
    part: usize,
    parts: usize,
}

fn tensor(name: String, variable: String) -> Tensor {
    Tensor { name, variable, part: 0, parts: 1 }
}

/// All tensors of a model of so many layers.
fn tensors(listening: usize, speaking: usize) -> Vec<Tensor> {
    let mut all = Vec::new();
    for (name, variable) in [
        ("encoder.positional_embedding", "encoder/position_encodings/encodings"),
        ("encoder.conv1.weight", "encoder/conv1/weight"),
        ("encoder.conv1.bias", "encoder/conv1/bias"),
        ("encoder.conv2.weight", "encoder/conv2/weight"),
        ("encoder.conv2.bias", "encoder/conv2/bias"),
        ("decoder.positional_embedding", "decoder/position_encodings/encodings"),
        ("decoder.token_embedding.weight", "decoder/embeddings/weight"),
    ] {
        all.push(tensor(name.to_owned(), variable.to_owned()));
    }
    norm(&mut all, "encoder.ln_post", "encoder/layer_norm");
    norm(&mut all, "decoder.ln", "decoder/layer_norm");
    for layer in 0..listening {
        block(&mut all, &format!("encoder.blocks.{layer}"), &format!("encoder/layer_{layer}"));
    }
    for layer in 0..speaking {
        let (name, from) = (format!("decoder.blocks.{layer}"), format!("decoder/layer_{layer}"));
        block(&mut all, &name, &from);
        norm(&mut all, &format!("{name}.cross_attn_ln"), &format!("{from}/attention/layer_norm"));
        let (name, from) = (format!("{name}.cross_attn"), format!("{from}/attention"));
        linear(&mut all, &format!("{name}.query"), &format!("{from}/linear_0"), 0, 1);
        linear(&mut all, &format!("{name}.key"), &format!("{from}/linear_1"), 0, 2);
        linear(&mut all, &format!("{name}.value"), &format!("{from}/linear_1"), 1, 2);
        linear(&mut all, &format!("{name}.out"), &format!("{from}/linear_2"), 0, 1);
    }
    all
}

/// What encoder and decoder have alike in a layer: attention to itself, and two steps of a perceptron.
fn block(all: &mut Vec<Tensor>, name: &str, from: &str) {
    norm(all, &format!("{name}.attn_ln"), &format!("{from}/self_attention/layer_norm"));
    let fused = format!("{from}/self_attention/linear_0");
    for (part, which) in ["query", "key", "value"].into_iter().enumerate() {
        linear(all, &format!("{name}.attn.{which}"), &fused, part, 3);
    }
    let out = format!("{from}/self_attention/linear_1");
    linear(all, &format!("{name}.attn.out"), &out, 0, 1);
    norm(all, &format!("{name}.mlp_ln"), &format!("{from}/ffn/layer_norm"));
    linear(all, &format!("{name}.mlp.0"), &format!("{from}/ffn/linear_0"), 0, 1);
    linear(all, &format!("{name}.mlp.2"), &format!("{from}/ffn/linear_1"), 0, 1);
}

fn norm(all: &mut Vec<Tensor>, name: &str, from: &str) {
    all.push(tensor(format!("{name}.weight"), format!("{from}/gamma")));
    all.push(tensor(format!("{name}.bias"), format!("{from}/beta")));
}

/// Weights and, but for keys, whose biases are all zero and which Whisper does not have, biases.
fn linear(all: &mut Vec<Tensor>, name: &str, from: &str, part: usize, parts: usize) {
    let kinds = if name.ends_with("key") { &["weight"][..] } else { &["weight", "bias"] };
    for kind in kinds {
        let (name, variable) = (format!("{name}.{kind}"), format!("{from}/{kind}"));
        all.push(Tensor { name, variable, part, parts });
    }
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn numbers(&mut self, numbers: &[u32]) {
        numbers.iter().for_each(|number| self.bytes.extend(number.to_le_bytes()));
    }

    fn filters(&mut self, mels: usize) {
        self.numbers(&[mels as u32, mel::BINS as u32]);
        for value in mel::filters(mels) {
            self.bytes.extend(value.to_le_bytes());
        }
    }

    fn tokens(&mut self, vocabulary: &str) {
        let texts = vocabulary.lines().take_while(|line| *line != END_OF_TEXT);
        let texts: Vec<Vec<u8>> = texts.map(bytes_of).collect();
        self.numbers(&[texts.len() as u32]);
        for text in texts {
            self.numbers(&[text.len() as u32]);
            self.bytes.extend(text);
        }
    }

    fn tensor(&mut self, weights: &Weights<'_>, tensor: &Tensor) -> Result<(), WeightsError> {
        let Tensor { name, variable, part, parts } = tensor;
        let whole = weights.matrix(variable)?;
        let matrix = whole.part(*part, *parts).ok_or_else(|| wrong(variable, &whole))?;
        let mut sides: Vec<u32> = matrix.shape.iter().rev().map(|&side| side as u32).collect();
        // whisper.cpp adds the biases of convolutions to columns.
        if name.contains("conv") && name.ends_with("bias") {
            sides.insert(0, 1);
        }
        let kind = match &matrix.shape[..] {
            [_] => F32,
            _ if name.ends_with("positional_embedding") => F32,
            [_, width] if width % BLOCK == 0 => Q8_0,
            // Convolutions.
            _ => F16,
        };
        self.numbers(&[sides.len() as u32, name.len() as u32, kind]);
        self.numbers(&sides);
        self.bytes.extend(name.as_bytes());
        let values = matrix.bytes.as_chunks::<2>().0;
        let float = |value: &[u8; 2]| f16::from_le_bytes(*value).to_f32();
        match kind {
            F32 => values.iter().for_each(|value| self.bytes.extend(float(value).to_le_bytes())),
            Q8_0 => values
                .as_chunks::<BLOCK>()
                .0
                .iter()
                .for_each(|block| self.block(&block.each_ref().map(float))),
            _ => self.bytes.extend(matrix.bytes),
        }
        Ok(())
    }

    /// A block of Q8_0, rounded as ggml's `quantize_row_q8_0_ref` does.
    fn block(&mut self, values: &[f32; BLOCK]) {
        let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let factor = largest / 127.0;
        let scale = if factor > 0.0 { 1.0 / factor } else { 0.0 };
        self.bytes.extend(f16::from_f32(factor).to_le_bytes());
        self.bytes.extend(values.map(|value| (value * scale).round() as i8 as u8));
    }
}

/// The bytes that a token stands for. Vocabularies of byte-level BPE write each byte as a letter that can
/// be seen: bytes that are such letters in Latin-1 as themselves, the others from U+0100 on, in order.
fn bytes_of(token: &str) -> Vec<u8> {
    let plain = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let byte = |letter: char| match u32::from(letter) {
        code @ 0..=0xff => u8::try_from(code).ok(),
        code => (0..=u8::MAX).filter(|byte| !plain(byte)).nth(code as usize - 0x100),
    };
    token.chars().filter_map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::ctranslate::testing;

    #[test]
    fn letters_stand_for_bytes() {
        assert_eq!(bytes_of("Ġthe"), b" the");
        assert_eq!(bytes_of("Ċ"), b"\n");
        assert_eq!(bytes_of("åº"), [0xe5, 0xba]);
        assert_eq!(bytes_of("ł"), [0xa0], "the last letter but one that stands for another byte");
        assert_eq!(bytes_of(""), b"");
    }

    #[test]
    fn fused_weights_are_split_and_keys_have_no_bias() {
        let all = tensors(1, 1);
        let find = |name: &str| all.iter().find(|tensor| tensor.name == name);
        let value = find("encoder.blocks.0.attn.value.bias").unwrap();
        assert_eq!(value.variable, "encoder/layer_0/self_attention/linear_0/bias");
        assert_eq!((value.part, value.parts), (2, 3));
        let key = find("decoder.blocks.0.cross_attn.key.weight").unwrap();
        assert_eq!(
            (key.variable.as_str(), key.part, key.parts),
            ("decoder/layer_0/attention/linear_1/weight", 0, 2)
        );
        assert!(find("decoder.blocks.0.cross_attn.key.bias").is_none());
    }

    #[test]
    fn what_is_missing_or_does_not_fit_is_told() {
        let lacking = testing::file(&[("encoder/conv1/weight", &[8, 80, 3])]);
        let error = from_ctranslate(&Weights::read(&lacking).unwrap(), "").unwrap_err();
        assert_eq!(error, WeightsError::Missing("decoder/embeddings/weight".to_owned()));
        let flat = testing::file(&[("encoder/conv1/weight", &[8, 80])]);
        let error = from_ctranslate(&Weights::read(&flat).unwrap(), "").unwrap_err();
        assert!(matches!(error, WeightsError::Shape { .. }), "{error}");
    }

    #[test]
    fn bands_without_end_are_refused_before_their_filters_are_made() {
        // No width, so that the file need not have a number for each.
        let endless = testing::file(&[
            ("encoder/conv1/weight", &[0, u32::MAX, 3]),
            ("decoder/embeddings/weight", &[1, 1]),
            ("encoder/position_encodings/encodings", &[1, 1]),
            ("decoder/position_encodings/encodings", &[1, 1]),
        ]);
        let error = from_ctranslate(&Weights::read(&endless).unwrap(), "").unwrap_err();
        assert!(matches!(error, WeightsError::Shape { .. }), "{error}");
    }
}
