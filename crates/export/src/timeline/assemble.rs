//! From chosen ranges to a sequence.

use super::{Clip, Marker, Medium, Timeline};
use rushes_model::FrameRate;
use std::ops::Range;

/// Chosen ranges, and the sequence that they are to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Selects {
    /// The sequence, with its media and as yet without clips.
    pub timeline: Timeline,
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
    /// frames of the sequence, of which it has one at least; down where nothing is left of the medium.
    #[must_use]
    pub fn assemble(self) -> Timeline {
        let Self { mut timeline, takes } = self;
        for take in takes {
            let medium = &timeline.media[take.medium];
            let source = with_handles(&take, medium.frames);
            let next = timeline.frames();
            // Thousands of clips of made-up lengths are more frames than can be counted.
            let record = next..next.saturating_add(length(timeline.rate, medium, &source));
            timeline.clips.push(clip(take, source, record));
        }
        timeline
    }
}

/// Programs refuse a clip that outlasts its medium, if only by a part of a frame.
fn length(rate: FrameRate, medium: &Medium, source: &Range<u64>) -> u64 {
    let length = rate.conform(source.end - source.start, medium.rate);
    let left = medium.frames.map(|frames| frames.max(source.end) - source.start);
    let over =
        left.is_some_and(|left| lasts(length, rate, medium.rate) > lasts(left, medium.rate, rate));
    length.saturating_sub(over.into()).max(1)
}

/// How long so many frames last, to compare with frames of another rate.
fn lasts(frames: u64, rate: FrameRate, other: FrameRate) -> u128 {
    u128::from(frames) * u128::from(rate.den()) * u128::from(other.num())
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

#[cfg(test)]
mod tests {
    use super::*;
    use rushes_model::{FieldOrder, MediaKind};

    /// The length in a sequence at 30000/1001 of frames from `from` on of a medium at 25 that has 100.
    fn laid(from: u64, frames: u64) -> u64 {
        let medium = Medium {
            path: "/a.mov".to_owned(),
            kind: MediaKind::Video,
            rate: FrameRate::new(25, 1).unwrap(),
            first: 0,
            drop: false,
            frames: Some(100),
            size: (1920, 1080),
            pixel_aspect: (1, 1),
            fields: FieldOrder::Progressive,
            rotation: 0,
            sound: vec![],
            reel: None,
            offline: false,
        };
        let rate = FrameRate::new(30_000, 1001).unwrap();
        length(rate, &medium, &(from..from + frames))
    }

    #[test]
    fn no_clip_outlasts_its_medium() {
        // 50 frames last 59.94 of the sequence, 99 last 118.68, 100 last 119.88.
        assert_eq!([laid(0, 50), laid(50, 50)], [60, 59]);
        assert_eq!([laid(0, 99), laid(1, 99), laid(0, 100)], [119, 118, 119]);
        assert_eq!(laid(99, 1), 1, "a clip has a frame");
    }
}
