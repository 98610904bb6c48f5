//! Many texts to look for phrases in: frames that were read, segments that were spoken.

use crate::{Phrase, fold::words, glance::Shape};
use std::ops::Range;

/// Texts made ready to be searched for phrases: some 17 bytes a word.
#[derive(Debug, Clone, Default)]
pub struct Folded {
    /// Words without case, accents and punctuation, each followed by a space.
    text: String,
    /// How each word looks at a glance.
    shapes: Vec<Shape>,
    /// Where each text ends in both.
    ends: Vec<(usize, usize)>,
}

/// A phrase that stands in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// How well, above 0 and at most 1.
    pub score: f32,
    /// Number of the word that it begins with, counted through the text as it was folded.
    pub word: usize,
}

/// Room to compare in, so that many texts need not take and give back memory.
#[derive(Debug, Default)]
pub struct Room(pub(crate) Vec<f32>);

/// Number of words that a text leaves when it is folded.
#[must_use]
pub fn word_count(text: &str) -> usize {
    words(text).len()
}

impl Folded {
    /// Adds a text, which may come in lines or words.
    pub fn push<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) {
        for word in lines.into_iter().flat_map(words) {
            self.shapes.push(Shape::of(&word));
            self.text.extend(word.into_iter().chain([' ']));
        }
        self.ends.push((self.text.len(), self.shapes.len()));
    }

    /// How well a text, by its number, holds a phrase: as [`Phrase::score`] has it. `room` may be that of
    /// other texts.
    #[must_use]
    pub fn score(&self, number: usize, phrase: &Phrase, room: &mut Room) -> f32 {
        let own = self.shapes_of(number);
        self.look(number, own.clone(), own.len(), phrase, room).map_or(0.0, |found| found.score)
    }

    /// Where in a text a phrase begins best; it may go on in the texts after it.
    #[must_use]
    pub fn begins(&self, number: usize, phrase: &Phrase, room: &mut Room) -> Option<Found> {
        let own = self.shapes_of(number);
        let end = own.end.saturating_add(phrase.reach()).min(self.shapes.len());
        self.look(number, own.start..end, own.len(), phrase, room)
    }

    /// The best place of a phrase in words from a text on, the first `own` of which it may begin with.
    fn look(
        &self,
        number: usize,
        words: Range<usize>,
        own: usize,
        phrase: &Phrase,
        room: &mut Room,
    ) -> Option<Found> {
        let shapes = self.shapes.get(words).unwrap_or_default();
        if own == 0 || !phrase.glance.may_find(shapes) {
            return None;
        }
        let text = &self.text[self.start_of(number).0..];
        let words: Vec<&str> = text.split_terminator(' ').take(shapes.len()).collect();
        phrase.best_place(&words, shapes, own, room)
    }

    fn shapes_of(&self, number: usize) -> Range<usize> {
        let start = self.start_of(number).1;
        start..self.ends.get(number).map_or(start, |(_, end)| *end)
    }

    fn start_of(&self, number: usize) -> (usize, usize) {
        let before = number.checked_sub(1).and_then(|before| self.ends.get(before));
        before.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of each text in which a phrase begins, and of the word.
    fn beginnings(texts: &[&str], phrase: &str) -> Vec<(usize, usize)> {
        let (mut folded, mut room) = (Folded::default(), Room::default());
        texts.iter().for_each(|text| folded.push([*text]));
        let phrase = Phrase::new(phrase);
        let begins = |number| Some((number, folded.begins(number, &phrase, &mut room)?.word));
        (0..texts.len() + 2).filter_map(begins).collect()
    }

    #[test]
    fn a_phrase_begins_in_one_text_and_goes_on_in_the_next_ones() {
        let said = ["Good", "morning, my", "…", "dear Watson. Good morning!", ""];
        assert_eq!(beginnings(&said, "good morning"), [(0, 0), (3, 2)]);
        assert_eq!(beginnings(&said, "my dear wats"), [(1, 1)]);
        assert_eq!(beginnings(&said, "good mornin my dear watsen"), [(0, 0)]);
        assert_eq!(beginnings(&said, "watson good"), [(3, 1)]);
        assert_eq!(beginnings(&said, "morning good"), []);
        assert_eq!(beginnings(&[], "good"), []);
    }

    #[test]
    fn of_equal_places_the_first_one_is_told() {
        let (mut folded, mut room) = (Folded::default(), Room::default());
        folded.push(["a hamburq", "Hamburg Hamburg"]);
        let found = folded.begins(0, &Phrase::new("hamburg"), &mut room).unwrap();
        assert_eq!((found.score, found.word), (1.0, 2));
    }

    #[test]
    fn no_text_that_was_not_pushed_holds_anything() {
        let (folded, mut room) = (Folded::default(), Room::default());
        assert_eq!(folded.score(7, &Phrase::new("a"), &mut room), 0.0);
        assert!(folded.begins(usize::MAX, &Phrase::new("a"), &mut room).is_none());
    }
}
