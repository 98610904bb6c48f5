//! Media and ranges to write.

use rushes_export::{Medium, Selects, Take, Timeline};
use rushes_model::{FieldOrder, FrameRate, MediaKind, SoundTrack, Timecode};

/// A name that every format has to take care of.
pub const ODD_NAME: &str = "Take & <1> \"]]> 🎬 / 100% ünïcode";

pub fn rate(text: &str) -> FrameRate {
    text.parse().unwrap()
}

/// 1920x1080 with two tracks of mono, an hour long.
pub fn medium(path: &str, rate: FrameRate, start: &str) -> Medium {
    let first = Timecode::parse(start, rate).unwrap();
    let mono = SoundTrack { channels: 1, sample_rate: 48_000 };
    Medium {
        path: path.to_owned(),
        kind: MediaKind::Video,
        rate,
        first: first.frame(),
        drop: first.is_drop(),
        frames: Some(rate.nearest_frame(3600.0)),
        size: (1920, 1080),
        pixel_aspect: (1, 1),
        fields: FieldOrder::Progressive,
        rotation: 0,
        sound: vec![mono, mono],
        reel: None,
        offline: false,
    }
}

/// `length` frames from `from` of a medium, without handles and without a reason.
pub fn take(medium: usize, name: &str, from: u64, length: u64) -> Take {
    Take {
        medium,
        name: name.to_owned(),
        source: from..from + length,
        handle: 0,
        reason: None,
        keywords: Vec::new(),
    }
}

/// The same, chosen for what was searched, seen and said.
pub fn reasoned(take: Take) -> Take {
    let note = "Search: a dog & a <cat>\nPeople: Zoë\nWords: “Good morning.”".to_owned();
    Take {
        reason: Some(("a dog & a <cat>".to_owned(), note)),
        keywords: vec!["a dog & a <cat>".to_owned(), "Zoë".to_owned()],
        ..take
    }
}

/// A sequence at 1920x1080 that begins at one hour and counts as its first medium does.
pub fn selects(rate: FrameRate, media: Vec<Medium>, takes: Vec<Take>) -> Selects {
    let drop = media[0].drop && rate.can_drop();
    let hour = if drop { "01:00:00;00" } else { "01:00:00:00" };
    let timeline = Timeline {
        name: ODD_NAME.to_owned(),
        rate,
        drop,
        start: Timecode::parse(hour, rate).unwrap().frame(),
        size: (1920, 1080),
        media,
        clips: Vec::new(),
    };
    Selects { timeline, takes }
}
