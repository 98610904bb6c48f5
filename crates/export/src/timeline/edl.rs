//! CMX 3600 edit decision lists.
//!
//! Columns are those of the CMX 3600 manual and of SMPTE 258M: event number, two spaces, reel of eight
//! letters, channels, transition, and four timecodes. Lines end with CR and LF. A line that begins with
//! an asterisk is a remark, and what programs of today know beyond 1980 stands there:
//!
//! - `FROM CLIP NAME` names the clip in Premiere Pro, Resolve and Avid. Resolve is said to look for
//!   a file of that name, so clips that are called as their files are found without help.
//! - `SOURCE FILE` is the file's name, as Premiere Pro and Resolve write it. `FROM FILE` and `FROM CLIP`
//!   are left out: clips with them are called "UNKNOWN" in Premiere Pro. The whole path is a remark for
//!   people.
//! - `LOC` is Avid's locator: timecode of the record side, colour, text.
//! - Text is UTF-8. Timecodes, reels and channels are ASCII, so that a program that expects another
//!   encoding shows odd letters in names and nothing worse.
//!
//! Drop-frame: `FCM` says how the sequence counts. Each timecode says it again by what stands before its
//! frames, `;` or `:` (SMPTE 258M), since media may count in another way than the sequence. Premiere Pro
//! writes semicolons itself; `OpenTimelineIO` reads them and ignores `FCM`. Programs that go by `FCM`
//! alone would be off for such media, which a warning says.
//!
//! No list says its frame rate: who imports it chooses that. CMX 3600 was made for up to 30 frames a
//! second; above that, frames are still two digits (00 to 59), which readers take when told the rate. A
//! list has one rate for all, so mixed ones are an error.

use super::{Clip, Medium, Timeline, TimelineDocument, TimelineError};
use rushes_model::{FrameRate, Timecode};
use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    ops::Range,
};

/// How many letters a title may have in CMX 3600.
const TITLE: usize = 70;
/// How many letters a reel may have.
const REEL: usize = 8;
/// Reels that mean something else: any source, black, colour bars.
const RESERVED: [&str; 4] = ["AX", "BL", "BLACK", "BARS"];

pub(super) fn document(timeline: &Timeline) -> Result<TimelineDocument, TimelineError> {
    has_one_rate(timeline)?;
    let reels = reels(&timeline.media);
    let mut content = head(timeline);
    for (number, clip) in (1..).zip(&timeline.clips) {
        event(&mut content, timeline, number, clip, &reels[clip.medium]);
    }
    Ok(TimelineDocument { content, warnings: warnings(timeline, &reels) })
}

fn has_one_rate(timeline: &Timeline) -> Result<(), TimelineError> {
    let mut media = timeline.clips.iter().map(|clip| timeline.medium(clip));
    match media.find(|medium| medium.rate != timeline.rate) {
        None => Ok(()),
        Some(medium) => Err(TimelineError::MixedRates {
            sequence: timeline.rate,
            medium: medium.path.clone(),
            rate: medium.rate,
        }),
    }
}

fn head(timeline: &Timeline) -> String {
    let title: String = one_line(&timeline.name).chars().take(TITLE).collect();
    let mode = if counts_drop(timeline) { "DROP FRAME" } else { "NON-DROP FRAME" };
    format!("TITLE: {}\r\nFCM: {mode}\r\n\r\n", title.trim())
}

fn counts_drop(timeline: &Timeline) -> bool {
    timeline.timecode(0).is_drop()
}

/// One clip: its event and what is known about it.
fn event(list: &mut String, timeline: &Timeline, number: usize, clip: &Clip, reel: &str) {
    let medium = timeline.medium(clip);
    let (channels, more) = channels(medium);
    let source = timecodes(&clip.source, |frame| medium.timecode(frame));
    let record = timecodes(&clip.record, |frame| timeline.timecode(frame));
    let line = format!("{number:03}  {reel:8} {channels:4}  C        {source} {record}");
    let name = if clip.name.is_empty() { medium.file_name() } else { &clip.name };
    let mut lines = vec![line];
    lines.extend(more.map(str::to_owned));
    lines.push(remark("FROM CLIP NAME: ", name));
    lines.push(remark("SOURCE FILE:", medium.file_name()));
    lines.extend(locators(timeline, clip));
    lines.push(remark("COMMENT: PATH:", &medium.path));
    lines.extend(comments(clip));
    for line in lines {
        // Writing to a string cannot fail.
        let _ = write!(list, "{line}\r\n");
    }
}

fn timecodes(frames: &Range<u64>, label: impl Fn(u64) -> Timecode) -> String {
    format!("{} {}", label(frames.start), label(frames.end))
}

/// What an event is of, and the line after it that names the third and fourth channel of sound. `B` is
/// CMX for picture and one channel.
fn channels(medium: &Medium) -> (&'static str, Option<&'static str>) {
    let count = medium.channels();
    let column = match (medium.has_pictures(), count) {
        (true, 0) => "V",
        (true, 1) => "B",
        (true, _) => "AA/V",
        (false, 0 | 1) => "A",
        (false, _) => "AA",
    };
    let more = match count {
        0..=2 => None,
        3 => Some("AUD  3"),
        _ => Some("AUD  3  4"),
    };
    (column, more)
}

fn locators<'a>(timeline: &'a Timeline, clip: &'a Clip) -> impl Iterator<Item = String> + 'a {
    clip.markers.iter().map(|marker| {
        let into = marker.source.start.saturating_sub(clip.source.start);
        let at = timeline.timecode(clip.record.start + into);
        remark("LOC:", &format!("{at} RED     {}", marker.name))
    })
}

fn comments(clip: &Clip) -> impl Iterator<Item = String> + '_ {
    let notes = clip.markers.iter().flat_map(|marker| marker.note.lines());
    let notes = notes.filter(|line| !line.trim().is_empty()).map(|line| remark("COMMENT:", line));
    let keywords = (!clip.keywords.is_empty())
        .then(|| remark("COMMENT: KEYWORDS:", &clip.keywords.join(", ")));
    notes.chain(keywords)
}

fn remark(kind: &str, text: &str) -> String {
    format!("* {kind} {}", one_line(text)).trim_end().to_owned()
}

/// The text with a space for each letter that readers take for the end of a line, or that no list has.
fn one_line(text: &str) -> String {
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    text.replace(breaks, " ")
}

/// A reel for each medium. Media of one tape or card share it; files that say nothing of one have a reel
/// each, made of their names.
fn reels(media: &[Medium]) -> Vec<String> {
    let mut given: HashMap<(bool, &str), String> = HashMap::new();
    let mut taken: HashSet<String> = RESERVED.map(str::to_owned).into();
    let mut next: HashMap<String, usize> = HashMap::new();
    let mut reel = |medium| {
        let (key, name) = origin(medium);
        let free = || free_reel(&letters(name), &mut taken, &mut next);
        given.entry(key).or_insert_with(free).clone()
    };
    media.iter().map(&mut reel).collect()
}

/// What tells the source of a medium from others, whether that is a reel, and what it is called.
fn origin(medium: &Medium) -> ((bool, &str), &str) {
    if let Some(reel) = medium.reel.as_deref().filter(|reel| !letters(reel).is_empty()) {
        return ((true, reel), reel);
    }
    let name = medium.file_name();
    ((false, &medium.path), name.rsplit_once('.').map_or(name, |(stem, _)| stem))
}

/// What a reel may have of a name: capital letters, digits and underscores.
fn letters(name: &str) -> String {
    let allowed = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
    name.chars().filter(allowed).map(|letter| letter.to_ascii_uppercase()).collect()
}

/// The first letters of a name, with a number where another source has them already.
fn free_reel(name: &str, taken: &mut HashSet<String>, next: &mut HashMap<String, usize>) -> String {
    let name = if name.is_empty() { "REEL" } else { name };
    let short = &name[..name.len().min(REEL)];
    if taken.insert(short.to_owned()) {
        return short.to_owned();
    }
    let number = next.entry(short.to_owned()).or_insert(2);
    loop {
        let digits = number.to_string();
        *number += 1;
        let reel = format!("{}{digits}", &short[..short.len().min(REEL - digits.len())]);
        if taken.insert(reel.clone()) {
            return reel;
        }
    }
}

fn warnings(timeline: &Timeline, reels: &[String]) -> Vec<String> {
    [
        too_many_events(timeline),
        high_rate(timeline.rate),
        other_counting(timeline),
        past_midnight(timeline),
        too_many_channels(timeline),
        changed_reels(&timeline.media, reels),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn too_many_events(timeline: &Timeline) -> Option<String> {
    let events = timeline.clips.len();
    (events > 999).then(|| {
        format!(
            "The list has {events} events, numbered with more than three digits: edit controllers and some \
             programs stop at 999. Export fewer clips at a time if yours does."
        )
    })
}

fn high_rate(rate: FrameRate) -> Option<String> {
    (rate.timecode_base() > 30).then(|| {
        format!(
            "CMX 3600 was made for 30 frames a second at most: set the project to {:.5} before you import \
             the list.",
            rate.as_f64()
        )
    })
}

fn other_counting(timeline: &Timeline) -> Option<String> {
    let mode = counts_drop(timeline);
    let other = timeline.media.iter().filter(|medium| medium.timecode(0).is_drop() != mode).count();
    (other > 0).then(|| {
        format!(
            "{other} files do not count frames as the sequence does (drop-frame or not): their timecodes say \
             so, but programs that go by the FCM line alone read them wrong."
        )
    })
}

fn past_midnight(timeline: &Timeline) -> Option<String> {
    let past = |clip: &&Clip| {
        let medium = timeline.medium(clip);
        let record =
            [clip.record.start, clip.record.end].map(|frame| timeline.timecode(frame).frame());
        let source =
            [clip.source.start, clip.source.end].map(|frame| medium.timecode(frame).frame());
        record[1] < record[0] || source[1] < source[0]
    };
    let past = timeline.clips.iter().filter(past).count();
    (past > 0).then(|| {
        format!(
            "{past} clips go on past midnight, where timecode begins again: some programs take their end for \
             an error."
        )
    })
}

fn too_many_channels(timeline: &Timeline) -> Option<String> {
    let more = timeline.media.iter().filter(|medium| medium.channels() > 4).count();
    (more > 0).then(|| {
        format!("{more} files have more than the four channels of sound that a list can name.")
    })
}

fn changed_reels(media: &[Medium], reels: &[String]) -> Option<String> {
    let changed = |(medium, reel): &(&Medium, &String)| {
        medium.reel.as_ref().is_some_and(|whole| whole != *reel)
    };
    let changed = media.iter().zip(reels).filter(changed).count();
    (changed > 0).then(|| {
        format!(
            "{changed} reel names have other letters than A to Z, 0 to 9 and _, or more than eight, and were \
             shortened: find media by file name."
        )
    })
}
