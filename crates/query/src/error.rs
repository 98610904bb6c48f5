//! What can be wrong with an expression, and where.

use crate::{MAX_DEPTH, MAX_LEAVES, MAX_WEIGHT, key::Key};
use std::fmt;

/// A place in a query, in characters (Unicode scalar values) from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First character.
    pub start: usize,
    /// How many.
    pub len: usize,
}

impl Span {
    pub(crate) fn between(start: usize, end: usize) -> Self {
        Self { start, len: end.saturating_sub(start) }
    }

    /// The character after the last one.
    #[must_use]
    pub fn end(self) -> usize {
        self.start + self.len
    }
}

/// A word that joins or turns terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Both.
    And,
    /// Either.
    Or,
    /// The opposite.
    Not,
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::And => "AND",
            Self::Or => "OR",
            Self::Not => "NOT",
        })
    }
}

/// An expression that cannot be read, or not be searched for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("at character {}: {problem}", .span.start)]
pub struct QueryError {
    /// Where.
    pub span: Span,
    /// What.
    pub problem: Problem,
}

/// What is wrong at the place.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// No second quotation mark.
    #[error("this quotation mark is never closed")]
    UnclosedQuote,
    /// Text right behind quotes.
    #[error(
        "after the closing quotation mark comes a space; a quotation mark inside quotes is written \
         twice"
    )]
    TextAfterQuote,
    /// Blank quotes.
    #[error("there is nothing between the quotation marks")]
    EmptyQuote,
    /// `()`.
    #[error("there is nothing between the parentheses")]
    EmptyGroup,
    /// No `)`.
    #[error("this parenthesis is never closed; in quotes it is a character like any other")]
    UnclosedGroup,
    /// No `(`.
    #[error("this parenthesis closes nothing; in quotes it is a character like any other")]
    UnopenedGroup,
    /// An operator without its left side.
    #[error("{0} needs something before it; in quotes it is a word like any other")]
    NothingBefore(Operator),
    /// An operator without its right side.
    #[error("{0} needs something after it; in quotes it is a word like any other")]
    NothingAfter(Operator),
    /// A word with a colon that is no key.
    #[error("{}", unknown_key(.key, *.nearest))]
    UnknownKey {
        /// The word.
        key: String,
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    /// A key with a space behind its colon.
    #[error("`{key}:` needs its value directly after the colon: it takes {takes}")]
    NoValue {
        /// The key.
        key: &'static str,
        /// What it takes, with an example.
        takes: &'static str,
    },
    /// A value that the key does not take.
    #[error("`{key}:` takes {takes}; got \"{got}\"")]
    BadValue {
        /// The key.
        key: &'static str,
        /// What it takes, with an example.
        takes: &'static str,
        /// The value's first characters.
        got: String,
    },
    /// A range that ends before it begins.
    #[error("`{key}:{got}` ends before it begins; turn it round")]
    BackwardRange {
        /// The key.
        key: &'static str,
        /// The range's first characters.
        got: String,
    },
    /// A name with characters that need quotes.
    #[error("a name of more than letters and digits stands in quotes, such as @\"Ines, edit 2\"")]
    BadName,
    /// No number, or out of range.
    #[error(
        "a weight is a number above 0 and at most {MAX_WEIGHT}, such as ^2 or ^0.5; got \"{0}\""
    )]
    BadWeight(String),
    /// `kind:video^2`.
    #[error("a filter is so or not and takes no weight")]
    WeightOnFilter,
    /// `a red^2 car`.
    #[error(
        "a weight stands after a whole sentence; put the words that it belongs to in quotes, such \
         as \"red\"^2 car"
    )]
    WeightInSentence,
    /// Too many parentheses or `NOT`s in each other.
    #[error("parentheses and NOT may be nested {MAX_DEPTH} deep")]
    TooDeep,
    /// Too much to look for.
    #[error("a query may look for {MAX_LEAVES} things at most, not counting filters")]
    TooManyLeaves,
    /// It can be read, but not be searched for; said by whoever searches.
    #[error("{0}")]
    Refused(String),
}

fn unknown_key(key: &str, nearest: Option<&str>) -> String {
    let meant = nearest.map_or_else(Key::list, |nearest| format!("did you mean `{nearest}:`?"));
    format!("there is no `{key}:`; {meant} Words with a colon stand in quotes")
}

impl QueryError {
    pub(crate) fn new(span: Span, problem: Problem) -> Self {
        Self { span, problem }
    }

    /// A term that can be read but not be searched for, such as a picture that is not there or a
    /// person whom nobody named. `reason` is a sentence without its full stop.
    #[must_use]
    pub fn refused(span: Span, reason: impl Into<String>) -> Self {
        Self::new(span, Problem::Refused(reason.into()))
    }

    /// Two lines for a terminal: the query around the place, and carets under the place. `query` is
    /// what was parsed.
    #[must_use]
    pub fn pointed(&self, query: &str) -> String {
        let chars: Vec<char> =
            query.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let start = self.span.start.min(chars.len());
        let first = start.saturating_sub(CONTEXT);
        let last = (self.span.end() + CONTEXT).min(first + 3 * CONTEXT).clamp(start, chars.len());
        let marked = self.span.end().clamp(start, last);
        let width = |from: usize, to: usize| chars[from..to].iter().copied().map(columns).sum();
        let dots = |cut: bool| if cut { "…" } else { "" };
        let line: String = chars[first..last].iter().collect();
        let space: usize = width(first, start);
        let carets: usize = width(start, marked);
        format!(
            "{}{line}{}\n{}{}{}",
            dots(first > 0),
            dots(last < chars.len()),
            dots(first > 0).replace('…', " "),
            " ".repeat(space),
            "^".repeat(carets.max(1))
        )
    }
}

/// Characters of the query that are shown on either side of the place.
const CONTEXT: usize = 30;

/// Columns that a terminal gives a character, roughly (after Unicode's UAX 11): none for what joins the
/// one before it, two for East Asian characters and emoji.
fn columns(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36F | 0x200B..=0x200F | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF => 2,
        0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF => 2,
        0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// What an error quotes of a value.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    let mut short: String = text.chars().take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    short
}
