//! Frame rates, timecode and ranges.
//!
//! Whatever names a frame is rational or an integer; seconds as `f64` are for the API's `*_seconds`
//! fields and for sampling, where half a frame does not matter.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// No time has a later frame: eighteen years at 120 frames a second. Later times are made up by a file, and
/// sums of their frames, or as many of another rate, would not fit into 64 bits.
pub const LATEST_FRAME: u64 = 1 << 36;

/// Frames a second as an exact fraction, such as 30000/1001. Both parts are positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FrameRate {
    num: u32,
    den: u32,
}

impl FrameRate {
    /// `None` when either part is zero or the rate is outside 1/1000 to 1000 frames a second.
    #[must_use]
    pub fn new(num: u32, den: u32) -> Option<Self> {
        if num == 0 || den == 0 || num / den > 1000 || den / num > 1000 {
            return None;
        }
        let divisor = gcd(num, den);
        Some(Self { num: num / divisor, den: den / divisor })
    }

    /// Numerator, in lowest terms.
    #[must_use]
    pub fn num(self) -> u32 {
        self.num
    }

    /// Denominator, in lowest terms.
    #[must_use]
    pub fn den(self) -> u32 {
        self.den
    }

    /// Frames a second as a number, for display.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// The integer rate that timecode counts in: 30 for 29.97, 24 for 23.976.
    #[must_use]
    pub fn timecode_base(self) -> u32 {
        self.num.div_ceil(self.den)
    }

    /// Whether drop-frame counting is defined: 29.97 and 59.94 (SMPTE ST 12-1).
    #[must_use]
    pub fn can_drop(self) -> bool {
        self.den == 1001 && (self.num == 30_000 || self.num == 60_000)
    }

    /// The frame shown at `seconds` (not negative), counting from 0.
    #[must_use]
    pub fn frame_at(self, seconds: f64) -> u64 {
        // A time that was worked out from a frame may lie a rounding error before it.
        ((seconds.max(0.0) * self.as_f64() + 1e-6).floor() as u64).min(LATEST_FRAME)
    }

    /// How many frames of this rate last as long as `frames` of another, to the nearest frame.
    #[must_use]
    pub fn conform(self, frames: u64, from: Self) -> u64 {
        let over = u128::from(from.num) * u128::from(self.den);
        let product = u128::from(frames) * u128::from(from.den) * u128::from(self.num);
        u64::try_from((product + over / 2) / over).unwrap_or(u64::MAX)
    }

    /// The frame whose own time lies nearest to `seconds`, counting from 0.
    #[must_use]
    pub fn nearest_frame(self, seconds: f64) -> u64 {
        ((seconds.max(0.0) * self.as_f64()).round() as u64).min(LATEST_FRAME)
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

impl FromStr for FrameRate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (num, den) = text.split_once('/').unwrap_or((text, "1"));
        match (num.parse(), den.parse()) {
            (Ok(num), Ok(den)) => Self::new(num, den),
            _ => None,
        }
        .ok_or_else(|| format!("\"{text}\" is not a frame rate such as 30000/1001"))
    }
}

impl TryFrom<String> for FrameRate {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<FrameRate> for String {
    fn from(rate: FrameRate) -> String {
        rate.to_string()
    }
}

/// A frame's label, counted drop-frame or not.
///
/// Drop-frame counting skips labels, never frames: two a minute at 29.97 and four at 59.94, except
/// in every tenth minute (SMPTE ST 12-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timecode {
    frame: u64,
    base: u64,
    drop: bool,
}

impl Timecode {
    /// The label of frame `frame` (from 0). `drop` is ignored where the rate has no drop-frame form.
    #[must_use]
    pub fn from_frame(frame: u64, rate: FrameRate, drop: bool) -> Self {
        Self { frame, base: u64::from(rate.timecode_base()), drop: drop && rate.can_drop() }
    }

    /// The same for frames counted on past midnight: labels go round at 24 hours.
    #[must_use]
    pub fn of_day(frame: u64, rate: FrameRate, drop: bool) -> Self {
        Self::from_frame(frame % Self::frames_a_day(rate, drop), rate, drop)
    }

    /// Reads `HH:MM:SS:FF`, or `HH:MM:SS;FF` for drop frame; `None` when it is neither, a part is out
    /// of range, or the label is one that drop-frame counting skips.
    #[must_use]
    pub fn parse(text: &str, rate: FrameRate) -> Option<Self> {
        Self::parse_as(text, rate, text.contains([';', ',']))
    }

    /// The same, counted drop-frame or not whatever stands before the frames: people and programs write
    /// colons for both.
    #[must_use]
    pub fn parse_as(text: &str, rate: FrameRate, drop: bool) -> Option<Self> {
        let drop = drop && rate.can_drop();
        let mut parts = text.split([':', ';', ',', '.']).map(|part| part.parse::<u64>().ok());
        let [hours, minutes, seconds, frames] =
            [parts.next()??, parts.next()??, parts.next()??, parts.next()??];
        let base = u64::from(rate.timecode_base());
        if parts.next().is_some() || hours > 999 || minutes > 59 || seconds > 59 || frames >= base {
            return None;
        }
        let skipped = base / 15;
        if drop && seconds == 0 && frames < skipped && minutes % 10 != 0 {
            return None;
        }
        let total_minutes = hours * 60 + minutes;
        let label = (total_minutes * 60 + seconds) * base + frames;
        let dropped = if drop { skipped * (total_minutes - total_minutes / 10) } else { 0 };
        Some(Self { frame: label - dropped, base, drop })
    }

    /// The frame that this labels, counting from 0.
    #[must_use]
    pub fn frame(self) -> u64 {
        self.frame
    }

    /// Whether labels are skipped.
    #[must_use]
    pub fn is_drop(self) -> bool {
        self.drop
    }

    /// Frames after which labels begin again, at 24 hours.
    #[must_use]
    pub fn frames_a_day(rate: FrameRate, drop: bool) -> u64 {
        let base = u64::from(rate.timecode_base());
        // 24 hours have 144 times ten minutes, nine of which skip labels.
        let skipped = if drop && rate.can_drop() { 144 * 9 * (base / 15) } else { 0 };
        base * 86_400 - skipped
    }

    /// The frame's label as a count in which skipped labels are counted too.
    fn label(self) -> u64 {
        if !self.drop {
            return self.frame;
        }
        let skipped = self.base / 15;
        let per_minute = self.base * 60 - skipped;
        let per_ten = per_minute * 10 + skipped;
        let (tens, rest) = (self.frame / per_ten, self.frame % per_ten);
        // The first minute of ten keeps all its labels.
        let minutes =
            if rest < self.base * 60 { 0 } else { 1 + (rest - self.base * 60) / per_minute };
        // No day has so many frames that this saturates, but a file may say so.
        self.frame.saturating_add(skipped * (tens * 9 + minutes))
    }
}

impl fmt::Display for Timecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label();
        let (seconds, frames) = (label / self.base, label % self.base);
        let separator = if self.drop { ';' } else { ':' };
        write!(f, "{}{separator}{frames:02}", clock(seconds))
    }
}

fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `HH:MM:SS` as the API writes times: fractions dropped, hours may exceed 99.
#[must_use]
pub fn timestamp(seconds: f64) -> String {
    clock(seconds.max(0.0) as u64)
}

/// A text that is not `HH:MM:SS` with optional fraction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a time such as 00:01:30 or 00:01:30.5")]
pub struct ParseTimestampError(pub String);

/// Reads the API's `HH:MM:SS[.fraction]` as seconds.
///
/// # Errors
/// When hours have fewer than two digits, minutes or seconds exceed 59, or anything else is there.
pub fn parse_timestamp(text: &str) -> Result<f64, ParseTimestampError> {
    let error = || ParseTimestampError(text.chars().take(40).collect());
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let parts: Vec<&str> = whole.split(':').collect();
    let [hours, minutes, seconds] = parts[..] else { return Err(error()) };
    let shaped = (2..=9).contains(&hours.len()) && minutes.len() == 2 && seconds.len() == 2;
    if !shaped
        || fraction.is_empty()
        || ![hours, minutes, seconds, fraction].into_iter().all(digits)
    {
        return Err(error());
    }
    let number = |part: &str| part.parse::<u32>().map_err(|_| error());
    let (hours, minutes, seconds) = (number(hours)?, number(minutes)?, number(seconds)?);
    if minutes > 59 || seconds > 59 {
        return Err(error());
    }
    let fraction: f64 = format!("0.{fraction}").parse().map_err(|_| error())?;
    Ok(f64::from(hours) * 3600.0 + f64::from(minutes * 60 + seconds) + fraction)
}

/// A half-open range of source time, in seconds from the start of the medium.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TimeRange {
    /// In point, at least 0.
    pub start: f64,
    /// Out point, not before `start`.
    pub end: f64,
}

impl TimeRange {
    /// Whether `seconds` lies inside.
    #[must_use]
    pub fn contains(&self, seconds: f64) -> bool {
        (self.start..self.end).contains(&seconds)
    }

    /// Length in seconds.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.end - self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATES: [(u32, u32, bool); 10] = [
        (24_000, 1001, false),
        (24, 1, false),
        (25, 1, false),
        (30_000, 1001, true),
        (30_000, 1001, false),
        (30, 1, false),
        (50, 1, false),
        (60_000, 1001, true),
        (60_000, 1001, false),
        (60, 1, false),
    ];

    #[test]
    fn every_frame_of_a_day_round_trips() {
        for (num, den, drop) in RATES {
            let rate = FrameRate::new(num, den).unwrap();
            for frame in 0..Timecode::frames_a_day(rate, drop) {
                let timecode = Timecode::from_frame(frame, rate, drop);
                let read = Timecode::parse(&timecode.to_string(), rate);
                assert_eq!(read.map(Timecode::frame), Some(frame), "{timecode} at {rate}");
            }
        }
    }

    /// Counts up as a clock would, skipping labels by the words of the standard: the first two numbers
    /// of a minute (four at 59.94) are left out unless the minute can be divided by ten.
    #[test]
    fn labels_of_a_day_are_those_that_a_clock_counts() {
        for (num, den, drop) in RATES {
            let rate = FrameRate::new(num, den).unwrap();
            let base = u64::from(rate.timecode_base());
            let mut frame = 0;
            for minute in 0..24 * 60 {
                let skipped = if drop && minute % 10 != 0 { base / 15 } else { 0 };
                for number in skipped..60 * base {
                    let label = Timecode::from_frame(frame, rate, drop).label();
                    assert_eq!(label, minute * 60 * base + number, "frame {frame} at {rate}");
                    frame += 1;
                }
            }
            assert_eq!(frame, Timecode::frames_a_day(rate, drop));
        }
    }

    #[test]
    fn drop_frame_skips_what_smpte_says() {
        let ntsc = FrameRate::new(30_000, 1001).unwrap();
        let label = |frame| Timecode::from_frame(frame, ntsc, true).to_string();
        assert_eq!(label(1799), "00:00:59;29");
        assert_eq!(label(1800), "00:01:00;02");
        assert_eq!(label(17_981), "00:09:59;29");
        assert_eq!(label(17_982), "00:10:00;00");
        // 24 hours of 29.97 DF are 2,589,408 frames.
        assert_eq!(label(2_589_407), "23:59:59;29");
        assert!(Timecode::parse("00:01:00;00", ntsc).is_none());
    }

    #[test]
    fn numbers_of_frames_without_end_have_labels() {
        let ntsc = FrameRate::new(30_000, 1001).unwrap();
        for drop in [false, true] {
            let last = Timecode::from_frame(u64::MAX, ntsc, drop);
            assert!(last.to_string().len() > 12, "{last}");
        }
    }

    #[test]
    fn times_without_end_have_a_frame_that_can_be_counted_on_from() {
        for (num, den) in [(1, 1000), (25, 1), (1000, 1)] {
            let rate = FrameRate::new(num, den).unwrap();
            for seconds in [1e30, f64::MAX, f64::INFINITY] {
                assert_eq!(rate.nearest_frame(seconds), LATEST_FRAME, "{seconds} at {rate}");
                assert_eq!(rate.frame_at(seconds), LATEST_FRAME, "{seconds} at {rate}");
            }
            let fast = FrameRate::new(240, 1).unwrap();
            assert!(fast.conform(LATEST_FRAME, rate) < u64::MAX / 1000);
        }
    }

    #[test]
    fn drop_is_ignored_where_it_has_no_meaning() {
        let film = FrameRate::new(24_000, 1001).unwrap();
        assert_eq!(Timecode::from_frame(1440, film, true).to_string(), "00:01:00:00");
    }

    #[test]
    fn timestamps_follow_the_contract() {
        assert_eq!(timestamp(3661.99), "01:01:01");
        assert_eq!(timestamp(360_000.0), "100:00:00");
        assert_eq!(parse_timestamp("00:01:30.5"), Ok(90.5));
        assert_eq!(parse_timestamp("100:00:00"), Ok(360_000.0));
        for bad in ["", "1:00:00", "00:60:00", "00:00:61", "00:00", "00:00:00.", "-0:00:01", "a"] {
            assert!(parse_timestamp(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text: String) {
            let _ = parse_timestamp(&text);
            let _ = text.parse::<FrameRate>();
            let _ = Timecode::parse(&text, FrameRate::new(25, 1).unwrap());
        }

        #[test]
        fn conforming_there_and_back_is_within_a_frame(frames in 0u64..100_000_000) {
            for (num, den, _) in RATES {
                let rate = FrameRate::new(num, den).unwrap();
                prop_assert_eq!(rate.conform(frames, rate), frames);
                let film = FrameRate::new(24_000, 1001).unwrap();
                let back = film.conform(rate.conform(frames, film), rate);
                prop_assert!(back.abs_diff(frames) <= 1, "{} {}", rate, frames);
            }
        }

        #[test]
        fn frame_at_inverts_frame_times(frame in 0u64..10_000_000) {
            for (num, den, _) in RATES {
                let rate = FrameRate::new(num, den).unwrap();
                prop_assert_eq!(rate.frame_at(frame as f64 / rate.as_f64()), frame);
            }
        }
    }
}
