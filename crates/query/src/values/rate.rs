//! Frame rates as people write them.

use super::decimal;
use rushes_model::FrameRate;
use std::cmp::Ordering;

/// Rates that colour television slowed by 1000/1001, of which people write a rounded decimal.
const SLOWED: [u32; 5] = [24, 30, 48, 60, 120];
/// How far a decimal may lie from such a rate: 23.97 and 23.98 both mean 24000/1001, 24 does not.
const ROUNDED: f64 = 0.007;
/// Relative difference below which two rates are one: containers with times in milliseconds round by
/// 0.006 %, 23.98 differs by 0.02 % from what it means, and 24 by 0.1 %.
const SAME_RATE: f64 = 0.000_3;

/// Reads `25`, `23.976`, `30000/1001`.
pub(crate) fn read(text: &str) -> Option<FrameRate> {
    if text.contains('/') {
        return text.parse().ok();
    }
    let number = decimal(text)?;
    let slowed = |base: &&u32| {
        let rate = f64::from(**base) * 1000.0 / 1001.0;
        number.fract() != 0.0 && (number - rate).abs() < ROUNDED
    };
    match SLOWED.iter().find(slowed) {
        Some(base) => FrameRate::new(base * 1000, 1001),
        None => FrameRate::new((number * 1000.0).round() as u32, 1000),
    }
}

/// How one rate lies to another, where what differs by rounding is equal.
pub(crate) fn order(own: FrameRate, given: FrameRate) -> Ordering {
    let (own, given) = (own.as_f64(), given.as_f64());
    if (own / given - 1.0).abs() <= SAME_RATE { Ordering::Equal } else { own.total_cmp(&given) }
}
