//! Whisper through whisper.cpp.

use super::{
    Phrase, SAMPLE_RATE, Word,
    align::align,
    ctranslate::Weights,
    ggml, invented, sentences,
    words::{Token, words},
};
use crate::InferError;
use rushes_model::ModelKey;
use std::path::{Path, PathBuf};
use whisper_rs::{
    DtwMode, DtwModelPreset, DtwParameters, FullParams, SamplingStrategy, WhisperContext,
    WhisperContextParameters, WhisperError, WhisperSegment, WhisperState, WhisperToken,
};

/// Weights as whisper.cpp reads them.
const GGML: &str = "ggml.bin";
/// Weights as CTranslate2 wrote them: whole, or in parts because packages have a largest size.
const WHOLE: [&str; 1] = ["model.bin"];
const PARTS: [&str; 2] = ["model.bin.part1", "model.bin.part2"];
const VOCABULARY: &str = "vocabulary.txt";
/// Places of figures at the beginning of ggml's files, in numbers of 32 bits.
const TOKENS: usize = 1;
const LISTENING_LAYERS: usize = 5;
const SPEAKING_LAYERS: usize = 9;
/// Tokens of the smallest model that knows more than English (`is_multilingual` of whisper.cpp).
const MULTILINGUAL_TOKENS: u32 = 51_865;
/// Samples that are listened to at least: a little over a second.
const LEAST_SAMPLES: usize = SAMPLE_RATE as usize * 11 / 10;
/// Samples of one place of the encoder, 20 ms, and the places of the 30 s that Whisper was made for.
const PLACE: usize = SAMPLE_RATE as usize / 50;
const MOST_PLACES: usize = 1500;
/// Places that are looked at least, 10 s, after the end of the sound, 2 s, and to the next multiple of which
/// they are rounded, for ggml's sake. What is written down stays as good (bench/runs/2026-11-25.md).
const LEAST_PLACES: usize = 512;
const PLACES_AFTER: usize = 100;
const PLACES_STEP: usize = 64;
/// Seconds in one of whisper.cpp's times.
const CENTISECOND: f64 = 0.01;

/// A Whisper model in memory.
pub struct Whisper {
    key: ModelKey,
    context: WhisperContext,
}

impl Whisper {
    /// Reads the model of this key under a models folder.
    ///
    /// # Errors
    /// When a file is missing or is not the model.
    pub fn open(models: &Path, key: &ModelKey) -> Result<Self, InferError> {
        if let Some(missing) = missing_instructions() {
            let reason = format!("this processor lacks {missing}, which whisper.cpp was built for");
            return Err(InferError::Run { key: key.to_string(), reason });
        }
        whisper_rs::install_logging_hooks();
        let folder = models.join(key.as_str());
        let (origin, bytes) = read(&folder, key)?;
        let mut parameters = WhisperContextParameters::new();
        if let Some(model_preset) = heads(&bytes) {
            let mode = DtwMode::ModelPreset { model_preset };
            parameters.dtw_parameters(DtwParameters { mode, ..DtwParameters::default() });
        }
        let context = WhisperContext::new_from_buffer_with_params(&bytes, parameters);
        let context = context
            .map_err(|error| InferError::BadFile { path: origin, reason: error.to_string() })?;
        Ok(Self { key: key.clone(), context })
    }

    /// Whether it knows other languages than English.
    #[must_use]
    pub fn is_multilingual(&self) -> bool {
        self.context.is_multilingual()
    }

    /// One who listens with a single thread; several may listen at once.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn listener(&self) -> Result<Listener<'_>, InferError> {
        let state = self.context.create_state().map_err(|error| self.failed(&error))?;
        Ok(Listener { whisper: self, state })
    }

    fn failed(&self, error: &WhisperError) -> InferError {
        InferError::Run { key: self.key.to_string(), reason: error.to_string() }
    }
}

/// Whether to stop.
type Stopped = Box<dyn FnMut() -> bool>;

/// One who listens.
pub struct Listener<'a> {
    whisper: &'a Whisper,
    state: WhisperState,
}

impl Listener<'_> {
    /// The language of some speech, as ISO 639-1 code, and how sure that is, 0..=1.
    ///
    /// # Errors
    /// When inference fails.
    pub fn language(&mut self, samples: &[f32]) -> Result<(&'static str, f32), InferError> {
        if !self.whisper.is_multilingual() {
            return Ok(("en", 1.0));
        }
        let failed = |error: WhisperError| self.whisper.failed(&error);
        self.state.pcm_to_mel(samples, 1).map_err(failed)?;
        let (language, probabilities) = self.state.lang_detect(0, 1).map_err(failed)?;
        let code = whisper_rs::get_lang_str(language).unwrap_or("en");
        Ok((code, probabilities.get(language as usize).copied().unwrap_or(0.0)))
    }

    /// What is said in at most 30 s of speech (16 kHz, mono), times in seconds from its start; what the model
    /// makes up where it hears no words is left out as far as that can be told. `stopped` is
    /// asked often; from when it says so on, this ends soon, with an error.
    ///
    /// # Errors
    /// When inference fails or was stopped.
    pub fn transcribe(
        &mut self,
        samples: &[f32],
        language: &str,
        stopped: impl Fn() -> bool + 'static,
    ) -> Result<Vec<Phrase>, InferError> {
        let mut room = Vec::new();
        let samples = padded(samples, &mut room);
        let mut parameters = parameters(language);
        parameters.set_audio_ctx(places(samples.len()) as i32);
        // In a box, for whisper-rs 0.16 calls whatever it is given as if it were one. It never frees it: some
        // ten bytes a window.
        parameters.set_abort_callback_safe::<_, Stopped>(Box::new(stopped) as Stopped);
        let done = self.state.full(parameters, samples);
        done.map_err(|error| self.whisper.failed(&error))?;
        let mut sentences = Vec::new();
        for segment in self.state.as_iter() {
            let mut words = self.words(&segment, language);
            align(&mut words, samples);
            sentences.extend(sentences::sentences(words, segment.no_speech_probability()));
        }
        Ok(invented::without(sentences))
    }

    /// A segment's words, at the times that attention has them.
    fn words(&self, segment: &WhisperSegment<'_>, language: &str) -> Vec<Word> {
        let end_of_text = self.whisper.context.token_eot();
        let tokens = (0..segment.n_tokens()).filter_map(|place| segment.get_token(place));
        let said = tokens.filter(|token| token.token_id() < end_of_text);
        let token = |token: WhisperToken<'_, '_>| {
            let data = token.token_data();
            let bytes = token.to_bytes().ok()?.to_vec();
            let [start, end, aligned] =
                [data.t0, data.t1, data.t_dtw].map(|time| time as f64 * CENTISECOND);
            Some(Token { bytes, probability: data.p, start, end, aligned })
        };
        let tokens: Vec<Token> = said.filter_map(token).collect();
        words(&tokens, language)
    }
}

fn parameters(language: &str) -> FullParams<'_, '_> {
    let mut parameters = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    // Threads that wait for each other spin, which starves whatever else runs. Several listeners with a
    // thread each do as much together.
    parameters.set_n_threads(1);
    parameters.set_language(Some(language));
    parameters.set_no_context(true);
    // Times come of the alignment. With tokens for them whisper.cpp may listen again to the last tenths of a
    // window, and its alignment ends the process (`WHISPER_ASSERT` in `median_filter`) on so little sound.
    parameters.set_no_timestamps(true);
    parameters.set_suppress_blank(true);
    parameters.set_suppress_nst(true);
    parameters.set_token_timestamps(true);
    parameters.set_print_special(false);
    parameters.set_print_progress(false);
    parameters.set_print_realtime(false);
    parameters.set_print_timestamps(false);
    parameters
}

/// A language by its ISO 639-1 code, as Whisper's models name it; `None` when none of them knows it.
#[must_use]
pub fn language(code: &str) -> Option<&'static str> {
    // whisper-rs panics at a NUL byte.
    whisper_rs::install_logging_hooks();
    let letters = code.bytes().all(|byte| byte.is_ascii_alphabetic());
    let code = letters.then(|| code.to_lowercase())?;
    whisper_rs::get_lang_id(&code).and_then(whisper_rs::get_lang_str)
}

/// Instructions that whisper.cpp is built to use (`.cargo/config.toml`) and this processor does not have: it
/// would end the process with the first of them.
fn missing_instructions() -> Option<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let here = [
            ("AVX2", is_x86_feature_detected!("avx2")),
            ("FMA", is_x86_feature_detected!("fma")),
            ("F16C", is_x86_feature_detected!("f16c")),
            ("BMI2", is_x86_feature_detected!("bmi2")),
        ];
        here.into_iter().find(|(_, there)| !there).map(|(name, _)| name)
    }
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// How many places the encoder looks at for so many samples: those of the sound and of some silence after it,
/// rather than of 30 s whatever there is. Half of the time goes into them.
fn places(samples: usize) -> usize {
    let wanted = samples / PLACE + PLACES_AFTER;
    wanted.next_multiple_of(PLACES_STEP).clamp(LEAST_PLACES, MOST_PLACES)
}

/// Samples with silence after them if they are few: the alignment needs some tenths of a second.
fn padded<'a>(samples: &'a [f32], room: &'a mut Vec<f32>) -> &'a [f32] {
    if samples.len() >= LEAST_SAMPLES {
        return samples;
    }
    room.extend(samples);
    room.resize(LEAST_SAMPLES, 0.0);
    room
}

/// The file that errors name, and the weights as whisper.cpp reads them.
fn read(folder: &Path, key: &ModelKey) -> Result<(PathBuf, Vec<u8>), InferError> {
    let ggml = folder.join(GGML);
    if ggml.is_file() {
        let bytes = fs_err::read(&ggml)?;
        return Ok((ggml, bytes));
    }
    let parts = if folder.join(PARTS[0]).is_file() { &PARTS[..] } else { &WHOLE[..] };
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(fs_err::read(present(folder.join(part), key)?)?);
    }
    let vocabulary = fs_err::read_to_string(present(folder.join(VOCABULARY), key)?)?;
    let origin = folder.join(parts[0]);
    let weights =
        Weights::read(&bytes).and_then(|weights| ggml::from_ctranslate(&weights, &vocabulary));
    let bad = |error: super::ctranslate::WeightsError| InferError::BadFile {
        path: origin.clone(),
        reason: error.to_string(),
    };
    Ok((origin.clone(), weights.map_err(bad)?))
}

fn present(path: PathBuf, key: &ModelKey) -> Result<PathBuf, InferError> {
    if path.is_file() {
        Ok(path)
    } else {
        Err(InferError::MissingFile { key: key.to_string(), path })
    }
}

/// The heads of attention that follow the sound, by the size of the model, which stands at the beginning of
/// its file; `None` of sizes not known.
fn heads(ggml: &[u8]) -> Option<DtwModelPreset> {
    let figure = |place: usize| {
        Some(u32::from_le_bytes(ggml.get(4 * place..4 * place + 4)?.try_into().ok()?))
    };
    let english = figure(TOKENS)? < MULTILINGUAL_TOKENS;
    match (figure(LISTENING_LAYERS)?, figure(SPEAKING_LAYERS)?) {
        (4, 4) if english => Some(DtwModelPreset::TinyEn),
        (4, 4) => Some(DtwModelPreset::Tiny),
        (6, 6) if english => Some(DtwModelPreset::BaseEn),
        (6, 6) => Some(DtwModelPreset::Base),
        (12, 12) if english => Some(DtwModelPreset::SmallEn),
        (12, 12) => Some(DtwModelPreset::Small),
        (24, 24) if english => Some(DtwModelPreset::MediumEn),
        (24, 24) => Some(DtwModelPreset::Medium),
        (32, 4) => Some(DtwModelPreset::LargeV3Turbo),
        _ => None,
    }
}
