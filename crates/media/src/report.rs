//! What ffprobe's report means for an editor.

use crate::ffprobe::{Kind, Report, Stream, number, tag};
use rushes_model::{FieldOrder, FrameRate, MediaFacts, MediaKind, SoundTrack, StreamFacts};

/// Rates that differ by less than this are one: containers round durations.
const SAME_RATE: f64 = 0.005;
/// Brands of the containers that hold one picture (AVIF, HEIF), from their ISO registrations.
const STILL_BRANDS: [&str; 6] = ["avif", "heic", "heix", "heim", "mif1", "miaf"];

impl Report {
    /// The first audio stream that ffmpeg knows, or else the first.
    pub(crate) fn audio(&self) -> Option<&Stream> {
        self.audios().find(|stream| stream.codec().is_some()).or(self.audios().next())
    }

    pub(crate) fn is_still(&self, video: &Stream) -> bool {
        let brand = tag(&self.format.tags, "major_brand");
        self.format.format_name.ends_with("_pipe")
            || video.frames() == Some(1)
                && brand.is_some_and(|brand| STILL_BRANDS.contains(&brand.trim()))
    }

    /// Length in seconds: the container's, or else that of the longest stream.
    pub(crate) fn duration(&self) -> Option<f64> {
        let streams = self.streams.iter().filter_map(Stream::length);
        number(&self.format.duration).or_else(|| streams.reduce(f64::max)).filter(|&d| d >= 0.0)
    }

    fn start_timecode(&self) -> Option<String> {
        let video = self.video().into_iter();
        let tracks = self.streams.iter().filter(|stream| stream.kind() == Kind::Data);
        let tags = video.chain(tracks).map(|stream| &stream.tags);
        let written = tags.chain([&self.format.tags]).find_map(|tags| tag(tags, "timecode"));
        written.map(str::to_owned)
    }

    fn streams(&self, rate: Option<FrameRate>) -> StreamFacts {
        let video = self.video();
        StreamFacts {
            coded: video.map_or((0, 0), Stream::size),
            pixel_aspect: video.and_then(Stream::pixel_aspect).unwrap_or((1, 1)),
            fields: video.map_or(FieldOrder::Progressive, |video| self.fields(video)),
            frames: video.and_then(|video| video.counted_frames(rate)),
            sound: self.audios().map(Stream::sound).collect(),
            reel: self.reel().map(str::to_owned),
        }
    }

    fn created_at(&self) -> Option<String> {
        let tags =
            || std::iter::once(&self.format.tags).chain(self.streams.iter().map(|s| &s.tags));
        // Apple's tag keeps the time zone of the take, the general one does not.
        ["com.apple.quicktime.creationdate", "creation_time"]
            .into_iter()
            .flat_map(|name| tags().filter_map(move |tags| tag(tags, name)))
            .find_map(rfc3339)
    }

    /// The facts; the length is `duration` if the report has none.
    pub(crate) fn facts(&self, size_bytes: u64, duration: f64) -> MediaFacts {
        let video = self.video();
        let (width, height) = video.map_or((0, 0), Stream::displayed);
        let kind = match video {
            None => MediaKind::Audio,
            Some(video) if self.is_still(video) => MediaKind::Image,
            Some(_) => MediaKind::Video,
        };
        let still = kind == MediaKind::Image;
        let moving = video.filter(|_| !still);
        let (frame_rate, variable_frame_rate) = moving.map_or((None, false), Stream::rate);
        let start = moving.or(self.audio()).and_then(|stream| number(&stream.start_time));
        MediaFacts {
            kind,
            size_bytes,
            duration_seconds: if still { 0.0 } else { duration },
            width,
            height,
            frame_rate,
            variable_frame_rate,
            start_timecode: self.start_timecode(),
            start_time: start.unwrap_or(0.0),
            rotation: video.map_or(0, Stream::rotation),
            video_codec: video.and_then(|stream| stream.codec_name.clone()),
            audio_codec: self.audio().and_then(Stream::codec).map(str::to_owned),
            audio_tracks: self.audios().count() as u32,
            created_at: self.created_at(),
            streams: Some(self.streams(frame_rate)),
        }
    }
}

impl Stream {
    /// Size as coded.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Frames in the stream, where the container counts them.
    pub(crate) fn frames(&self) -> Option<u64> {
        self.nb_frames.as_ref()?.parse().ok()
    }

    /// Frames that are shown: the container's count, or as many as the stream's length holds if these are
    /// fewer. A count includes what an edit list hides, and a length does not. The average rate is that of
    /// all frames to the length of all, so that a length which was rounded loses none.
    fn counted_frames(&self, rate: Option<FrameRate>) -> Option<u64> {
        let within = |rate: FrameRate| Some(rate.nearest_frame(self.length()?));
        let frames = match self.frames() {
            Some(counted) => {
                let shown = frame_rate(&self.avg_frame_rate).and_then(within);
                Some(shown.filter(|&frames| frames > 0).map_or(counted, |shown| shown.min(counted)))
            }
            None => rate.and_then(within),
        };
        frames.filter(|&frames| frames > 0)
    }

    fn sound(&self) -> SoundTrack {
        SoundTrack { channels: self.channels, sample_rate: self.sample_rate().unwrap_or(0) }
    }

    /// Width to height of a pixel as stored. Beyond 4:1 it is a mistake of the file and not a lens.
    fn pixel_aspect(&self) -> Option<(u32, u32)> {
        let (width, height) = self.sample_aspect_ratio.as_deref()?.split_once(':')?;
        let (width, height): (u32, u32) = (width.parse().ok()?, height.parse().ok()?);
        let within = (0.25..=4.0).contains(&(f64::from(width) / f64::from(height)));
        within.then_some((width, height))
    }

    /// Size on a screen: pixels made square, rotation applied.
    fn displayed(&self) -> (u32, u32) {
        let (across, down) = self.pixel_aspect().unwrap_or((1, 1));
        let width = (f64::from(self.width) * f64::from(across) / f64::from(down)).round() as u32;
        if self.rotation() % 180 == 90 { (self.height, width) } else { (width, self.height) }
    }

    /// Clockwise degrees, in quarter turns. ffmpeg counts the other way.
    fn rotation(&self) -> u16 {
        let matrix = self.side_data_list.iter().find_map(|side_data| side_data.rotation);
        let degrees = matrix.filter(|degrees| degrees.is_finite()).unwrap_or(0.0);
        let quarters = (-degrees / 90.0).round().rem_euclid(4.0);
        [0, 90, 180, 270][quarters as usize % 4]
    }

    /// The frame rate and whether it varies: it does where the average differs by more than half a
    /// percent from the lowest rate that can give all timestamps, unless that counts the fields of
    /// interlaced frames. A constant rate is the exact one; a varying one is the average.
    fn rate(&self) -> (Option<FrameRate>, bool) {
        let (base, average) = (frame_rate(&self.r_frame_rate), frame_rate(&self.avg_frame_rate));
        let (Some(base), Some(average)) = (base, average) else {
            return (base.or(average), false);
        };
        let differs =
            |times: f64| (times * average.as_f64() / base.as_f64() - 1.0).abs() > SAME_RATE;
        let progressive = self.field_order.as_deref().is_none_or(|order| order == "progressive");
        if !differs(1.0) {
            (Some(base), false)
        } else {
            (Some(average), progressive || differs(2.0))
        }
    }
}

/// A rate, if it is one and not `0/0`.
fn frame_rate(text: &Option<String>) -> Option<FrameRate> {
    text.as_ref()?.parse().ok()
}

/// A time of creation as RFC 3339 in UTC, if it is one and not the zero of a camera without a clock
/// (1904 in QuickTime, 1970 elsewhere).
fn rfc3339(text: &str) -> Option<String> {
    let time: jiff::Timestamp = text.parse().ok()?;
    (time.as_second() > 24 * 3600).then(|| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(json: &str) -> Stream {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn anamorphic_and_turned_pictures_have_their_displayed_size() {
        let pal = stream(r#"{"width":720,"height":576,"sample_aspect_ratio":"64:45"}"#);
        assert_eq!(pal.displayed(), (1024, 576));
        let phone = stream(
            r#"{"width":1920,"height":1080,"side_data_list":[{"side_data_type":"x"},{"rotation":-90}]}"#,
        );
        assert_eq!((phone.displayed(), phone.rotation()), ((1080, 1920), 90));
        let broken = stream(r#"{"width":10,"height":10,"sample_aspect_ratio":"1:100000"}"#);
        assert_eq!(broken.displayed(), (10, 10));
    }

    #[test]
    fn interlaced_fields_are_not_a_variable_rate() {
        let rate = |json| {
            let (rate, variable) = stream(json).rate();
            (rate.map(|rate| rate.to_string()), variable)
        };
        let interlaced = r#"{"r_frame_rate":"50/1","avg_frame_rate":"25/1","field_order":"tt"}"#;
        assert_eq!(rate(interlaced), (Some("25/1".into()), false));
        let rounded = r#"{"r_frame_rate":"30000/1001","avg_frame_rate":"299/10"}"#;
        assert_eq!(rate(rounded), (Some("30000/1001".into()), false));
        let phone = r#"{"r_frame_rate":"30/1","avg_frame_rate":"2785/96"}"#;
        assert_eq!(rate(phone), (Some("2785/96".into()), true));
        assert_eq!(rate(r#"{"r_frame_rate":"0/0","avg_frame_rate":"0/0"}"#), (None, false));
    }

    #[test]
    fn creation_times_are_checked() {
        assert_eq!(rfc3339("2024-05-01T10:00:00.000000Z").as_deref(), Some("2024-05-01T10:00:00Z"));
        assert_eq!(rfc3339("2024-05-01T12:00:00+0200").as_deref(), Some("2024-05-01T10:00:00Z"));
        for bad in ["1904-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z", "yesterday", ""] {
            assert_eq!(rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn streams_are_described_as_editing_programs_ask() {
        let report: Report = serde_json::from_str(
            r#"{"streams":[
                {"codec_type":"video","codec_name":"mpeg2video","width":720,"height":576,
                 "sample_aspect_ratio":"16:15","field_order":"tb","r_frame_rate":"25/1",
                 "avg_frame_rate":"25/1","duration":"2.000000"},
                {"codec_type":"audio","codec_name":"pcm_s16le","channels":2,"sample_rate":"48000"},
                {"codec_type":"audio","codec_name":"pcm_s16le","channels":1,"sample_rate":"44100"},
                {"codec_type":"data","tags":{"timecode":"10:00:00:00","reel_name":"A001"}}]}"#,
        )
        .unwrap();
        let streams = report.facts(1, 2.5).streams.unwrap();
        let track = |channels, sample_rate| SoundTrack { channels, sample_rate };
        assert_eq!(streams.sound, [track(2, 48_000), track(1, 44_100)]);
        assert_eq!((streams.coded, streams.pixel_aspect), ((720, 576), (16, 15)));
        assert_eq!((streams.fields, streams.frames), (FieldOrder::Upper, Some(50)));
        assert_eq!(streams.reel.as_deref(), Some("A001"));
    }

    #[test]
    fn frames_that_an_edit_list_hides_are_not_counted() {
        let frames = |rate: &str, counted: &str, duration: &str| {
            let json = format!(
                r#"{{"r_frame_rate":"{rate}","avg_frame_rate":"{rate}","nb_frames":"{counted}",
                    "duration":"{duration}"}}"#
            );
            let stream = stream(&json);
            stream.counted_frames(stream.rate().0)
        };
        assert_eq!(frames("25/1", "72", "2.480000"), Some(62));
        // Lengths rounded to what a container's clock has.
        assert_eq!(frames("24000/1001", "240", "10.010000"), Some(240));
        assert_eq!(frames("24000/1001", "143857", "6000.035"), Some(143_857));
        assert_eq!(frames("30000/1001", "100", "3.336"), Some(100));
        // The last frame of some has no length; the average says so.
        assert_eq!(frames("250/9", "10", "0.360000"), Some(10));
        assert_eq!(frames("25/1", "72", "N/A"), Some(72));
        assert_eq!(frames("0/0", "72", "1.0"), Some(72));
        assert_eq!(frames("25/1", "N/A", "2.0"), Some(50));
    }

    proptest! {
        #[test]
        fn no_report_panics(a: String, b: String, width: u32, height: u32, rotation: f64) {
            let json = serde_json::json!({
                "format": { "format_name": a, "duration": b, "tags": { "timecode": a } },
                "streams": [{
                    "codec_type": "video", "width": width, "height": height,
                    "sample_aspect_ratio": a, "r_frame_rate": b, "avg_frame_rate": a,
                    "start_time": b, "side_data_list": [{ "rotation": rotation }],
                }],
            });
            if let Ok(report) = serde_json::from_value::<Report>(json) {
                let _ = (report.duration(), report.facts(1, 1.0));
            }
        }
    }
}
