//! The streams and tags of a medium, as far as cutting needs them.

use crate::{MediaError, Tools, program};
use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};

/// ffprobe's report on 64 streams with long tags is far below this.
const LONGEST_REPORT: u64 = 4 << 20;
/// What ffprobe is asked for.
const ENTRIES: &str = "stream=index,codec_type,codec_name,codec_tag_string,pix_fmt,sample_fmt,\
    sample_rate,channels,bits_per_sample,bits_per_raw_sample,color_range,field_order,time_base,\
    start_time,duration:stream_disposition=attached_pic:stream_tags:format=format_name:format_tags";

/// What ffprobe reports.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Layout {
    #[serde(default)]
    pub(super) streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Default, Deserialize)]
struct Format {
    #[serde(default)]
    format_name: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// One stream.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Stream {
    pub(super) index: usize,
    #[serde(default)]
    codec_type: String,
    codec_name: Option<String>,
    codec_tag_string: Option<String>,
    pix_fmt: Option<String>,
    sample_fmt: Option<String>,
    sample_rate: Option<String>,
    #[serde(default)]
    pub(super) channels: u32,
    #[serde(default)]
    bits_per_sample: u32,
    bits_per_raw_sample: Option<String>,
    pub(super) color_range: Option<String>,
    pub(super) field_order: Option<String>,
    #[serde(default)]
    time_base: String,
    start_time: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    disposition: BTreeMap<String, i32>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Video,
    Cover,
    Audio,
    Subtitle,
    Other,
}

impl Tools {
    pub(super) fn layout(&self, path: &Path) -> Result<Layout, MediaError> {
        let mut command = self.probe_command();
        command.args(["-print_format", "json", "-show_entries", ENTRIES]).args(Self::input(path));
        let (output, ended) =
            program::capture(command, self.probe_budget(), &self.cancel, LONGEST_REPORT)?;
        if let Some(error) = ended.stopped(path) {
            return Err(error);
        }
        let layout = serde_json::from_str(&String::from_utf8_lossy(&output));
        layout.map_err(|_| MediaError::NotMedia { path: path.to_owned(), detail: ended.detail() })
    }
}

impl Layout {
    pub(super) fn video(&self) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.kind() == Kind::Video)
    }

    /// Audio tracks that ffmpeg knows.
    pub(super) fn audios(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| stream.kind() == Kind::Audio)
    }

    /// Whether seeks go by an index that tells keyframes.
    pub(super) fn has_index(&self) -> bool {
        let names = ["mov", "matroska"];
        names.iter().any(|name| self.format.format_name.split(',').any(|known| known == *name))
    }

    /// The reel, which cameras write to the timecode track or the container.
    pub(super) fn reel_name(&self) -> Option<&str> {
        let tags = self.streams.iter().map(|stream| &stream.tags).chain([&self.format.tags]);
        tags.filter_map(|tags| tags.get("reel_name")).map(String::as_str).next()
    }

    /// Whether there are tags of Apple's kind, such as those of phones, which QuickTime keeps by name.
    pub(super) fn has_named_tags(&self) -> bool {
        self.format.tags.keys().any(|name| name.starts_with("com."))
    }
}

impl Stream {
    pub(super) fn kind(&self) -> Kind {
        if self.codec().is_none() {
            return Kind::Other;
        }
        match self.codec_type.as_str() {
            "video" if self.disposition.get("attached_pic").is_some_and(|&set| set > 0) => {
                Kind::Cover
            }
            "video" => Kind::Video,
            "audio" => Kind::Audio,
            "subtitle" => Kind::Subtitle,
            _ => Kind::Other,
        }
    }

    /// The codec, if ffmpeg has a name for it.
    pub(super) fn codec(&self) -> Option<&str> {
        self.codec_name.as_deref().filter(|name| !["none", "unknown"].contains(name))
    }

    /// The container's code for the codec.
    pub(super) fn codec_tag(&self) -> &str {
        self.codec_tag_string.as_deref().unwrap_or_default()
    }

    pub(super) fn pix_fmt(&self) -> &str {
        self.pix_fmt.as_deref().unwrap_or_default()
    }

    /// Bits of a colour component; 8 where it is not known.
    pub(super) fn depth(&self) -> u32 {
        let format = self.pix_fmt();
        let written = self.bits_per_raw_sample.as_deref().and_then(|bits| bits.parse().ok());
        let name = format.trim_end_matches("le").trim_end_matches("be");
        let named = [9, 10, 12, 14, 16].into_iter();
        // The number of nv12 is none of bits.
        let mut named =
            named.filter(|bits: &u32| !name.starts_with("nv") && name.ends_with(&bits.to_string()));
        // RGB formats count all components together (rgb48, rgba64); all of these have 16.
        let deep = ["48le", "48be", "64le", "64be"].iter().any(|end| format.ends_with(end));
        if deep { 16 } else { named.next().or(written.filter(|&bits| bits > 0)).unwrap_or(8) }
    }

    /// Whether pixels have transparency.
    pub(super) fn has_alpha(&self) -> bool {
        let format = self.pix_fmt();
        ["yuva", "rgba", "argb", "bgra", "abgr", "gbrap", "ya8", "ya16", "pal8"]
            .iter()
            .any(|start| format.starts_with(start))
    }

    /// Whether pixels are red, green and blue.
    pub(super) fn is_rgb(&self) -> bool {
        let format = self.pix_fmt();
        ["rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8", "x2rgb"]
            .iter()
            .any(|start| format.starts_with(start))
    }

    /// Whether samples have more than 16 bits.
    pub(super) fn has_fine_sound(&self) -> bool {
        self.bits_per_sample > 16
            || self
                .sample_fmt
                .as_deref()
                .is_none_or(|format| !["u8", "s16", "u8p", "s16p"].contains(&format))
    }

    pub(super) fn sample_rate(&self) -> Option<u32> {
        self.sample_rate.as_ref()?.parse().ok().filter(|&rate| rate > 0)
    }

    /// Seconds of one tick as a fraction.
    pub(super) fn time_base(&self) -> Option<(u32, u32)> {
        let (num, den) = self.time_base.split_once('/')?;
        let (num, den) = (num.parse().ok()?, den.parse().ok()?);
        (num > 0 && den > 0).then_some((num, den))
    }

    /// The container's time at which the stream ends, where it says.
    pub(super) fn end(&self) -> Option<f64> {
        let number = |text: &Option<String>| text.as_ref()?.parse::<f64>().ok();
        Some(number(&self.start_time).unwrap_or(0.0) + number(&self.duration)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pix_fmt: &str) -> Stream {
        Stream { pix_fmt: Some(pix_fmt.to_owned()), ..Stream::default() }
    }

    #[test]
    fn depth_and_transparency_of_pixel_formats() {
        let depths = [
            ("yuv420p", 8),
            ("yuv422p10le", 10),
            ("p010le", 10),
            ("gbrp12le", 12),
            ("rgb48be", 16),
            ("rgba64le", 16),
            ("yuvj420p", 8),
            ("nv12", 8),
        ];
        for (format, depth) in depths {
            assert_eq!(of(format).depth(), depth, "{format}");
        }
        assert!(of("yuva444p12le").has_alpha() && of("rgba64be").has_alpha());
        assert!(!of("yuv444p").has_alpha() && !of("rgb24").has_alpha());
        assert!(of("gbrp10le").is_rgb() && !of("yuv420p").is_rgb());
    }
}
