//! Captions: a transcript cut into what stands on the screen at a time.
//!
//! Words become [`Token`]s, and what one speaker says without interruption a [`Turn`]. [`cut`] finds where
//! each turn is cut and how its captions are laid out in lines; here they get their times. Where captions
//! begin is where their first words do. Only where people take turns faster than a caption may go away
//! again, they begin later.

mod breaks;
mod cut;
mod limits;
mod phrases;
mod tokens;

pub(crate) use breaks::ends_sentence;

use crate::Transcript;
use cut::{Cut, Room};
use limits::{CLOSE_GAP_MS, Limits, MAX_MS, MIN_MS};
use tokens::{Turn, turns};

/// What stands on the screen at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caption {
    /// When it comes, in milliseconds.
    pub start_ms: u64,
    /// When it goes.
    pub end_ms: u64,
    /// One line or two.
    pub lines: Vec<String>,
    /// Who speaks, where their name is known and does not stand in the lines.
    pub voice: Option<String>,
}

/// Where the names of speakers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Before the text where the speaker changes.
    InText,
    /// Beside it, in every caption.
    Aside,
}

/// The captions of a transcript, in order of time and never two at once.
pub(crate) fn captions(transcript: &Transcript, names: Names) -> Vec<Caption> {
    let limits = Limits::of(transcript);
    let turns = turns(transcript, names, &limits);
    let next_starts = turns.iter().skip(1).map(|turn| Some(turn.start())).chain([None]);
    let mut captions: Vec<Caption> = Vec::new();
    for (turn, next) in turns.iter().zip(next_starts) {
        let cuts = cut::cut(turn, Room { limits: &limits, next });
        let starts = cuts.iter().skip(1).map(|cut| Some(turn.tokens[cut.tokens.start].start));
        for (cut, next) in cuts.iter().zip(starts.chain([next])) {
            let from = captions.last().map_or(0, |last| last.end_ms + limits.gap_ms);
            captions.push(timed(turn, cut, from, next, &limits));
        }
    }
    captions
}

/// A caption with its times: not before `from`, and gone before the next begins.
fn timed(turn: &Turn, cut: &Cut, from: u64, next: Option<u64>, limits: &Limits) -> Caption {
    let tokens = &turn.tokens[cut.tokens.clone()];
    let said = tokens.first().map_or(0, |token| token.start);
    let said_to = tokens.iter().map(|token| token.end).max().unwrap_or(said);
    let start = said.max(from);
    let latest = next.map_or(u64::MAX, |next| next.saturating_sub(limits.gap_ms));
    let wanted = said_to.max(start + MIN_MS).max(start + limits.reading_ms(cut.characters));
    let mut end = wanted.min(latest).min(start + MAX_MS);
    if latest.saturating_sub(end) < CLOSE_GAP_MS {
        end = latest.min(start + MAX_MS);
    }
    Caption {
        start_ms: start,
        end_ms: end.max(start + MIN_MS),
        lines: cut.lines(&turn.tokens),
        voice: turn.voice.clone(),
    }
}
