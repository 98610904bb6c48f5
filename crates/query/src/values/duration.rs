//! Lengths of media.

use super::decimal;
use std::fmt;

/// A length in seconds, finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Seconds(pub f64);

/// Units from long to short, in seconds.
const UNITS: [(char, f64); 3] = [('h', 3600.0), ('m', 60.0), ('s', 1.0)];

impl Seconds {
    /// Reads `1h2m30s` or a part of it, each number with a point where wanted, or `HH:MM:SS.fff`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.contains(':') {
            return rushes_model::parse_timestamp(text).ok().map(Self);
        }
        let (mut rest, mut sum) = (text, 0.0);
        for (unit, seconds) in UNITS {
            if let Some((number, after)) = rest.split_once(unit) {
                sum += decimal(number)? * seconds;
                rest = after;
            }
        }
        (rest.is_empty() && !text.is_empty() && f64::is_finite(sum)).then_some(Self(sum))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}
