//! Which container a clip goes into, and what that takes.

use super::{Codec, CutMode};
use crate::ffprobe::{Kind, Stream};
use rushes_model::MediaFacts;
use std::path::Path;

/// A container that clips are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Container {
    /// The file's extension, in lower case.
    extension: &'static str,
    /// ffmpeg's name of the muxer.
    pub(super) muxer: &'static str,
    family: Family,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// QuickTime and MP4: edit lists, timecode tracks.
    Mov,
    Matroska,
    Transport,
    /// One audio stream.
    Audio,
    Other,
}

const CONTAINERS: [Container; 25] = [
    of("mov", "mov", Family::Mov),
    of("qt", "mov", Family::Mov),
    of("mp4", "mp4", Family::Mov),
    of("m4v", "mp4", Family::Mov),
    of("m4a", "ipod", Family::Mov),
    of("m4b", "ipod", Family::Mov),
    of("3gp", "3gp", Family::Mov),
    of("mkv", "matroska", Family::Matroska),
    of("mka", "matroska", Family::Matroska),
    of("webm", "webm", Family::Matroska),
    of("ts", "mpegts", Family::Transport),
    of("mts", "mpegts", Family::Transport),
    of("m2ts", "mpegts", Family::Transport),
    of("mxf", "mxf", Family::Other),
    of("avi", "avi", Family::Other),
    of("wav", "wav", Family::Audio),
    of("w64", "w64", Family::Audio),
    of("aif", "aiff", Family::Audio),
    of("aiff", "aiff", Family::Audio),
    of("caf", "caf", Family::Audio),
    of("flac", "flac", Family::Audio),
    of("mp3", "mp3", Family::Audio),
    of("aac", "adts", Family::Audio),
    of("ac3", "ac3", Family::Audio),
    of("ogg", "ogg", Family::Audio),
];

const fn of(extension: &'static str, muxer: &'static str, family: Family) -> Container {
    Container { extension, muxer, family }
}

/// Video codecs that QuickTime and MP4 hold, for media whose own container cannot be written.
const MOV_VIDEO: [&str; 12] = [
    "h264",
    "hevc",
    "mpeg4",
    "mpeg2video",
    "mpeg1video",
    "prores",
    "dnxhd",
    "mjpeg",
    "dvvideo",
    "cfhd",
    "rawvideo",
    "v210",
];
/// Video codecs that ffmpeg writes to MXF.
const MXF_VIDEO: [&str; 6] = ["mpeg2video", "dnxhd", "prores", "h264", "dvvideo", "jpeg2000"];
/// Video codecs that AVI holds with all their times: none with B-frames in H.264's manner.
const AVI_VIDEO: [&str; 9] =
    ["mjpeg", "mpeg4", "msmpeg4v3", "dvvideo", "rawvideo", "huffyuv", "ffvhuff", "utvideo", "cfhd"];
/// Subtitles of Matroska; WebM has its own alone.
const MATROSKA_TEXT: [&str; 6] =
    ["subrip", "ass", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"];

/// The extension, in lower case and without its dot, of clips that are cut from a medium.
///
/// A copy keeps the medium's container where ffmpeg can write it, and goes to QuickTime or else Matroska
/// where it cannot.
#[must_use]
pub fn extension(facts: &MediaFacts, path: &Path, mode: CutMode) -> &'static str {
    match (mode, facts.has_video()) {
        (CutMode::Copy, _) => copied(facts, path),
        (CutMode::Reencode(Codec::ProRes), true) => "mov",
        (CutMode::Reencode(Codec::ProRes), false) => "wav",
        (CutMode::Reencode(Codec::H264), true) => "mp4",
        (CutMode::Reencode(Codec::H264), false) => "m4a",
    }
}

fn copied(facts: &MediaFacts, path: &Path) -> &'static str {
    let video = facts.video_codec.as_deref().filter(|_| facts.has_video());
    let audio = facts.audio_codec.as_deref().unwrap_or_default();
    let own = Container::of(path).filter(|own| match (own.extension, own.family, video) {
        ("mxf", _, Some(video)) => {
            MXF_VIDEO.contains(&video) && (audio.is_empty() || audio.starts_with("pcm_s"))
        }
        ("avi", _, Some(video)) => AVI_VIDEO.contains(&video),
        ("mxf" | "avi", _, None) => false,
        (_, Family::Audio, Some(_)) => false,
        _ => true,
    });
    match (own, video) {
        (Some(own), _) => own.extension,
        (None, Some(video)) if MOV_VIDEO.contains(&video) => "mov",
        (None, Some(_)) => "mkv",
        (None, None) if audio.starts_with("pcm_s") || audio.starts_with("pcm_f") => "wav",
        (None, None) => "mka",
    }
}

impl Container {
    /// The container that a name's extension says.
    pub(super) fn of(path: &Path) -> Option<&'static Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        CONTAINERS.iter().find(|container| container.extension == extension)
    }

    /// Whether a stream can be copied into it. What it does not say here, ffmpeg says.
    pub(super) fn takes(&self, stream: &Stream) -> bool {
        let Some(codec) = stream.codec() else { return false };
        match stream.kind() {
            Kind::Video => self.family != Family::Audio,
            Kind::Audio => true,
            Kind::Cover => false,
            Kind::Subtitle => match self.family {
                Family::Mov => codec == "mov_text",
                Family::Matroska if self.muxer == "webm" => codec == "webvtt",
                Family::Matroska => MATROSKA_TEXT.contains(&codec),
                Family::Transport => ["dvb_subtitle", "dvb_teletext"].contains(&codec),
                Family::Audio | Family::Other => false,
            },
            Kind::Data | Kind::Other => false,
        }
    }

    /// Whether it holds one stream of sound and nothing else.
    pub(super) fn is_single(&self) -> bool {
        self.family == Family::Audio
    }

    /// Whether it is FLAC's own.
    pub(super) fn is_flac(&self) -> bool {
        self.muxer == "flac"
    }

    /// Whether sound may begin before the picture, hidden by an edit list.
    pub(super) fn hides(&self) -> bool {
        self.family == Family::Mov
    }

    /// The muxer's tick for a stream that is copied, as a fraction of seconds. Muxers that are not told
    /// here take the demuxer's (seen in 5.1).
    pub(super) fn tick(&self, stream: &Stream) -> Option<(u32, u32)> {
        match self.family {
            Family::Matroska => Some((1, 1000)),
            Family::Transport => Some((1, 90_000)),
            Family::Mov if stream.kind() == Kind::Audio => Some((1, stream.sample_rate()?)),
            Family::Mov => stream.time_base().map(|(num, den)| (num.min(1), den)),
            Family::Audio | Family::Other => stream.time_base(),
        }
    }

    /// What its muxer is told beside its name.
    pub(super) fn options(&self) -> &'static [&'static str] {
        match (self.extension, self.family) {
            ("m2ts" | "mts", _) => &["-mpegts_m2ts_mode", "1"],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rushes_model::MediaKind;

    fn facts(video: Option<&str>, audio: &str) -> MediaFacts {
        MediaFacts {
            kind: if video.is_some() { MediaKind::Video } else { MediaKind::Audio },
            size_bytes: 1,
            duration_seconds: 1.0,
            width: 2,
            height: 2,
            frame_rate: None,
            variable_frame_rate: false,
            start_timecode: None,
            start_time: 0.0,
            rotation: 0,
            video_codec: video.map(str::to_owned),
            audio_codec: Some(audio.to_owned()),
            audio_tracks: 1,
            created_at: None,
            streams: None,
        }
    }

    #[test]
    fn copies_keep_their_container_where_it_can_be_written() {
        let copy = |video, audio, name: &str| {
            extension(&facts(video, audio), Path::new(name), CutMode::Copy)
        };
        assert_eq!(copy(Some("h264"), "aac", "/a/C0001.MP4"), "mp4");
        assert_eq!(copy(Some("prores"), "pcm_s24le", "/a/b.mov"), "mov");
        assert_eq!(copy(Some("mpeg2video"), "pcm_s24le", "/a/b.mxf"), "mxf");
        assert_eq!(copy(Some("mpeg2video"), "aac", "/a/b.mxf"), "mov");
        assert_eq!(copy(Some("wmv3"), "wmav2", "/a/b.wmv"), "mkv");
        assert_eq!(copy(Some("h264"), "ac3", "/a/00001.MTS"), "mts");
        assert_eq!(copy(Some("h264"), "mp3", "/a/b.avi"), "mov");
        assert_eq!(copy(Some("vp9"), "opus", "/a/no-extension"), "mkv");
        assert_eq!(copy(None, "pcm_s16le", "/a/b.WAV"), "wav");
        assert_eq!(copy(None, "wmav2", "/a/b.wma"), "mka");
    }
}
