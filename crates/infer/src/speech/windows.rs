//! Speech cut at silences into windows as long as Whisper listens at a time.
//!
//! Only speech, with a little of the silence around it, gets into a window: nothing can be made up where
//! nobody speaks. Ranges of speech follow each other in a window and keep their places in the sound.

use super::{SAMPLE_RATE, voice::STEP};
use std::{collections::VecDeque, ops::Range};

/// From this probability on a voice is there, and it is there until less than [`SILENT`]: the values of
/// Silero's own `get_speech_timestamps`.
const VOICED: f32 = 0.5;
const SILENT: f32 = 0.35;
/// Speech ends when it was silent for so many steps, 0.26 s: a breath.
const BREATH: usize = 8;
/// What is voiced for fewer steps, 0.19 s, is a cough or a click.
const SHORTEST: usize = 6;
/// Samples of silence that stay before and after speech, 0.2 s.
const PAD: u64 = SAMPLE_RATE as u64 / 5;
/// Samples of a window at most, 28 s: Whisper listens to 30 s.
const LONGEST: u64 = 28 * SAMPLE_RATE as u64;
/// Samples at most of the first window of those who hurry, 8 s.
const FIRST: u64 = 8 * SAMPLE_RATE as u64;
/// Speech without a breath is cut at its most silent step among these last ones of a window, 6 s.
const CUT_AMONG: usize = 6 * SAMPLE_RATE as usize / STEP;

/// Some speech to be listened to at once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Window {
    /// The samples of all ranges, one after the other.
    pub samples: Vec<f32>,
    /// Where each range begins in the sound and in `samples`, in samples.
    pieces: Vec<(u64, usize)>,
}

impl Window {
    /// When in the sound a word is said, in seconds, by its time in the window: in the range of speech that
    /// holds its middle, and no further.
    #[must_use]
    pub fn time(&self, word: Range<f64>) -> Range<f64> {
        let rate = f64::from(SAMPLE_RATE);
        let middle = rate * (word.start + word.end) / 2.0;
        let after = self.pieces.partition_point(|(_, place)| *place as f64 <= middle);
        let (start, place) = self.pieces.get(after.saturating_sub(1)).copied().unwrap_or_default();
        let end = self.pieces.get(after).map_or(self.samples.len(), |(_, place)| *place);
        let at = |seconds: f64| (seconds * rate).clamp(place as f64, end as f64) - place as f64;
        let in_sound = |seconds: f64| (start as f64 + at(seconds)) / rate;
        in_sound(word.start)..in_sound(word.end)
    }

    /// The ranges of speech, in seconds of the sound.
    pub fn ranges(&self) -> impl Iterator<Item = Range<f64>> {
        let ends = self.pieces.iter().skip(1).map(|(_, place)| *place);
        let ends = ends.chain([self.samples.len()]);
        let seconds = |sample: u64| sample as f64 / f64::from(SAMPLE_RATE);
        self.pieces.iter().zip(ends).map(move |(&(start, place), end)| {
            seconds(start)..seconds(start + (end - place) as u64)
        })
    }

    fn add(&mut self, start: u64, samples: &[f32]) {
        self.pieces.push((start, self.samples.len()));
        self.samples.extend(samples);
    }
}

/// Makes windows of a sound as it comes.
#[derive(Debug)]
pub struct Windows {
    /// Samples of the next window at most.
    longest: u64,
    /// Samples that may still be needed, the first of which has number `forgotten`.
    samples: VecDeque<f32>,
    forgotten: u64,
    /// Steps so far.
    steps: usize,
    /// Probabilities of the steps of the speech that goes on, the first of which is step `.0`.
    speech: Option<(usize, Vec<f32>)>,
    /// Silent steps at the end of it.
    silent: usize,
    /// Where the last range ended: padding must not be heard twice.
    ended: u64,
    window: Window,
}

impl Windows {
    /// Windows of up to 28 s, of which the first has up to 8 s for those who `hurry`.
    #[must_use]
    pub fn new(hurry: bool) -> Self {
        Self {
            longest: if hurry { FIRST } else { LONGEST },
            samples: VecDeque::new(),
            forgotten: 0,
            steps: 0,
            speech: None,
            silent: 0,
            ended: 0,
            window: Window::default(),
        }
    }

    /// Takes samples and the probabilities of the steps that they completed; gives the windows that are
    /// full.
    pub fn add(&mut self, samples: &[f32], probabilities: &[f32]) -> Vec<Window> {
        self.samples.extend(samples);
        probabilities.iter().filter_map(|&probability| self.step(probability)).collect()
    }

    /// The last window, if there is any speech left.
    pub fn finish(mut self) -> Vec<Window> {
        let full = self.end_speech();
        full.into_iter().chain([self.window]).filter(|window| !window.samples.is_empty()).collect()
    }

    fn step(&mut self, probability: f32) -> Option<Window> {
        let step = self.steps;
        self.steps += 1;
        match &mut self.speech {
            None if probability >= VOICED => {
                self.speech = Some((step, vec![probability]));
                self.silent = 0;
            }
            None => self.forget(),
            Some((_, probabilities)) => {
                probabilities.push(probability);
                self.silent = if probability < SILENT { self.silent + 1 } else { 0 };
                let length = (probabilities.len() * STEP) as u64;
                if self.silent == BREATH {
                    return self.end_speech();
                } else if length + 2 * PAD >= self.longest {
                    return self.cut_speech();
                }
            }
        }
        None
    }

    /// Puts the speech that has ended into the window; gives the window if it had to go before.
    fn end_speech(&mut self) -> Option<Window> {
        let (first, probabilities) = self.speech.take()?;
        let voiced = probabilities.len() - self.silent;
        let steps = first..first + voiced;
        // What goes on after a cut is no click, however short.
        let goes_on = voiced > 0 && self.ended == (first * STEP) as u64;
        (voiced >= SHORTEST || goes_on).then(|| self.put(&steps, PAD)).flatten()
    }

    /// Ends speech that goes on where it is most silent; the rest is the beginning of more.
    fn cut_speech(&mut self) -> Option<Window> {
        let (first, mut probabilities) = self.speech.take()?;
        let from = probabilities.len().saturating_sub(CUT_AMONG);
        let quietest = (from..probabilities.len())
            .min_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
        let rest = probabilities.split_off(quietest.map_or(from, |step| step + 1));
        let steps = first..first + probabilities.len();
        self.silent = rest.iter().rev().take_while(|probability| **probability < SILENT).count();
        self.speech = Some((steps.end, rest));
        let full = self.put(&steps, 0);
        // The rest begins where this ended, so that nothing before is needed any more.
        self.samples.drain(..(self.ended - self.forgotten) as usize);
        self.forgotten = self.ended;
        full
    }

    /// Adds some steps, and silence up to `after` samples behind them, to the window; gives the window
    /// before if both have no room together.
    fn put(&mut self, steps: &Range<usize>, after: u64) -> Option<Window> {
        let samples = |step: usize| (step * STEP) as u64;
        let start = samples(steps.start).saturating_sub(PAD).max(self.ended);
        let end = (samples(steps.end) + after).min(self.forgotten + self.samples.len() as u64);
        let all = self.samples.make_contiguous();
        let range = (start - self.forgotten) as usize..(end - self.forgotten) as usize;
        let full = self.window.samples.len() as u64 + (end - start) > self.longest;
        let before = full.then(|| std::mem::take(&mut self.window));
        self.window.add(start, &all[range]);
        self.ended = end;
        let before = before.filter(|window| !window.samples.is_empty())?;
        self.longest = LONGEST;
        Some(before)
    }

    /// Drops samples that are too old to be padding.
    fn forget(&mut self) {
        let needed = ((self.steps * STEP) as u64).saturating_sub(2 * PAD).max(self.forgotten);
        let unneeded = (needed - self.forgotten) as usize;
        // Not for every step: it moves what stays.
        if unneeded > SAMPLE_RATE as usize {
            self.samples.drain(..unneeded);
            self.forgotten = needed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of a sound whose samples are their own numbers, voiced in these ranges of steps.
    fn windows(steps: usize, voiced: &[Range<usize>]) -> Vec<Window> {
        let (mut windows, mut full) = (Windows::new(false), Vec::new());
        for step in 0..steps {
            let samples: Vec<f32> = (0..STEP).map(|n| (step * STEP + n) as f32).collect();
            let is_voiced = voiced.iter().any(|range| range.contains(&step));
            full.extend(windows.add(&samples, &[if is_voiced { 0.9 } else { 0.1 }]));
        }
        full.extend(windows.finish());
        full
    }

    #[test]
    fn times_of_a_window_are_those_of_the_sound() {
        let found = windows(3000, &[100..200, 1000..1050]);
        assert_eq!(found.len(), 1);
        let pad = PAD as f32;
        assert_eq!(found[0].samples[0], (100 * STEP) as f32 - pad);
        for place in [0, 777, 40_000, 60_000, found[0].samples.len() - 1] {
            let seconds = place as f64 / f64::from(SAMPLE_RATE);
            let sample = found[0].time(seconds..seconds).start * f64::from(SAMPLE_RATE);
            assert!(
                (sample - f64::from(found[0].samples[place])).abs() < 1e-3,
                "{place}: {sample}"
            );
        }
        let ranges: Vec<_> = found[0].ranges().collect();
        assert_eq!(ranges.len(), 2);
        assert!(
            (ranges[1].start - (1000.0 * STEP as f64 - f64::from(pad)) / 16_000.0).abs() < 1e-9
        );
    }

    #[test]
    fn a_word_over_a_border_is_in_the_range_that_holds_its_middle() {
        let found = windows(3000, &[100..200, 1000..1050]);
        let ranges: Vec<_> = found[0].ranges().collect();
        let border = ranges[0].end - ranges[0].start;
        let late = found[0].time(border - 0.1..border + 0.3);
        assert_eq!(late.start, ranges[1].start, "it does not begin before the silence");
        assert!((late.end - ranges[1].start - 0.3).abs() < 1e-6);
        let early = found[0].time(border - 0.3..border + 0.1);
        assert!((early.start - ranges[0].end + 0.3).abs() < 1e-6);
        assert!((early.end - ranges[0].end).abs() < 1e-9);
        assert_eq!(Window::default().time(1.0..2.0), 0.0..0.0);
    }

    #[test]
    fn silence_and_clicks_make_no_window() {
        assert_eq!(windows(5000, &[]), []);
        assert_eq!(windows(5000, &[100..103, 900..905]), []);
        assert_eq!(windows(0, &[]), []);
    }

    #[test]
    fn a_window_ends_at_a_breath() {
        // Speech of 3.2 s with breaths of 0.6 s between.
        let voiced: Vec<_> = (0..40).map(|n| n * 120..n * 120 + 100).collect();
        let found = windows(5000, &voiced);
        assert!(found.len() > 4);
        for window in &found {
            assert!(window.samples.len() as u64 <= LONGEST);
        }
        let ranges: Vec<Range<f64>> = found.iter().flat_map(Window::ranges).collect();
        assert_eq!(ranges.len(), 40, "no range is cut");
        assert!(
            ranges.windows(2).all(|pair| pair[0].end <= pair[1].start),
            "nothing is heard twice"
        );
    }

    #[test]
    fn what_goes_on_after_a_cut_is_kept_however_short() {
        // The first cut comes after 869 steps, all alike, at the first of the last ones.
        for voiced in (860..900).chain([1725, 1730, 1736]) {
            let found = windows(3000, std::slice::from_ref(&(10..10 + voiced)));
            let all: Vec<f32> = found.iter().flat_map(|window| window.samples.clone()).collect();
            assert!(all.windows(2).all(|pair| pair[1] - pair[0] == 1.0), "{voiced}");
            assert!(all[all.len() - 1] >= ((10 + voiced) * STEP) as f32 - 1.0, "{voiced}");
        }
    }

    #[test]
    fn speech_without_a_breath_is_cut_and_nothing_of_it_lost() {
        let found = windows(6000, std::slice::from_ref(&(10..5990)));
        assert!(found.len() >= 6 && found.iter().all(|one| one.samples.len() as u64 <= LONGEST));
        let all: Vec<f32> = found.iter().flat_map(|window| window.samples.clone()).collect();
        assert!(all.windows(2).all(|pair| pair[1] - pair[0] == 1.0), "no gap and nothing twice");
        assert!(found.iter().all(|window| window.samples.capacity() < 3 * LONGEST as usize));
        assert!(all[0] <= (10 * STEP) as f32 && all[all.len() - 1] >= (5990 * STEP) as f32 - 1.0);
    }
}
