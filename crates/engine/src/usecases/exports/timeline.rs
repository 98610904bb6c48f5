//! Ranges as a sequence for an editing program.

use super::selection::{About, Chosen, ChosenRange, Source, check_handle};
use crate::{
    output::OutputFile,
    replies::ExportedTimeline,
    requests::{MAX_TIMELINE_CLIPS, TimelineFormat, TimelineOfFormatRequest, TimelineRequest},
    usecases::{Engine, bad_request},
};
use rushes_export::{Medium, Selects, Take, Timeline, TimelineError};
use rushes_model::{
    ErrorCode, Failure, FieldOrder, FrameRate, MediaKind, SoundTrack, SourceClock, StreamFacts,
    Timecode,
};
use std::ops::Range;

/// The sequence's rate where no clip has one: sound and stills alone.
const RATE_OF_STILLS: (u32, u32) = (25, 1);
/// Size of the sequence's picture where no clip has one.
const SIZE_OF_SOUND: (u32, u32) = (1920, 1080);
/// Most frames a second that a sequence can have.
const MAX_RATE: f64 = 240.0;
/// Most characters of what was said in the name of a marker.
const MARKER_NAME: usize = 60;

impl Engine {
    /// Ranges as a sequence in Final Cut Pro 7 XML, written into a file if one is named.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`; nothing is written then.
    pub fn export_premiere_xml(
        &self,
        request: &TimelineRequest,
    ) -> Result<ExportedTimeline, Failure> {
        self.sequence(request, TimelineFormat::Xmeml)
    }

    /// Ranges as a sequence in any format, written into a file if one is named.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`; nothing is written then.
    pub fn export_timeline(
        &self,
        request: &TimelineOfFormatRequest,
    ) -> Result<ExportedTimeline, Failure> {
        self.sequence(&request.timeline, request.format)
    }

    /// The file that a document is to be written into, if one is named.
    pub(super) fn output_file(
        &self,
        named: Option<&str>,
        overwrite: bool,
        extension: &str,
    ) -> Result<Option<OutputFile>, Failure> {
        let replaces = overwrite.then_some(extension);
        named.map(|named| OutputFile::open(&self.0.roots, named, replaces)).transpose()
    }

    fn sequence(
        &self,
        request: &TimelineRequest,
        format: TimelineFormat,
    ) -> Result<ExportedTimeline, Failure> {
        let format = rushes_export::TimelineFormat::from(format);
        let named = request.output_path.as_deref();
        let output = self.output_file(named, request.overwrite, format.extension())?;
        check_handle(request.handle_seconds)?;
        let mut chosen = self.choose(&request.selection(), MAX_TIMELINE_CLIPS)?;
        leave_out_sound_alone(&mut chosen)?;
        let timeline = assembled(request, &chosen)?;
        let document = format.write(&timeline).map_err(refused)?;
        let written = output.map(|file| file.write(document.content.as_bytes())).transpose()?;
        Ok(ExportedTimeline {
            content: document.content,
            output_path: written.map(|path| path.display().to_string()),
            warnings: [chosen.warnings, document.warnings].concat(),
            clip_count: timeline.clips.len(),
            duration_seconds: timeline.frames() as f64 / timeline.rate.as_f64(),
            frame_rate: timeline.rate.to_string(),
        })
    }
}

fn refused(error: TimelineError) -> Failure {
    let code = match error {
        TimelineError::MixedRates { .. } => ErrorCode::BadRequest,
        TimelineError::Writer { .. } => ErrorCode::Internal,
    };
    Failure::new(code, error.to_string())
}

/// Takes out ranges of films in which there is sound and no picture any more: editing programs have no frames
/// there to count.
fn leave_out_sound_alone(chosen: &mut Chosen) -> Result<(), Failure> {
    let Chosen { sources, ranges, warnings } = chosen;
    ranges.retain(|range| {
        let source = &sources[range.source];
        let length = source.picture_length().unwrap_or(f64::INFINITY);
        if range.range.start < length {
            return true;
        }
        warnings.push(format!(
            "{} has no pictures after {length:.3} s: what is heard there at {} s was left out",
            source.named, range.range.start
        ));
        false
    });
    match (ranges.is_empty(), warnings.last()) {
        (true, Some(warning)) => Err(bad_request(warning.clone())),
        _ => Ok(()),
    }
}

fn assembled(request: &TimelineRequest, chosen: &Chosen) -> Result<Timeline, Failure> {
    let rate = match request.frame_rate {
        Some(rate) => rate,
        None => rate_of(chosen).ok_or_else(|| bad_request("frame_rate is missing".to_owned()))?,
    };
    if !(1.0..=MAX_RATE).contains(&rate.as_f64()) {
        return Err(bad_request(format!(
            "frame_rate is {rate}; a sequence has 1 to {MAX_RATE} frames a second"
        )));
    }
    let media: Vec<Medium> = chosen.sources.iter().map(|source| medium(source, rate)).collect();
    let (start, drop) = start(request.start_timecode.as_deref(), rate, &media[first(chosen)])?;
    let takes = chosen.ranges.iter().map(|range| {
        let medium = &media[range.source];
        take(range, medium, medium.rate.nearest_frame(request.handle_seconds))
    });
    let name = Some(request.sequence_name.trim()).filter(|name| !name.is_empty());
    let takes = takes.collect();
    let name = name.unwrap_or("Selects").to_owned();
    let size = size_of(chosen);
    let timeline = Timeline { name, rate, drop, start, size, media, clips: Vec::new() };
    Ok(Selects { timeline, takes }.assemble())
}

/// Place of the medium that the first range is of.
fn first(chosen: &Chosen) -> usize {
    chosen.ranges.first().map_or(0, |range| range.source)
}

/// The rate of the first range that has one.
fn rate_of(chosen: &Chosen) -> Option<FrameRate> {
    let rate = |range: &ChosenRange| Some(chosen.sources[range.source].clock()?.rate());
    let (num, den) = RATE_OF_STILLS;
    chosen.ranges.iter().find_map(rate).or_else(|| FrameRate::new(num, den))
}

/// Size of the first range that has pictures.
fn size_of(chosen: &Chosen) -> (u32, u32) {
    let size = |range: &ChosenRange| {
        let facts = chosen.sources[range.source].facts.as_ref()?;
        Some((facts.width, facts.height)).filter(|&(width, height)| width > 0 && height > 0)
    };
    chosen.ranges.iter().find_map(size).unwrap_or(SIZE_OF_SOUND)
}

/// Frame of the day at which the sequence begins, and whether it counts drop-frame.
fn start(named: Option<&str>, rate: FrameRate, first: &Medium) -> Result<(u64, bool), Failure> {
    let text = named.unwrap_or(if first.drop { "01:00:00;00" } else { "01:00:00:00" });
    let day =
        |timecode: &Timecode| timecode.frame() < Timecode::frames_a_day(rate, timecode.is_drop());
    let timecode = Timecode::parse(text, rate).filter(day).ok_or_else(|| {
        bad_request(format!(
            "start_timecode is \"{}\"; at {rate} it takes one such as 01:00:00:00",
            crate::paths::shorten(text)
        ))
    })?;
    Ok((timecode.frame(), timecode.is_drop()))
}

/// What a timeline says of a medium. What has no frames of its own is counted in the sequence's.
fn medium(source: &Source, sequence: FrameRate) -> Medium {
    let clock = source.clock();
    let facts = source.facts.as_ref();
    let rotation = facts.map_or(0, |facts| facts.rotation);
    let upright = |(across, down): (u32, u32)| match rotation % 180 {
        90 => (down, across),
        _ => (across, down),
    };
    let rate = clock.map_or(sequence, |clock| clock.rate());
    let streams = facts.and_then(|facts| facts.streams.clone());
    let size = facts.map_or((0, 0), |facts| (facts.width, facts.height));
    let streams = streams.unwrap_or_else(|| StreamFacts {
        // Facts of an earlier version tell the size on a screen.
        coded: upright(size),
        pixel_aspect: (1, 1),
        fields: FieldOrder::Progressive,
        frames: None,
        sound: vec![STEREO; facts.map_or(0, |facts| facts.sound_tracks() as usize)],
        reel: None,
    });
    Medium {
        path: source.path.display().to_string(),
        kind: facts.map_or(MediaKind::Video, |facts| facts.kind),
        rate,
        first: clock.map_or(0, |clock: SourceClock| clock.first()),
        drop: clock.is_some_and(|clock| clock.is_drop()),
        frames: source.picture_length().map(|seconds| rate.nearest_frame(seconds).max(1)),
        size: upright(streams.coded),
        pixel_aspect: upright(streams.pixel_aspect),
        fields: streams.fields,
        rotation,
        sound: streams.sound,
        reel: streams.reel,
        offline: source.offline,
    }
}

/// What a track of sound is taken for where nobody looked.
const STEREO: SoundTrack = SoundTrack { channels: 2, sample_rate: 48_000 };

fn take(range: &ChosenRange, medium: &Medium, handle: u64) -> Take {
    Take {
        medium: range.source,
        name: range.name.clone().unwrap_or_else(|| medium.file_name().to_owned()),
        source: frames(range, medium),
        handle,
        reason: range.about.reason(),
        keywords: range.about.keywords(),
    }
}

/// The frames whose own times lie nearest to the range's ends; one at least.
fn frames(range: &ChosenRange, medium: &Medium) -> Range<u64> {
    let last = medium.frames.map_or(u64::MAX, |frames| frames - 1);
    let from = medium.rate.nearest_frame(range.range.start).min(last);
    let to = medium.rate.nearest_frame(range.range.end).max(from + 1);
    from..medium.frames.map_or(to, |frames| to.min(frames))
}

impl About {
    /// A few words, and all that is known, a line each.
    fn reason(&self) -> Option<(String, String)> {
        let said = self.text.as_deref();
        let short = self.query.clone().or_else(|| {
            let words = said.map(|text| shortened(text, MARKER_NAME));
            words.or_else(|| (!self.people.is_empty()).then(|| self.people.join(", ")))
        });
        let lines = self.lines();
        let short = short.or_else(|| self.note.clone());
        short.map(|short| (short, lines.join("\n")))
    }

    /// What is known, a line each.
    pub fn lines(&self) -> Vec<String> {
        let line = |what: &str, text: &Option<String>| Some(format!("{what}: {}", text.as_ref()?));
        let people = (!self.people.is_empty()).then(|| self.people.join(", "));
        let said = match &self.speaker {
            Some(speaker) => line(speaker, &self.text),
            None => line("Words", &self.text),
        };
        let lines = [line("Search", &self.query), line("People", &people), said, self.note.clone()];
        lines.into_iter().flatten().collect()
    }

    fn keywords(&self) -> Vec<String> {
        let mut keywords: Vec<String> = Vec::new();
        let all = self.query.iter().chain(&self.people).chain(&self.speaker);
        for keyword in all {
            if !keywords.contains(keyword) {
                keywords.push(keyword.clone());
            }
        }
        keywords
    }
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{}…", kept.trim_end())
}

impl From<TimelineFormat> for rushes_export::TimelineFormat {
    fn from(format: TimelineFormat) -> Self {
        match format {
            TimelineFormat::Xmeml => Self::Xmeml,
            TimelineFormat::Fcpxml => Self::Fcpxml,
            TimelineFormat::Edl => Self::Edl,
            TimelineFormat::Otio => Self::Otio,
        }
    }
}
