//! Who speaks when: each frame of a track takes the person of the window next to it.

use super::tracks::{Span, Track};
use super::{FRAMES_A_SECOND, Turn};
use std::collections::HashMap;
use std::ops::Range;

/// Frames over which a track is believed to be the same person: 5 s.
const REACH: usize = 500;

/// A stretch of a track with its person.
#[derive(Debug, Clone, PartialEq)]
struct Labelled {
    frames: Range<usize>,
    track: Track,
    person: usize,
}

/// A person in a stretch.
type Piece = (usize, Range<usize>);

/// Turns out of what is heard, and out of windows with their people, both in order of time.
///
/// Where a track is alone, windows tell. Where it is not, or too shortly for a window, it is whom it is
/// nearby; alone and with nothing near, whoever is heard next to it.
pub(super) fn turns(spans: &[Span], windows: &[Range<usize>], people: &[usize]) -> Vec<Turn> {
    let (labelled, rest) = labelled(spans, windows, people);
    let piece = |stretch: &Labelled| (stretch.person, stretch.frames.clone());
    let mut pieces: Vec<Piece> = labelled.iter().map(piece).collect();
    let all: Vec<&Labelled> = labelled.iter().collect();
    let mut of_track: HashMap<Track, Vec<&Labelled>> = HashMap::new();
    for stretch in &labelled {
        of_track.entry(stretch.track).or_default().push(stretch);
    }
    for span in rest {
        for track in span.tracks.iter().flatten() {
            let own = of_track.get(track).map_or(&[][..], Vec::as_slice);
            for frame in span.frames.clone() {
                let near = nearest(own, frame).filter(|(_, distance)| *distance <= REACH);
                let next = || nearest(&all, frame).filter(|_| span.alone().is_some());
                if let Some((person, _)) = near.or_else(next) {
                    pieces.push((person, frame..frame + 1));
                }
            }
        }
    }
    numbered(merged(pieces))
}

/// Spans that windows lie in, cut where the next window is nearer, and the spans without windows.
fn labelled<'a>(
    spans: &'a [Span],
    mut windows: &[Range<usize>],
    mut people: &[usize],
) -> (Vec<Labelled>, Vec<&'a Span>) {
    let (mut labelled, mut rest) = (Vec::new(), Vec::new());
    for span in spans {
        let inside = windows.iter().take_while(|window| window.end <= span.frames.end).count();
        match span.alone() {
            Some(track) if inside > 0 => {
                let parts = parts(&span.frames, &windows[..inside]).zip(people);
                labelled.extend(parts.map(|(frames, &person)| Labelled { frames, track, person }));
            }
            _ => rest.push(span),
        }
        (windows, people) = (&windows[inside..], &people[inside..]);
    }
    (labelled, rest)
}

/// The frames that are nearest to the middle of each window.
fn parts<'a>(
    frames: &'a Range<usize>,
    windows: &'a [Range<usize>],
) -> impl Iterator<Item = Range<usize>> + 'a {
    let twice_middle = |window: &Range<usize>| window.start + window.end;
    let border =
        move |pair: &[Range<usize>]| (twice_middle(&pair[0]) + twice_middle(&pair[1])) / 4 + 1;
    let borders = move || windows.windows(2).map(border);
    let starts = std::iter::once(frames.start).chain(borders());
    let ends = borders().chain([frames.end]);
    starts.zip(ends).map(|(start, end)| start..end)
}

/// The person of the stretch nearest to a frame that lies in none, the earlier of two, and how far it is.
fn nearest(stretches: &[&Labelled], frame: usize) -> Option<(usize, usize)> {
    let after = stretches.partition_point(|stretch| stretch.frames.start <= frame);
    let before = after.checked_sub(1).map(|at| stretches[at]);
    let before = before.map(|stretch| (stretch.person, frame + 1 - stretch.frames.end));
    let after = stretches.get(after).map(|next| (next.person, next.frames.start - frame));
    [before, after].into_iter().flatten().min_by_key(|(_, distance)| *distance)
}

/// Pieces of the same person that touch or overlap become one; person by person, in order of time.
fn merged(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.sort_unstable_by_key(|(person, frames)| (*person, frames.start));
    pieces.dedup_by(|next, piece| {
        let touches = next.0 == piece.0 && next.1.start <= piece.1.end;
        if touches {
            piece.1.end = piece.1.end.max(next.1.end);
        }
        touches
    });
    pieces
}

/// Pieces in order of their start, people numbered as they appear.
fn numbered(mut pieces: Vec<Piece>) -> Vec<Turn> {
    pieces.sort_unstable_by_key(|(person, frames)| (frames.start, frames.end, *person));
    let mut numbers = HashMap::new();
    let turn = |(person, frames): Piece| {
        let next = numbers.len() as u32;
        let speaker = *numbers.entry(person).or_insert(next);
        let seconds = |frame: usize| frame as f64 / FRAMES_A_SECOND;
        Turn { speaker, start: seconds(frames.start), end: seconds(frames.end) }
    };
    pieces.into_iter().map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(frames: Range<usize>, tracks: &[Track]) -> Span {
        Span { frames, tracks: [tracks.first().copied(), tracks.get(1).copied()] }
    }

    fn of(turns: &[Turn]) -> Vec<(u32, Range<usize>)> {
        let frame = |seconds: f64| (seconds * FRAMES_A_SECOND).round() as usize;
        turns.iter().map(|turn| (turn.speaker, frame(turn.start)..frame(turn.end))).collect()
    }

    #[test]
    fn a_track_changes_person_between_windows() {
        let spans = [span(0..300, &[4])];
        let windows = [0..150, 75..225, 150..300];
        let found = turns(&spans, &windows, &[5, 5, 2]);
        assert_eq!(of(&found), [(0, 0..188), (1, 188..300)]);
        let found = turns(&spans, &windows, &[5, 5, 5]);
        assert_eq!(of(&found), [(0, 0..300)]);
    }

    #[test]
    fn overlaps_and_short_stretches_are_whom_the_track_is_nearby() {
        let spans = [
            span(0..100, &[1]),
            span(100..130, &[1, 2]),
            span(130..240, &[2]),
            span(300..320, &[1]),
        ];
        let found = turns(&spans, &[0..100, 130..240], &[0, 1]);
        assert_eq!(of(&found), [(0, 0..130), (1, 100..240), (0, 300..320)]);
    }

    #[test]
    fn far_from_its_own_a_short_stretch_takes_its_neighbour_and_an_overlap_nobody() {
        let spans = [
            span(0..100, &[1]),
            span(700..720, &[1]),
            span(730..900, &[2]),
            span(900..930, &[1, 2]),
            span(940..960, &[3]),
        ];
        let found = turns(&spans, &[0..100, 730..880, 750..900], &[0, 1, 1]);
        let expected = [(0, 0..100), (1, 700..720), (1, 730..930), (1, 940..960)];
        assert_eq!(of(&found), expected);
    }

    #[test]
    fn without_windows_nobody_is_known() {
        assert_eq!(turns(&[], &[], &[]), []);
        assert_eq!(turns(&[span(0..20, &[1]), span(40..60, &[1, 2])], &[], &[]), []);
    }
}
