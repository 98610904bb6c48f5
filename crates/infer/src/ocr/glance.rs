//! Telling in nanoseconds that a frame cannot hold a phrase.
//!
//! A word is looked at as the set of its letters, in one machine word, and their number. One edit takes
//! away at most one letter of a set and adds at most one, so that words whose sets differ by more than
//! the edits allowed are no match. Letters and digits that look alike are one letter here.

use super::matching::{LOOK_ALIKES, MAX_JOINED, allowed_slips};

/// The set of a word's letters, and how many letters it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shape {
    set: u64,
    letters: usize,
}

/// What a frame must at least have: something like the longest word of the phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glance {
    /// The longest word; no letters when the phrase is empty.
    word: Shape,
    /// Edits that it may have.
    slips: usize,
    /// Whether it may be the beginning of a word.
    may_go_on: bool,
    /// What it makes with its neighbours when the spaces between them were lost.
    glued: Vec<Shape>,
}

impl Glance {
    pub(super) fn of(words: &[Vec<char>]) -> Self {
        let shapes: Vec<Shape> = words.iter().map(|word| Shape::of(word)).collect();
        let longest = (0..words.len()).max_by_key(|&at| words[at].len()).unwrap_or(0);
        let runs = (2..=MAX_JOINED).flat_map(|length| shapes.windows(length).enumerate());
        let with_it = runs.filter(|(start, run)| (*start..start + run.len()).contains(&longest));
        Self {
            word: shapes.get(longest).copied().unwrap_or_default(),
            slips: words.get(longest).map_or(0, |word| allowed_slips(word)),
            may_go_on: longest + 1 == words.len(),
            glued: with_it.map(|(_, run)| Shape::joined(run)).collect(),
        }
    }

    /// Whether the phrase may be among these words, which are parted by single spaces.
    pub(super) fn may_find(&self, folded: &str) -> bool {
        // The word that ends last, and those before it as far as they could be one with it.
        let mut last = [Shape::default(); MAX_JOINED];
        self.word.letters > 0
            && folded.split(' ').any(|word| {
                last.rotate_right(1);
                last[0] = Shape::of_text(word);
                self.may_be(last[0]) || self.may_be_parts(&last)
            })
    }

    fn may_be(&self, word: Shape) -> bool {
        let (lost, won) = (self.word.set & !word.set, word.set & !self.word.set);
        let most = self.slips as u32;
        let near = self.word.letters.abs_diff(word.letters) <= self.slips;
        near && lost.count_ones() <= most && won.count_ones() <= most
            || self.may_go_on && lost == 0 && word.letters > self.word.letters
            || self.glued.contains(&word)
    }

    /// Whether the longest word may be that many of the last words as one, with spaces won.
    fn may_be_parts(&self, last: &[Shape; MAX_JOINED]) -> bool {
        (2..=MAX_JOINED).any(|count| Shape::joined(&last[..count]) == self.word)
    }
}

impl Shape {
    fn of(word: &[char]) -> Self {
        Self { set: word.iter().fold(0, |set, &c| set | bit(c)), letters: word.len() }
    }

    fn of_text(word: &str) -> Self {
        let take = |shape: Self, c| Self { set: shape.set | bit(c), letters: shape.letters + 1 };
        word.chars().fold(Self::default(), take)
    }

    fn joined(shapes: &[Self]) -> Self {
        let take = |all: Self, one: &Self| Self {
            set: all.set | one.set,
            letters: all.letters + one.letters,
        };
        shapes.iter().fold(Self::default(), take)
    }
}

/// Places in a set for Latin letters and digits; other letters share those above.
const PLACES: [u8; 128] = places();
const OWN_PLACES: u32 = 40;

const fn places() -> [u8; 128] {
    let mut places = [0; 128];
    let mut c = 0;
    while c < 128u8 {
        places[c as usize] = match c {
            b'a'..=b'z' => c - b'a',
            b'0'..=b'9' => 26 + c - b'0',
            _ => 36,
        };
        c += 1;
    }
    // What looks alike takes the digit's place: 1 is like l and like i.
    let mut pair = 0;
    while pair < LOOK_ALIKES.len() {
        let (letter, digit) = LOOK_ALIKES[pair];
        places[letter as usize] = places[digit as usize];
        pair += 1;
    }
    places
}

fn bit(c: char) -> u64 {
    let place = PLACES.get(c as usize).copied();
    1 << place.map_or_else(|| OWN_PLACES + c as u32 % (64 - OWN_PLACES), u32::from)
}
