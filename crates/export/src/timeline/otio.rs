//! `OpenTimelineIO` as JSON.
//!
//! Described by the project, in its "File Format Specification" and "Serialized Schema Documentation".
//! Read by DaVinci Resolve from 18.5 on, Premiere Pro from 25.2 on, Kdenlive, and whatever else uses the
//! project's library, whose adapters turn it into other formats.
//!
//! * Clips are `Clip.1`, with one `media_reference`. Since 0.15, which brought `Clip.2`, the library
//!   turns one into the other while it reads; what was built with an earlier one, as Resolve 18.5 is
//!   said to be, does not know `Clip.2`.
//! * A rate is the quotient as a double, 29.97002997002997 for 30000/1001, as the library has it, which
//!   compares them. Values are whole frames.
//! * Ranges of a clip are frames of its medium and count from its start timecode, as `available_range`
//!   does; markers too. Nothing is rounded to frames of the sequence: where a clip lies is the sum of
//!   what comes before it, and programs round that.
//! * No clip has both pictures and sound. Pictures and stills are in a video track, the first track of
//!   sound is in an audio track, and gaps stand for what has only the other. What Resolve itself writes
//!   to link the two, `Link Group ID`, is there.
//! * Markers are on the pictures, or on the sound where there are none. Their notes are in `comment`, and
//!   where Resolve has them, since Resolve 21 is said not to look at `comment`.
//! * A file that is not there keeps its URL, for programs to ask for it.
//!
//! There is no place for drop-frame counting, for the sequence's size, for reels or for keywords. They
//! are in the metadata below `rushes`, which programs pass over.

use super::{Clip, Marker, Medium, Timeline, TimelineDocument, TimelineError};
use rushes_model::FrameRate;
use serde::Serialize;
use std::ops::Range;

pub(super) fn document(timeline: &Timeline) -> Result<TimelineDocument, TimelineError> {
    let failed = |error: serde_json::Error| TimelineError::Writer {
        name: timeline.name.clone(),
        reason: error.to_string(),
    };
    let media = timeline.media.iter().zip(timeline.lengths());
    let references: Vec<_> = media.map(|(medium, frames)| Reference::of(medium, frames)).collect();
    let content = serde_json::to_string(&Document::of(timeline, &references)).map_err(failed)?;
    Ok(TimelineDocument { content: content + "\n", warnings: warnings(timeline) })
}

fn warnings(timeline: &Timeline) -> Vec<String> {
    let mut warnings = Vec::new();
    if timeline.rate.can_drop() {
        let counting = if timeline.drop { "drop-frame" } else { "non-drop-frame" };
        warnings.push(format!(
            "OTIO does not say how timecode counts: set the sequence to {counting} after the import"
        ));
    }
    if timeline.media.iter().any(|medium| medium.rate != timeline.rate) {
        warnings.push(
            "OTIO places clips of other frame rates between the frames of the sequence: \
             programs round each"
                .to_owned(),
        );
    }
    warnings
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Timeline.1")]
struct Document<'a> {
    metadata: Ours<SequenceFacts>,
    name: &'a str,
    global_start_time: Time,
    tracks: Stack<'a>,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Stack.1")]
struct Stack<'a> {
    metadata: Nothing,
    name: &'static str,
    source_range: Option<Span>,
    effects: [(); 0],
    markers: [(); 0],
    enabled: bool,
    children: Vec<Track<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Track.1")]
struct Track<'a> {
    metadata: Nothing,
    name: &'static str,
    source_range: Option<Span>,
    effects: [(); 0],
    markers: [(); 0],
    enabled: bool,
    children: Vec<Child<'a>>,
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Child<'a> {
    Clip(Item<'a>),
    Gap(Gap),
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Clip.1")]
struct Item<'a> {
    metadata: ItemFacts<'a>,
    name: &'a str,
    source_range: Span,
    effects: [(); 0],
    markers: Vec<Mark<'a>>,
    enabled: bool,
    media_reference: &'a Reference<'a>,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Gap.1")]
struct Gap {
    metadata: Nothing,
    name: &'static str,
    source_range: Span,
    effects: [(); 0],
    markers: [(); 0],
    enabled: bool,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "ExternalReference.1")]
struct Reference<'a> {
    metadata: Ours<FileFacts<'a>>,
    name: &'a str,
    available_range: Span,
    target_url: String,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "Marker.2")]
struct Mark<'a> {
    metadata: MarkFacts<'a>,
    name: &'a str,
    color: &'static str,
    marked_range: Span,
    comment: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "TimeRange.1")]
struct Span {
    start_time: Time,
    duration: Time,
}

#[derive(Serialize)]
#[serde(tag = "OTIO_SCHEMA", rename = "RationalTime.1")]
struct Time {
    rate: f64,
    value: f64,
}

/// Metadata of which there is none.
#[derive(Serialize)]
struct Nothing {}

/// Metadata under our own key.
#[derive(Serialize)]
struct Ours<T> {
    rushes: T,
}

#[derive(Serialize)]
struct SequenceFacts {
    width: u32,
    height: u32,
    drop_frame: bool,
}

#[derive(Serialize)]
struct FileFacts<'a> {
    #[serde(skip_serializing_if = "is_false")]
    drop_frame: bool,
    #[serde(skip_serializing_if = "is_false")]
    offline: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reel: Option<&'a str>,
}

#[derive(Serialize)]
struct ItemFacts<'a> {
    #[serde(rename = "Resolve_OTIO", skip_serializing_if = "Option::is_none")]
    resolve: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rushes: Option<Keywords<'a>>,
}

/// What belongs together in Resolve has the same number.
#[derive(Serialize)]
struct Link {
    #[serde(rename = "Link Group ID")]
    group: usize,
}

#[derive(Serialize)]
struct Keywords<'a> {
    keywords: &'a [String],
}

#[derive(Serialize)]
struct MarkFacts<'a> {
    #[serde(rename = "Resolve_OTIO", skip_serializing_if = "Option::is_none")]
    resolve: Option<ResolveMark<'a>>,
}

#[derive(Serialize)]
struct ResolveMark<'a> {
    #[serde(rename = "Keywords")]
    keywords: &'a [String],
    #[serde(rename = "Note")]
    note: &'a str,
}

impl<'a> Document<'a> {
    fn of(timeline: &'a Timeline, references: &'a [Reference<'a>]) -> Self {
        let (width, height) = timeline.size;
        let kinds = [Kind::Video, Kind::Audio].into_iter();
        let tracks = kinds.filter_map(|kind| Track::of(timeline, references, kind)).collect();
        Self {
            metadata: Ours { rushes: SequenceFacts { width, height, drop_frame: timeline.drop } },
            name: &timeline.name,
            global_start_time: Time::of(timeline.start, timeline.rate),
            tracks: Stack {
                metadata: Nothing {},
                name: "tracks",
                source_range: None,
                effects: [],
                markers: [],
                enabled: true,
                children: tracks,
            },
        }
    }
}

/// What a track holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Video,
    Audio,
}

impl Kind {
    fn is_of(self, medium: &Medium) -> bool {
        match self {
            Self::Video => medium.has_pictures(),
            Self::Audio => !medium.sound.is_empty(),
        }
    }
}

impl<'a> Track<'a> {
    /// `None` where no clip has anything for it.
    fn of(timeline: &'a Timeline, references: &'a [Reference<'a>], kind: Kind) -> Option<Self> {
        if !timeline.clips.iter().any(|clip| kind.is_of(timeline.medium(clip))) {
            return None;
        }
        let child = |(place, clip): (usize, &'a Clip)| {
            let medium = timeline.medium(clip);
            if kind.is_of(medium) {
                Child::Clip(Item::of(clip, medium, &references[clip.medium], kind, place + 1))
            } else {
                Child::Gap(Gap::of(clip, medium))
            }
        };
        let (name, kind) = match kind {
            Kind::Video => ("V1", "Video"),
            Kind::Audio => ("A1", "Audio"),
        };
        Some(Self {
            metadata: Nothing {},
            name,
            source_range: None,
            effects: [],
            markers: [],
            enabled: true,
            children: timeline.clips.iter().enumerate().map(child).collect(),
            kind,
        })
    }
}

impl<'a> Item<'a> {
    fn of(
        clip: &'a Clip,
        medium: &Medium,
        media_reference: &'a Reference<'a>,
        kind: Kind,
        group: usize,
    ) -> Self {
        let both = Kind::Video.is_of(medium) && Kind::Audio.is_of(medium);
        let marked = kind == Kind::Video || !both;
        let keywords = marked && !clip.keywords.is_empty();
        let mark = |marker| Mark::of(marker, medium, &clip.keywords);
        Self {
            metadata: ItemFacts {
                resolve: both.then_some(Link { group }),
                rushes: keywords.then_some(Keywords { keywords: &clip.keywords }),
            },
            name: &clip.name,
            source_range: Span::of(&clip.source, medium),
            effects: [],
            markers: clip.markers.iter().filter(|_| marked).map(mark).collect(),
            enabled: true,
            media_reference,
        }
    }
}

impl<'a> Reference<'a> {
    /// A still is as long as clips need it to be: adapters fail on a file without a range.
    fn of(medium: &'a Medium, frames: u64) -> Self {
        let reel = medium.reel.as_deref();
        Self {
            metadata: Ours {
                rushes: FileFacts { drop_frame: medium.drop, offline: medium.offline, reel },
            },
            name: medium.file_name(),
            available_range: Span::of(&(0..frames), medium),
            target_url: medium.url(),
        }
    }
}

impl<'a> Mark<'a> {
    fn of(marker: &'a Marker, medium: &Medium, keywords: &'a [String]) -> Self {
        let resolve = ResolveMark { keywords, note: &marker.note };
        Self {
            metadata: MarkFacts { resolve: (!marker.note.is_empty()).then_some(resolve) },
            name: &marker.name,
            color: "GREEN",
            marked_range: Span::of(&marker.source, medium),
            comment: &marker.note,
        }
    }
}

impl Gap {
    /// As long as a clip that is not there.
    fn of(clip: &Clip, medium: &Medium) -> Self {
        Self {
            metadata: Nothing {},
            name: "",
            source_range: Span::new(0, clip.source.end - clip.source.start, medium.rate),
            effects: [],
            markers: [],
            enabled: true,
        }
    }
}

impl Span {
    /// Frames of a medium, in its timecode.
    fn of(frames: &Range<u64>, medium: &Medium) -> Self {
        Self::new(medium.first + frames.start, frames.end - frames.start, medium.rate)
    }

    fn new(start: u64, length: u64, rate: FrameRate) -> Self {
        Self { start_time: Time::of(start, rate), duration: Time::of(length, rate) }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Time {
    fn of(frames: u64, rate: FrameRate) -> Self {
        Self { rate: rate.as_f64(), value: frames as f64 }
    }
}
