//! ffprobe's JSON: one model of it for all that ask.

use rushes_model::FieldOrder;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Tags by name.
pub(crate) type Tags = BTreeMap<String, String>;

/// What ffprobe prints of a container and its streams. What it was not asked for is empty.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Report {
    #[serde(default)]
    pub(crate) streams: Vec<Stream>,
    #[serde(default)]
    pub(crate) format: Format,
}

/// The container.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Format {
    #[serde(default)]
    pub(crate) format_name: String,
    pub(crate) duration: Option<String>,
    #[serde(default)]
    pub(crate) tags: Tags,
}

/// One stream of it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Stream {
    #[serde(default)]
    pub(crate) index: usize,
    #[serde(default)]
    pub(crate) codec_type: String,
    pub(crate) codec_name: Option<String>,
    pub(crate) codec_tag_string: Option<String>,
    #[serde(default)]
    pub(crate) width: u32,
    #[serde(default)]
    pub(crate) height: u32,
    pub(crate) pix_fmt: Option<String>,
    pub(crate) sample_aspect_ratio: Option<String>,
    pub(crate) color_range: Option<String>,
    pub(crate) field_order: Option<String>,
    pub(crate) r_frame_rate: Option<String>,
    pub(crate) avg_frame_rate: Option<String>,
    #[serde(default)]
    pub(crate) time_base: String,
    pub(crate) start_time: Option<String>,
    pub(crate) duration: Option<String>,
    pub(crate) nb_frames: Option<String>,
    pub(crate) sample_fmt: Option<String>,
    pub(crate) sample_rate: Option<String>,
    #[serde(default)]
    pub(crate) channels: u32,
    #[serde(default)]
    pub(crate) bits_per_sample: u32,
    pub(crate) bits_per_raw_sample: Option<String>,
    #[serde(default)]
    pub(crate) disposition: BTreeMap<String, i32>,
    #[serde(default)]
    pub(crate) tags: Tags,
    #[serde(default)]
    pub(crate) side_data_list: Vec<SideData>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct SideData {
    pub(crate) rotation: Option<f64>,
}

/// What a stream carries, whether its codec is known or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Moving pictures.
    Video,
    /// A picture on the cover.
    Cover,
    Audio,
    Subtitle,
    /// Timecode and what else cameras write.
    Data,
    Other,
}

impl Report {
    /// The first stream of moving pictures; cover art is none.
    pub(crate) fn video(&self) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.kind() == Kind::Video)
    }

    /// All tracks of sound.
    pub(crate) fn audios(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| stream.kind() == Kind::Audio)
    }

    /// Whether it is the container of one of ffmpeg's demuxers, which have several names each.
    pub(crate) fn is_of(&self, demuxer: &str) -> bool {
        self.format.format_name.split(',').any(|name| name == demuxer)
    }

    /// The camera's name of tape or card: `reel_name` beside a timecode track, or as the container has it.
    pub(crate) fn reel(&self) -> Option<&str> {
        let streams = self.streams.iter().map(|stream| &stream.tags);
        let tags = || streams.clone().chain([&self.format.tags]);
        let names = ["reel_name", "com.apple.proapps.reel"];
        names.into_iter().find_map(|name| tags().find_map(|tags| tag(tags, name)))
    }

    /// Which field of its frames is shown first. Of ffmpeg's two letters the first should be the field that
    /// is coded first and the second the one that is shown first. What QuickTime and Matroska write, ffmpeg
    /// too, goes otherwise: where both fields are in one frame `tb` is the upper one first and `bt` the
    /// lower (`kQTFieldDetailSpatialFirstLineEarly`). Only the reader of MXF takes the letters at their word
    /// (seen in 5.1).
    pub(crate) fn fields(&self, stream: &Stream) -> FieldOrder {
        match (stream.field_order.as_deref(), self.is_of("mxf")) {
            (Some("tt"), _) | (Some("tb"), false) | (Some("bt"), true) => FieldOrder::Upper,
            (Some("bb"), _) | (Some("bt"), false) | (Some("tb"), true) => FieldOrder::Lower,
            _ => FieldOrder::Progressive,
        }
    }
}

impl Stream {
    pub(crate) fn kind(&self) -> Kind {
        match self.codec_type.as_str() {
            "video" if self.disposition.get("attached_pic").is_some_and(|&set| set > 0) => {
                Kind::Cover
            }
            "video" => Kind::Video,
            "audio" => Kind::Audio,
            "subtitle" => Kind::Subtitle,
            "data" => Kind::Data,
            _ => Kind::Other,
        }
    }

    /// The codec, if ffmpeg has a name for it.
    pub(crate) fn codec(&self) -> Option<&str> {
        self.codec_name.as_deref().filter(|name| !["none", "unknown"].contains(name))
    }

    /// The container's code for the codec.
    pub(crate) fn codec_tag(&self) -> Option<&str> {
        self.codec_tag_string.as_deref()
    }

    /// Samples a second, of sound.
    pub(crate) fn sample_rate(&self) -> Option<u32> {
        self.sample_rate.as_ref()?.parse().ok().filter(|&rate| rate > 0)
    }

    /// Length in seconds, where the container says.
    pub(crate) fn length(&self) -> Option<f64> {
        number(&self.duration)
    }
}

/// A tag by name; containers disagree on case.
pub(crate) fn tag<'a>(tags: &'a Tags, name: &str) -> Option<&'a str> {
    let (_, value) = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value.trim()).filter(|value| !value.is_empty())
}

/// A finite number.
pub(crate) fn number(text: &Option<String>) -> Option<f64> {
    text.as_ref()?.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_in_the_order_that_is_shown() {
        let order = |container: &str, letters: &str| {
            let format = Format { format_name: container.to_owned(), ..Format::default() };
            let report = Report { format, ..Report::default() };
            let field_order = Some(letters.to_owned());
            report.fields(&Stream { field_order, ..Stream::default() })
        };
        let mov = "mov,mp4,m4a,3gp,3g2,mj2";
        assert_eq!(order(mov, "tt"), FieldOrder::Upper);
        assert_eq!(order(mov, "tb"), FieldOrder::Upper);
        assert_eq!(order(mov, "bb"), FieldOrder::Lower);
        assert_eq!(order("matroska,webm", "bt"), FieldOrder::Lower);
        assert_eq!(order("mxf", "tb"), FieldOrder::Lower);
        assert_eq!(order("mxf", "progressive"), FieldOrder::Progressive);
        assert_eq!(order(mov, "unknown"), FieldOrder::Progressive);
    }
}
