//! Final Cut Pro 7's XML ("xmeml", version 4), for Premiere Pro, DaVinci Resolve and what reads theirs.
//!
//! Apple described it in the "Final Cut Pro XML Interchange Format" (elements catalogue and XMEML topics),
//! which is retired but still on its developer site. What today's programs make of it is known from
//! their own exports, such as those that `OpenTimelineIO`'s adapter is tested with. What is "said" below
//! others have reported who compared imports; it has not been tried here.
//!
//! - **Frames.** `start`, `end`, `in`, `out` and markers of a clip item are counted at the rate that
//!   stands in the item, `duration` and timecode of a `file` at the file's. Premiere Pro and Resolve are
//!   said to take `in` for seconds times the *sequence's* rate whatever the item says. So every item
//!   here has the sequence's rate, and all readers agree. A medium of another rate then begins at the
//!   first frame of the sequence that is not before the chosen one: rounding down could flash a frame of the shot before. `pproTicksIn` and `pproTicksOut`, which
//!   Premiere Pro writes beside them, hold the exact time.
//! - **Files** are written once and then named by their id. Resolve is said to drop clips of files that
//!   are written twice, and Premiere Pro sequences whose items lack `masterclipid`.
//! - **Sound** is mono in this format. Premiere Pro writes a stereo track as two ("exploded") ones and
//!   puts them together again; a file whose only sound is stereo is written in that way. Channels of all
//!   others, several tracks or 5.1, are an item each on a track of its own, and `sourcetrack` counts the
//!   channels of the file through all its tracks. (In such pairs Premiere Pro is said to count streams
//!   instead, which agrees for the first stream only.)
//! - **Turned pictures.** Sizes are upright. Resolve turns such files by their own flag; Premiere Pro may
//!   not. A filter that turns them would turn them twice in the other program, so there is a warning.
//! - **Sizes.** Resolve fits pictures into the frame as its project says; Premiere Pro shows them pixel
//!   for pixel until told to "Set to Frame Size".
//! - **Markers** are on the clip, with name, comment and range; keywords and notes are in its logging
//!   information too (columns "Description" and "Log Note" in Premiere Pro).
//! - **Offline media** are written like others: programs ask for them by name.

mod file;
mod rate;
mod tracks;

use super::{Clip, Marker, Medium, Timeline, TimelineDocument, TimelineError};
use crate::xml::Xml;
use rate::{Base, Clock};
use rushes_model::{MediaKind, Timecode};
use std::io;
use tracks::{Item, MOST_CHANNELS, Role, Tracks};

pub(super) fn document(timeline: &Timeline) -> Result<TimelineDocument, TimelineError> {
    let mut sequence = Sequence::of(timeline);
    let content = Xml::document("xmeml", |xml| {
        xml.element("xmeml", &[("version", "4")], |xml| sequence.write(xml))
    });
    let failed = |error: io::Error| TimelineError::Writer {
        name: timeline.name.clone(),
        reason: error.to_string(),
    };
    Ok(TimelineDocument { content: content.map_err(failed)?, warnings: warnings(timeline) })
}

/// A sequence under way.
struct Sequence<'a> {
    timeline: &'a Timeline,
    base: Base,
    tracks: Tracks,
    /// Whether the file of a medium is written already.
    written: Vec<bool>,
    /// Frames of each medium, as far as somebody knows or a clip needs them.
    lengths: Vec<u64>,
}

impl<'a> Sequence<'a> {
    fn of(timeline: &'a Timeline) -> Self {
        Self {
            timeline,
            base: Base::of(timeline.rate),
            tracks: Tracks::of(timeline),
            written: vec![false; timeline.media.len()],
            lengths: timeline.lengths(),
        }
    }

    fn write(&mut self, xml: &mut Xml) -> io::Result<()> {
        // Without the attribute Premiere Pro does not put stereo tracks together again.
        let attributes = [("id", "sequence-1"), ("explodedTracks", "true")];
        xml.element("sequence", &attributes, |xml| {
            xml.text("duration", self.timeline.frames())?;
            self.base.write(xml)?;
            xml.text("name", line(&self.timeline.name))?;
            xml.element("media", &[], |xml| {
                xml.element("video", &[], |xml| self.video(xml))?;
                xml.element("audio", &[], |xml| self.audio(xml))
            })?;
            timecode(xml, self.base, self.timeline.timecode(0), None)
        })
    }

    fn video(&mut self, xml: &mut Xml) -> io::Result<()> {
        let size = self.timeline.size;
        xml.element("format", &[], |xml| file::sequence_picture(xml, self.base, size))?;
        xml.element("track", &[], |xml| {
            for index in 0..self.tracks.video.len() {
                self.item(xml, self.tracks.video[index])?;
            }
            enabled(xml)
        })
    }

    fn audio(&mut self, xml: &mut Xml) -> io::Result<()> {
        xml.text("numOutputChannels", 2)?;
        let mut sounds = self.timeline.media.iter().flat_map(|medium| &medium.sound);
        let sample_rate = sounds.next().map_or(48_000, |track| track.sample_rate);
        xml.element("format", &[], |xml| file::sound(xml, sample_rate))?;
        xml.element("outputs", &[], |xml| {
            tracks::output(xml, 1)?;
            tracks::output(xml, 2)
        })?;
        for track in 0..self.tracks.audio.len() {
            let role = self.tracks.role(track);
            xml.element("track", &role.attributes(), |xml| {
                for index in 0..self.tracks.audio[track].len() {
                    self.item(xml, self.tracks.audio[track][index])?;
                }
                enabled(xml)?;
                role.output(xml)
            })?;
        }
        Ok(())
    }

    fn item(&mut self, xml: &mut Xml, item: Item) -> io::Result<()> {
        let timeline = self.timeline;
        let clip = &timeline.clips[item.clip];
        let medium = timeline.medium(clip);
        let id = item.name();
        let channel = match item.role {
            Role::Picture => ("frameBlend", "FALSE"),
            Role::Mono => ("premiereChannelType", "mono"),
            Role::Left | Role::Right => ("premiereChannelType", "stereo"),
        };
        xml.element("clipitem", &[("id", &id), channel], |xml| {
            xml.text("masterclipid", format_args!("masterclip-{}", clip.medium + 1))?;
            xml.text("name", line(&clip.name))?;
            xml.text("enabled", "TRUE")?;
            self.times(xml, clip)?;
            if item.role == Role::Picture {
                file::item_picture(xml, medium)?;
            }
            self.file(xml, clip.medium)?;
            if item.role.is_sound() {
                source_track(xml, item.channel)?;
            }
            self.links(xml, item.clip)?;
            // The first item stands for all that are linked with it.
            if self.tracks.items[item.clip].first() == Some(&item) {
                self.remarks(xml, clip)?;
            }
            Ok(())
        })
    }

    fn clock(&self, medium: &Medium) -> Clock {
        Clock::new(medium.rate, self.base)
    }

    fn times(&self, xml: &mut Xml, clip: &Clip) -> io::Result<()> {
        let clock = self.clock(self.timeline.medium(clip));
        let length = clip.record.end - clip.record.start;
        let start = clock.frame(clip.source.start);
        let duration = clock.frame(self.lengths[clip.medium]).max(start + length);
        xml.text("duration", duration)?;
        self.base.write(xml)?;
        xml.text("start", clip.record.start)?;
        xml.text("end", clip.record.end)?;
        xml.text("in", start)?;
        xml.text("out", start + length)?;
        let ticks = clock.ticks(clip.source.start);
        xml.text("pproTicksIn", ticks)?;
        xml.text("pproTicksOut", ticks + self.base.ticks(length))
    }

    fn file(&mut self, xml: &mut Xml, medium: usize) -> io::Result<()> {
        let id = format!("file-{}", medium + 1);
        if std::mem::replace(&mut self.written[medium], true) {
            return xml.empty("file", &[("id", &id)]);
        }
        let length = self.lengths[medium];
        let medium = &self.timeline.media[medium];
        xml.element("file", &[("id", &id)], |xml| file::write(xml, medium, length))
    }

    fn links(&self, xml: &mut Xml, clip: usize) -> io::Result<()> {
        let items = &self.tracks.items[clip];
        if items.len() < 2 {
            return Ok(());
        }
        for item in items {
            xml.element("link", &[], |xml| item.link(xml))?;
        }
        Ok(())
    }

    /// Why the clip is here.
    fn remarks(&self, xml: &mut Xml, clip: &Clip) -> io::Result<()> {
        let clock = self.clock(self.timeline.medium(clip));
        for marker in &clip.markers {
            xml.element("marker", &[], |xml| remark(xml, marker, clock))?;
        }
        let notes: Vec<&str> = clip.markers.iter().map(|marker| marker.note.as_str()).collect();
        if clip.keywords.is_empty() && notes.is_empty() {
            return Ok(());
        }
        xml.element("logginginfo", &[], |xml| {
            xml.text("description", clip.keywords.join(", "))?;
            xml.text("lognote", notes.join("\n"))
        })
    }
}

fn remark(xml: &mut Xml, marker: &Marker, clock: Clock) -> io::Result<()> {
    xml.text("comment", &marker.note)?;
    xml.text("name", line(&marker.name))?;
    xml.text("in", clock.frame(marker.source.start))?;
    xml.text("out", clock.frame(marker.source.end))
}

fn source_track(xml: &mut Xml, channel: u32) -> io::Result<()> {
    xml.element("sourcetrack", &[], |xml| {
        xml.text("mediatype", "audio")?;
        xml.text("trackindex", channel)
    })
}

fn enabled(xml: &mut Xml) -> io::Result<()> {
    xml.text("enabled", "TRUE")?;
    xml.text("locked", "FALSE")
}

fn timecode(xml: &mut Xml, base: Base, first: Timecode, reel: Option<&str>) -> io::Result<()> {
    xml.element("timecode", &[], |xml| {
        base.write(xml)?;
        xml.text("string", first)?;
        xml.text("frame", first.frame())?;
        xml.text("displayformat", if first.is_drop() { "DF" } else { "NDF" })?;
        reel.map_or(Ok(()), |reel| xml.element("reel", &[], |xml| xml.text("name", line(reel))))
    })
}

/// Names have one line in every program.
fn line(name: &str) -> String {
    name.replace(['\n', '\r', '\t'], " ")
}

fn warnings(timeline: &Timeline) -> Vec<String> {
    let count = |asked: fn(&Medium) -> bool| timeline.media.iter().filter(|one| asked(one)).count();
    let turned = count(|medium| medium.rotation != 0 && medium.has_pictures());
    let odd_pixels = count(|medium| medium.has_pictures() && file::pixels(medium).is_none());
    let odd_rates = count(|medium| !Base::of(medium.rate).names(medium.rate));
    let many = count(|medium| medium.channels() > MOST_CHANNELS);
    let between = between_frames(timeline);
    let said = [
        (!Base::of(timeline.rate).names(timeline.rate)).then(|| {
            format!("The sequence's rate of {} frames a second has no name in xmeml.", timeline.rate)
        }),
        (odd_rates > 0).then(|| {
            format!("{odd_rates} files have a frame rate without a name in xmeml: the nearest is written.")
        }),
        (between > 0).then(|| {
            format!(
                "{between} clips begin between two frames of the sequence, in which xmeml counts: they may \
                 begin up to a frame of the sequence later. FCPXML and OTIO are exact."
            )
        }),
        (odd_pixels > 0).then(|| {
            format!("{odd_pixels} files have pixels of a shape without a name in xmeml: they may look narrow.")
        }),
        (many > 0).then(|| {
            format!("{many} files have more than {MOST_CHANNELS} channels of sound: the others are left out.")
        }),
        (turned > 0).then(|| {
            format!(
                "{turned} files are stored turned: where a program shows them lying, rotate the clips there."
            )
        }),
    ];
    said.into_iter().flatten().collect()
}

/// How many clips begin at a time that is not one of a frame of the sequence.
fn between_frames(timeline: &Timeline) -> usize {
    let base = Base::of(timeline.rate);
    let between = |clip: &&Clip| {
        let medium = timeline.medium(clip);
        medium.kind == MediaKind::Video && !Clock::new(medium.rate, base).meets(clip.source.start)
    };
    timeline.clips.iter().filter(between).count()
}
