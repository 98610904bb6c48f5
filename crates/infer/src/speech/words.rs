//! Words out of tokens.

use super::Word;

/// Languages that put no space between words: each token of the model, a character or a few, is a word there,
/// but for words in other letters.
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

impl Token {
    /// Whether it goes on with a word in Latin letters or figures.
    fn continues(&self, word: &[u8]) -> bool {
        let is_latin = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        is_latin(word.last()) && is_latin(self.bytes.first())
    }
}

/// The words that tokens make.
pub(super) fn words(tokens: &[Token], language: &str) -> Vec<Word> {
    let unspaced = !is_spaced(language);
    let mut words: Vec<Vec<&Token>> = Vec::new();
    for token in tokens {
        let so_far = words.last().map_or(Vec::new(), |word| bytes(word));
        let whole = std::str::from_utf8(&so_far).is_ok();
        let begins =
            token.bytes.starts_with(b" ") || unspaced && whole && !token.continues(&so_far);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of these tokens, each a tenth of a second.
    fn made(tokens: &[&[u8]], language: &str) -> Vec<Word> {
        let token = |(place, bytes): (usize, &&[u8])| {
            let start = place as f64 / 10.0;
            let end = start + 0.1;
            Token { bytes: bytes.to_vec(), probability: 0.5, start, end, aligned: end }
        };
        let tokens: Vec<Token> = tokens.iter().enumerate().map(token).collect();
        words(&tokens, language)
    }

    fn texts(tokens: &[&[u8]], language: &str) -> Vec<String> {
        made(tokens, language).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn spaces_part_words() {
        assert_eq!(texts(&[b" hel", b"lo", b",", b" you"], "en"), ["hello,", "you"]);
        assert_eq!(texts(&[b" ", b" you"], "en"), ["you"], "nothing of it can be seen");
        let word = &made(&[b" hel", b"lo"], "en")[0];
        assert_eq!((word.start, word.end), (0.0, 0.2));
        assert!((word.probability - 0.5).abs() < 1e-6, "the mean, not the product");
    }

    #[test]
    fn without_spaces_a_token_is_a_word_unless_it_ends_within_a_character() {
        let tokens: [&[u8]; 4] =
            ["東京".as_bytes(), "で".as_bytes(), &"す".as_bytes()[..2], &"す".as_bytes()[2..]];
        assert_eq!(texts(&tokens, "ja"), ["東京", "で", "す"]);
    }

    #[test]
    fn words_in_latin_letters_stay_whole_in_every_language() {
        let tokens: [&[u8]; 5] = ["彼は".as_bytes(), b"New", b" Yor", b"k", "へ".as_bytes()];
        assert_eq!(texts(&tokens, "ja"), ["彼は", "New", "York", "へ"]);
    }
}
