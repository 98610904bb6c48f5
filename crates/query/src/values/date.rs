//! Days, months and years.

use super::is_digits;
use std::{cmp::Ordering, fmt};

/// A day, a month or a year of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    year: u16,
    month: Option<u8>,
    day: Option<u8>,
}

impl Date {
    /// Reads `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let year = number(parts.next()?, 4)?;
        let month = parts.next().map(|part| number(part, 2)).map_or(Some(None), two_digits)?;
        let day = parts.next().map(|part| number(part, 2)).map_or(Some(None), two_digits)?;
        let date = Self { year, month, day };
        (parts.next().is_none() && date.exists()).then_some(date)
    }

    /// The day of a time in RFC 3339, in that text's own offset from UTC.
    pub(crate) fn of(rfc3339: &str) -> Option<Self> {
        Self::read(rfc3339.get(..10)?).filter(|date| date.day.is_some())
    }

    fn exists(self) -> bool {
        let month = self.month.unwrap_or(1);
        (1..=12).contains(&month)
            && self.day.is_none_or(|day| (1..=self.days_in(month)).contains(&day))
    }

    fn days_in(self, month: u8) -> u8 {
        let leaps = self.year.is_multiple_of(4) && !self.year.is_multiple_of(100)
            || self.year.is_multiple_of(400);
        match month {
            2 => 28 + u8::from(leaps),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// How this lies to `other`, only looking as closely as `other` does: a day of a month is not
    /// before and not after that month.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let month = other.month.and(self.month);
        let day = other.day.and(self.day);
        (self.year, month, day).cmp(&(other.year, other.month, other.day))
    }
}

fn number(part: &str, digits: usize) -> Option<u16> {
    (part.len() == digits && is_digits(part)).then(|| part.parse().ok())?
}

fn two_digits(number: Option<u16>) -> Option<Option<u8>> {
    u8::try_from(number?).ok().map(Some)
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        [self.month, self.day].into_iter().flatten().try_for_each(|part| write!(f, "-{part:02}"))
    }
}
