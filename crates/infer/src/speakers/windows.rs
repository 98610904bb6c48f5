//! Windows: the pieces, in frames, of a stretch in which one track is heard that become vectors.

use super::tracks::Track;
use std::ops::Range;

/// Frames of a window, 1.5 s, and from one to the next.
const LENGTH: usize = 150;
pub(super) const HOP: usize = 75;
/// Frames of the shortest stretch that is looked at, .3 s.
const SHORTEST: usize = 30;

/// Cuts stretches as they grow, so that nothing of them is kept. The last window of a stretch ends with it,
/// and is the only one where the stretch is shorter than a window.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    stretch: Option<Stretch>,
}

#[derive(Debug)]
struct Stretch {
    frames: Range<usize>,
    track: Track,
    /// Windows cut so far.
    cut: usize,
}

impl Cutter {
    /// Goes on with `frames`, in which one track is heard alone or not; they begin where the last ended.
    /// The windows that this tells lie within the last [`LENGTH`] frames before these, and these.
    pub(super) fn add(&mut self, frames: Range<usize>, alone: Option<Track>) -> Vec<Range<usize>> {
        let goes_on = self.stretch.as_ref().is_some_and(|stretch| alone == Some(stretch.track));
        let mut windows = if goes_on { Vec::new() } else { self.end() };
        if let Some(track) = alone {
            let begin = || Stretch { frames: frames.clone(), track, cut: 0 };
            let stretch = self.stretch.get_or_insert_with(begin);
            stretch.frames.end = frames.end;
            windows.extend(stretch.windows());
        }
        windows
    }

    /// The last window of the stretch, which ends here.
    pub(super) fn end(&mut self) -> Vec<Range<usize>> {
        let ended = self.stretch.take().filter(|stretch| stretch.frames.len() >= SHORTEST);
        let last = ended.map(|stretch| {
            let Range { start, end } = stretch.frames;
            end.saturating_sub(LENGTH).max(start)..end
        });
        last.into_iter().collect()
    }
}

impl Stretch {
    /// Windows that the stretch has grown beyond.
    fn windows(&mut self) -> Vec<Range<usize>> {
        let mut windows = Vec::new();
        while self.frames.len() > self.cut * HOP + LENGTH {
            let start = self.frames.start + self.cut * HOP;
            windows.push(start..start + LENGTH);
            self.cut += 1;
        }
        windows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The windows of one stretch from 100 on, added in parts of `part` frames.
    fn windows(length: usize, part: usize) -> Vec<Range<usize>> {
        let mut cutter = Cutter::default();
        let mut windows = cutter.add(0..100, None);
        for start in (100..100 + length).step_by(part) {
            windows.extend(cutter.add(start..(start + part).min(100 + length), Some(1)));
        }
        windows.extend(cutter.add(100 + length..1000, None));
        windows
    }

    #[test]
    fn every_stretch_is_covered_to_its_end() {
        for part in [1, 7, 100, 1000] {
            assert!(windows(29, part).is_empty());
            assert_eq!(windows(30, part), [Range { start: 100, end: 130 }]);
            assert_eq!(windows(150, part), [Range { start: 100, end: 250 }]);
            assert_eq!(windows(151, part), [100..250, 101..251]);
            assert_eq!(windows(225, part), [100..250, 175..325]);
            assert_eq!(windows(226, part), [100..250, 175..325, 176..326]);
        }
    }

    #[test]
    fn another_track_begins_another_stretch() {
        let mut cutter = Cutter::default();
        assert!(cutter.add(0..80, Some(1)).is_empty());
        assert_eq!(cutter.add(80..120, Some(2)), [Range { start: 0, end: 80 }]);
        assert_eq!(cutter.add(120..130, None), [Range { start: 80, end: 120 }]);
        assert!(cutter.add(130..140, None).is_empty());
        assert!(cutter.end().is_empty());
    }
}
