//! Tracks: voices of neighbouring chunks that are one, by when they are heard where the chunks overlap.

use super::activity::{Heard, VOICES};
use std::ops::Range;

/// Frames from the begin of a chunk to that of the next: half a chunk, which they share.
pub(super) const HOP: usize = 500;
/// Frames that two voices must share to be one: .2 s.
const LEAST_SHARED: usize = 20;
/// The ways in which three voices may be three others.
const ORDERS: [[usize; VOICES]; 6] =
    [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// Number of a track within a file.
pub(super) type Track = u32;

/// A stretch in which the same one or two tracks are heard, in frames of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    pub frames: Range<usize>,
    /// In order; the network tells at most two voices at once.
    pub tracks: [Option<Track>; 2],
}

impl Span {
    /// The track, where only one is heard.
    pub(super) fn alone(&self) -> Option<Track> {
        if self.tracks[1].is_some() { None } else { self.tracks[0] }
    }
}

/// Gives the voices of one chunk after the other their tracks.
#[derive(Debug, Default)]
pub(super) struct Linker {
    /// The end of the chunk before, where the next begins, and the tracks of its voices.
    before: Option<(Vec<Heard>, [Track; VOICES])>,
    unused: Track,
}

impl Linker {
    /// The tracks of the voices of the next chunk.
    pub(super) fn link(&mut self, chunk: &[Heard]) -> [Track; VOICES] {
        let known = self.before.take().map_or([None; VOICES], |(end, tracks)| {
            let from = matches(&shared(&end, chunk));
            from.map(|voice| voice.map(|voice| tracks[voice]))
        });
        let tracks = known.map(|track| track.unwrap_or_else(|| self.next()));
        self.before = Some((chunk[HOP..].to_vec(), tracks));
        tracks
    }

    fn next(&mut self) -> Track {
        self.unused += 1;
        self.unused - 1
    }
}

/// In how many frames each voice of the first is heard together with each of the second.
fn shared(first: &[Heard], second: &[Heard]) -> [[usize; VOICES]; VOICES] {
    let mut counts = [[0; VOICES]; VOICES];
    for (first, second) in first.iter().zip(second) {
        for (i, row) in counts.iter_mut().enumerate() {
            for (j, count) in row.iter_mut().enumerate() {
                *count += usize::from(first >> i & second >> j & 1);
            }
        }
    }
    counts
}

/// The voice of the first that each of the second is, if any: the order with the most frames in common.
fn matches(counts: &[[usize; VOICES]; VOICES]) -> [Option<usize>; VOICES] {
    let total = |order: &&[usize; VOICES]| -> usize {
        order.iter().enumerate().map(|(second, &first)| counts[first][second]).sum()
    };
    let best = ORDERS.iter().max_by_key(total).unwrap_or(&ORDERS[0]);
    std::array::from_fn(|second| {
        let first = best[second];
        (counts[first][second] > LEAST_SHARED).then_some(first)
    })
}

/// The tracks of what is heard.
pub(super) fn of(heard: Heard, tracks: &[Track; VOICES]) -> [Option<Track>; 2] {
    let bits = (0..VOICES).filter(|voice| heard >> voice & 1 == 1);
    let mut heard: Vec<Track> = bits.map(|voice| tracks[voice]).collect();
    heard.sort_unstable();
    [heard.first().copied(), heard.get(1).copied()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chunk in which voices are heard over ranges of frames.
    fn chunk(voices: [Range<usize>; VOICES]) -> Vec<Heard> {
        let bit = |frame: usize, voice: usize| u8::from(voices[voice].contains(&frame)) << voice;
        (0..2 * HOP).map(|frame| (0..VOICES).map(|voice| bit(frame, voice)).sum()).collect()
    }

    #[test]
    fn voices_that_change_places_keep_their_tracks() {
        let mut linker = Linker::default();
        assert_eq!(linker.link(&chunk([0..400, 300..800, 800..1000])), [0, 1, 2]);
        // What was second is first, the third one stays away, somebody new comes.
        assert_eq!(linker.link(&chunk([0..300, 600..900, 300..700])), [1, 3, 2]);
        assert_eq!(linker.link(&chunk([0..0, 0..0, 0..0])), [4, 5, 6]);
    }

    #[test]
    fn a_moment_in_common_is_not_enough() {
        let mut linker = Linker::default();
        linker.link(&chunk([0..520, 0..0, 0..0]));
        assert_eq!(linker.link(&chunk([0..500, 0..0, 0..0])), [3, 4, 5]);
        let mut linker = Linker::default();
        linker.link(&chunk([0..521, 0..0, 0..0]));
        assert_eq!(linker.link(&chunk([0..500, 0..0, 0..0])), [0, 3, 4]);
    }

    #[test]
    fn what_is_heard_is_told_in_the_order_of_tracks() {
        assert_eq!(of(0, &[7, 3, 9]), [None, None]);
        assert_eq!(of(0b100, &[7, 3, 9]), [Some(9), None]);
        assert_eq!(of(0b011, &[7, 3, 9]), [Some(3), Some(7)]);
        let span = |tracks| Span { frames: 0..1, tracks };
        assert_eq!(span([Some(4), None]).alone(), Some(4));
        assert_eq!(span([Some(4), Some(5)]).alone(), None);
    }
}
