//! The very words, wherever they stand in a transcript.
//!
//! A transcript is folded once into one text, in which looking for words is looking for bytes. A place in
//! that text leads back to the words that stand there.

use crate::fold::{Sign, is_without_spaces, signs};
use memchr::memmem;

/// Words as somebody remembers them, ready to be looked for in many transcripts. They may begin and end
/// within a word.
#[derive(Debug, Clone)]
pub struct Wording {
    bytes: usize,
    finder: memmem::Finder<'static>,
}

/// A transcript that was folded. In one without spaces between words none stand in the folded text either.
#[derive(Debug, Clone, Default)]
pub struct Index {
    spaced: bool,
    text: String,
    /// Where each word starts in the text. One of which nothing is left starts where the next one does or,
    /// before a space, there.
    words: Vec<u32>,
    /// The first word of each segment.
    segments: Vec<u32>,
}

/// Where a wording stands in a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// The first word that it touches.
    pub first: Place,
    /// The last one, which may be the same.
    pub last: Place,
}

/// A word of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Number of its segment.
    pub segment: usize,
    /// Its number in the segment.
    pub word: usize,
}

impl Wording {
    /// Folds what somebody looks for.
    #[must_use]
    pub fn new(query: &str) -> Self {
        let mut folded = String::new();
        fold_onto(&mut folded, query, true);
        Self { bytes: folded.len(), finder: memmem::Finder::new(&folded).into_owned() }
    }

    /// Whether there is nothing to look for: no letter and no digit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

impl Index {
    /// An empty transcript; `spaced` tells whether spaces part its words.
    #[must_use]
    pub fn new(spaced: bool) -> Self {
        Self { spaced, ..Self::default() }
    }

    /// Adds a segment with its words. What lies behind the first 4 GiB of text is not found.
    pub fn push<'a>(&mut self, words: impl IntoIterator<Item = &'a str>) {
        self.segments.push(offset(self.words.len()));
        for word in words {
            let word = if offset(self.text.len()) == u32::MAX { "" } else { word };
            let start = fold_onto(&mut self.text, word, self.spaced);
            self.words.push(offset(start));
        }
    }

    /// The passages in which a wording stands, in order: of several in the same segments the first one.
    /// A wording without a letter stands nowhere.
    pub fn find<'a>(&'a self, wording: &'a Wording) -> impl Iterator<Item = Passage> + 'a {
        let mut before = None;
        let places = wording.finder.find_iter(self.text.as_bytes());
        let places = places.take_while(|_| !wording.is_empty());
        let passages = places
            .map(|at| Passage { first: self.place(at), last: self.place(at + wording.bytes - 1) });
        passages.filter(move |passage| {
            let segments = (passage.first.segment, passage.last.segment);
            before.replace(segments) != Some(segments)
        })
    }

    /// The word that a byte of the text belongs to, which is that of a letter.
    fn place(&self, byte: usize) -> Place {
        let word = last_at(&self.words, byte);
        let segment = last_at(&self.segments, word);
        let first = self.segments.get(segment).map_or(0, |&first| first as usize);
        Place { segment, word: word - first }
    }
}

/// The last of some ascending starts that is not behind a place.
fn last_at(starts: &[u32], place: usize) -> usize {
    starts.partition_point(|&start| start as usize <= place).saturating_sub(1)
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Adds the letters of a text to a folded one, a space between words except beside scripts that put none,
/// and before the first word where `apart`. Gives the place of the first letter. An apostrophe parts
/// nothing, so that "dont" is "don't".
fn fold_onto(folded: &mut String, text: &str, mut apart: bool) -> usize {
    let mut start = None;
    for sign in signs(text) {
        let c = match sign {
            Sign::Letter(c) => c,
            Sign::Gap => {
                apart = true;
                continue;
            }
            Sign::Apostrophe => continue,
        };
        let joined = |last: char| is_without_spaces(last) || is_without_spaces(c);
        if apart && !folded.chars().next_back().is_none_or(joined) {
            folded.push(' ');
        }
        start.get_or_insert(folded.len());
        folded.push(c);
        apart = false;
    }
    start.unwrap_or(folded.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index(spaced: bool, segments: &[&[&str]]) -> Index {
        let mut index = Index::new(spaced);
        segments.iter().for_each(|words| index.push(words.iter().copied()));
        index
    }

    fn english() -> Index {
        let first = ["Don’t", "worry,", "—", "Mr.", "Dashwood!"];
        index(true, &[&first, &["Well-known", "ÉCOLES"], &["…"], &["open", "at", "well", "9:30."]])
    }

    /// First and last word, counted through the transcript, first and last segment of each passage.
    fn found(index: &Index, query: &str) -> Vec<[usize; 4]> {
        let word = |place: Place| index.segments[place.segment] as usize + place.word;
        let places = |Passage { first, last }: Passage| {
            [word(first), word(last), first.segment, last.segment]
        };
        index.find(&Wording::new(query)).map(places).collect()
    }

    #[test]
    fn case_accents_and_punctuation_do_not_count() {
        for query in ["dont worry", "DON'T, worry", "“don’t worry”", "don\u{2bc}t   worry"] {
            assert_eq!(found(&english(), query), [[0, 1, 0, 0]], "{query}");
        }
        assert_eq!(found(&english(), "ecoles"), [[6, 6, 1, 1]]);
        assert_eq!(found(&english(), "e\u{301}coles"), found(&english(), "écoles"));
        assert_eq!(found(&english(), "worry mr dashwood"), [[1, 4, 0, 0]], "a dash is no word");
        assert_eq!(found(&english(), "9 30"), [[11, 11, 3, 3]]);
    }

    #[test]
    fn words_may_be_cut_at_both_ends() {
        assert_eq!(found(&english(), "dash"), [[4, 4, 0, 0]]);
        assert_eq!(found(&english(), "orry mr dashw"), [[1, 4, 0, 0]]);
        assert_eq!(found(&english(), "worried"), [[0; 4]; 0]);
        assert_eq!(found(&english(), "dash wood"), [[0; 4]; 0], "words are not joined");
    }

    #[test]
    fn passages_run_across_segments_even_those_without_a_letter() {
        assert_eq!(found(&english(), "ecoles open at"), [[6, 9, 1, 3]]);
        let all = "don't worry mr dashwood well known ecoles open at well 9 30";
        assert_eq!(found(&english(), all), [[0, 11, 0, 3]]);
    }

    #[test]
    fn of_several_in_the_same_segments_the_first_one_counts() {
        let echo = index(true, &[&["no", "no", "no"], &["no", "oh", "no"], &["oh", "no"]]);
        assert_eq!(found(&echo, "no"), [[0, 0, 0, 0], [3, 3, 1, 1], [7, 7, 2, 2]]);
        assert_eq!(found(&echo, "no oh"), [[3, 4, 1, 1], [5, 6, 1, 2]]);
        assert_eq!(found(&echo, "no no"), [[0, 1, 0, 0], [2, 3, 0, 1]]);
    }

    #[test]
    fn scripts_without_spaces_are_found_across_words() {
        let japanese =
            index(false, &[&["これ", "は", "iPhone"], &["20", "24", "。", "東京", "です"]]);
        assert_eq!(found(&japanese, "は東京"), [[0; 4]; 0]);
        assert_eq!(found(&japanese, "東京 です"), [[6, 7, 1, 1]]);
        assert_eq!(found(&japanese, "iphone2024東"), [[2, 6, 0, 1]]);
        assert_eq!(found(&japanese, "は iPhone"), [[1, 2, 0, 0]]);
        let among_others = index(true, &[&["say", "こんにちは", "世界"]]);
        assert_eq!(found(&among_others, "にちは世"), [[1, 2, 0, 0]]);
    }

    #[test]
    fn right_to_left_scripts_are_words_like_others() {
        let hebrew = index(true, &[&["שָׁלוֹם", "עולם"]]);
        assert_eq!(found(&hebrew, "\u{202b}שלום עולם\u{202c}"), [[0, 1, 0, 0]]);
    }

    #[test]
    fn nothing_is_never_found() {
        for query in ["", " ", "?!…", "\u{301}", "🎬", "'", "\u{feff}"] {
            assert!(Wording::new(query).is_empty(), "{query:?}");
            assert_eq!(found(&english(), query), [[0; 4]; 0], "{query:?}");
        }
        let long = "worry ".repeat(334);
        for silent in [english(), Index::new(true), index(true, &[&["♪", "…"], &[]])] {
            assert_eq!(found(&silent, &long), [[0; 4]; 0]);
        }
        assert_eq!(found(&index(true, &[&["♪", "…"], &[]]), "o"), [[0; 4]; 0]);
    }

    proptest! {
        /// Whatever was said, each word of it is found where it stands, and queries end.
        #[test]
        fn every_word_is_found_where_it_was_pushed(
            segments in prop::collection::vec(prop::collection::vec("\\PC{0,6}", 0..5), 0..5),
            query in "\\PC{0,8}",
            spaced: bool,
        ) {
            let mut index = Index::new(spaced);
            segments.iter().for_each(|words| index.push(words.iter().map(String::as_str)));
            for passage in index.find(&Wording::new(&query)) {
                let Passage { first, last } = passage;
                prop_assert!((first.segment, first.word) <= (last.segment, last.word));
                prop_assert!(segments[first.segment].len() > first.word);
                prop_assert!(segments[last.segment].len() > last.word);
            }
            for (number, word) in segments.iter().enumerate().flat_map(|(segment, words)| {
                words.iter().map(move |word| (segment, word))
            }) {
                let wording = Wording::new(word);
                let holds = |one: Passage| (one.first.segment..=one.last.segment).contains(&number);
                let found = wording.is_empty() || index.find(&wording).any(holds);
                prop_assert!(found, "{word:?} in segment {number}");
            }
        }
    }
}
