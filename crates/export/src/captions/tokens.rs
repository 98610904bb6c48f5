//! What captions are made of: words, or characters where there are no spaces to break at.

use super::{Names, limits::Limits};
use crate::{Segment, Transcript, Word, one_line};
use unicode_segmentation::UnicodeSegmentation;

/// No medium is longer: timecode ends at 999 hours.
const LATEST_SECONDS: f64 = 3_600_000.0;

/// What no line break goes through.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub text: String,
    /// Characters as people count them.
    pub characters: usize,
    /// When it is said, in milliseconds; never before the token before it.
    pub start: u64,
    pub end: u64,
    /// How it hangs together with the token before.
    pub before: Link,
}

/// How a token hangs together with the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// It is another word after a space.
    Space,
    /// It is another word, without a space.
    Next,
    /// Both are of one word.
    Inside,
    /// What is before says who speaks.
    Name,
}

/// What one speaker says without interruption.
pub(super) struct Turn {
    /// At least one.
    pub tokens: Vec<Token>,
    /// The speaker's name, where it goes beside the text.
    pub voice: Option<String>,
    /// ISO 639-1 code.
    pub language: String,
}

impl Link {
    /// Characters that stand between the two on one line.
    pub fn width(self) -> usize {
        usize::from(self.space().len() == 1)
    }

    pub fn space(self) -> &'static str {
        match self {
            Self::Space | Self::Name => " ",
            Self::Next | Self::Inside => "",
        }
    }
}

impl Turn {
    /// When it begins, in milliseconds.
    pub fn start(&self) -> u64 {
        self.tokens.first().map_or(0, |token| token.start)
    }
}

/// The turns of a transcript; what is said by somebody unknown is said by one person.
pub(super) fn turns(transcript: &Transcript, names: Names, limits: &Limits) -> Vec<Turn> {
    let same = |one: &Segment, next: &Segment| one.shown_speaker() == next.shown_speaker();
    let mut last: Option<&Segment> = None;
    let (mut turns, mut clock) = (Vec::new(), 0);
    for segments in transcript.segments.chunk_by(same) {
        let Some(first) = segments.first() else { continue };
        let name = first.speaker.as_ref().and_then(|speaker| speaker.name.as_deref());
        let name = name.map(|name| one_line(&printable(name)));
        let prefix = match (&name, names) {
            (Some(name), Names::InText) => Some(format!("{name}:")),
            (Some(_), Names::Aside) => None,
            (None, _) => is_change(last, first).then(|| "-".to_owned()),
        };
        last = Some(first);
        let words = segments.iter().flat_map(|segment| &segment.words);
        let spoken: Vec<Token> = words
            .flat_map(|word| word_tokens(word, transcript.spaced, limits.line, &mut clock))
            .collect();
        let Some(start) = spoken.first().map(|token| token.start) else { continue };
        let mut tokens =
            prefix.map(|text| prefix_tokens(&text, start, limits.line)).unwrap_or_default();
        let named = !tokens.is_empty();
        tokens.extend(spoken);
        if named && let Some(first) = tokens.iter_mut().find(|token| token.before != Link::Name) {
            first.before = Link::Name;
        }
        let voice = name.filter(|_| names == Names::Aside);
        turns.push(Turn { tokens, voice, language: transcript.language.clone() });
    }
    turns
}

/// Whether somebody else speaks than before, and both are known apart.
fn is_change(last: Option<&Segment>, first: &Segment) -> bool {
    last.is_some_and(|last| last.speaker.is_some() && first.speaker.is_some())
}

fn prefix_tokens(text: &str, at: u64, line: usize) -> Vec<Token> {
    let parts = text.split_whitespace().flat_map(|part| pieces(part, line));
    let token = |text: String| Token {
        characters: characters(&text),
        text,
        start: at,
        end: at,
        before: Link::Name,
    };
    parts.map(token).collect()
}

/// The tokens of a word, whose time they share by their characters. `clock` is when the last token of all
/// began.
fn word_tokens(word: &Word, spaced: bool, line: usize, clock: &mut u64) -> Vec<Token> {
    let said = printable(&word.text);
    let mut texts: Vec<(Link, String)> = Vec::new();
    for part in said.split_whitespace() {
        let first = if spaced || !texts.is_empty() { Link::Space } else { Link::Next };
        let longest = if spaced { line } else { 1 };
        let links = std::iter::once(first).chain(std::iter::repeat(Link::Inside));
        texts.extend(links.zip(pieces(part, longest)));
    }
    let start = milliseconds(word.start).max(*clock);
    let length = milliseconds(word.end).saturating_sub(start);
    let all: usize = texts.iter().map(|(_, text)| characters(text)).sum();
    let mut done = 0;
    let mut share = |characters: usize| {
        let from = start + length * done as u64 / all.max(1) as u64;
        done += characters;
        (from, start + length * done as u64 / all.max(1) as u64)
    };
    let mut tokens = Vec::with_capacity(texts.len());
    for (before, text) in texts {
        let characters = characters(&text);
        let (start, end) = share(characters);
        *clock = start;
        tokens.push(Token { text, characters, start, end, before });
    }
    tokens
}

/// A text in pieces of at most so many characters, one piece where it is not longer.
fn pieces(text: &str, longest: usize) -> Vec<String> {
    let characters: Vec<&str> = text.graphemes(true).collect();
    characters.chunks(longest.max(1)).map(<[&str]>::concat).collect()
}

/// Without what no screen shows.
fn printable(text: &str) -> String {
    text.chars().filter(|letter| letter.is_whitespace() || !letter.is_control()).collect()
}

fn characters(text: &str) -> usize {
    text.graphemes(true).count()
}

/// Seconds as milliseconds; what is no time is the beginning.
fn milliseconds(seconds: f64) -> u64 {
    (seconds.clamp(0.0, LATEST_SECONDS) * 1000.0).round() as u64
}
