//! The streams and tags of a medium, as far as cutting needs them.

use crate::{
    MediaError, Tools,
    ffprobe::{Report, Stream, number},
    program,
};
use std::path::Path;

/// ffprobe's report on 64 streams with long tags is far below this.
const LONGEST_REPORT: u64 = 4 << 20;
/// What ffprobe is asked for.
const ENTRIES: &str = "stream=index,codec_type,codec_name,codec_tag_string,pix_fmt,sample_fmt,\
    sample_rate,channels,bits_per_sample,bits_per_raw_sample,color_range,field_order,time_base,\
    start_time,duration:stream_disposition=attached_pic:stream_tags:format=format_name:format_tags";

impl Tools {
    pub(super) fn layout(&self, path: &Path) -> Result<Report, MediaError> {
        let mut job = self.probe_job();
        job.args(["-print_format", "json", "-show_entries", ENTRIES]).input(path);
        let (output, ended) =
            program::capture(job, self.probe_budget(), &self.cancel, LONGEST_REPORT)?;
        if let Some(error) = ended.stopped(path) {
            return Err(error);
        }
        let layout = serde_json::from_str(&String::from_utf8_lossy(&output));
        layout.map_err(|_| MediaError::NotMedia { path: path.to_owned(), detail: ended.detail() })
    }
}

impl Report {
    /// Audio tracks that ffmpeg knows.
    pub(super) fn known_audios(&self) -> impl Iterator<Item = &Stream> {
        self.audios().filter(|stream| stream.codec().is_some())
    }

    /// Whether seeks go by an index that tells keyframes.
    pub(super) fn has_index(&self) -> bool {
        self.is_of("mov") || self.is_of("matroska")
    }

    /// Whether there are tags of Apple's kind, such as those of phones, which QuickTime keeps by name.
    pub(super) fn has_named_tags(&self) -> bool {
        self.format.tags.keys().any(|name| name.starts_with("com."))
    }
}

impl Stream {
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

    /// Seconds of one tick as a fraction.
    pub(super) fn time_base(&self) -> Option<(u32, u32)> {
        let (num, den) = self.time_base.split_once('/')?;
        let (num, den) = (num.parse().ok()?, den.parse().ok()?);
        (num > 0 && den > 0).then_some((num, den))
    }

    /// The container's time at which the stream ends, where it says.
    pub(super) fn end(&self) -> Option<f64> {
        Some(number(&self.start_time).unwrap_or(0.0) + self.length()?)
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
