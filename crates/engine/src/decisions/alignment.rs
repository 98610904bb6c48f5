//! When the words of a correction are said.

use rushes_store::SpokenWord;
use rushes_text::words as folded;
use std::ops::Range;

/// Most pairs of words that are compared: 4 MiB. Longer corrections go by their beginning and end alone.
const MAX_PAIRS: usize = 4 << 20;
/// A word lasts so many seconds at least where there is room: the step in which Whisper tells time.
const SHORTEST: f64 = 0.02;

/// The words of a text; characters where no spaces part them, each with the marks behind it.
#[must_use]
pub(super) fn words_of(text: &str, spaced: bool) -> Vec<String> {
    if spaced {
        return text.split_whitespace().map(str::to_owned).collect();
    }
    let mut words: Vec<String> = Vec::new();
    for letter in text.trim().chars() {
        match words.last_mut() {
            Some(word) if !letter.is_alphanumeric() => word.push(letter),
            _ => words.push(letter.into()),
        }
    }
    words
}

/// The words `texts` with their times, in the place of what was heard there. A word that was heard as well
/// keeps its time; those between share the time between by their letters.
pub(super) fn timed(
    heard: &[SpokenWord],
    texts: &[String],
    room: Range<f64>,
    spaced: bool,
) -> Vec<SpokenWord> {
    let parts: Vec<SpokenWord>;
    let heard = if spaced {
        heard
    } else {
        parts = heard.iter().flat_map(characters).collect();
        &parts
    };
    let mut times = vec![None; texts.len()];
    let mut latest = room.start;
    for (old, new) in pairs(heard, texts) {
        // Words may be heard at once; those that are said begin one after the other.
        latest = heard[old].start.clamp(latest, room.end);
        times[new] = Some(latest..heard[old].end.max(latest));
    }
    make_room(&mut times, &room);
    let times = shared(&times, texts, &room);
    let word = |(text, time): (&String, Range<f64>)| SpokenWord {
        text: text.clone(),
        start: time.start,
        end: time.end,
        probability: 1.0,
    };
    texts.iter().zip(times).map(word).collect()
}

/// A word character by character.
fn characters(word: &SpokenWord) -> Vec<SpokenWord> {
    let texts = words_of(&word.text, false);
    let times = shared(&vec![None; texts.len()], &texts, &(word.start..word.end));
    let part = |(text, time): (String, Range<f64>)| SpokenWord {
        text,
        start: time.start,
        end: time.end,
        probability: word.probability,
    };
    texts.into_iter().zip(times).map(part).collect()
}

/// Which words were heard as they are said, in order: the longest common subsequence of the folded words.
fn pairs(heard: &[SpokenWord], texts: &[String]) -> Vec<(usize, usize)> {
    let key = |text: &str| match folded(text).concat() {
        letters if letters.is_empty() => text.chars().collect(),
        letters => letters,
    };
    let old: Vec<Vec<char>> = heard.iter().map(|word| key(&word.text)).collect();
    let new: Vec<Vec<char>> = texts.iter().map(|text| key(text)).collect();
    let shorter = old.len().min(new.len());
    let same = |pair: &(&Vec<char>, &Vec<char>)| pair.0 == pair.1;
    let front = old.iter().zip(&new).take_while(same).count();
    let back =
        old.iter().rev().zip(new.iter().rev()).take(shorter - front).take_while(same).count();
    let (old_end, new_end) = (old.len() - back, new.len() - back);
    let inner = longest_common(&old[front..old_end], &new[front..new_end]);
    let begin = (0..front).map(|index| (index, index));
    let inner = inner.into_iter().map(|(a, b)| (a + front, b + front));
    begin.chain(inner).chain((0..back).map(|index| (old_end + index, new_end + index))).collect()
}

fn longest_common<T: PartialEq>(old: &[T], new: &[T]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    if old.len().saturating_mul(width) > MAX_PAIRS {
        return Vec::new();
    }
    // Lengths of the longest common subsequences of all ends.
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    for a in (0..old.len()).rev() {
        for b in (0..new.len()).rev() {
            let skip = lengths[(a + 1) * width + b].max(lengths[a * width + b + 1]);
            let both = lengths[(a + 1) * width + b + 1] + 1;
            lengths[a * width + b] = if old[a] == new[b] { both } else { skip };
        }
    }
    let (mut a, mut b, mut found) = (0, 0, Vec::new());
    while a < old.len() && b < new.len() {
        if old[a] == new[b] {
            found.push((a, b));
            (a, b) = (a + 1, b + 1);
        } else if lengths[(a + 1) * width + b] >= lengths[a * width + b + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    found
}

/// Takes their own time from words beside others that would have none, so that they share it.
fn make_room(times: &mut [Option<Range<f64>>], room: &Range<f64>) {
    loop {
        let tight = runs(times).find(|run| is_tight(times, run, room));
        let Some(run) = tight else { return };
        // A run is not tight when it is all, so that there is a word on one side.
        let beside = run.start.checked_sub(1).unwrap_or(run.end);
        times[beside] = None;
    }
}

fn is_tight(times: &[Option<Range<f64>>], run: &Range<usize>, room: &Range<f64>) -> bool {
    let between = between(times, run, room);
    let is_all = run.len() == times.len();
    !is_all && between.end - between.start < SHORTEST * run.len() as f64
}

/// The runs of words without a time.
fn runs(times: &[Option<Range<f64>>]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    let chunks = times.chunk_by(|a, b| a.is_none() == b.is_none());
    let ranges = chunks.map(move |chunk| {
        at += chunk.len();
        (chunk[0].is_none(), at - chunk.len()..at)
    });
    ranges.filter_map(|(is_none, range)| is_none.then_some(range))
}

/// The time between the words around a run.
fn between(times: &[Option<Range<f64>>], run: &Range<usize>, room: &Range<f64>) -> Range<f64> {
    let before = run.start.checked_sub(1).and_then(|at| times[at].as_ref());
    let after = times.get(run.end).and_then(Option::as_ref);
    let start = before.map_or(room.start, |time| time.end);
    start..after.map_or(room.end, |time| time.start).max(start)
}

/// All times, those of runs by letters.
fn shared(times: &[Option<Range<f64>>], texts: &[String], room: &Range<f64>) -> Vec<Range<f64>> {
    let mut all: Vec<Range<f64>> =
        times.iter().map(|time| time.clone().unwrap_or_default()).collect();
    for run in runs(times) {
        let Range { start, end } = between(times, &run, room);
        let letters =
            |texts: &[String]| -> usize { texts.iter().map(|text| text.chars().count()).sum() };
        let whole = letters(&texts[run.clone()]).max(1) as f64;
        let at = |index: usize| {
            start + (end - start) * (letters(&texts[run.start..index]) as f64 / whole)
        };
        for index in run.clone() {
            all[index] = at(index)..at(index + 1);
        }
    }
    all
}
