//! The filters of Whisper's spectrogram.

use super::SAMPLE_RATE;

/// Frequencies of the spectrum of 400 samples, from 0 to half of the sample rate.
pub(super) const BINS: usize = 201;
const WINDOW: usize = 400;

/// The scale of Slaney's Auditory Toolbox (1998), which librosa takes by default: even up to 1,000 Hz in
/// steps of 200/3 Hz, from there on even in logarithms, 27 steps to a factor of 6.4.
const STEP: f64 = 200.0 / 3.0;
const EVEN_TO: f64 = 1000.0;
const FACTOR: f64 = 6.4;
const STEPS_A_FACTOR: f64 = 27.0;

fn hertz(mel: f64) -> f64 {
    let even = EVEN_TO / STEP;
    if mel < even { mel * STEP } else { EVEN_TO * FACTOR.powf((mel - even) / STEPS_A_FACTOR) }
}

fn mels_of(hertz: f64) -> f64 {
    let even = EVEN_TO / STEP;
    if hertz < EVEN_TO {
        hertz / STEP
    } else {
        even + STEPS_A_FACTOR * (hertz / EVEN_TO).ln() / FACTOR.ln()
    }
}

/// Rows of [`BINS`] weights, one for each of `count` triangles of equal area between 0 and half of the
/// sample rate.
pub(super) fn filters(count: usize) -> Vec<f32> {
    let nyquist = f64::from(SAMPLE_RATE) / 2.0;
    let corner = |n: usize| hertz(mels_of(nyquist) * n as f64 / (count + 1) as f64);
    let row = |n: usize| {
        let (left, top, right) = (corner(n), corner(n + 1), corner(n + 2));
        (0..BINS).map(move |bin| {
            let at = bin as f64 * f64::from(SAMPLE_RATE) / WINDOW as f64;
            let height = ((at - left) / (top - left)).min((right - at) / (right - top));
            (height.max(0.0) * 2.0 / (right - left)) as f32
        })
    };
    (0..count).flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `mel_filters.npz` of OpenAI's Whisper, as librosa made them.
    #[test]
    fn filters_are_those_that_whisper_was_trained_with() {
        let filters = filters(80);
        assert_eq!(filters.len(), 80 * BINS);
        let near = |row: usize, bin: usize, value: f32| {
            let here = filters[row * BINS + bin];
            assert!((here - value).abs() < 1e-7, "row {row}, bin {bin}: {here}, not {value}");
        };
        near(0, 1, 0.024_862_595);
        near(0, 2, 0.0);
        near(1, 2, 0.022_871_772);
        near(40, 43, 0.014_735_566);
        near(79, 192, 0.003_164_711_9);
        let sum: f64 = filters.iter().map(|value| f64::from(*value)).sum();
        assert!((sum - 1.999_024_2).abs() < 1e-6, "{sum}");
    }
}
