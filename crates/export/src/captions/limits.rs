//! What broadcasters ask of captions.

use crate::Transcript;
use rushes_model::FrameRate;

/// Shortest time of a caption: 5/6 s (Netflix Timed Text Style Guide, General Requirements, "Duration"),
/// rounded up to milliseconds.
pub(super) const MIN_MS: u64 = 834;
/// Longest time of a caption: 7 s (as above).
pub(super) const MAX_MS: u64 = 7_000;
/// Frames between two captions (as above, "Frame Gap").
const GAP_FRAMES: u32 = 2;
/// Gaps shorter than half a second are closed up to the shortest, so that captions do not flicker (as
/// above).
pub(super) const CLOSE_GAP_MS: u64 = 500;
/// Frames a second where the medium has none, as EBU-TT-D (EBU Tech 3380) is mostly made for.
const USUAL_RATE: u32 = 25;

/// Most characters of a line and characters read in a second, where no other row says so: 42 of the
/// Netflix Timed Text Style Guides of languages in Latin letters (BBC Subtitle Guidelines: 37 in
/// teletext, online as many as fit 68 % of the width), and 17 of the French, German, Italian and Spanish
/// ones. The English one allows 20; BBC's 160 to 180 words a minute are 15 to 17.
const USUAL: (usize, u64) = (42, 17);
/// The same by language: the guides for Japanese (horizontal text), Chinese and Korean.
const BY_LANGUAGE: [(&str, usize, u64); 4] =
    [("ja", 13, 4), ("zh", 16, 9), ("yue", 16, 9), ("ko", 16, 12)];

/// What captions of one transcript keep to.
pub(super) struct Limits {
    /// Most characters of a line; there are two lines.
    pub line: usize,
    /// Milliseconds between two captions.
    pub gap_ms: u64,
    /// Characters that are read in a second.
    speed: u64,
}

impl Limits {
    pub fn of(transcript: &Transcript) -> Self {
        let row = BY_LANGUAGE.iter().find(|(language, ..)| *language == transcript.language);
        let (line, speed) = row.map_or(USUAL, |(_, line, speed)| (*line, *speed));
        let rate = transcript.clock.map(|clock| clock.rate());
        Self { line, speed, gap_ms: frames_ms(GAP_FRAMES, rate.or(FrameRate::new(USUAL_RATE, 1))) }
    }

    /// Milliseconds that so many characters take to read.
    pub fn reading_ms(&self, characters: usize) -> u64 {
        (characters as u64 * 1000).div_ceil(self.speed)
    }
}

/// Milliseconds of some frames, rounded up. Slower pictures than two a second are no reason to wait.
fn frames_ms(frames: u32, rate: Option<FrameRate>) -> u64 {
    let seconds = rate.map_or(0.0, |rate| f64::from(frames) / rate.as_f64());
    ((seconds * 1000.0).ceil() as u64).clamp(1, CLOSE_GAP_MS)
}
