//! The running model: sessions, and the text tower that comes and goes.

use super::{
    pixels::pixels,
    recipe::Recipe,
    words::{Tokens, WordSource, Words},
};
use crate::{
    Calibration, Embedding, InferError, Runtime, SessionPool, Template, TextQuery, VisualModel,
    lazy::Lazy,
    runtime::{Input, Output},
    template::mean_vector,
};
use half::f16;
use rushes_model::{ModelKey, Picture};
use std::{path::PathBuf, sync::Arc, time::Duration};

const PIXELS: &str = "pixel_values";
const IDS: &str = "input_ids";
const MASK: &str = "attention_mask";

/// A two-tower model in memory; its text tower only while it is used.
pub(super) struct Towers {
    pub(super) key: ModelKey,
    pub(super) recipe: &'static Recipe,
    pub(super) resolution: u32,
    pub(super) dimensions: usize,
    pub(super) calibration: Calibration,
    pub(super) templates: Vec<Template>,
    pub(super) vision: Arc<SessionPool>,
    pub(super) text: TextSide,
}

/// Where the graph of the text tower is.
pub(super) enum TextGraph {
    /// In a file of its own, opened when needed.
    File(PathBuf),
    /// In the picture tower's graph.
    Joint(Arc<SessionPool>),
}

/// A text tower in memory.
pub(super) struct TextTower {
    pool: Arc<SessionPool>,
    words: Words,
}

/// The text tower and what it takes to open it, which its first use does.
pub(super) struct TextSide {
    pub(super) runtime: Runtime,
    pub(super) graph: TextGraph,
    pub(super) words: WordSource,
    pub(super) open: Lazy<TextTower>,
}

impl TextSide {
    fn get(&self, key: &ModelKey, recipe: &Recipe) -> Result<Arc<TextTower>, InferError> {
        self.open.get(|| {
            let pool = match &self.graph {
                TextGraph::Joint(pool) => Arc::clone(pool),
                // One session: sentences are short and few, and the tower is large.
                TextGraph::File(path) => {
                    Arc::new(SessionPool::from_file(&self.runtime, key.as_str(), path, 1)?)
                }
            };
            Ok(TextTower { pool, words: Words::open(&self.words, recipe)? })
        })
    }
}

impl Towers {
    fn failed(&self, reason: impl ToString) -> InferError {
        InferError::Run { key: self.key.to_string(), reason: reason.to_string() }
    }

    /// Runs the graph on what it asks for of a picture and a sentence, and gives one output's vector.
    fn run(
        &self,
        pool: &SessionPool,
        pixels: &[f32],
        tokens: &Tokens,
        output: &str,
    ) -> Result<Vec<f32>, InferError> {
        let side = self.resolution as usize;
        let (picture, sentence) = ([1, 3, side, side], [1, tokens.ids.len()]);
        let half: Vec<f16> = if wants_half(pool, PIXELS) {
            pixels.iter().map(|&value| f16::from_f32(value)).collect()
        } else {
            Vec::new()
        };
        let mut inputs = Vec::new();
        for (name, _) in pool.inputs() {
            let input = match name.as_str() {
                PIXELS if half.is_empty() => Input::F32(&picture, pixels),
                PIXELS => Input::F16(&picture, &half),
                IDS => Input::I64(&sentence, &tokens.ids),
                MASK => Input::I64(&sentence, &tokens.mask),
                other => return Err(self.failed(format!("its graph asks for {other}"))),
            };
            inputs.push((name.as_str(), input));
        }
        let outputs = pool.run(&inputs, &[output])?;
        let vector = outputs.into_iter().next().ok_or_else(|| self.failed("no output"))?;
        self.normalised(vector)
    }

    fn normalised(&self, output: Output) -> Result<Vec<f32>, InferError> {
        let mut vector = output.values;
        if vector.len() != self.dimensions {
            let (found, expected) = (vector.len(), self.dimensions);
            return Err(self.failed(format!("{found} values where {expected} were expected")));
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        if !length.is_normal() {
            return Err(self.failed(format!("a vector of length {length}")));
        }
        vector.iter_mut().for_each(|value| *value /= length);
        Ok(vector)
    }

    /// A sentence's vector.
    fn read(&self, tower: &TextTower, sentence: &str) -> Result<Vec<f32>, InferError> {
        let tokens = tower.words.tokens(sentence).map_err(|error| self.failed(error))?;
        let side = self.resolution as usize;
        let black = if tower.pool.inputs().iter().any(|(name, _)| name == PIXELS) {
            vec![0.0; 3 * side * side]
        } else {
            Vec::new()
        };
        self.run(&tower.pool, &black, &tokens, self.recipe.text_output)
    }

    /// What the text half of a joint graph gets beside a picture.
    fn no_words(&self) -> Tokens {
        let length = self.recipe.tokens;
        Tokens { ids: vec![0; length], mask: vec![1; length] }
    }
}

fn wants_half(pool: &SessionPool, input: &str) -> bool {
    pool.inputs().iter().any(|(name, half)| name == input && *half)
}

impl VisualModel for Towers {
    fn key(&self) -> &ModelKey {
        &self.key
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn calibration(&self) -> Calibration {
        self.calibration
    }

    /// Twice the resolution: the short side of a frame up to 2:1 then has no fewer pixels than the
    /// model looks at.
    fn frame_long_side(&self) -> u32 {
        2 * self.resolution
    }

    fn embed_picture(&self, picture: &Picture) -> Result<Embedding, InferError> {
        let pixels = pixels(picture, self.recipe, self.resolution)?;
        let output = self.recipe.picture_output;
        let vector = self.run(&self.vision, &pixels, &self.no_words(), output)?;
        Ok(Embedding { vector, tags: Vec::new() })
    }

    fn embed_text_in(&self, templates: &[Template], text: &str) -> Result<TextQuery, InferError> {
        let tower = self.text.get(&self.key, self.recipe)?;
        let vector = mean_vector(templates, text, |sentence| self.read(&tower, sentence))?;
        Ok(TextQuery { vector, words: Vec::new(), word_weight: 0.0, curve: self.calibration.text })
    }

    fn templates(&self) -> &[Template] {
        &self.templates
    }

    fn drop_idle(&self, longest: Duration) {
        self.text.open.drop_idle(longest);
    }
}
