//! How many bytes a clip needs.

use super::{Codec, Cut, CutMode};
use crate::keyframes::is_intra;
use rushes_model::{FrameRate, MediaFacts};

/// What a copy may begin before its in point and end after its out point, in seconds: cameras have a
/// keyframe every half second to two seconds. Downloads have one every ten, but a thousand short clips would
/// seem to need tens of gigabytes; a disk that is too small after all is named when it is full.
const GOP: f64 = 2.0;
/// Bits of a pixel in ProRes 422: 147 Mbit/s at 1920x1080 and 29.97 frames a second by Apple's white
/// paper, and a third more, since ffmpeg's encoder goes over it.
const PRORES: f64 = 2.37 * 1.35;
/// The same of 4444 with its transparency: 330 Mbit/s, and up to half as much again.
const PRORES_4444: f64 = 5.3 * 1.5;
/// Bits of a pixel in H.264 at the quality that is asked for. Noise takes so many, film half of it.
const H264: f64 = 0.6;
/// Bytes a second of one PCM track: six channels of 24 bits at 48 kHz.
const PCM: f64 = 6.0 * 3.0 * 48_000.0;
/// Bytes a second of one AAC track: six channels of 128 kbit/s.
const AAC: f64 = 6.0 * 16_000.0;
/// Headers, indexes and tags.
const OVERHEAD: f64 = 1e6;
/// Codecs that may hold transparency, by ffmpeg's names.
const WITH_ALPHA: [&str; 12] = [
    "prores", "qtrle", "png", "apng", "rawvideo", "ffv1", "utvideo", "magicyuv", "cfhd", "hap",
    "vp8", "vp9",
];

/// The bytes that a clip needs, rather too many than too few. Its range may be any.
#[must_use]
pub fn estimate(facts: &MediaFacts, cut: &Cut) -> u64 {
    let seconds = cut.range.duration().max(0.0);
    let bytes = match cut.mode {
        CutMode::Copy => copied(facts, seconds),
        CutMode::Reencode(codec) => coded(facts, codec) * seconds,
    };
    (bytes + OVERHEAD) as u64
}

fn copied(facts: &MediaFacts, seconds: f64) -> f64 {
    let intra = !facts.has_video() || facts.video_codec.as_deref().is_some_and(is_intra);
    let margin = if intra { 1.0 } else { GOP };
    let share = (seconds + margin) / facts.duration_seconds.max(0.001);
    facts.size_bytes as f64 * share.min(1.0)
}

/// Bytes a second.
fn coded(facts: &MediaFacts, codec: Codec) -> f64 {
    let pixels = f64::from(facts.width) * f64::from(facts.height);
    let rate = facts.frame_rate.map_or(60.0, FrameRate::as_f64);
    let alpha = facts.video_codec.as_deref().is_some_and(|codec| WITH_ALPHA.contains(&codec));
    let (bits, sound) = match codec {
        Codec::ProRes if alpha => (PRORES_4444, PCM),
        Codec::ProRes => (PRORES, PCM),
        Codec::H264 => (H264, AAC),
    };
    pixels * rate * bits / 8.0 + f64::from(facts.sound_tracks()) * sound
}

/// The size at which ffmpeg is stopped, in bytes: what it cannot reach unless something is wrong.
pub(super) fn worst_case(facts: &MediaFacts, cut: &Cut) -> u64 {
    let room = 64 << 20;
    match cut.mode {
        CutMode::Copy => facts.size_bytes.saturating_add(facts.size_bytes / 4),
        CutMode::Reencode(_) => estimate(facts, cut).saturating_mul(4),
    }
    .saturating_add(room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rushes_model::{MediaKind, TimeRange};

    #[test]
    fn sizes_are_those_of_the_codecs() {
        let facts = MediaFacts {
            kind: MediaKind::Video,
            size_bytes: 3_600_000_000,
            duration_seconds: 3600.0,
            width: 1920,
            height: 1080,
            frame_rate: FrameRate::new(30_000, 1001),
            variable_frame_rate: false,
            start_timecode: None,
            start_time: 0.0,
            rotation: 0,
            video_codec: Some("h264".to_owned()),
            audio_codec: Some("aac".to_owned()),
            audio_tracks: 1,
            created_at: None,
            streams: None,
        };
        let megabytes = |mode| {
            let cut = Cut { range: TimeRange { start: 5.0, end: 15.0 }, mode };
            estimate(&facts, &cut) / 1_000_000
        };
        assert_eq!(megabytes(CutMode::Copy), 13);
        // 147 Mbit/s and 1.2 MB/s of sound, with a third on top.
        assert!((184..300).contains(&megabytes(CutMode::Reencode(Codec::ProRes))));
        assert!((20..60).contains(&megabytes(CutMode::Reencode(Codec::H264))));
        let prores = MediaFacts { video_codec: Some("prores".to_owned()), ..facts };
        let range = TimeRange { start: 0.0, end: 1.0 };
        assert_eq!(estimate(&prores, &Cut { range, mode: CutMode::Copy }) / 1_000_000, 3);
        let whole = Cut { range: TimeRange { start: 0.0, end: 9e9 }, mode: CutMode::Copy };
        assert!(worst_case(&prores, &whole) < 5_000_000_000);
    }
}
