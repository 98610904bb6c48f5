//! Logarithms of mel energies as Kaldi has them (`feature-fbank`, `feature-window`, `mel-computations`),
//! which CAM++ was trained on.

use std::f64::consts::PI;

/// Values a frame.
pub(super) const BANDS: usize = 80;
/// Samples of a frame, 25 ms, and from one to the next, 10 ms.
const LENGTH: usize = 400;
const SHIFT: usize = 160;
/// Samples of the transform: the next power of two.
const PADDED: usize = 512;
const SAMPLE_RATE: f64 = 16_000.0;
/// Edges of the lowest and of the highest band.
const LOWEST_HERTZ: f64 = 20.0;
const HIGHEST_HERTZ: f64 = 8_000.0;
/// Kaldi's defaults of `preemph-coeff` and of the window "povey".
const PREEMPHASIS: f32 = 0.97;
const POVEY_POWER: f64 = 0.85;

/// What is worked out once.
pub(super) struct Fbank {
    window: Vec<f32>,
    /// First bin of each band and its weights from there on.
    bands: Vec<(usize, Vec<f32>)>,
    /// Cosines and sines of the transform.
    turns: Vec<(f32, f32)>,
}

impl Fbank {
    pub(super) fn new() -> Self {
        let hann = |n: usize| 0.5 - 0.5 * (2.0 * PI * n as f64 / (LENGTH - 1) as f64).cos();
        let angle = |n: usize| -2.0 * PI * n as f64 / PADDED as f64;
        Self {
            window: (0..LENGTH).map(|n| hann(n).powf(POVEY_POWER) as f32).collect(),
            bands: (0..BANDS).map(band).collect(),
            turns: (0..PADDED / 2)
                .map(|n| (angle(n).cos() as f32, angle(n).sin() as f32))
                .collect(),
        }
    }

    /// [`BANDS`] values for each frame that lies in `samples` (16 kHz, -1..=1) as a whole.
    pub(super) fn features(&self, samples: &[f32]) -> Vec<f32> {
        samples.windows(LENGTH).step_by(SHIFT).flat_map(|frame| self.frame(frame)).collect()
    }

    fn frame(&self, samples: &[f32]) -> impl Iterator<Item = f32> {
        let mean = samples.iter().sum::<f32>() / LENGTH as f32;
        let mut wave = [(0.0, 0.0); PADDED];
        let mut before = samples[0] - mean;
        for ((point, sample), window) in wave.iter_mut().zip(samples).zip(&self.window) {
            let here = sample - mean;
            point.0 = (here - PREEMPHASIS * before) * window;
            before = here;
        }
        transform(&mut wave, &self.turns);
        let power = wave.map(|(real, imaginary)| real * real + imaginary * imaginary);
        self.bands.iter().map(move |(first, weights)| {
            let energy: f32 = weights.iter().zip(&power[*first..]).map(|(w, p)| w * p).sum();
            energy.max(f32::EPSILON).ln()
        })
    }
}

/// The Fourier transform of a power of two of complex numbers, in place (Cooley and Tukey 1965).
fn transform(points: &mut [(f32, f32)], turns: &[(f32, f32)]) {
    let bits = points.len().trailing_zeros();
    for from in 0..points.len() {
        let to = from.reverse_bits() >> (usize::BITS - bits);
        if from < to {
            points.swap(from, to);
        }
    }
    for half in (0..bits).map(|bit| 1 << bit) {
        for block in points.chunks_exact_mut(2 * half) {
            let (even, odd) = block.split_at_mut(half);
            let turns = turns.iter().step_by(turns.len() / half);
            for ((even, odd), turn) in even.iter_mut().zip(odd).zip(turns) {
                let real = odd.0 * turn.0 - odd.1 * turn.1;
                let imaginary = odd.0 * turn.1 + odd.1 * turn.0;
                *odd = (even.0 - real, even.1 - imaginary);
                *even = (even.0 + real, even.1 + imaginary);
            }
        }
    }
}

/// A triangle that is even in mels, over the bins below half of the sample rate.
fn band(number: usize) -> (usize, Vec<f32>) {
    let (low, high) = (mels(LOWEST_HERTZ), mels(HIGHEST_HERTZ));
    let step = (high - low) / (BANDS + 1) as f64;
    let left = low + number as f64 * step;
    let weight = |bin: usize| {
        let mel = mels(bin as f64 * SAMPLE_RATE / PADDED as f64);
        ((mel - left) / step).min((left + 2.0 * step - mel) / step)
    };
    let inside = |bin: &usize| weight(*bin) > 0.0;
    let first = (0..PADDED / 2).find(inside).unwrap_or(0);
    let bins = (first..PADDED / 2).take_while(inside);
    (first, bins.map(|bin| weight(bin) as f32).collect())
}

/// The scale of HTK.
fn mels(hertz: f64) -> f64 {
    1127.0 * (hertz / 700.0).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_is_the_sum_that_it_stands_for() {
        let fbank = Fbank::new();
        let wave = |n: usize| ((n * n % 97) as f32 / 97.0, (n * 31 % 53) as f32 / 53.0);
        let mut points: Vec<(f32, f32)> = (0..PADDED).map(wave).collect();
        transform(&mut points, &fbank.turns);
        for k in [0, 1, 7, 255, 256, 511] {
            let (mut real, mut imaginary) = (0.0, 0.0);
            for n in 0..PADDED {
                let angle = -2.0 * PI * (n * k) as f64 / PADDED as f64;
                let (re, im) = (f64::from(wave(n).0), f64::from(wave(n).1));
                real += re * angle.cos() - im * angle.sin();
                imaginary += re * angle.sin() + im * angle.cos();
            }
            let (re, im) = (f64::from(points[k].0), f64::from(points[k].1));
            assert!((re - real).abs() < 1e-3 && (im - imaginary).abs() < 1e-3, "{k}: {re} {im}");
        }
    }

    #[test]
    fn only_whole_frames_count_and_silence_has_the_least_energy() {
        let fbank = Fbank::new();
        assert!(fbank.features(&[0.1; LENGTH - 1]).is_empty());
        let silence = fbank.features(&[0.0; LENGTH + SHIFT]);
        assert_eq!(silence, vec![f32::EPSILON.ln(); 2 * BANDS]);
        // What does not move is no sound either.
        let still = fbank.features(&[0.25; LENGTH + SHIFT - 1]);
        assert_eq!(still, vec![f32::EPSILON.ln(); BANDS]);
    }
}
