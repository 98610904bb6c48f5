//! Where a turn is cut into captions, and each into lines: the cheapest way of all, by dynamic
//! programming. The weights are ours: what the style guides name first costs most.

use super::{
    breaks,
    limits::{Limits, MAX_MS, MIN_MS},
    tokens::{Token, Turn},
};
use std::ops::Range;

/// Every caption costs this, so that a sentence that fits is not cut.
const CAPTION: f64 = 6.0;
/// A break between captions costs so many times what one between lines does: eyes leave the text.
const CAPTION_BREAK: f64 = 2.0;
/// A second line costs this; one line is read faster.
const SECOND_LINE: f64 = 0.5;
/// Lines that differ in length by a whole line.
const UNBALANCED: f64 = 6.0;
/// The first line of two is rather the shorter one.
const TOP_HEAVY: f64 = 0.5;
/// A second of silence within a caption.
const SILENCE: f64 = 5.0;
/// Silences up to this are those between words, in milliseconds.
const NO_SILENCE_MS: u64 = 250;
/// A second that a caption lacks to be read.
const TOO_FAST: f64 = 4.0;
/// A second that a caption lacks to its shortest time.
const TOO_SHORT: f64 = 12.0;
/// A part of a sentence that is hardly more than nothing.
const SCRAP: f64 = 6.0;
/// Parts of a sentence from so much of a line on are more than a scrap.
const SCRAP_BELOW: f64 = 0.5;

/// One caption of a turn.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    /// Its tokens.
    pub tokens: Range<usize>,
    /// Characters of its lines.
    pub characters: usize,
    /// First token of the second line.
    second_line: Option<usize>,
}

/// What a turn has to fit into.
#[derive(Clone, Copy)]
pub(super) struct Room<'a> {
    pub limits: &'a Limits,
    /// When the next turn begins, in milliseconds.
    pub next: Option<u64>,
}

impl Cut {
    /// Its text, a line or two.
    pub fn lines(&self, tokens: &[Token]) -> Vec<String> {
        let split = self.second_line.unwrap_or(self.tokens.end);
        let lines = [self.tokens.start..split, split..self.tokens.end];
        lines.into_iter().filter(|line| !line.is_empty()).map(|line| text(&tokens[line])).collect()
    }
}

fn text(tokens: &[Token]) -> String {
    let spaced = tokens.iter().enumerate().flat_map(|(index, token)| {
        let space = if index == 0 { "" } else { token.before.space() };
        [space, token.text.as_str()]
    });
    spaced.collect()
}

/// Cuts a turn into captions.
pub(super) fn cut(turn: &Turn, room: Room<'_>) -> Vec<Cut> {
    let table = Table::new(turn, room);
    // The cheapest way to cut the tokens up to each, and its last caption.
    let mut best: Vec<(f64, Option<Cut>)> = vec![(0.0, None)];
    for end in 1..=turn.tokens.len() {
        let cheapest = table.endings(end).map(|(cost, cut)| (best[cut.tokens.start].0 + cost, cut));
        let found = cheapest.min_by(|(one, _), (other, _)| one.total_cmp(other));
        best.push(found.map_or((f64::INFINITY, None), |(cost, cut)| (cost, Some(cut))));
    }
    let mut cuts = Vec::new();
    let mut end = turn.tokens.len();
    while let Some(cut) = best.get(end).and_then(|(_, cut)| cut.clone()) {
        end = cut.tokens.start;
        cuts.push(cut);
    }
    cuts.reverse();
    cuts
}

/// A turn with what is asked of it over and over.
struct Table<'a> {
    tokens: &'a [Token],
    room: Room<'a>,
    /// What a break before each token costs; the first and what comes after the last are free.
    breaks: Vec<f64>,
    /// Characters up to each token, and the space before it.
    widths: Vec<usize>,
    /// Milliseconds of silence up to each token.
    silences: Vec<u64>,
}

impl<'a> Table<'a> {
    fn new(turn: &'a Turn, room: Room<'a>) -> Self {
        let tokens = turn.tokens.as_slice();
        let pairs = || tokens.iter().zip(tokens.iter().skip(1));
        let breaks = pairs().map(|(one, next)| breaks::cost(one, next, &turn.language));
        let breaks = std::iter::once(0.0).chain(breaks).chain([0.0]).collect();
        let (mut widths, mut silences) = (vec![0], vec![0]);
        let mut width = 0;
        for token in tokens {
            width += token.before.width() + token.characters;
            widths.push(width);
        }
        let mut silence = 0;
        for (one, next) in pairs() {
            let pause = next.start.saturating_sub(one.end);
            silence += if pause > NO_SILENCE_MS { pause } else { 0 };
            silences.push(silence);
        }
        Self { tokens, room, breaks, widths, silences }
    }

    /// The captions that may end before a token, with what each costs.
    fn endings(&self, end: usize) -> impl Iterator<Item = (f64, Cut)> {
        let starts = (0..end).rev();
        starts.map_while(move |start| {
            let last = &self.tokens[end - 1];
            let lasts = last.end.saturating_sub(self.tokens[start].start) <= MAX_MS;
            let (lines, cut) = self.layout(start..end)?;
            (lasts || start + 1 == end).then(|| (self.cost(&cut) + lines, cut))
        })
    }

    /// What a caption costs, but for its lines.
    fn cost(&self, cut: &Cut) -> f64 {
        let Range { start, end } = cut.tokens.clone();
        let next = self.tokens.get(end).map(|token| token.start).or(self.room.next);
        let begin = self.tokens[start].start;
        let room = next.map_or(MAX_MS, |next| next.saturating_sub(begin));
        let room = room.saturating_sub(self.room.limits.gap_ms).min(MAX_MS);
        let lacks = |wanted: u64| wanted.saturating_sub(room) as f64 / 1000.0;
        let silence = (self.silences[end - 1] - self.silences[start]) as f64 / 1000.0;
        let part = self.breaks[start].max(self.breaks[end]) > 0.0;
        let filled = cut.characters as f64 / self.room.limits.line as f64;
        let scrap = if part { (1.0 - filled / SCRAP_BELOW).max(0.0) } else { 0.0 };
        CAPTION
            + CAPTION_BREAK * self.breaks[end]
            + SILENCE * silence
            + TOO_FAST * lacks(self.room.limits.reading_ms(cut.characters))
            + TOO_SHORT * lacks(MIN_MS)
            + SCRAP * scrap
    }

    /// The best lines of some tokens with what they cost; `None` where they do not fit.
    fn layout(&self, tokens: Range<usize>) -> Option<(f64, Cut)> {
        let limit = self.room.limits.line;
        let all = self.width(tokens.clone());
        let cut = |second_line, characters| Cut { tokens: tokens.clone(), characters, second_line };
        if all <= limit {
            return Some((0.0, cut(None, all)));
        }
        if all > 2 * limit + 1 {
            return None;
        }
        let splits = tokens.start + 1..tokens.end;
        let lines = splits.filter_map(|split| {
            let (first, second) = (self.width(tokens.start..split), self.width(split..tokens.end));
            let uneven = first.abs_diff(second) as f64 / limit as f64;
            let top_heavy = if first > second { TOP_HEAVY } else { 0.0 };
            let cost = self.breaks[split] + UNBALANCED * uneven * uneven + top_heavy + SECOND_LINE;
            (first.max(second) <= limit).then(|| (cost, cut(Some(split), first + second)))
        });
        lines.min_by(|(one, _), (other, _)| one.total_cmp(other))
    }

    /// Characters of some tokens on one line.
    fn width(&self, tokens: Range<usize>) -> usize {
        let space = self.tokens[tokens.start].before.width();
        self.widths[tokens.end] - self.widths[tokens.start] - space
    }
}
