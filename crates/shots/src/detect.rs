//! Cuts from frame differences.

use rushes_model::{Shot, TimeRange};

/// How much one frame differs from the frame before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Time of the later of the two frames, in seconds of source time.
    pub seconds: f64,
    /// Mean absolute difference, 0 to 100, as `lavfi.scd.mafd` or [`Grey::difference`] gives it.
    ///
    /// [`Grey::difference`]: crate::Grey::difference
    pub difference: f32,
}

/// What counts as a cut.
///
/// A frame begins a shot when its difference stands out from the level around it, as in
/// PySceneDetect's `AdaptiveDetector`. The level here is the mean of two medians, of the frames before
/// and of those after, rather than the mean of all neighbours: a cut between a still and a busy shot
/// is then measured against both, and a flash nearby does not hide it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Frames on each side that make the level.
    pub window: usize,
    /// How many times the level a cut is at least.
    pub ratio: f32,
    /// The least difference of a cut, so that noise in a still shot is none.
    pub floor: f32,
    /// A difference that is a cut whatever stands around it.
    pub certain: f32,
    /// Share of a rise that comes back within two frames when it is a flash; infinite where frames are
    /// too far apart to tell.
    pub flash: f32,
    /// The shortest shot, in seconds; of two cuts that are closer the earlier one stays.
    pub min_shot: f64,
}

impl Rule {
    /// For the changes between all frames of a video. Set on clips with cuts at known frames; see
    /// `tests/fixtures/README.md` of this crate for the clips and `tests/cuts.rs` for the figures.
    pub const EVERY_FRAME: Self = Self {
        window: 5,
        ratio: 1.75,
        floor: 4.0,
        certain: f32::INFINITY,
        flash: 0.5,
        min_shot: 0.24,
    };

    /// For the changes between frames about a second apart, where a shot moves on between frames and
    /// cuts may follow each other.
    pub const EVERY_SECOND: Self = Self {
        window: 3,
        ratio: 1.75,
        floor: 10.0,
        certain: 18.0,
        flash: f32::INFINITY,
        min_shot: 0.9,
    };
}

/// Frames within which a flash is over: the burst and its decay.
const FLASH_FRAMES: usize = 2;

/// Cuts `0..duration` (seconds) into shots that cover it without gaps; a medium without a cut, or
/// without changes, is one shot. `changes` are in order of time; the first frame's, which has no frame
/// before it, may be there or not.
#[must_use]
pub fn detect(changes: &[Change], duration: f64, rule: &Rule) -> Vec<Shot> {
    let duration = if duration.is_finite() { duration.max(0.0) } else { 0.0 };
    let mut starts = vec![0.0];
    for index in 0..changes.len() {
        let seconds = changes[index].seconds;
        let long_enough = seconds - starts[starts.len() - 1] >= rule.min_shot;
        if long_enough && seconds < duration && is_cut(changes, index, rule) {
            starts.push(seconds);
        }
    }
    let ends = starts[1..].iter().copied().chain([duration]);
    starts.iter().zip(ends).map(|(&start, end)| Shot { range: TimeRange { start, end } }).collect()
}

fn is_cut(changes: &[Change], index: usize, rule: &Rule) -> bool {
    let difference = changes[index].difference;
    if difference >= rule.certain {
        return true;
    }
    // The least that any level allows: most frames end here.
    if difference.is_nan() || difference < rule.floor {
        return false;
    }
    let before = &changes[index.saturating_sub(rule.window)..index];
    let after = &changes[index + 1..changes.len().min(index + 1 + rule.window)];
    let (before_level, after_level) = match (median(before), median(after)) {
        (None, None) => (0.0, 0.0),
        (Some(level), None) | (None, Some(level)) => (level, level),
        (Some(before), Some(after)) => (before, after),
    };
    let level = f32::midpoint(before_level, after_level);
    if difference < rule.ratio * level {
        return false;
    }
    let returned = rise(before.iter().rev(), before_level).max(rise(after.iter(), after_level));
    returned < rule.flash * (difference - level)
}

/// How far the next frames rise above `level` in sum: the way back of a flash.
fn rise<'a>(changes: impl Iterator<Item = &'a Change>, level: f32) -> f32 {
    changes.take(FLASH_FRAMES).map(|change| (change.difference - level).max(0.0)).sum()
}

fn median(changes: &[Change]) -> Option<f32> {
    let mut values: Vec<f32> = changes.iter().map(|change| change.difference).collect();
    values.sort_by(f32::total_cmp);
    let (&low, &high) =
        (values.get(values.len().saturating_sub(1) / 2)?, values.get(values.len() / 2)?);
    Some(f32::midpoint(low, high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at_25(differences: &[f32]) -> Vec<Change> {
        let change = |(frame, &difference)| Change { seconds: frame as f64 / 25.0, difference };
        differences.iter().enumerate().map(change).collect()
    }

    fn starts(differences: &[f32]) -> Vec<usize> {
        let duration = differences.len() as f64 / 25.0;
        let shots = detect(&at_25(differences), duration, &Rule::EVERY_FRAME);
        shots[1..].iter().map(|shot| (shot.range.start * 25.0).round() as usize).collect()
    }

    #[test]
    fn no_cut_is_one_shot() {
        assert_eq!(starts(&[1.0; 50]), [0usize; 0]);
        let image = detect(&[], 0.0, &Rule::EVERY_FRAME);
        assert_eq!(image, [Shot { range: TimeRange { start: 0.0, end: 0.0 } }]);
        assert_eq!(detect(&[], f64::NAN, &Rule::EVERY_FRAME).len(), 1);
    }

    #[test]
    fn a_flash_is_no_cut_and_hides_none() {
        let mut differences = vec![1.0; 60];
        differences[20..22].copy_from_slice(&[40.0, 38.0]);
        differences[40] = 30.0;
        assert_eq!(starts(&differences), [40]);
        // One that takes two frames to decay.
        differences[20..23].copy_from_slice(&[40.0, 22.0, 16.0]);
        assert_eq!(starts(&differences), [40]);
    }

    #[test]
    fn fast_motion_is_no_cut_and_hides_none() {
        let mut differences = vec![0.5; 20];
        differences.extend([3.0, 6.0, 9.0, 12.0, 13.0, 12.5, 13.0, 12.0, 9.0, 6.0, 3.0]);
        differences.extend([0.5; 20]);
        assert_eq!(starts(&differences), [0usize; 0], "a whip pan");
        let mut differences = vec![12.0; 40];
        differences[20] = 30.0;
        assert_eq!(starts(&differences), [20], "a cut between two pans");
    }

    proptest! {
        #[test]
        fn shots_cover_everything(
            differences in prop::collection::vec(prop_oneof![0f32..100.0, Just(f32::NAN)], 0..200),
            duration in 0f64..10.0,
        ) {
            for rule in [Rule::EVERY_FRAME, Rule::EVERY_SECOND] {
                let shots = detect(&at_25(&differences), duration, &rule);
                prop_assert_eq!(shots[0].range.start, 0.0);
                prop_assert_eq!(shots[shots.len() - 1].range.end, duration);
                for pair in shots.windows(2) {
                    prop_assert_eq!(pair[0].range.end, pair[1].range.start);
                    prop_assert!(pair[0].range.duration() >= rule.min_shot);
                }
            }
        }
    }
}
