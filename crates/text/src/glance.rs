//! Telling in nanoseconds that a text cannot hold a phrase.
//!
//! A word is looked at as the set of its letters and their number, both in one machine word. One edit takes
//! away at most one letter of a set and adds at most one, so that words whose sets differ by more than
//! the edits allowed are no match. Letters and digits that look alike are one letter here.

use crate::matching::{LOOK_ALIKES, MAX_JOINED, allowed_slips};

/// The set of a word's letters in the lower bits, and how many letters it has in the upper six, where
/// many are as good as [`MOST_LETTERS`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shape(u64);

const SET_BITS: u32 = 58;
const MOST_LETTERS: usize = 63;

/// A word that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ask {
    shape: Shape,
    /// Edits that it may have.
    slips: usize,
    /// Whether it may be the beginning of a word.
    may_go_on: bool,
}

/// What a text must at least have: something like each word of the phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glance {
    /// The longest first, which rules out most.
    needs: Vec<Need>,
}

/// A word of a phrase among its neighbours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Need {
    ask: Ask,
    /// What it makes with its neighbours when the spaces between them were lost.
    glued: Vec<Shape>,
}

impl Ask {
    /// The words of a phrase, the last of which may go on.
    pub(crate) fn all(words: &[Vec<char>]) -> Vec<Self> {
        let ask = |(at, word): (usize, &Vec<char>)| Self {
            shape: Shape::of(word),
            slips: allowed_slips(word),
            may_go_on: at + 1 == words.len(),
        };
        words.iter().enumerate().map(ask).collect()
    }

    /// Whether a word may be this one.
    pub(crate) fn may_be(&self, word: Shape) -> bool {
        let Self { shape, slips, may_go_on } = *self;
        let (lost, won) = (shape.set() & !word.set(), word.set() & !shape.set());
        let most = slips as u32;
        let near = shape.letters().abs_diff(word.letters()) <= slips;
        near && lost.count_ones() <= most && won.count_ones() <= most
            || may_go_on && lost == 0 && word.letters() >= shape.letters()
    }

    /// Whether words may be these when spaces were lost or won.
    pub(crate) fn may_join(asks: &[Self], words: &[Shape]) -> bool {
        Shape::joined(asks.iter().map(|ask| ask.shape)) == Shape::joined(words.iter().copied())
    }
}

impl Glance {
    pub(crate) fn of(asks: &[Ask]) -> Self {
        let need = |at: usize| {
            let runs = (2..=MAX_JOINED).flat_map(|length| asks.windows(length).enumerate());
            let with_it = runs.filter(|(start, run)| (*start..start + run.len()).contains(&at));
            let joined = |(_, run): (usize, &[Ask])| Shape::joined(run.iter().map(|ask| ask.shape));
            Need { ask: asks[at], glued: with_it.map(joined).collect() }
        };
        let mut needs: Vec<Need> = (0..asks.len()).map(need).collect();
        needs.sort_by_key(|need| std::cmp::Reverse(need.ask.shape.letters()));
        Self { needs }
    }

    /// Whether the phrase may be among these words.
    pub(crate) fn may_find(&self, words: &[Shape]) -> bool {
        !self.needs.is_empty() && self.needs.iter().all(|need| need.may_be_met(words))
    }
}

impl Need {
    fn may_be_met(&self, words: &[Shape]) -> bool {
        (0..words.len()).any(|at| {
            self.ask.may_be(words[at])
                || self.glued.contains(&words[at])
                || self.ask.may_be_parts(&words[at..])
        })
    }
}

impl Ask {
    /// Whether it may be some of the next words as one, with spaces won.
    fn may_be_parts(&self, next: &[Shape]) -> bool {
        let mut all = next[0];
        let is_part = all.set() & !self.shape.set() == 0;
        is_part
            && next[1..].iter().take(MAX_JOINED - 1).any(|part| {
                all = all.with(*part);
                all == self.shape
            })
    }
}

impl Shape {
    pub(crate) fn of(word: &[char]) -> Self {
        Self::new(word.iter().fold(0, |set, &c| set | bit(c)), word.len())
    }

    fn new(set: u64, letters: usize) -> Self {
        Self(set | (letters.min(MOST_LETTERS) as u64) << SET_BITS)
    }

    fn set(self) -> u64 {
        self.0 & ((1 << SET_BITS) - 1)
    }

    fn letters(self) -> usize {
        (self.0 >> SET_BITS) as usize
    }

    fn with(self, other: Self) -> Self {
        Self::new(self.set() | other.set(), self.letters() + other.letters())
    }

    fn joined(shapes: impl Iterator<Item = Self>) -> Self {
        shapes.fold(Self::default(), Self::with)
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
    1 << place.map_or_else(|| OWN_PLACES + c as u32 % (SET_BITS - OWN_PLACES), u32::from)
}
