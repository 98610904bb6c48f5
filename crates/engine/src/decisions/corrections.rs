//! Corrections: what somebody says is said from one time to another, whatever a model heard there.

use super::{Decided, alignment};
use rushes_model::MediaId;
use rushes_store::{SpokenSegment, SpokenWord, Voice};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What is said in a range of a medium.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// The medium.
    pub media_id: MediaId,
    /// Beginning of the range, in seconds of source time.
    pub start: f64,
    /// Its end, which does not belong to it.
    pub end: f64,
    /// The words, which may be none; `None` goes back to what the model heard.
    pub text: Option<String>,
}

/// A segment as it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Corrected {
    /// What is said.
    pub segment: SpokenSegment,
    /// Whether somebody said so.
    pub edited: bool,
    /// Its number among those that were heard, if it is as it was.
    pub heard: Option<usize>,
}

impl Corrected {
    /// One that was not heard so.
    fn new(speaker: Option<u32>, words: Vec<SpokenWord>, edited: bool) -> Self {
        Self { segment: SpokenSegment { speaker, words }, edited, heard: None }
    }
}

impl Correction {
    /// Comes after those that hold so far. It takes the place of what lies within its range, and one that
    /// goes back to the model ends all that it touches.
    pub(super) fn join(self, holding: &mut Vec<Self>) {
        if self.text.is_none() {
            holding.retain(|one| self.end <= one.start || one.end <= self.start);
        } else {
            holding.retain(|one| one.start < self.start || self.end < one.end);
            holding.push(self);
        }
    }

    fn holds(&self, word: &SpokenWord) -> bool {
        (self.start..self.end).contains(&f64::midpoint(word.start, word.end))
    }

    /// Puts its words in the place of those whose middle lies in its range.
    fn apply(&self, pieces: Vec<Corrected>, voice: &Voice) -> Vec<Corrected> {
        let texts = alignment::words_of(self.text.as_deref().unwrap_or_default(), voice.spaced);
        let words: Vec<&SpokenWord> = pieces.iter().flat_map(|one| &one.segment.words).collect();
        let first = words.iter().position(|word| self.holds(word));
        let last = words.iter().rposition(|word| self.holds(word));
        let (Some(first), Some(last)) = (first, last) else {
            return self.insert(pieces, &texts);
        };
        let next = words.get(last + 1).map_or(f64::INFINITY, |word| word.start);
        let start = words[first].start;
        let room = start..words[last].end.min(next).max(start);
        let heard: Vec<SpokenWord> =
            words[first..=last].iter().map(|word| (*word).clone()).collect();
        let said = alignment::timed(&heard, &texts, room, voice.spaced);
        replace(pieces, first..last + 1, said)
    }

    /// Adds its words where nothing was heard.
    fn insert(&self, mut pieces: Vec<Corrected>, texts: &[String]) -> Vec<Corrected> {
        if texts.is_empty() {
            return pieces;
        }
        let words: Vec<&SpokenWord> = pieces.iter().flat_map(|one| &one.segment.words).collect();
        let at = words.partition_point(|word| word.start < self.start);
        let next = words.get(at).map_or(f64::INFINITY, |word| word.start);
        let before = at.checked_sub(1).map(|before| words[before].end);
        let start = before
            .filter(|end| *end < self.end.min(next))
            .map_or(self.start, |end| end.max(self.start));
        let said = alignment::timed(&[], texts, start..self.end.min(next), true);
        let (piece, within) = place(&pieces, at);
        let speaker = pieces.get(piece).filter(|_| within > 0).and_then(|one| one.segment.speaker);
        let new = Corrected::new(speaker, said, true);
        if within > 0 {
            let (one, other) = split(pieces.remove(piece), within);
            pieces.splice(piece..piece, [one, new, other]);
        } else {
            pieces.insert(piece, new);
        }
        pieces
    }
}

impl Decided {
    /// What is said, with all corrections, in segments of at least one word.
    #[must_use]
    pub fn corrected(&self, heard: Vec<SpokenSegment>, voice: &Voice) -> Vec<Corrected> {
        let untouched =
            |(number, segment)| Corrected { segment, edited: false, heard: Some(number) };
        let pieces = heard.into_iter().enumerate().map(untouched).collect();
        self.corrections.iter().fold(pieces, |pieces, one| one.apply(pieces, voice))
    }
}

/// The segment that a word lies in, and the number of the words before it there; behind the last word the
/// segment that there is not.
fn place(pieces: &[Corrected], word: usize) -> (usize, usize) {
    let mut before = word;
    for (index, piece) in pieces.iter().enumerate() {
        let count = piece.segment.words.len();
        if before < count {
            return (index, before);
        }
        before -= count;
    }
    (pieces.len(), 0)
}

fn split(piece: Corrected, at: usize) -> (Corrected, Corrected) {
    let Corrected { segment: SpokenSegment { speaker, mut words }, edited, .. } = piece;
    let rest = words.split_off(at);
    (Corrected::new(speaker, words, edited), Corrected::new(speaker, rest, edited))
}

/// Puts words in the place of others, each into the segment that was said at its time. A segment of which
/// others remain is split.
fn replace(pieces: Vec<Corrected>, range: Range<usize>, said: Vec<SpokenWord>) -> Vec<Corrected> {
    let mut said = said.into_iter().peekable();
    let mut replaced = Vec::new();
    let mut first = 0;
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        let count = piece.segment.words.len();
        let own = range.start.saturating_sub(first).min(count)
            ..range.end.saturating_sub(first).min(count);
        first += count;
        if own.is_empty() {
            replaced.push(piece);
            continue;
        }
        // The next one takes over where it began, if any of its words are replaced.
        let next = pieces.peek().filter(|_| first < range.end);
        let until = next.map_or(f64::INFINITY, |next| next.segment.start());
        let speaker = piece.segment.speaker;
        let (before, rest) = split(piece, own.start);
        let (_, after) = split(rest, own.len());
        let mut words = Vec::new();
        while let Some(word) = said.next_if(|word| f64::midpoint(word.start, word.end) < until) {
            words.push(word);
        }
        let new = Corrected::new(speaker, words, true);
        replaced.extend([before, new, after]);
    }
    replaced.retain(|piece| !piece.segment.words.is_empty());
    replaced
}

#[cfg(test)]
mod tests;
