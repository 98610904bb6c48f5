//! Final Cut Pro X XML, version 1.10.
//!
//! Described in Apple's "FCPXML Reference" (Professional Video Applications), whose DTD Final Cut Pro
//! holds each document against before it looks at anything else. 1.10 is read by Final Cut Pro from 10.6
//! on, by DaVinci Resolve, and by translators for Premiere Pro. Later versions add nothing that is needed
//! here; those before 1.9 had the file's URL elsewhere.
//!
//! Times are seconds. Final Cut Pro moves what is not a whole frame, with a warning, and is said not to
//! reduce fractions when it looks. Each time is therefore on the scale of its own frames, such as
//! `2002/60000s`, and only whole seconds are shorter:
//!
//! * `offset`, `duration` and `tcStart` are frames of the sequence; offsets begin at `tcStart`,
//! * `start` is a frame of the medium and counts from its start timecode, as `start` of the asset does.
//!   Drop-frame timecode skips labels, never frames, so that counts of frames serve for both,
//! * markers and keywords are in the clip's own time, frames of the medium. Final Cut Pro shows where a
//!   marker begins, and its length nowhere.
//!
//! A clip of another rate than the sequence plays at its own speed for as many frames of the sequence as
//! come nearest, or one less where the medium ends. `conform-rate` with `scaleEnabled="0"` asks for that,
//! as otherwise Final Cut Pro runs 24 in 25 faster, and some other pairs. It has to name the rate, from a
//! list of ten; media of other rates are not made faster anyway, and get none.
//!
//! Stills are `video` elements of assets without duration and format without rate, as Final Cut Pro
//! writes them; an `asset-clip` of a still is said to crash it. Sound alone lies in the spine as any clip
//! does. There is no `uid`: Final Cut Pro works it out of the file, and refuses a file that it knows by
//! another one. A file that is not there is written like one that is, and shown as missing until it is
//! relinked.

mod resources;

use self::resources::{Resources, spoken_rate};
use super::{Clip, Marker, Medium, Timeline, TimelineDocument, TimelineError};
use crate::xml::Xml;
use rushes_model::{FrameRate, MediaKind};
use std::io;

/// An attribute and its value.
type Attribute = (&'static str, String);

pub(super) fn document(timeline: &Timeline) -> Result<TimelineDocument, TimelineError> {
    let resources = Resources::new(timeline);
    let content = Xml::document("fcpxml", |xml| {
        xml.element("fcpxml", &[("version", "1.10")], |xml| {
            resources.write(xml)?;
            library(xml, timeline, &resources)
        })
    });
    let failed = |error: io::Error| TimelineError::Writer {
        name: timeline.name.clone(),
        reason: error.to_string(),
    };
    Ok(TimelineDocument { content: content.map_err(failed)?, warnings: warnings(timeline) })
}

fn warnings(timeline: &Timeline) -> Vec<String> {
    let mut warnings = Vec::new();
    if !resources::has_timelines(timeline.rate) {
        warnings.push(format!(
            "Final Cut Pro has no timelines of {} frames a second: choose the rate of most clips",
            timeline.rate
        ));
    }
    if timeline.clips.iter().flat_map(|clip| &clip.keywords).any(|keyword| keyword.contains(',')) {
        warnings
            .push("commas part keywords in FCPXML: those within one became semicolons".to_owned());
    }
    warnings
}

/// A library without a place: Final Cut Pro asks which one is meant.
fn library(xml: &mut Xml, timeline: &Timeline, resources: &Resources<'_>) -> io::Result<()> {
    let name = [("name", timeline.name.as_str())];
    xml.element("library", &[], |xml| {
        xml.element("event", &name, |xml| {
            xml.element("project", &name, |xml| sequence(xml, timeline, resources))
        })
    })
}

fn sequence(xml: &mut Xml, timeline: &Timeline, resources: &Resources<'_>) -> io::Result<()> {
    let attributes = [
        ("format", resources.sequence_format()),
        ("duration", time(timeline.frames(), timeline.rate)),
        ("tcStart", time(timeline.start, timeline.rate)),
        ("tcFormat", counting(timeline.drop)),
        ("audioLayout", "stereo".to_owned()),
        ("audioRate", "48k".to_owned()),
    ];
    xml.element("sequence", &borrowed(&attributes), |xml| {
        xml.element("spine", &[], |xml| {
            timeline.clips.iter().try_for_each(|clip| story(xml, timeline, resources, clip))
        })
    })
}

/// One clip in the spine. What may stand in it and in which order is the DTD's.
fn story(
    xml: &mut Xml,
    timeline: &Timeline,
    resources: &Resources<'_>,
    clip: &Clip,
) -> io::Result<()> {
    let medium = timeline.medium(clip);
    let still = medium.kind == MediaKind::Image;
    let mut attributes = vec![
        ("ref", resources.asset(clip.medium)),
        ("offset", time(timeline.start + clip.record.start, timeline.rate)),
        ("name", clip.name.clone()),
        ("start", own_time(medium, clip.source.start)),
        ("duration", time(clip.record.end - clip.record.start, timeline.rate)),
    ];
    if !still {
        attributes.push(("format", resources.format(clip.medium)));
        attributes.push(("tcFormat", counting(medium.drop)));
    }
    if !still && !medium.sound.is_empty() {
        attributes.push(("audioRole", "dialogue".to_owned()));
    }
    xml.element(if still { "video" } else { "asset-clip" }, &borrowed(&attributes), |xml| {
        note(xml, clip)?;
        conform(xml, timeline, medium)?;
        clip.markers.iter().try_for_each(|found| marker(xml, medium, found))?;
        keywords(xml, medium, clip)
    })
}

fn note(xml: &mut Xml, clip: &Clip) -> io::Result<()> {
    let notes: Vec<&str> = clip
        .markers
        .iter()
        .map(|marker| marker.note.as_str())
        .filter(|note| !note.is_empty())
        .collect();
    if notes.is_empty() { Ok(()) } else { xml.text("note", notes.join("\n\n")) }
}

fn conform(xml: &mut Xml, timeline: &Timeline, medium: &Medium) -> io::Result<()> {
    match spoken_rate(medium.rate) {
        Some(rate) if medium.kind == MediaKind::Video && medium.rate != timeline.rate => {
            xml.empty("conform-rate", &[("scaleEnabled", "0"), ("srcFrameRate", rate)])
        }
        _ => Ok(()),
    }
}

fn marker(xml: &mut Xml, medium: &Medium, marker: &Marker) -> io::Result<()> {
    let length = (marker.source.end - marker.source.start).max(1);
    let mut attributes = vec![
        ("start", own_time(medium, marker.source.start)),
        ("duration", time(length, medium.rate)),
        ("value", marker.name.clone()),
    ];
    if !marker.note.is_empty() {
        attributes.push(("note", marker.note.clone()));
    }
    xml.empty("marker", &borrowed(&attributes))
}

/// All keywords hold for the whole clip.
fn keywords(xml: &mut Xml, medium: &Medium, clip: &Clip) -> io::Result<()> {
    if clip.keywords.is_empty() {
        return Ok(());
    }
    let words: Vec<String> = clip.keywords.iter().map(|word| word.replace(',', ";")).collect();
    let attributes = [
        ("start", own_time(medium, clip.source.start)),
        ("duration", time(clip.source.end - clip.source.start, medium.rate)),
        ("value", words.join(", ")),
    ];
    xml.empty("keyword", &borrowed(&attributes))
}

fn borrowed(attributes: &[Attribute]) -> Vec<(&'static str, &str)> {
    attributes.iter().map(|(key, value)| (*key, value.as_str())).collect()
}

/// When a frame of a medium is shown, in the medium's own time: that of its timecode.
fn own_time(medium: &Medium, frame: u64) -> String {
    time(medium.first + frame, medium.rate)
}

/// How long so many frames last, in seconds.
fn time(frames: u64, rate: FrameRate) -> String {
    let (value, scale) = (u128::from(frames) * u128::from(rate.den()), u128::from(rate.num()));
    if value % scale == 0 { format!("{}s", value / scale) } else { format!("{value}/{scale}s") }
}

fn counting(drop: bool) -> String {
    if drop { "DF" } else { "NDF" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_frames_on_the_scale_of_their_rate() {
        for (frames, num, den, text) in [
            (0, 25, 1, "0s"),
            (90_000, 25, 1, "3600s"),
            (12, 24, 1, "12/24s"),
            (1, 30_000, 1001, "1001/30000s"),
            // 01:00:00;00 of drop-frame is frame 107,892, a little before the hour.
            (107_892, 30_000, 1001, "107999892/30000s"),
            (30_000, 30_000, 1001, "1001s"),
            (u64::MAX, 87_169_000, 2_905_633, "53599468323124905587747295/87169000s"),
        ] {
            assert_eq!(time(frames, FrameRate::new(num, den).unwrap()), text);
        }
    }
}
