//! Words out of tokens.

use super::Word;

/// Languages that put no space between words: each token of the model, a character or a few, is a word there.
const UNSPACED: [&str; 7] = ["zh", "ja", "th", "lo", "my", "km", "yue"];

/// Whether the words of a language are parted by spaces.
#[must_use]
pub fn is_spaced(language: &str) -> bool {
    !UNSPACED.contains(&language)
}

/// A token that was said; times in seconds from the start of the window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    /// A part of a text in UTF-8, which may end within a character.
    pub(super) bytes: Vec<u8>,
    pub(super) probability: f32,
    /// Start and end, guessed by loudness and probabilities of time tokens.
    pub(super) start: f64,
    pub(super) end: f64,
    /// Until when attention has it: whisper.cpp's alignment names the end of each token (measured with
    /// words at known times; taken as the beginning it is half a second late). Negative where not known.
    pub(super) aligned: f64,
}

/// The words that tokens make.
pub(super) fn words(tokens: &[Token], language: &str) -> Vec<Word> {
    let unspaced = !is_spaced(language);
    let mut words: Vec<Vec<&Token>> = Vec::new();
    for token in tokens {
        let whole = words.last().is_none_or(|word| std::str::from_utf8(&bytes(word)).is_ok());
        let begins = token.bytes.starts_with(b" ") || unspaced && whole;
        match words.last_mut().filter(|_| !begins) {
            Some(word) => word.push(token),
            None => words.push(vec![token]),
        }
    }
    let mut start = tokens.first().map_or(0.0, |token| token.start);
    let mut all = Vec::new();
    for tokens in words {
        let word = word(&tokens, start);
        start = word.as_ref().map_or(start, |word| word.end);
        all.extend(word);
    }
    all
}

fn bytes(tokens: &[&Token]) -> Vec<u8> {
    tokens.iter().flat_map(|token| token.bytes.iter().copied()).collect()
}

/// A word of its tokens that begins at `start`; `None` when nothing of it can be seen.
fn word(tokens: &[&Token], start: f64) -> Option<Word> {
    let text = String::from_utf8_lossy(&bytes(tokens)).trim().to_owned();
    let last = tokens.last()?;
    let logarithms: f32 = tokens.iter().map(|token| token.probability.max(1e-9).ln()).sum();
    let end = if last.aligned >= 0.0 { last.aligned } else { last.end };
    (!text.is_empty()).then(|| Word {
        text,
        start,
        end: end.max(start),
        probability: (logarithms / tokens.len() as f32).exp(),
    })
}
