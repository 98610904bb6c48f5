//! Sentences out of words.

use super::{Phrase, Word};

/// What ends a sentence, in the scripts that Whisper writes.
const ENDS: [char; 8] = ['.', '?', '!', '…', '。', '？', '！', '।'];
/// What may stand after that.
const CLOSING: [char; 6] = ['"', '\'', '”', '’', ')', '»'];
/// Words that end with a full stop and no sentence.
const ABBREVIATED: [&str; 8] = ["Mr.", "Mrs.", "Ms.", "Dr.", "St.", "Prof.", "vs.", "No."];
/// Seconds of silence that part what is said, whatever its punctuation.
const PAUSE: f64 = 0.8;
/// Seconds after which a sentence is parted at the next comma.
const LONG: f64 = 12.0;

/// The sentences that words make; `silence` is what the model said of all of them.
pub(super) fn sentences(words: Vec<Word>, silence: f32) -> Vec<Phrase> {
    let mut sentences: Vec<Phrase> = Vec::new();
    let mut ended = true;
    for word in words {
        match sentences.last_mut() {
            Some(sentence) if !ended && !sentence.is_before_a_pause(&word) => {
                sentence.words.push(word);
            }
            _ => sentences.push(Phrase { words: vec![word], silence }),
        }
        ended = sentences.last().is_some_and(Phrase::is_ended);
    }
    sentences
}

impl Phrase {
    fn is_before_a_pause(&self, next: &Word) -> bool {
        self.words.last().is_some_and(|last| next.start - last.end > PAUSE)
    }

    /// Whether its last word ends it.
    fn is_ended(&self) -> bool {
        let (Some(first), Some(last)) = (self.words.first(), self.words.last()) else {
            return false;
        };
        let bare = last.text.trim_end_matches(CLOSING);
        let letters = bare.chars().filter(|letter| letter.is_alphanumeric()).count();
        // An initial is no end, a figure such as 7. may be.
        let initial = letters == 1 && bare.chars().any(char::is_alphabetic) && bare.is_ascii();
        let ends = bare.ends_with(ENDS) && !initial && !ABBREVIATED.contains(&bare);
        ends || bare.ends_with([',', ';', '、']) && last.end - first.start > LONG
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<Word> {
        let word = |(place, text): (usize, &str)| {
            let start = place as f64 / 2.0;
            Word { text: text.to_owned(), start, end: start + 0.4, probability: 1.0 }
        };
        text.split(' ').enumerate().map(word).collect()
    }

    fn texts(words: Vec<Word>) -> Vec<String> {
        let text = |phrase: Phrase| {
            phrase.words.into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ")
        };
        sentences(words, 0.1).into_iter().map(text).collect()
    }

    #[test]
    fn sentences_end_at_their_marks_and_not_at_abbreviations() {
        let found =
            texts(said("And Mr. J. Dashwood said: \"Why?\" Nobody knew. 東京です。 So it was"));
        assert_eq!(
            found,
            ["And Mr. J. Dashwood said: \"Why?\"", "Nobody knew.", "東京です。", "So it was"]
        );
        assert_eq!(texts(vec![]), [""; 0]);
    }

    #[test]
    fn a_pause_parts_what_has_no_marks() {
        let mut words = said("one two three four");
        words[2].start += 5.0;
        words[2].end += 5.0;
        words[3].start += 5.0;
        words[3].end += 5.0;
        assert_eq!(texts(words), ["one two", "three four"]);
    }

    #[test]
    fn a_long_sentence_is_parted_at_a_comma() {
        let long = format!("{}here, and there", "so it goes on and ".repeat(6));
        let found = texts(said(&long));
        assert_eq!(found.len(), 2);
        assert_eq!(found[1], "and there");
    }
}
