//! From chosen ranges to a sequence.

use super::{Clip, Marker, Medium, Timeline};
use rushes_model::FrameRate;
use std::ops::Range;

/// Chosen ranges, and the sequence that they are to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Selects {
    /// What people call it.
    pub name: String,
    /// Frames a second.
    pub rate: FrameRate,
    /// Whether its timecode counts drop-frame.
    pub drop: bool,
    /// Frame of the day at which it begins.
    pub start: u64,
    /// Width and height of its picture in square pixels.
    pub size: (u32, u32),
    /// What the takes are of.
    pub media: Vec<Medium>,
    /// In order.
    pub takes: Vec<Take>,
}

/// One chosen range.
#[derive(Debug, Clone, PartialEq)]
pub struct Take {
    /// Index of its medium.
    pub medium: usize,
    /// What people call it.
    pub name: String,
    /// Frames of the medium from its first one, without handles.
    pub source: Range<u64>,
    /// Frames of the medium to add on either side, as far as there are some.
    pub handle: u64,
    /// Why it was chosen: a few words, and all that is known. `None` marks nothing, unless there are
    /// handles, whose ends somebody will want to find.
    pub reason: Option<(String, String)>,
    /// Words to find it by.
    pub keywords: Vec<String>,
}

impl Selects {
    /// Lays the takes one after another. Each lasts as long as it does in its medium, rounded to whole
    /// frames of the sequence, of which it has one at least.
    #[must_use]
    pub fn assemble(self) -> Timeline {
        let Self { name, rate, drop, start, size, media, takes } = self;
        let mut next = 0;
        let lay = |take: Take| {
            let medium = &media[take.medium];
            let source = with_handles(&take, medium.frames);
            let length = rate.conform(source.end - source.start, medium.rate).max(1);
            let record = next..next + length;
            next = record.end;
            clip(take, source, record)
        };
        let clips = takes.into_iter().map(lay).collect();
        Timeline { name, rate, drop, start, size, media, clips }
    }
}

fn with_handles(take: &Take, frames: Option<u64>) -> Range<u64> {
    let end = take.source.end + take.handle;
    let end = frames.map_or(end, |frames| end.min(frames.max(take.source.end)));
    take.source.start.saturating_sub(take.handle)..end
}

fn clip(take: Take, source: Range<u64>, record: Range<u64>) -> Clip {
    let handles = source != take.source;
    let reason = take.reason.or_else(|| handles.then(|| (take.name.clone(), String::new())));
    let marker = |(name, note)| Marker { source: take.source.clone(), name, note };
    Clip {
        medium: take.medium,
        markers: reason.map(marker).into_iter().collect(),
        name: take.name,
        source,
        record,
        keywords: take.keywords,
    }
}
