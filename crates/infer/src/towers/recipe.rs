//! What the families fix.

use super::clean;
use crate::{registry::Family, resize::FilterType};

/// How a picture is brought to the model's square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// The short side to the square's side, then the square in the middle.
    CentreCrop,
    /// The whole picture, its aspect ratio given up.
    Squash,
}

/// What a family of two-tower models fixes.
#[derive(Debug)]
pub(super) struct Recipe {
    pub fit: Fit,
    pub filter: FilterType,
    /// Mean of R, G and B as parts of 255.
    pub mean: [f64; 3],
    /// Standard deviation of R, G and B as parts of 255.
    pub std: [f64; 3],
    pub picture_output: &'static str,
    pub text_output: &'static str,
    /// Tokens that a sentence is cut and padded to, first and last token included.
    pub tokens: usize,
    /// Token in front of every sentence.
    pub first_token: Option<&'static str>,
    /// Token after every sentence.
    pub last_token: &'static str,
    /// What sentences go through before the tokenizer, whose file does not do it.
    pub clean: fn(&str) -> String,
}

/// CLIP's image processor and tokenizer, as published with the weights (`preprocessor_config.json`).
const CLIP: Recipe = Recipe {
    fit: Fit::CentreCrop,
    filter: FilterType::CatmullRom,
    mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
    std: [0.268_629_54, 0.261_302_58, 0.275_777_11],
    picture_output: "image_embeds",
    text_output: "text_embeds",
    tokens: 77,
    first_token: Some("<|startoftext|>"),
    last_token: "<|endoftext|>",
    clean: clean::plain,
};

/// SigLIP 2's, likewise. It was trained on lower-cased sentences of exactly 64 tokens.
const SIGLIP2: Recipe = Recipe {
    fit: Fit::Squash,
    filter: FilterType::Bilinear,
    mean: [0.5; 3],
    std: [0.5; 3],
    picture_output: "pooler_output",
    text_output: "pooler_output",
    tokens: 64,
    first_token: None,
    last_token: "<eos>",
    clean: clean::lower_case,
};

impl Recipe {
    /// The recipe of a two-tower family.
    pub(super) fn of(family: Family) -> Option<&'static Self> {
        match family {
            Family::Lite | Family::Whisper => None,
            Family::Clip => Some(&CLIP),
            Family::Siglip2 => Some(&SIGLIP2),
        }
    }
}
