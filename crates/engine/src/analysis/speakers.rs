//! Who says which words.

use rushes_infer::speakers::Turn;
use rushes_store::{SpokenSegment, SpokenWord};

/// A word that no turn touches is of the nearest turn, up to so many seconds away: borders of turns and of words
/// are found by different models.
const NEAR: f64 = 0.5;
/// Fewer words than this, or less time in seconds, between words of somebody else are theirs as well: a border
/// that is off by a word is more likely than an interjection so short.
const FEWEST_WORDS: usize = 2;
const SHORTEST: f64 = 0.6;

/// Gives every word to who says it, and parts segments where the speaker changes.
pub fn with_speakers(segments: Vec<SpokenSegment>, turns: &[Turn]) -> Vec<SpokenSegment> {
    segments.into_iter().flat_map(|segment| parted(segment.words, turns)).collect()
}

/// The words of a segment, parted by speaker.
fn parted(words: Vec<SpokenWord>, turns: &[Turn]) -> Vec<SpokenSegment> {
    let mut parts: Vec<SpokenSegment> = Vec::new();
    for word in words {
        let speaker = speaker_of(&word, turns);
        match parts.last_mut() {
            Some(part) if part.speaker == speaker || speaker.is_none() => part.words.push(word),
            Some(part) if part.speaker.is_none() => {
                part.speaker = speaker;
                part.words.push(word);
            }
            _ => parts.push(SpokenSegment { speaker, words: vec![word] }),
        }
    }
    joined(parts)
}

/// Joins what is too short to be somebody else's with what stands before, or at the beginning with what
/// comes after.
fn joined(parts: Vec<SpokenSegment>) -> Vec<SpokenSegment> {
    let mut joined: Vec<SpokenSegment> = Vec::new();
    for part in parts {
        match &mut joined[..] {
            [.., last] if last.speaker == part.speaker || is_short(&part) => {
                last.words.extend(part.words);
            }
            [first] if is_short(first) => {
                first.speaker = part.speaker;
                first.words.extend(part.words);
            }
            _ => joined.push(part),
        }
    }
    joined
}

fn is_short(part: &SpokenSegment) -> bool {
    part.words.len() < FEWEST_WORDS || part.end() - part.start() < SHORTEST
}

/// Whose turns a word is in for longest, or else whose is near.
fn speaker_of(word: &SpokenWord, turns: &[Turn]) -> Option<u32> {
    let shared = |turn: &Turn| turn.end.min(word.end) - turn.start.max(word.start);
    let near = turns.iter().filter(|turn| shared(turn) > -NEAR);
    near.max_by(|a, b| shared(a).total_cmp(&shared(b))).map(|turn| turn.speaker)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment of words that take .4 s each and begin at these times.
    fn segment(starts: &[f64]) -> Vec<SpokenSegment> {
        let word = |start: &f64| SpokenWord {
            text: format!("{start}"),
            start: *start,
            end: start + 0.4,
            probability: 1.0,
        };
        vec![SpokenSegment { speaker: None, words: starts.iter().map(word).collect() }]
    }

    fn turn(speaker: u32, start: f64, end: f64) -> Turn {
        Turn { speaker, start, end }
    }

    /// Speaker and number of words of each part.
    fn parts(starts: &[f64], turns: &[Turn]) -> Vec<(Option<u32>, usize)> {
        let parts = with_speakers(segment(starts), turns);
        parts.iter().map(|part| (part.speaker, part.words.len())).collect()
    }

    #[test]
    fn a_segment_is_parted_where_the_speaker_changes() {
        let turns = [turn(0, 0.0, 2.2), turn(1, 2.3, 4.0)];
        let found = parts(&[0.0, 0.5, 1.0, 1.9, 2.4, 3.0, 3.5], &turns);
        assert_eq!(found, [(Some(0), 4), (Some(1), 3)]);
    }

    #[test]
    fn a_word_at_the_border_does_not_make_a_part() {
        let turns = [turn(0, 0.0, 1.0), turn(1, 1.0, 1.4), turn(0, 1.4, 4.0)];
        assert_eq!(parts(&[0.0, 0.5, 1.0, 1.5, 2.0], &turns), [(Some(0), 5)]);
        let turns = [turn(1, 0.0, 0.4), turn(0, 0.4, 4.0)];
        assert_eq!(parts(&[0.0, 0.5, 1.0], &turns), [(Some(0), 3)]);
    }

    #[test]
    fn words_outside_of_turns_belong_to_near_ones_or_nobody() {
        let turns = [turn(3, 1.0, 2.0)];
        assert_eq!(parts(&[0.2, 1.0, 2.1], &turns), [(Some(3), 3)]);
        assert_eq!(parts(&[9.0, 9.5], &turns), [(None, 2)]);
        assert_eq!(parts(&[1.0, 1.5], &[]), [(None, 2)]);
        assert_eq!(
            parts(&[1.0, 1.5, 9.0], &turns),
            [(Some(3), 3)],
            "within a segment it is theirs"
        );
    }
}
