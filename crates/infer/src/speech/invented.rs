//! Text that nobody said: what Whisper writes where it hears no words, and what it gets caught in.

use super::{Phrase, Word};

/// A phrase is made up if the model takes its window for silence with this probability, and is less sure of
/// its words than [`UNSURE`]: the thresholds that OpenAI's Whisper has for both, of which the second is stated
/// there as a mean logarithm of -1.
const SILENCE: f32 = 0.6;
const UNSURE: f32 = 0.37;
/// What people do say, too, is believed unless the model is this much in doubt, either way.
const PERHAPS_SILENCE: f32 = 0.3;
const PERHAPS_UNSURE: f32 = 0.6;
/// So many words over and over, so many times and so many words in all, are a loop. People say a word four or
/// five times, and a line of a song three.
const LONGEST_LOOP: usize = 10;
const LOOP_TIMES: usize = 4;
const LOOP_WORDS: usize = 12;

/// Credits of the subtitles that Whisper learned from, in many languages: nobody speaks them. Found in a phrase
/// as a part. Collected from reports of users of Whisper.
const CREDITS: [&str; 17] = [
    "amara org",
    "subtitles by",
    "subtitled by",
    "transcription by castingwords",
    "untertitel im auftrag",
    "untertitelung des zdf",
    "untertitel der amara",
    "sous titres réalisés",
    "sous titrage",
    "sottotitoli creati",
    "sottotitoli e revisione",
    "legendas pela comunidade",
    "subtítulos realizados",
    "napisy stworzone",
    "субтитры сделал",
    "субтитры создавал",
    "字幕由",
];

/// What Whisper writes on silence, music and noise, and people say as well: whole phrases.
const FILLERS: [&str; 22] = [
    "thank you",
    "thank you very much",
    "thank you so much",
    "thank you for watching",
    "thanks for watching",
    "thank you for listening",
    "please subscribe",
    "please subscribe to my channel",
    "see you next time",
    "see you in the next video",
    "bye",
    "bye bye",
    "you",
    "oh",
    "so",
    "the end",
    "vielen dank",
    "merci",
    "gracias",
    "продолжение следует",
    "ご視聴ありがとうございました",
    "谢谢观看",
];

/// The phrases of a window without what nobody said.
pub(super) fn without(phrases: Vec<Phrase>) -> Vec<Phrase> {
    let said = phrases.into_iter().filter(|phrase| !is_invented(phrase)).collect();
    without_loops(said)
}

fn is_invented(phrase: &Phrase) -> bool {
    let sum: f32 = phrase.words.iter().map(|word| word.probability).sum();
    let sure = sum / phrase.words.len().max(1) as f32;
    if phrase.silence > SILENCE && sure < UNSURE {
        return true;
    }
    let plain: Vec<String> = phrase.words.iter().map(plain).collect();
    let text = plain.join(" ");
    let in_doubt = phrase.silence > PERHAPS_SILENCE || sure < PERHAPS_UNSURE;
    CREDITS.iter().any(|credit| text.contains(credit)) || in_doubt && FILLERS.contains(&text.trim())
}

/// A word in small letters; everything else is a space.
fn plain(word: &Word) -> String {
    let text: String = word
        .text
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_alphanumeric() { letter } else { ' ' })
        .collect();
    text.trim().to_owned()
}

/// Keeps the first time of what is written over and over.
fn without_loops(mut phrases: Vec<Phrase>) -> Vec<Phrase> {
    let plain: Vec<String> = phrases.iter().flat_map(|phrase| &phrase.words).map(plain).collect();
    let mut kept = kept(&plain).into_iter();
    for phrase in &mut phrases {
        phrase.words.retain(|_| kept.next().unwrap_or(true));
    }
    phrases.retain(|phrase| !phrase.words.is_empty());
    phrases
}

/// Whether each word is no repetition in a loop.
fn kept(words: &[String]) -> Vec<bool> {
    let mut kept = vec![true; words.len()];
    let mut at = 0;
    while at < words.len() {
        let found = (1..=LONGEST_LOOP).find_map(|length| {
            let times = times(&words[at..], length);
            (times >= LOOP_TIMES && times * length >= LOOP_WORDS).then_some((length, times))
        });
        match found {
            Some((length, times)) => {
                kept[at + length..at + length * times].fill(false);
                at += length * times;
            }
            None => at += 1,
        }
    }
    kept
}

/// How often the first `length` words stand there one after the other.
fn times(words: &[String], length: usize) -> usize {
    let Some(first) = words.get(..length) else { return 0 };
    words.chunks_exact(length).take_while(|chunk| *chunk == first).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(text: &str, probability: f32, silence: f32) -> Phrase {
        let words = text.split(' ').enumerate().map(|(place, text)| Word {
            text: text.to_owned(),
            start: place as f64,
            end: place as f64 + 0.5,
            probability,
        });
        Phrase { words: words.collect(), silence }
    }

    fn texts(phrases: Vec<Phrase>) -> Vec<String> {
        let text = |phrase: Phrase| {
            phrase.words.into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ")
        };
        without(phrases).into_iter().map(text).collect()
    }

    #[test]
    fn what_is_most_likely_silence_is_dropped_only_in_doubt() {
        assert_eq!(texts(vec![phrase("Good evening.", 0.3, 0.7)]), [""; 0]);
        assert_eq!(texts(vec![phrase("Good evening.", 0.9, 0.7)]), ["Good evening."]);
        assert_eq!(texts(vec![phrase("Good evening.", 0.3, 0.1)]), ["Good evening."]);
    }

    #[test]
    fn fillers_are_dropped_in_doubt_and_credits_always() {
        assert_eq!(texts(vec![phrase("Thank you.", 0.5, 0.1)]), [""; 0]);
        assert_eq!(texts(vec![phrase("Thanks for watching!", 0.9, 0.4)]), [""; 0]);
        assert_eq!(texts(vec![phrase("Thank you.", 0.9, 0.05)]), ["Thank you."]);
        assert_eq!(texts(vec![phrase("Thank you, Anna.", 0.5, 0.4)]), ["Thank you, Anna."]);
        let credit = phrase("Subtitles by the Amara.org community", 0.95, 0.0);
        assert_eq!(texts(vec![credit]), [""; 0]);
        assert_eq!(texts(vec![phrase("字幕由某某提供", 0.9, 0.0)]), [""; 0]);
    }

    #[test]
    fn a_loop_is_said_once_and_people_may_repeat_themselves() {
        let endless = format!("Well then {} at last.", ["I don't know"; 9].join(" "));
        assert_eq!(texts(vec![phrase(&endless, 0.9, 0.1)]), ["Well then I don't know at last."]);
        let spread: Vec<_> = (0..12).map(|_| phrase("Okay.", 0.8, 0.1)).collect();
        assert_eq!(texts(spread), ["Okay."]);
        for said in ["No, no, no, no, no!", "Let it be, let it be, let it be, yeah, let it be."] {
            assert_eq!(texts(vec![phrase(said, 0.9, 0.1)]), [said]);
        }
        assert_eq!(texts(vec![]), [""; 0]);
    }
}
