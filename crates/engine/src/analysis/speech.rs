//! Listening to one file.
//!
//! One thread decodes and finds voices, others write down what they say, each a window at a time.

use super::{
    bundle::meta,
    file::{Outcome, Task, text},
    meter::FileMeter,
};
use crate::{hearing::Hearing, intake::Intake};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rushes_infer::{
    InferError,
    speech::{self, Phrase, SAMPLE_RATE, Window, Windows},
};
use rushes_media::MediaError;
use rushes_model::Sampling;
use rushes_store::{SpeechBundle, SpokenSegment, SpokenWord, Voice};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// A phrase is made up if the model takes it for silence with this probability, and is less sure of its
/// words than this: the thresholds that OpenAI's Whisper has for both, of which the second is stated there as
/// a mean logarithm of -1.
const SILENCE: f32 = 0.6;
const UNSURE: f32 = 0.37;

/// Who listens, and to which language if that is known.
pub struct Ears<'a> {
    /// The models.
    pub hearing: &'a Hearing,
    /// ISO 639-1 code of what is spoken.
    pub language: Option<&'a str>,
    /// Threads that listen.
    pub workers: usize,
}

/// A window on its way to who listens: its number, what is in it, and the language.
type Order = (usize, Window, String);
/// What is said in the window of this number.
type Heard = Result<(usize, Vec<SpokenSegment>), Unheard>;

/// Why a track was not heard.
enum Unheard {
    Media(MediaError),
    Infer(InferError),
}

impl From<MediaError> for Unheard {
    fn from(error: MediaError) -> Self {
        Self::Media(error)
    }
}

impl From<InferError> for Unheard {
    fn from(error: InferError) -> Self {
        Self::Infer(error)
    }
}

/// One file's sound under way.
struct Listening<'a> {
    task: &'a Task<'a>,
    ears: &'a Ears<'a>,
    path: &'a Path,
    intake: &'a Intake,
    meter: &'a FileMeter<'a>,
    /// Set when a thread could not listen.
    failed: AtomicBool,
}

/// Writes down what is said in a file, in the first track in which anybody speaks, and publishes it.
///
/// # Errors
/// A sentence for people: what happened, to which file, and what to do.
pub fn listen(
    task: &Task<'_>,
    ears: &Ears<'_>,
    path: &Path,
    intake: &Intake,
    meter: &FileMeter<'_>,
) -> Result<Outcome, String> {
    if !intake.facts.has_audio() {
        return Ok(Outcome::NothingToSee);
    }
    let key = &ears.hearing.key;
    if !task.force && task.folder.has_transcript(key, intake.media_id) {
        return Ok(Outcome::AlreadyDone);
    }
    let listening = Listening { task, ears, path, intake, meter, failed: AtomicBool::new(false) };
    let (voice, segments) = listening.first_voice().map_err(|error| match error {
        Unheard::Media(error) => text(error),
        Unheard::Infer(error) => format!("{}: {error}", path.display()),
    })?;
    if task.cancel.is_cancelled() {
        return Ok(Outcome::Cancelled);
    }
    let meta = meta(path, intake, key, Sampling::Full);
    task.folder.publish_speech(&SpeechBundle { meta, voice, segments }).map_err(text)?;
    Ok(Outcome::Analysed)
}

impl Listening<'_> {
    /// What is said in the first track in which anybody speaks.
    fn first_voice(&self) -> Result<(Voice, Vec<SpokenSegment>), Unheard> {
        for track in 0.. {
            match self.track(track) {
                Ok((language, segments)) if !segments.is_empty() => {
                    let spaced = speech::is_spaced(&language);
                    return Ok((Voice { language, track: track as u32, spaced }, segments));
                }
                Ok(_) if !self.task.cancel.is_cancelled() => {}
                // That there is no such track is all that a decoder says of it.
                Err(error)
                    if track == 0
                        || !matches!(error, Unheard::Media(MediaError::Decode { .. })) =>
                {
                    return Err(error);
                }
                Ok(_) | Err(_) => break,
            }
        }
        Ok((Voice { language: String::new(), track: 0, spaced: true }, Vec::new()))
    }

    /// The language of a track and what is said in it.
    fn track(&self, track: usize) -> Result<(String, Vec<SpokenSegment>), Unheard> {
        let (give, orders) = bounded(1);
        let (tell, told) = unbounded();
        let language = thread::scope(|scope| {
            for _ in 0..self.ears.workers.max(1) {
                let (orders, tell) = (orders.clone(), tell.clone());
                scope.spawn(move || self.work(&orders, &tell));
            }
            drop((orders, tell));
            // When it is through, nothing is given any more and the threads end.
            self.decode(track, give)
        })?;
        let mut heard = told.iter().collect::<Result<Vec<_>, _>>()?;
        heard.sort_by_key(|(number, _)| *number);
        Ok((language, heard.into_iter().flat_map(|(_, segments)| segments).collect()))
    }

    /// Gives the windows of a track to who listens, and tells the language.
    fn decode(&self, track: usize, give: Sender<Order>) -> Result<String, Unheard> {
        let Self { task, ears, path, intake, .. } = self;
        let mut language = ears.language.map(str::to_owned);
        let (mut ear, mut windows) = (ears.hearing.detector.listen(), Windows::default());
        let (mut number, mut samples) = (0, 0);
        let mut hand_on = |window: Window| -> Result<bool, Unheard> {
            let spoken = match &language {
                Some(language) => language.clone(),
                None => ears.hearing.whisper.listener()?.language(&window.samples)?.0.to_owned(),
            };
            language = Some(spoken.clone());
            number += 1;
            Ok(give.send((number, window, spoken)).is_ok())
        };
        for block in task.tools.sound(path, &intake.facts, track, task.cancel)? {
            let block = block?;
            for window in windows.add(&block, &ear.hear(&block)?) {
                if !hand_on(window)? {
                    // All who listened have failed, and told why.
                    return Ok(String::new());
                }
            }
            samples += block.len();
            let seconds = samples as f64 / f64::from(SAMPLE_RATE);
            self.meter.reached(seconds / intake.facts.duration_seconds.max(1.0), seconds);
        }
        for window in windows.finish() {
            hand_on(window)?;
        }
        Ok(language.unwrap_or_default())
    }

    /// Listens to windows until there are no more.
    fn work(&self, orders: &Receiver<Order>, tell: &Sender<Heard>) {
        let mut listener = None;
        for (number, window, language) in orders {
            if self.task.cancel.is_cancelled() || self.failed.load(Ordering::Relaxed) {
                return;
            }
            let mut hear = || -> Heard {
                let listener = match &mut listener {
                    Some(listener) => listener,
                    empty => empty.insert(self.ears.hearing.whisper.listener()?),
                };
                let phrases = listener.transcribe(&window.samples, &language)?;
                Ok((number, segments(&window, phrases)))
            };
            let heard = hear();
            if heard.is_err() {
                // The others need not go on for a transcript that will not be.
                self.failed.store(true, Ordering::Relaxed);
            }
            if tell.send(heard).is_err() {
                return;
            }
        }
    }
}

/// The phrases of a window that were said, in the time of the medium.
fn segments(window: &Window, phrases: Vec<Phrase>) -> Vec<SpokenSegment> {
    let said = phrases.into_iter().filter(|phrase| !is_made_up(phrase));
    let segment = |phrase: Phrase| SpokenSegment {
        speaker: None,
        words: phrase.words.into_iter().map(|word| spoken(window, word)).collect(),
    };
    said.map(segment).collect()
}

fn is_made_up(phrase: &Phrase) -> bool {
    let sum: f32 = phrase.words.iter().map(|word| word.probability).sum();
    phrase.silence > SILENCE && sum < UNSURE * phrase.words.len() as f32
}

fn spoken(window: &Window, word: speech::Word) -> SpokenWord {
    let start = window.time(word.start);
    let probability = word.probability.clamp(0.0, 1.0);
    SpokenWord {
        text: word.text,
        start,
        end: start + (word.end - word.start).max(0.0),
        probability,
    }
}
