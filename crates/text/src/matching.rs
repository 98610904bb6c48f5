//! Whether a text holds what somebody searches for, slips aside.
//!
//! Reading and listening are never perfect: accents go missing, a letter is taken for its neighbour, spaces
//! come and go. A [`Phrase`] forgives as much of that as can be told from another word.

use crate::{
    fold::words,
    folded::{Folded, Found, Room},
    glance::{Ask, Glance, Shape},
};

/// Words of this many letters may differ by one edit, of twice as many less one by two.
const ONE_SLIP: usize = 5;
const TWO_SLIPS: usize = 9;
/// Spaces lost or won in reading: this many words may be one.
pub(crate) const MAX_JOINED: usize = 4;
/// Score of a prefix that is nearly nothing of the word; the whole word scores 1.
const PREFIX: f32 = 0.8;
/// Score of a word whose only faults are digits taken for letters that look alike, or the reverse.
const LOOK_ALIKE: f32 = 0.9;
/// Words read of a query: the search is in time proportional to them.
const MAX_WORDS: usize = 32;

/// What somebody searches for, ready to be compared with many frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    words: Vec<Vec<char>>,
    asks: Vec<Ask>,
    pub(crate) glance: Glance,
}

impl Phrase {
    /// Takes a query apart: letters and digits count, case, accents and punctuation do not. What comes
    /// after 32 words is not looked at.
    #[must_use]
    pub fn new(query: &str) -> Self {
        let mut words = words(query);
        words.truncate(MAX_WORDS);
        let asks = Ask::all(&words);
        Self { glance: Glance::of(&asks), asks, words }
    }

    /// Whether there is nothing to search for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Words of a text, at most, that the phrase stands on.
    pub(crate) fn reach(&self) -> usize {
        self.words.len() * MAX_JOINED
    }

    /// How well some lines hold the phrase, 0..=1: 1 for the words as they are, one after the other, also
    /// across lines; less with slips, or when the last word is only the beginning of one; 0 when it is not
    /// there, or is empty.
    pub fn score<'a>(&self, lines: impl IntoIterator<Item = &'a str>) -> f32 {
        let mut folded = Folded::default();
        folded.push(lines);
        folded.score(0, self, &mut Room::default())
    }

    /// Where the phrase stands best among words, the first of equal places, if it begins at one of the first
    /// `own`. `shapes` are those of the words.
    pub(crate) fn best_place(
        &self,
        words: &[&str],
        shapes: &[Shape],
        own: usize,
        room: &mut Room,
    ) -> Option<Found> {
        let (tables, width) = (&mut room.0, words.len() + 1);
        // Table `n` has at `at` the best score of the last `n` words when the first of them stands at
        // `at`, weighed by letters; infinitely little where they do not stand.
        tables.clear();
        tables.resize(width, 0.0);
        for next in (0..self.words.len()).rev() {
            for at in 0..width {
                let rest = |asked: usize, read: usize| {
                    tables[(self.words.len() - next - asked) * width + at + read]
                };
                let best = self.best(next, &words[at..], &shapes[at..], rest);
                tables.push(best);
            }
        }
        let starts = tables[self.words.len() * width..].iter().take(own).enumerate().rev();
        let (word, &best) = starts.max_by(|a, b| a.1.total_cmp(b.1))?;
        let score = best / letters(&self.words) as f32;
        (score > 0.0).then_some(Found { score, word })
    }

    /// The best score of the words from `next` on, of which the first is the first of `words`. `rest` has
    /// the score of those that come after so many words of the phrase, by how many of `words` come before.
    fn best(
        &self,
        next: usize,
        words: &[&str],
        shapes: &[Shape],
        rest: impl Fn(usize, usize) -> f32,
    ) -> f32 {
        let (asks, query) = (&self.asks[next..], &self.words[next..]);
        let mut best = f32::NEG_INFINITY;
        let mut add = |asked: usize, read: usize, score: Option<f32>| {
            let weight = letters(&query[..asked]) as f32;
            best = score.map_or(best, |score| best.max(score * weight + rest(asked, read)));
        };
        let Some(first) = shapes.first() else { return best };
        if asks[0].may_be(*first) {
            add(1, 1, likeness(&query[0], &letters_of(words[0]), query.len() == 1));
        }
        for read in 2..=MAX_JOINED.min(shapes.len()) {
            if Ask::may_join(&asks[..1], &shapes[..read]) {
                add(1, read, same_when_joined(&query[..1], &words[..read]));
            }
        }
        for asked in 2..=MAX_JOINED.min(asks.len()) {
            if Ask::may_join(&asks[..asked], &shapes[..1]) {
                add(asked, 1, same_when_joined(&query[..asked], &words[..1]));
            }
        }
        best
    }
}

fn letters_of(word: &str) -> Vec<char> {
    word.chars().collect()
}

/// The score of words that are one, or are one there.
fn same_when_joined(query: &[Vec<char>], words: &[&str]) -> Option<f32> {
    let words: Vec<Vec<char>> = words.iter().map(|word| letters_of(word)).collect();
    same_shapes(&fuse(query)?, &fuse(&words)?)
}

fn letters(words: &[Vec<char>]) -> usize {
    words.iter().map(Vec::len).sum()
}

/// Words as one; `None` for a digit beside a single one: 1 2 is not 12, as 01:02 may be 0102.
fn fuse(words: &[Vec<char>]) -> Option<Vec<char>> {
    let is_digit = |c: Option<&char>| c.is_some_and(|c| c.is_numeric());
    let clash = words.windows(2).any(|pair| {
        is_digit(pair[0].last()) && is_digit(pair[1].first()) && pair.iter().any(|w| w.len() == 1)
    });
    (!clash).then(|| words.concat())
}

/// How much a word that was read is like one that is searched for; `None` when it is another.
fn likeness(query: &[char], word: &[char], may_go_on: bool) -> Option<f32> {
    if let Some(score) = same_shapes(query, word) {
        return Some(score);
    }
    if may_go_on && begins(query, word) {
        return Some(PREFIX + (1.0 - PREFIX) * query.len() as f32 / word.len() as f32);
    }
    let slips = edits(query, word, allowed_slips(query))?;
    Some(1.0 - slips as f32 / query.len() as f32)
}

/// The score of words that are the same, or look the same.
fn same_shapes(query: &[char], word: &[char]) -> Option<f32> {
    if query == word {
        return Some(1.0);
    }
    let alike =
        query.len() == word.len() && query.iter().zip(word).all(|(a, b)| look_alike(*a, *b));
    alike.then_some(LOOK_ALIKE)
}

/// Whether a word begins with what is searched for: at least two letters, and no part of a number,
/// since take 1 is not take 12.
fn begins(query: &[char], word: &[char]) -> bool {
    let [.., last] = query else { return false };
    let cuts_number = || last.is_numeric() && word[query.len()].is_numeric();
    query.len() >= 2 && word.starts_with(query) && !cuts_number()
}

/// Only letters are counted: another number is another take.
pub(crate) fn allowed_slips(word: &[char]) -> usize {
    match word.iter().filter(|c| c.is_alphabetic()).count() {
        ..ONE_SLIP => 0,
        ONE_SLIP..TWO_SLIPS => 1,
        _ => 2,
    }
}

/// Pairs of a letter and a digit that readers confuse.
pub(crate) const LOOK_ALIKES: [(char, char); 7] =
    [('o', '0'), ('l', '1'), ('i', '1'), ('s', '5'), ('b', '8'), ('z', '2'), ('g', '9')];

fn look_alike(a: char, b: char) -> bool {
    a == b || LOOK_ALIKES.contains(&(a, b)) || LOOK_ALIKES.contains(&(b, a))
}

/// Edits (a character put in, left out or replaced) between two words, if not more than `most`. A digit
/// is never edited: another number is another number.
fn edits(a: &[char], b: &[char], most: usize) -> Option<usize> {
    if most == 0 || a.len().abs_diff(b.len()) > most {
        return None;
    }
    let price = |c: char| if c.is_numeric() { most + 1 } else { 1 };
    let sums = |word: &[char]| -> Vec<usize> {
        let steps = word.iter().scan(0, |sum, &c| {
            *sum += price(c);
            Some(*sum)
        });
        [0].into_iter().chain(steps).collect()
    };
    let mut row = sums(b);
    for &x in a {
        let mut diagonal = row[0];
        row[0] += price(x);
        for (j, &y) in b.iter().enumerate() {
            let replaced = if x == y { 0 } else { price(x).max(price(y)) };
            let best = (diagonal + replaced).min(row[j] + price(y)).min(row[j + 1] + price(x));
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row.last().copied().filter(|&edits| edits <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLATE: [&str; 4] =
        ["PRODUCTION: Café Müller", "SCENE 12A TAKE 3", "ROLL A001", "2024-05-17"];

    fn score(query: &str, lines: &[&str]) -> f32 {
        Phrase::new(query).score(lines.iter().copied())
    }

    #[test]
    fn case_accents_and_punctuation_do_not_count() {
        for query in ["scene 12a", "Scene, 12A!", "CAFE MULLER", "café müller", "2024 05 17"] {
            assert_eq!(score(query, &SLATE), 1.0, "{query}");
        }
        assert_eq!(score("Ｓｃｅｎｅ １２ａ", &SLATE), 1.0, "full-width letters are letters");
    }

    #[test]
    fn a_phrase_goes_across_lines_but_not_over_words() {
        assert_eq!(score("take 3 roll", &SLATE), 1.0);
        assert_eq!(score("muller scene 12a take 3 roll a001 2024", &SLATE), 1.0);
        assert_eq!(score("scene take", &SLATE), 0.0);
        assert_eq!(score("take scene", &SLATE), 0.0);
    }

    #[test]
    fn only_the_last_word_may_be_a_beginning() {
        let whole = score("production cafe", &SLATE);
        let part = score("production ca", &SLATE);
        assert!(whole == 1.0 && 0.9 < part && part < 1.0, "{part}");
        assert_eq!(score("prod cafe", &SLATE), 0.0);
        assert_eq!(score("ction", &SLATE), 0.0, "the end of a word is no word");
        assert_eq!(score("scene 12", &SLATE), score("scene 12", &["scene 12b"]));
        assert_eq!(score("scene 1", &SLATE), 0.0, "scene 1 is not scene 12");
        assert_eq!(score("p", &SLATE), 0.0, "one letter is no beginning");
    }

    #[test]
    fn one_slip_of_the_reader_is_forgiven_in_long_words() {
        let slip = score("production", &["PRODUCTI0N"]);
        assert!(0.8 < slip && slip < 1.0, "{slip}");
        assert!(score("hamburg", &["harnburg"]) == 0.0, "two edits in seven letters");
        assert!(score("hamburg", &["hanburg"]) > 0.8);
        assert!(score("hamburg", &["hamburgs"]) > score("hamburg", &["hanburg"]));
        assert!(score("interviewee", &["lnterviewe"]) > 0.8, "two in eleven");
        assert_eq!(score("interviewee", &["lnterviev"]), 0.0, "four in eleven");
        assert_eq!(score("cat", &["car"]), 0.0, "short words are exact");
        assert_eq!(score("take", &["tale"]), 0.0);
        assert!(score("roll", &["r0ll"]) > 0.85, "a digit that looks like the letter");
        assert!(score("take 1", &["TAKE l"]) > 0.85);
    }

    #[test]
    fn another_number_is_another_number() {
        assert_eq!(score("camera2024x", &["camera2025x"]), 0.0);
        assert_eq!(score("2024-05-18", &SLATE), 0.0);
        assert_eq!(score("01:02:03:04", &["01:02:03:05"]), 0.0);
        assert_eq!(score("camera1", &["camera12"]), 0.0);
    }

    #[test]
    fn spaces_that_came_or_went_are_forgiven() {
        assert_eq!(score("scene 12a take 3", &["SCENE12A TAKE3"]), 1.0);
        assert_eq!(score("timecode", &["TIME CODE"]), 1.0);
        assert_eq!(score("01:02:03:04", &["01020304"]), 1.0);
        assert_eq!(score("01:02:03:04", &["01:0203:04"]), 1.0);
        assert_eq!(score("don't stop", &["DONT STOP"]), 1.0);
        assert_eq!(score("takeon", &["TAKE ONE"]), 0.0, "a beginning ends with its word");
        assert_eq!(score("scene 12", &["SCENE 1 2"]), 0.0, "two numbers are not one");
    }

    #[test]
    fn scripts_without_spaces_are_found_inside_lines() {
        assert_eq!(score("東京", &["これは東京です"]), 1.0);
        assert_eq!(score("京東", &["これは東京です"]), 0.0);
    }

    /// The score without any glance: every way of laying the words of a phrase over those of a text.
    fn close_look(query: &str, text: &str) -> f32 {
        fn rest(query: &[Vec<char>], text: &[Vec<char>]) -> Option<f32> {
            let joins = (1..=MAX_JOINED).map(|n| (1, n)).chain((2..=MAX_JOINED).map(|n| (n, 1)));
            let scores = joins.filter_map(|(asked, read)| {
                let (words, later) = query.split_at_checked(asked)?;
                let (there, after) = text.split_at_checked(read)?;
                let score = match (words, there) {
                    ([word], [other]) => likeness(word, other, later.is_empty())?,
                    _ => same_shapes(&fuse(words)?, &fuse(there)?)?,
                };
                Some(score * letters(words) as f32 + rest(later, after)?)
            });
            if query.is_empty() { Some(0.0) } else { scores.reduce(f32::max) }
        }
        let (query, text) = (words(query), words(text));
        let starts = (0..text.len()).filter_map(|at| rest(&query, &text[at..]));
        starts.fold(0.0, f32::max) / letters(&query).max(1) as f32
    }

    /// What a glance rules out must not be there: queries are cut out of random text, then letters and
    /// spaces are exchanged, put in and left out.
    #[test]
    fn a_glance_never_overlooks_what_a_close_look_finds() {
        const LETTERS: [char; 9] = ['a', 'b', '8', 'o', '0', 'e', 't', '3', ' '];
        let mut state = 0x2545_f491_u32;
        let mut below = |most: usize| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as usize % most
        };
        let (mut folded, mut room) = (Folded::default(), Room::default());
        let (mut found, mut ruled_out) = (0, 0);
        for frame in 0..20_000 {
            let text: String = (0..60).map(|_| LETTERS[below(LETTERS.len())]).collect();
            let mut query: Vec<char> = text.chars().skip(below(40)).take(4 + below(16)).collect();
            for _ in 0..below(4) {
                let place = below(query.len());
                match below(3) {
                    0 => query[place] = LETTERS[below(LETTERS.len())],
                    1 => query.insert(place, LETTERS[below(LETTERS.len())]),
                    _ => drop(query.remove(place)),
                }
            }
            let query: String = query.into_iter().collect();
            let (phrase, close) = (Phrase::new(&query), close_look(&query, &text));
            folded.push([&*text]);
            let score = folded.score(frame, &phrase, &mut room);
            assert!((score - close).abs() < 1e-6, "{query} in {text}: {score}, not {close}");
            found += usize::from(close > 0.0);
            let shapes: Vec<Shape> = words(&text).iter().map(|word| Shape::of(word)).collect();
            ruled_out += usize::from(!phrase.glance.may_find(&shapes));
        }
        assert!(found > 1000 && ruled_out > 3000, "{found} found, {ruled_out} ruled out");
    }

    #[test]
    fn nothing_is_never_found() {
        for query in ["", "  ", "?!", "\u{301}"] {
            assert!(Phrase::new(query).is_empty(), "{query:?}");
            assert_eq!(score(query, &SLATE), 0.0, "{query:?}");
        }
        assert_eq!(score("scene", &[]), 0.0);
        assert_eq!(score("scene", &["", "--"]), 0.0);
    }

    #[test]
    fn scores_stay_within_bounds_and_long_input_ends() {
        let line = "aa a aaa ".repeat(300);
        let query = "a aa ".repeat(3000);
        for (query, line) in [(&*query, &*line), (&*line, &*query), ("ａ\u{1f600}b", "\u{202e}ab")]
        {
            let score = score(query, &[line]);
            assert!((0.0..=1.0).contains(&score), "{score}");
        }
    }
}
