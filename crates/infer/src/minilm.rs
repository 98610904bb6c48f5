//! all-MiniLM-L6-v2: sentences as vectors whose cosine says how close their meanings are.
//!
//! Recipe of the model's own card: WordPiece tokens, mean of the last hidden states, L2-normalised.

use crate::InferError;
use crate::lazy::Lazy;
use crate::runtime::{Input, Runtime, SessionPool};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokenizers::{Tokenizer, TruncationParams};

/// Registry key of the component, and its folder.
pub const COMPONENT: &str = "minilm-l6";
/// Length of a sentence's vector.
pub const DIMENSIONS: usize = 384;
/// Tokens read of a sentence, the two that frame it included: what the model was trained on.
const MAX_TOKENS: usize = 128;

/// A sentence encoder in memory.
pub struct SentenceEncoder {
    tokenizer: Tokenizer,
    sessions: SessionPool,
}

impl SentenceEncoder {
    /// Files that the encoder needs under a models folder.
    #[must_use]
    pub fn files(models: &Path) -> [PathBuf; 2] {
        ["model.onnx", "tokenizer.json"].map(|file| models.join(COMPONENT).join(file))
    }

    /// Opens the encoder for `workers` callers at once.
    ///
    /// # Errors
    /// When a file is missing or is not what it should be.
    pub fn open(runtime: &Runtime, models: &Path, workers: usize) -> Result<Self, InferError> {
        let [model, tokenizer] = Self::files(models);
        let tokenizer = open_tokenizer(&tokenizer)?;
        let sessions = SessionPool::from_file(runtime, COMPONENT, &model, workers)?;
        Ok(Self { tokenizer, sessions })
    }

    /// The sentence's vector: [`DIMENSIONS`] values, L2-normalised. What lies behind token 128 is
    /// not read.
    ///
    /// # Errors
    /// When inference fails.
    pub fn encode(&self, sentence: &str) -> Result<Vec<f32>, InferError> {
        let failed = |reason: String| InferError::Run { key: COMPONENT.to_owned(), reason };
        let encoding =
            self.tokenizer.encode(sentence, true).map_err(|error| failed(error.to_string()))?;
        let ids: Vec<i64> = encoding.get_ids().iter().map(|&id| id.into()).collect();
        let shape = [1, ids.len()];
        let inputs = [
            ("input_ids", Input::I64(&shape, &ids)),
            ("attention_mask", Input::I64(&shape, &vec![1; ids.len()])),
            ("token_type_ids", Input::I64(&shape, &vec![0; ids.len()])),
        ];
        let [states] = &self.sessions.run(&inputs, &["last_hidden_state"])?[..] else {
            return Err(failed("it gave no hidden state".to_owned()));
        };
        // No token is padding, so the mean over tokens is the sum up to the length, which goes.
        let mut sum = vec![0.0; DIMENSIONS];
        for state in states.values.chunks_exact(DIMENSIONS) {
            sum.iter_mut().zip(state).for_each(|(sum, value)| *sum += value);
        }
        normalise(&mut sum);
        Ok(sum)
    }
}

/// A sentence encoder that is in memory while it is needed.
pub struct LazyEncoder {
    runtime: Runtime,
    models: PathBuf,
    workers: usize,
    part: Lazy<SentenceEncoder>,
}

impl LazyEncoder {
    /// One for `workers` callers at once; nothing is read yet.
    #[must_use]
    pub fn new(runtime: &Runtime, models: &Path, workers: usize) -> Self {
        let (runtime, models) = (runtime.clone(), models.to_owned());
        Self { runtime, models, workers, part: Lazy::default() }
    }

    /// The encoder, opened if it is not in memory.
    ///
    /// # Errors
    /// When a file is missing or is not what it should be.
    pub fn get(&self) -> Result<Arc<SentenceEncoder>, InferError> {
        self.part.get(|| SentenceEncoder::open(&self.runtime, &self.models, self.workers))
    }

    /// Lets it go when nobody has asked for it this long.
    pub fn drop_idle(&self, longest: Duration) {
        self.part.drop_idle(longest);
    }
}

fn open_tokenizer(path: &Path) -> Result<Tokenizer, InferError> {
    if !path.is_file() {
        return Err(InferError::MissingFile { key: COMPONENT.into(), path: path.to_path_buf() });
    }
    let bad = |error: tokenizers::Error| InferError::BadFile {
        path: path.to_path_buf(),
        reason: error.to_string(),
    };
    let mut tokenizer = Tokenizer::from_bytes(fs_err::read(path)?).map_err(bad)?;
    // The file asks for every sentence to be padded to 128 tokens, which only costs time.
    tokenizer.with_padding(None);
    let truncation = TruncationParams { max_length: MAX_TOKENS, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation)).map_err(bad)?;
    Ok(tokenizer)
}

/// Scales to length 1; a vector of zeros stays as it is.
pub(crate) fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::testing::{models, runtime};

    /// Expected values: the same files through Python's `tokenizers` and `onnxruntime`.
    #[test]
    fn vectors_are_those_of_the_reference() {
        let encoder = SentenceEncoder::open(&runtime(), &models(), 2).expect("make setup");
        let expected = [
            ("a man in a bow tie talking in a car", [0.03675, -0.03466, -0.03067, -0.05231]),
            ("Sunset over the sea", [0.01028, 0.0977, 0.04286, 0.00604]),
        ];
        for (sentence, start) in expected {
            let vector = encoder.encode(sentence).expect("encodes");
            assert_eq!(vector.len(), DIMENSIONS);
            for (value, expected) in vector.iter().zip(start) {
                assert!((value - expected).abs() < 2e-3, "{sentence}: {value} {expected}");
            }
        }
        let cosine = |a: &str, b: &str| {
            let (a, b) = (encoder.encode(a).expect("encodes"), encoder.encode(b).expect("encodes"));
            a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>()
        };
        assert!((cosine("a dog", "a puppy") - 0.767).abs() < 0.01);
        assert!((cosine("a dog", "an accordion") - 0.233).abs() < 0.01);
    }

    #[test]
    fn odd_sentences_have_vectors_too() {
        let encoder = SentenceEncoder::open(&runtime(), &models(), 1).expect("make setup");
        for sentence in ["", "   ", "\u{1f600}\0\u{202e}", &"word ".repeat(10_000)] {
            let vector = encoder.encode(sentence).expect("encodes");
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            assert!((length - 1.0).abs() < 1e-4, "{length}");
        }
    }
}
