//! What the clips of an FCPXML document are of, each written once: formats and assets.

use super::{Attribute, borrowed, own_time, time};
use crate::timeline::{Medium, Timeline};
use crate::xml::Xml;
use rushes_model::{FieldOrder, FrameRate, MediaKind};
use std::{collections::HashMap, io};

/// Rates that `conform-rate` can name, as it does, and whether Final Cut Pro has timelines of them and
/// names for their formats (DTD 1.10; "Video Formats" in the reference).
const RATES: [(u32, u32, &str, bool); 10] = [
    (24_000, 1001, "23.98", true),
    (24, 1, "24", true),
    (25, 1, "25", true),
    (30_000, 1001, "29.97", true),
    (30, 1, "30", true),
    (48_000, 1001, "47.95", false),
    (48, 1, "48", false),
    (50, 1, "50", true),
    (60_000, 1001, "59.94", true),
    (60, 1, "60", true),
];

/// Pictures that have formats with a name at all those rates.
const SIZES: [(u32, u32, &str); 4] = [
    (1280, 720, "720"),
    (1920, 1080, "1080"),
    (3840, 2160, "3840x2160"),
    (4096, 2160, "4096x2160"),
];

fn known(rate: FrameRate) -> Option<(&'static str, bool)> {
    let found = RATES.iter().find(|(num, den, ..)| (*num, *den) == (rate.num(), rate.den()));
    found.map(|(_, _, name, timelines)| (*name, *timelines))
}

/// A rate as `conform-rate` names it.
pub fn spoken_rate(rate: FrameRate) -> Option<&'static str> {
    known(rate).map(|(name, _)| name)
}

/// Whether Final Cut Pro has timelines of a rate.
pub fn has_timelines(rate: FrameRate) -> bool {
    known(rate).is_some_and(|(_, timelines)| timelines)
}

/// What pictures are like.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Format {
    /// Frames a second; stills and sound have none.
    rate: Option<FrameRate>,
    /// Width and height; sound has none.
    size: Option<(u32, u32)>,
    aspect: (u32, u32),
    fields: Option<&'static str>,
}

impl Format {
    fn of_sequence(timeline: &Timeline) -> Self {
        Self { rate: Some(timeline.rate), size: Some(timeline.size), aspect: (1, 1), fields: None }
    }

    fn of(medium: &Medium) -> Self {
        let moves = medium.kind == MediaKind::Video;
        let fields = match medium.fields {
            FieldOrder::Progressive => None,
            FieldOrder::Upper => Some("upper first"),
            FieldOrder::Lower => Some("lower first"),
        };
        Self {
            rate: moves.then_some(medium.rate),
            size: (medium.has_pictures() && medium.size != (0, 0)).then_some(medium.size),
            aspect: if medium.has_pictures() { medium.pixel_aspect } else { (1, 1) },
            fields: fields.filter(|_| moves),
        }
    }

    /// What Final Cut Pro calls it, where it has a name for exactly that.
    fn name(self) -> Option<String> {
        let Some(rate) = self.rate else { return Some("FFVideoFormatRateUndefined".to_owned()) };
        let (width, height) = self.size.filter(|_| self.aspect == (1, 1))?;
        if self.fields.is_some() {
            // Interlaced formats go by fields a second.
            return match (self.fields, width, height, rate.num(), rate.den()) {
                (Some("upper first"), 1920, 1080, 25, 1) => Some("FFVideoFormat1080i50".to_owned()),
                (Some("upper first"), 1920, 1080, 30_000, 1001) => {
                    Some("FFVideoFormat1080i5994".to_owned())
                }
                _ => None,
            };
        }
        let (_, _, lines) = SIZES.iter().find(|(w, h, _)| (*w, *h) == (width, height))?;
        let (rate, _) = known(rate).filter(|(_, timelines)| *timelines)?;
        Some(format!("FFVideoFormat{lines}p{}", rate.replace('.', "")))
    }

    fn write(self, xml: &mut Xml, id: String) -> io::Result<()> {
        let mut attributes = vec![("id", id)];
        attributes.extend(self.name().map(|name| ("name", name)));
        attributes.extend(self.rate.map(|rate| ("frameDuration", frame_duration(rate))));
        attributes.extend(self.fields.map(|fields| ("fieldOrder", fields.to_owned())));
        if let Some((width, height)) = self.size {
            attributes.extend([("width", width.to_string()), ("height", height.to_string())]);
        }
        if self.aspect != (1, 1) {
            let (width, height) = self.aspect;
            attributes.extend([("paspH", width.to_string()), ("paspV", height.to_string())]);
        }
        xml.empty("format", &borrowed(&attributes))
    }
}

/// Always a fraction: some readers part it at the slash.
fn frame_duration(rate: FrameRate) -> String {
    format!("{}/{}s", rate.den(), rate.num())
}

/// The formats and assets of a timeline.
pub struct Resources<'a> {
    timeline: &'a Timeline,
    /// Each once; the sequence's is the first.
    formats: Vec<Format>,
    /// For each medium, which of them is its.
    format_of: Vec<usize>,
    /// For each medium, how many frames it has.
    lengths: Vec<u64>,
}

impl<'a> Resources<'a> {
    pub fn new(timeline: &'a Timeline) -> Self {
        let mut formats = vec![Format::of_sequence(timeline)];
        let mut places = HashMap::from([(formats[0], 0)]);
        let mut place = |medium| {
            let format = Format::of(medium);
            *places.entry(format).or_insert_with(|| {
                formats.push(format);
                formats.len() - 1
            })
        };
        let format_of = timeline.media.iter().map(&mut place).collect();
        Self { timeline, formats, format_of, lengths: timeline.lengths() }
    }

    /// Id of the sequence's format.
    pub fn sequence_format(&self) -> String {
        id(0)
    }

    /// Id of a medium's format.
    pub fn format(&self, medium: usize) -> String {
        id(self.format_of[medium])
    }

    /// Id of a medium's asset.
    pub fn asset(&self, medium: usize) -> String {
        id(self.formats.len() + medium)
    }

    pub fn write(&self, xml: &mut Xml) -> io::Result<()> {
        xml.element("resources", &[], |xml| {
            for (place, format) in self.formats.iter().enumerate() {
                format.write(xml, id(place))?;
            }
            (0..self.timeline.media.len()).try_for_each(|medium| self.write_asset(xml, medium))
        })
    }

    fn write_asset(&self, xml: &mut Xml, place: usize) -> io::Result<()> {
        let medium = &self.timeline.media[place];
        let mut attributes =
            vec![("id", self.asset(place)), ("name", medium.file_name().to_owned())];
        attributes.extend(self.extent(place));
        if medium.has_pictures() {
            attributes.extend([
                ("hasVideo", "1".to_owned()),
                ("format", self.format(place)),
                ("videoSources", "1".to_owned()),
            ]);
        }
        attributes.extend(sound(medium));
        xml.element("asset", &borrowed(&attributes), |xml| {
            xml.empty("media-rep", &[("kind", "original-media"), ("src", &medium.url())])?;
            match &medium.reel {
                Some(reel) => xml.element("metadata", &[], |xml| {
                    xml.empty("md", &[("key", "com.apple.proapps.studio.reel"), ("value", reel)])
                }),
                None => Ok(()),
            }
        })
    }

    /// Where a medium begins and how long it lasts. Stills have no length.
    fn extent(&self, place: usize) -> [Attribute; 2] {
        let medium = &self.timeline.media[place];
        if medium.kind == MediaKind::Image {
            return [("start", "0s".to_owned()), ("duration", "0s".to_owned())];
        }
        [("start", own_time(medium, 0)), ("duration", time(self.lengths[place], medium.rate))]
    }
}

/// Tracks of sound, and channels in the widest of them.
fn sound(medium: &Medium) -> Vec<Attribute> {
    let Some(first) = medium.sound.first() else { return Vec::new() };
    let channels = medium.sound.iter().map(|track| track.channels).max().unwrap_or(1);
    vec![
        ("hasAudio", "1".to_owned()),
        ("audioSources", medium.sound.len().to_string()),
        ("audioChannels", channels.to_string()),
        ("audioRate", first.sample_rate.to_string()),
    ]
}

fn id(place: usize) -> String {
    format!("r{}", place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_exactly_a_name_is_called_by_it() {
        let format = |rate: &str, size, aspect, fields| {
            let rate = Some(rate.parse().unwrap());
            Format { rate, size: Some(size), aspect, fields }.name()
        };
        let (hd, square) = ((1920, 1080), (1, 1));
        for (rate, size, aspect, fields, name) in [
            ("25", hd, square, None, Some("FFVideoFormat1080p25")),
            ("24000/1001", hd, square, None, Some("FFVideoFormat1080p2398")),
            ("60000/1001", (1280, 720), square, None, Some("FFVideoFormat720p5994")),
            ("30", (3840, 2160), square, None, Some("FFVideoFormat3840x2160p30")),
            ("25", hd, square, Some("upper first"), Some("FFVideoFormat1080i50")),
            ("30000/1001", hd, square, Some("upper first"), Some("FFVideoFormat1080i5994")),
            ("25", hd, square, Some("lower first"), None),
            ("48", hd, square, None, None),
            ("15", hd, square, None, None),
            ("25", (1080, 1920), square, None, None),
            ("25", (1440, 1080), (4, 3), None, None),
            ("25", hd, (2, 1), None, None),
        ] {
            assert_eq!(format(rate, size, aspect, fields).as_deref(), name, "{rate} {size:?}");
        }
    }
}
