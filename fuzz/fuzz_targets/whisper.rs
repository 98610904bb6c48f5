//! Weights as CTranslate2 writes them, and what is made of them for whisper.cpp.
#![no_main]
#![allow(unused)]

#[path = "../../crates/infer/src/speech/ctranslate.rs"]
mod ctranslate;
#[path = "../../crates/infer/src/speech/ggml.rs"]
mod ggml;
#[path = "../../crates/infer/src/speech/mel.rs"]
mod mel;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;

/// Samples a second, as in `rushes_infer::speech`.
const SAMPLE_RATE: u32 = 16_000;
/// 16-bit floats among CTranslate2's kinds of numbers.
const FLOAT16: u8 = 4;
/// Variables without which nothing is made of a file.
const NEEDED: [&str; 4] = [
    "encoder/conv1/weight",
    "decoder/embeddings/weight",
    "encoder/position_encodings/encodings",
    "decoder/position_encodings/encodings",
];

/// Variables whose names and kinds are right, the needed ones first, and a vocabulary.
#[derive(Debug, Arbitrary)]
struct Variables<'a> {
    needed: [Vec<u32>; 4],
    others: Vec<(&'a str, Vec<u32>)>,
    vocabulary: &'a str,
}

fuzz_target!(|input: &[u8]| {
    check(input, &String::from_utf8_lossy(input));
    if let Ok(made) = Variables::arbitrary_take_rest(Unstructured::new(input)) {
        let needed = NEEDED.into_iter().zip(&made.needed);
        let others = made.others.iter().map(|(name, shape)| (*name, shape));
        check(&file(&needed.chain(others).collect::<Vec<_>>()), made.vocabulary);
    }
});

fn check(bytes: &[u8], vocabulary: &str) {
    let Ok(weights) = ctranslate::Weights::read(bytes) else { return };
    if let Ok(made) = ggml::from_ctranslate(&weights, vocabulary) {
        // Numbers double at most; each token has a length, and filters are small.
        assert!(made.len() <= 4 * (bytes.len() + vocabulary.len()) + (1 << 20));
    }
}

fn file(variables: &[(&str, &Vec<u32>)]) -> Vec<u8> {
    let text = |text: &str| {
        let text = &text.as_bytes()[..text.len().min(1000)];
        [&(text.len() as u16 + 1).to_le_bytes(), text, &[0]].concat()
    };
    let mut bytes = [&6_u32.to_le_bytes()[..], &text("WhisperSpec"), &3_u32.to_le_bytes()].concat();
    bytes.extend((variables.len() as u32).to_le_bytes());
    for (name, shape) in variables {
        let shape = &shape[..shape.len().min(8)];
        bytes.extend(text(name));
        bytes.push(shape.len() as u8);
        shape.iter().for_each(|side| bytes.extend(side.to_le_bytes()));
        let length = shape.iter().try_fold(2_u32, |length, side| length.checked_mul(*side));
        let length = length.filter(|length| *length < 1 << 16).unwrap_or(0);
        bytes.push(FLOAT16);
        bytes.extend(length.to_le_bytes());
        bytes.resize(bytes.len() + length as usize, 60);
    }
    bytes.extend(0_u32.to_le_bytes());
    bytes
}
