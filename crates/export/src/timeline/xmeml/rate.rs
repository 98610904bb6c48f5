//! Frame rates as xmeml names them, and frames of one rate in another.

use crate::xml::Xml;
use rushes_model::FrameRate;
use std::io;

/// Premiere Pro's clock: a frame of every usual rate is a whole number of these.
const TICKS: u128 = 254_016_000_000;

/// A whole number of frames a second, slowed down by 1000/1001 where `ntsc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    timebase: u32,
    ntsc: bool,
}

impl Base {
    /// The nearest to a rate.
    pub fn of(rate: FrameRate) -> Self {
        let nearest = |factor: f64| (rate.as_f64() * factor).round().max(1.0) as u32;
        let whole = Self { timebase: nearest(1.0), ntsc: false };
        let ntsc = Self { timebase: nearest(1.001), ntsc: true };
        if whole.distance(rate) <= ntsc.distance(rate) { whole } else { ntsc }
    }

    fn parts(self) -> (u32, u32) {
        if self.ntsc { (self.timebase * 1000, 1001) } else { (self.timebase, 1) }
    }

    /// How far a rate is from this, as a part of it.
    fn distance(self, rate: FrameRate) -> f64 {
        let (num, den) = self.parts();
        (rate.as_f64() * f64::from(den) / f64::from(num) - 1.0).abs()
    }

    /// Whether it is a rate, but for how containers round it: 2997/100 is 30000/1001.
    pub fn names(self, rate: FrameRate) -> bool {
        self.distance(rate) < 1e-5
    }

    /// How many ticks of Premiere Pro's clock some frames last.
    pub fn ticks(self, frames: u64) -> u128 {
        let (num, den) = self.parts();
        ticks(frames, num, den)
    }

    pub fn write(self, xml: &mut Xml) -> io::Result<()> {
        xml.element("rate", &[], |xml| {
            xml.text("timebase", self.timebase)?;
            xml.text("ntsc", if self.ntsc { "TRUE" } else { "FALSE" })
        })
    }
}

fn ticks(frames: u64, num: u32, den: u32) -> u128 {
    (u128::from(frames) * u128::from(den) * TICKS + u128::from(num / 2)) / u128::from(num)
}

/// Frames of a medium in a sequence.
#[derive(Clone, Copy)]
pub struct Clock {
    medium: (u32, u32),
    sequence: (u32, u32),
}

impl Clock {
    pub fn new(medium: FrameRate, sequence: Base) -> Self {
        let base = Base::of(medium);
        let exact = if base.names(medium) { base.parts() } else { (medium.num(), medium.den()) };
        Self { medium: exact, sequence: sequence.parts() }
    }

    /// Numerator and denominator of a frame's time in frames of the sequence.
    fn time(self, frame: u64) -> (u128, u128) {
        let (num, den) = self.sequence;
        let above = u128::from(frame) * u128::from(self.medium.1) * u128::from(num);
        (above, u128::from(self.medium.0) * u128::from(den))
    }

    /// The first frame of the sequence's rate that does not begin before a frame of the medium.
    pub fn frame(self, frame: u64) -> u64 {
        let (above, below) = self.time(frame);
        u64::try_from(above.div_ceil(below)).unwrap_or(u64::MAX)
    }

    /// Whether a frame of the medium begins when one of the sequence's rate does.
    pub fn meets(self, frame: u64) -> bool {
        let (above, below) = self.time(frame);
        above % below == 0
    }

    /// The exact time of a frame of the medium on Premiere Pro's clock.
    pub fn ticks(self, frame: u64) -> u128 {
        ticks(frame, self.medium.0, self.medium.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(rate: &str) -> Base {
        Base::of(rate.parse().unwrap())
    }

    #[test]
    fn rates_have_the_names_that_programs_use() {
        for (rate, timebase, ntsc, named) in [
            ("24000/1001", 24, true, true),
            ("2997/100", 30, true, true),
            ("30000/1001", 30, true, true),
            ("60000/1001", 60, true, true),
            ("24", 24, false, true),
            ("25", 25, false, true),
            ("60", 60, false, true),
            ("29/2", 15, true, false),
            ("1/3", 1, true, false),
        ] {
            let found = base(rate);
            assert_eq!(found, Base { timebase, ntsc }, "{rate}");
            assert_eq!(found.names(rate.parse().unwrap()), named, "{rate}");
        }
    }

    #[test]
    fn a_frame_of_a_medium_is_never_shown_before_its_time() {
        let clock = Clock::new("25".parse().unwrap(), base("30"));
        assert_eq!([0, 1, 5, 50].map(|frame| clock.frame(frame)), [0, 2, 6, 60]);
        assert!(clock.meets(5) && !clock.meets(1));
        let same = Clock::new("2997/100".parse().unwrap(), base("30000/1001"));
        assert_eq!(same.frame(1_000_000), 1_000_000);
    }

    #[test]
    fn frames_of_usual_rates_are_whole_ticks() {
        // As Premiere Pro's own exports have them.
        assert_eq!(base("24000/1001").ticks(86_313), 914_450_328_792_000);
        assert_eq!(base("30").ticks(100), 846_720_000_000);
    }
}
