//! From seconds of a medium to the timecode that an editing program shows there.

use crate::{FrameRate, MediaFacts, Timecode};

/// Rates that timecode is counted at (SMPTE ST 12-1 and ST 12-3), as fractions.
const STANDARD_RATES: [(u32, u32); 12] = [
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (48_000, 1001),
    (48, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
    (120_000, 1001),
    (120, 1),
];

/// Rates nearer to each other than this share are one. Old time scales write 0.999 for 1000/1001, as in
/// 29.97, which is 1e-6 off; containers that count in 100 ns round 119.88 by 4e-6. A rate of 23.98 is 2e-4
/// off, fourteen frames an hour, and stays its own, as do 24 and 24000/1001 with 1e-3 between them.
const SAME_RATE: f64 = 1e-5;

/// A medium's timecode: its rate, its first label, and whether it counts drop-frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceClock {
    rate: FrameRate,
    first: u64,
    drop: bool,
}

impl SourceClock {
    /// The clock of a medium with pictures in time; `None` where no frame rate is known.
    ///
    /// Frames that are unevenly spaced are counted at the standard rate nearest to their average, to
    /// which editing programs conform such media; a rate that a container has rounded is the standard one
    /// that it means. A medium without a start timecode begins at
    /// `00:00:00:00` and is counted non-drop, as its file does not say otherwise.
    #[must_use]
    pub fn of(facts: &MediaFacts) -> Option<Self> {
        let average = facts.frame_rate?;
        let standard = nearest_standard(average);
        let conforms = facts.variable_frame_rate || distance(standard, average) < SAME_RATE;
        let rate = if conforms { standard } else { average };
        let start = facts.start_timecode.as_deref().unwrap_or_default();
        let first = Timecode::parse(start, rate);
        Some(Self {
            rate,
            first: first.map_or(0, Timecode::frame),
            drop: first.is_some_and(Timecode::is_drop),
        })
    }

    /// Frames a second.
    #[must_use]
    pub fn rate(&self) -> FrameRate {
        self.rate
    }

    /// The frame of the day that its first frame is: its start timecode.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Whether labels are skipped.
    #[must_use]
    pub fn is_drop(&self) -> bool {
        self.drop
    }

    /// Frames from the first one to that with a label, counted as the medium counts. A label from before the
    /// first one is meant after midnight.
    #[must_use]
    pub fn frame_of(&self, label: &str) -> Option<u64> {
        let day = Timecode::frames_a_day(self.rate, self.drop);
        let frame = Timecode::parse_as(label, self.rate, self.drop)?.frame();
        (frame < day).then(|| (frame + day - self.first % day) % day)
    }

    /// The label of the frame whose own time is `seconds` from the start. Containers round frame times,
    /// Matroska to milliseconds, so the nearest frame is meant, not the last one begun. Labels go round
    /// at 24 hours.
    #[must_use]
    pub fn at(&self, seconds: f64) -> Timecode {
        let frame = self.first.saturating_add(self.rate.nearest_frame(seconds));
        Timecode::of_day(frame, self.rate, self.drop)
    }
}

fn nearest_standard(average: FrameRate) -> FrameRate {
    let rates = STANDARD_RATES.iter().filter_map(|&(num, den)| FrameRate::new(num, den));
    let nearer =
        |a: &FrameRate, b: &FrameRate| distance(*a, average).total_cmp(&distance(*b, average));
    rates.min_by(nearer).unwrap_or(average)
}

/// By how large a share rates differ.
fn distance(a: FrameRate, b: FrameRate) -> f64 {
    (a.as_f64() / b.as_f64()).ln().abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MediaKind;

    fn facts(rate: (u32, u32), start: Option<&str>) -> MediaFacts {
        MediaFacts {
            kind: MediaKind::Video,
            size_bytes: 1,
            duration_seconds: 100_000.0,
            width: 2,
            height: 2,
            frame_rate: FrameRate::new(rate.0, rate.1),
            variable_frame_rate: false,
            start_timecode: start.map(str::to_owned),
            start_time: 0.0,
            rotation: 0,
            video_codec: None,
            audio_codec: None,
            audio_tracks: 0,
            created_at: None,
            streams: None,
        }
    }

    fn label(rate: (u32, u32), start: Option<&str>, frame: u32) -> String {
        let seconds = f64::from(frame) * f64::from(rate.1) / f64::from(rate.0);
        // As a container with millisecond times has it.
        let rounded = (seconds * 1000.0).round() / 1000.0;
        SourceClock::of(&facts(rate, start)).unwrap().at(rounded).to_string()
    }

    #[test]
    fn labels_are_those_of_an_editing_program() {
        assert_eq!(label((24_000, 1001), Some("01:00:00:00"), 1440), "01:01:00:00");
        assert_eq!(label((30_000, 1001), Some("01:00:00;00"), 1800), "01:01:00;02");
        assert_eq!(label((30_000, 1001), Some("01:00:00:00"), 1800), "01:01:00:00");
        assert_eq!(label((30_000, 1001), Some("00:59:59;29"), 1), "01:00:00;00");
        assert_eq!(label((60_000, 1001), Some("10:00:00;00"), 3600), "10:01:00;04");
        assert_eq!(label((60_000, 1001), None, 3600), "00:01:00:00");
        assert_eq!(label((25, 1), Some("10:00:00:00"), 1), "10:00:00:01");
    }

    #[test]
    fn labels_go_round_at_midnight() {
        assert_eq!(label((25, 1), Some("23:59:59:24"), 1), "00:00:00:00");
        assert_eq!(label((30_000, 1001), Some("23:59:59;29"), 1), "00:00:00;00");
        let clock = SourceClock::of(&facts((25, 1), Some("01:00:00:00"))).unwrap();
        let absurd = clock.at(f64::MAX);
        assert!(clock.frame_of(&absurd.to_string()).is_some(), "{absurd}");
    }

    #[test]
    fn labels_are_found_again_whatever_stands_before_their_frames() {
        let clock = SourceClock::of(&facts((30_000, 1001), Some("01:00:00;00"))).unwrap();
        assert_eq!(clock.frame_of("01:00:10;00"), Some(300));
        assert_eq!(clock.frame_of("01:00:10:00"), Some(300));
        assert_eq!(clock.frame_of("01:01:00:00"), None, "a label that is skipped");
        let night = SourceClock::of(&facts((25, 1), Some("23:59:50:00"))).unwrap();
        assert_eq!(night.frame_of("00:00:05:00"), Some(375));
        assert_eq!(night.frame_of("24:00:00:00"), None);
    }

    #[test]
    fn every_frame_keeps_its_own_label_in_rounded_times() {
        for rate in [(24_000, 1001), (30_000, 1001), (50, 1), (60_000, 1001), (60, 1)] {
            let clock = SourceClock::of(&facts(rate, None)).unwrap();
            for frame in 0..20_000_u32 {
                let seconds = f64::from(frame) * f64::from(rate.1) / f64::from(rate.0);
                for rounded in [(seconds * 1e3).round() / 1e3, seconds] {
                    assert_eq!(clock.at(rounded).frame(), u64::from(frame), "{rate:?}");
                }
            }
        }
    }

    #[test]
    fn rounded_rates_are_the_standard_ones() {
        let clock = |num, den, start| SourceClock::of(&facts((num, den), Some(start))).unwrap();
        for (num, den) in [(2997, 100), (10_000_000, 333_667), (30_000, 1001)] {
            let clock = clock(num, den, "01:00:00;00");
            assert_eq!(clock.rate().to_string(), "30000/1001");
            assert!(clock.is_drop());
            // An hour of drop-frame labels is 107892 frames.
            assert_eq!(clock.first(), 107_892);
        }
        let of = |num, den| clock(num, den, "00:00:00;00").rate().to_string();
        assert_eq!(of(5994, 100), "60000/1001");
        assert_eq!(of(23_976, 1000), "24000/1001");
        assert_eq!(of(10_000_000, 83_417), "120000/1001");
        assert_eq!(of(24, 1), "24/1");
        assert_eq!(of(2398, 100), "1199/50");
        assert_eq!(of(1500, 100), "15/1");
    }

    #[test]
    fn uneven_frames_are_counted_at_a_standard_rate() {
        let uneven = MediaFacts { variable_frame_rate: true, ..facts((2785, 96), None) };
        let clock = SourceClock::of(&uneven).unwrap();
        assert_eq!(clock.rate().to_string(), "30000/1001");
        assert_eq!(clock.at(60.06).to_string(), "00:01:00:00");
        assert_eq!(SourceClock::of(&MediaFacts { frame_rate: None, ..uneven }), None);
    }
}
