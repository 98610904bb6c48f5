//! How well a text can be broken at a place.
//!
//! Lines and captions end with sentences, else with clauses, else before a conjunction or a preposition,
//! and only where nothing else is left after a word that belongs to the next (Netflix Timed Text Style
//! Guide, General Requirements, "Line Treatment"; BBC Subtitle Guidelines, "Line breaks").

use super::{
    phrases,
    tokens::{Link, Token},
};

/// After a sentence.
const SENTENCE: f64 = 0.0;
/// After a comma or the like.
const CLAUSE: f64 = 1.5;
/// Before a word that begins a part of a sentence.
const OPENING: f64 = 3.0;
/// Between any two words.
const PLAIN: f64 = 5.0;
/// After a word that belongs to the next.
const BOUND: f64 = 20.0;
/// Within a word, or before a mark that ends one.
const INSIDE: f64 = 40.0;
/// Between a name and what that person says.
const NAME: f64 = 400.0;

/// Marks that may follow the end of a sentence.
const CLOSING: [char; 12] = ['"', '”', '’', '\'', ')', ']', '»', '」', '』', '）', '›', '“'];
const SENTENCE_ENDS: [char; 11] = ['.', '?', '!', '…', '。', '？', '！', '؟', '।', '۔', '．'];
const CLAUSE_ENDS: [char; 11] = [',', ';', ':', '–', '—', '、', '，', '；', '：', '،', '؛'];
/// Marks that no line begins with where there are no spaces (JIS X 4051, the commonest).
const NOT_FIRST: [char; 31] = [
    '。', '、', '，', '．', '？', '！', '：', '；', '」', '』', '）', '】', '〉', '》', '〕', 'ー',
    '々', '〜', '…', 'ゃ', 'ゅ', 'ょ', 'っ', 'ャ', 'ュ', 'ョ', 'ッ', ',', '.', '?', '!',
];
/// Marks that no line ends with.
const NOT_LAST: [char; 11] = ['「', '『', '（', '【', '〈', '《', '〔', '(', '[', '“', '«'];

/// What a break between two tokens costs; nothing where it is best.
pub(super) fn cost(before: &Token, after: &Token, language: &str) -> f64 {
    let marked = before.text.ends_with(NOT_LAST)
        || (after.before.width() == 0 && after.text.starts_with(NOT_FIRST));
    match after.before {
        Link::Name => NAME,
        Link::Inside | Link::Next if marked => INSIDE,
        Link::Space if marked => BOUND,
        // A comma ends a clause inside of what has no spaces, too; in a number it does not.
        Link::Inside if before.text.ends_with(char::is_alphanumeric) => PLAIN.max(inside(after)),
        Link::Inside | Link::Next | Link::Space => between(&before.text, &after.text, language),
    }
}

/// Letters of scripts with spaces hang together; others can be parted anywhere.
fn inside(after: &Token) -> f64 {
    if after.text.starts_with(|letter: char| letter.is_ascii_alphanumeric()) { INSIDE } else { 0.0 }
}

fn between(before: &str, after: &str, language: &str) -> f64 {
    if phrases::is_bound(before, language) {
        BOUND
    } else if ends_sentence(before) {
        SENTENCE
    } else if before.trim_end_matches(CLOSING).ends_with(CLAUSE_ENDS) {
        CLAUSE
    } else if phrases::is_bound(after, language) {
        // What belongs to the next word begins a part of the sentence with it.
        OPENING
    } else {
        PLAIN
    }
}

/// Whether a word ends a sentence.
pub(crate) fn ends_sentence(word: &str) -> bool {
    word.trim_end_matches(CLOSING).ends_with(SENTENCE_ENDS)
}
