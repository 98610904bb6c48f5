//! When each word was said.
//!
//! Whisper's attention tells it to some tenths of a second, and now and then a word too early or late.
//! Sound tells where words can begin: in its dips, or after its silences. The time that a word takes goes
//! by its length. [`align`] finds the borders between words that fit all three best, by dynamic
//! programming (Viterbi).

use super::{SAMPLE_RATE, Word};

/// Loudness is measured every 10 ms, over 20.
const HOP: usize = SAMPLE_RATE as usize / 100;
/// Hops a second.
const HOPS: f64 = 100.0;
/// A border is looked for so many hops around where attention has it, at every second hop.
const REACH: usize = 60;
const EVERY: usize = 2;
/// What is fainter than the loud parts of speech by so many decibels is silence, if the room is that quiet;
const QUIET: f32 = 30.0;
/// if it is not, what lies below this share of the way from the room to the speech.
const ROOM_SHARE: f32 = 0.35;

/// Costs, chosen on words that espeak-ng spoke one by one, laid at known times; see `bench/`. A second away
/// from where attention has the border:
const AWAY: f32 = 20.0;
/// A decibel above silence at the border:
const LOUD: f32 = 0.5;
/// The squared logarithm of a word's time over what its letters let expect:
const UNEVEN: f32 = 20.0;
/// A word that takes no time:
const NO_TIME: f32 = 60.0;
/// Less than this, in seconds, is no time for a word.
const SHORTEST: f32 = 0.03;

/// Moves the borders between words, given as attention has them, to where the sound has them. Words stay in
/// order, and what is silent before a word belongs to none.
pub(super) fn align(words: &mut [Word], samples: &[f32]) {
    let sound = Sound::of(samples);
    if words.is_empty() || sound.loudness.len() < 2 {
        return;
    }
    in_order(words);
    let borders = borders(words, &sound);
    for (place, &border) in borders.iter().enumerate() {
        let (before, after) = sound.edges(border);
        if let Some(last) = place.checked_sub(1).and_then(|last| words.get_mut(last)) {
            last.end = (before as f64 / HOPS).max(last.start);
        }
        words[place].start = after as f64 / HOPS;
    }
    if let Some(last) = words.last_mut() {
        let (end, _) = sound.edges(((last.end * HOPS) as usize).min(sound.loudness.len() - 1));
        last.end = (end as f64 / HOPS).max(last.start);
    }
    in_order(words);
}

/// Lets no word begin before the one before it, or end before it begins. Where more words are said to be in a
/// place than fit there, there is no order that the borders could keep.
fn in_order(words: &mut [Word]) {
    let mut last = 0.0;
    for word in words {
        word.start = word.start.max(last);
        word.end = word.end.max(word.start);
        last = word.start;
    }
}

/// What can be measured of a sound.
struct Sound {
    /// Decibels of each hop above silence, negative below.
    loudness: Vec<f32>,
    /// Seconds that are not silent before each hop.
    voiced: Vec<f32>,
}

impl Sound {
    fn of(samples: &[f32]) -> Self {
        let level = |hop: usize| {
            let around = &samples[(hop * HOP).saturating_sub(HOP / 2)..];
            let around = &around[..around.len().min(2 * HOP)];
            let power = around.iter().map(|sample| sample * sample).sum::<f32>();
            10.0 * (power / around.len().max(1) as f32 + 1e-10).log10()
        };
        let mut loudness: Vec<f32> = (0..samples.len() / HOP).map(level).collect();
        let mut sorted = loudness.clone();
        sorted.sort_by(f32::total_cmp);
        let at = |share: usize| sorted.get(sorted.len() * share / 100).copied().unwrap_or(0.0);
        let (room, speech) = (at(5), at(95));
        let silence = (speech - QUIET).max(room + ROOM_SHARE * (speech - room));
        loudness.iter_mut().for_each(|level| *level -= silence);
        let mut voiced = vec![0.0];
        for level in &loudness {
            let longer = if *level > 0.0 { 1.0 / HOPS as f32 } else { 0.0 };
            voiced.push(voiced[voiced.len() - 1] + longer);
        }
        Self { loudness, voiced }
    }

    /// Where the sound before a border ends and the one after it begins: the ends of the silence that the
    /// border lies in, or the border.
    fn edges(&self, border: usize) -> (usize, usize) {
        let is_silent = |hop: &usize| self.loudness.get(*hop).is_some_and(|level| *level <= 0.0);
        if !is_silent(&border) {
            return (border, border);
        }
        let before = (0..border).rev().take_while(is_silent).last().unwrap_or(border);
        let after = (border..self.loudness.len()).find(|hop| !is_silent(hop));
        (before, after.unwrap_or(border))
    }
}

/// The hop at which each word begins.
fn borders(words: &[Word], sound: &Sound) -> Vec<usize> {
    let last_hop = sound.loudness.len() - 1;
    let candidates: Vec<Vec<usize>> = words
        .iter()
        .map(|word| {
            let at = ((word.start * HOPS).max(0.0) as usize).min(last_hop);
            (at.saturating_sub(REACH)..=(at + REACH).min(last_hop)).step_by(EVERY).collect()
        })
        .collect();
    let local = |word: usize, hop: usize| {
        let away = (hop as f64 / HOPS - words[word].start).abs() as f32;
        LOUD * sound.loudness[hop].max(-3.0) + AWAY * away
    };
    let letters: Vec<f32> = words.iter().map(letters).collect();
    let a_letter = sound.voiced[last_hop] / letters.iter().sum::<f32>();
    // Cost of the best way to each candidate of the word before, and for each word the way back.
    let mut costs: Vec<f32> = candidates[0].iter().map(|&hop| local(0, hop)).collect();
    let mut back: Vec<Vec<usize>> = Vec::new();
    for word in 1..words.len() {
        let before = &candidates[word - 1];
        let way = |hop: usize| {
            let cost = |place: usize| {
                costs[place] + time_cost(sound, before[place]..hop, letters[word - 1] * a_letter)
            };
            let best = (0..before.len()).map(|place| (place, cost(place)));
            best.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f32::INFINITY))
        };
        let ways: Vec<(usize, f32)> = candidates[word].iter().map(|&hop| way(hop)).collect();
        costs = ways
            .iter()
            .zip(&candidates[word])
            .map(|(way, &hop)| way.1 + local(word, hop))
            .collect();
        back.push(ways.into_iter().map(|way| way.0).collect());
    }
    let last = (0..costs.len()).min_by(|&a, &b| costs[a].total_cmp(&costs[b])).unwrap_or(0);
    let mut places = vec![last];
    for ways in back.iter().rev() {
        places.push(ways[places[places.len() - 1]]);
    }
    places.iter().rev().zip(&candidates).map(|(&place, hops)| hops[place]).collect()
}

/// What it costs that a word is said between two borders and should take `expected` seconds.
fn time_cost(sound: &Sound, hops: std::ops::Range<usize>, expected: f32) -> f32 {
    if hops.start >= hops.end {
        return 1e6;
    }
    let takes = sound.voiced[hops.end] - sound.voiced[hops.start];
    let uneven = (takes.max(SHORTEST) / expected.max(SHORTEST)).ln();
    UNEVEN * uneven * uneven + if takes < SHORTEST { NO_TIME } else { 0.0 }
}

/// Letters and digits of a word, and one for what every word takes.
fn letters(word: &Word) -> f32 {
    1.0 + word.text.chars().filter(|letter| letter.is_alphanumeric()).count() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sound of six seconds with a tone in these ranges of hops, and a quiet room.
    fn sound(tones: &[std::ops::Range<usize>]) -> Vec<f32> {
        let value = |n: usize| {
            let loud = tones.iter().any(|tone| tone.contains(&(n / HOP)));
            let wave = (n as f32 * 0.3).sin();
            if loud { 0.3 * wave } else { 0.001 * wave }
        };
        (0..600 * HOP).map(value).collect()
    }

    fn words(times: &[(f64, f64)]) -> Vec<Word> {
        let word = |&(start, end): &(f64, f64)| Word {
            text: "seven".to_owned(),
            start,
            end,
            probability: 1.0,
        };
        times.iter().map(word).collect()
    }

    #[test]
    fn words_begin_and_end_where_the_sound_does() {
        let samples = sound(&[100..140, 150..190, 260..300]);
        let mut said = words(&[(0.7, 1.55), (1.55, 2.2), (2.2, 3.2)]);
        align(&mut said, &samples);
        for (word, (start, end)) in said.iter().zip([(1.0, 1.4), (1.5, 1.9), (2.6, 3.0)]) {
            assert!((word.start - start).abs() < 0.03, "{word:?}: {start}");
            assert!((word.end - end).abs() < 0.03, "{word:?}: {end}");
        }
    }

    #[test]
    fn a_border_that_attention_has_a_word_too_late_is_moved_back() {
        let samples = sound(&[100..140, 145..185, 190..230, 235..275]);
        let mut said = words(&[(1.0, 1.4), (1.4, 2.3), (2.3, 2.35), (2.35, 2.8)]);
        align(&mut said, &samples);
        assert!((said[2].start - 1.9).abs() < 0.05, "{said:?}");
        assert!(said.windows(2).all(|pair| pair[0].end <= pair[1].start), "{said:?}");
    }

    #[test]
    fn odd_input_stays_in_order() {
        align(&mut [], &[0.0; 16_000]);
        let mut late = words(&[(5.0, 9.0), (30.0, 31.0), (31.0, 31.0)]);
        align(&mut late, &sound(&[]));
        assert!(late.windows(2).all(|pair| pair[0].start <= pair[1].start), "{late:?}");
        assert!(late.iter().all(|word| word.start <= word.end), "{late:?}");
        let mut crowd = words(&[(5.9, 5.9); 100]);
        crowd[50].start = 1.0;
        align(&mut crowd, &sound(&[100..140, 200..201]));
        assert!(crowd.windows(2).all(|pair| pair[0].start <= pair[1].start), "{crowd:?}");
        let mut said = words(&[(0.0, 1.0)]);
        align(&mut said, &[]);
        assert_eq!(said, words(&[(0.0, 1.0)]));
    }
}
