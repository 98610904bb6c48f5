//! Listening to one file.
//!
//! One thread decodes and finds voices, others write down what they say, each a window at a time.

use super::{
    bundle::meta,
    file::{Outcome, Task, text},
    meter::StageMeter,
    speakers::with_speakers,
};
use crate::{
    hearing::{Hearing, SpeechOrder},
    intake::Intake,
    library::LoadedTranscript,
    meaning,
    models::ModelPool,
};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rushes_infer::{
    InferError,
    speakers::{self, SpeakerModel, Turn, Turns},
    speech::{self, Listener, Phrase, Window, Windows},
};
use rushes_media::{Cancel, MediaError};
use rushes_model::Sampling;
use rushes_store::{SpeechBundle, SpokenSegment, SpokenWord, Voice};
use std::{
    collections::BTreeMap,
    ops::Range,
    panic::resume_unwind,
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// From this probability on a language that was found out is that of the whole file; below, the next window
/// is asked as well.
const CERTAIN: f32 = 0.6;
/// Time between two looks that readers get at a transcript under way; the first comes at once.
const SHOW_EVERY: Duration = Duration::from_secs(2);
/// Files of more seconds than this begin with a short window, so that their first words come soon. It costs
/// as much time as a long one of silence, which a short file would feel.
const LONG_FILE: f64 = 120.0;

/// Who listens.
pub struct Ears<'a> {
    /// The models.
    pub hearing: &'a Hearing,
    /// Those that tell what it means, if they are on disk. They come into memory when the listeners have left
    /// it.
    pub models: &'a ModelPool,
    /// To what.
    pub order: &'a SpeechOrder,
    /// Threads that listen.
    pub workers: usize,
}

/// A window on its way to who listens, and its number.
type Order = (usize, Window);

/// What is said in a window.
struct Heard {
    /// Number of the window.
    number: usize,
    /// ISO 639-1 code of the language.
    language: String,
    /// Seconds into the medium at which the window ends.
    end: f64,
    segments: Vec<SpokenSegment>,
}

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

/// One track of a file under way.
struct Listening<'a> {
    task: &'a Task<'a>,
    ears: &'a Ears<'a>,
    path: &'a Path,
    intake: &'a Intake,
    meter: &'a StageMeter<'a>,
    track: u32,
    /// The language of the file, once it is known.
    language: OnceLock<String>,
    /// Set when a thread could not listen.
    failed: AtomicBool,
}

/// Writes down what is said in a file, in the track that was asked for or the first in which anybody speaks,
/// and publishes it.
///
/// # Errors
/// A sentence for people: what happened, to which file, and what to do.
pub fn listen(
    task: &Task<'_>,
    ears: &Ears<'_>,
    path: &Path,
    intake: &Intake,
    meter: &StageMeter<'_>,
) -> Result<Outcome, String> {
    let outcome = hear(task, ears, path, intake, meter);
    if !matches!(outcome, Ok(Outcome::Analysed | Outcome::AlreadyDone)) {
        task.folder.withdraw_speech(&ears.hearing.key, intake.media_id);
    }
    outcome
}

/// The same, which may leave behind what it showed to readers.
fn hear(
    task: &Task<'_>,
    ears: &Ears<'_>,
    path: &Path,
    intake: &Intake,
    meter: &StageMeter<'_>,
) -> Result<Outcome, String> {
    if !intake.facts.has_audio() {
        return Ok(Outcome::NothingToSee);
    }
    let there = task.folder.transcript(&ears.hearing.key, intake.media_id);
    let wanted = |there: &Arc<LoadedTranscript>| is_what_is_wanted(&there.speech, ears.order);
    let there = there.filter(|there| !task.force && wanted(there));
    if there.as_ref().is_some_and(|there| ears.would_add_nothing(there)) {
        return Ok(Outcome::AlreadyDone);
    }
    let transcript = match there {
        // What was heard before all models were there is not written down again.
        Some(there) => completed(task, ears, path, intake, &there.speech),
        None => transcript(task, ears, path, intake, meter),
    };
    let transcript = transcript.and_then(|speech| Ok(ears.understand(speech, task.cancel)?));
    let transcript = transcript.map_err(|error| match error {
        Unheard::Media(error) => text(error),
        Unheard::Infer(error) => format!("{}: {error}", path.display()),
    })?;
    if task.cancel.is_cancelled() {
        return Ok(Outcome::Cancelled);
    }
    task.folder.publish_speech(&transcript).map_err(text)?;
    Ok(Outcome::Analysed)
}

impl Ears<'_> {
    /// Whether a transcript has all that the models on disk can tell.
    fn would_add_nothing(&self, there: &LoadedTranscript) -> bool {
        let understood = there.meanings.is_some() || !self.models.has_encoder();
        let labelled = there.speech.voice.speakers.is_some() || self.hearing.speakers.is_none();
        there.speech.segments.is_empty() || understood && labelled
    }

    /// A transcript with who says what, if somebody listened for that.
    fn labelled(&self, speech: SpeechBundle, turns: &[Turn]) -> SpeechBundle {
        if self.hearing.speakers.is_none() {
            return speech;
        }
        let SpeechBundle { segments, voice, .. } = speech;
        let voice = Voice { speakers: speakers::MODEL.parse().ok(), ..voice };
        SpeechBundle { segments: with_speakers(segments, turns), voice, ..speech }
    }

    /// Works out what a transcript means.
    fn understand(
        &self,
        speech: SpeechBundle,
        cancel: &Cancel,
    ) -> Result<SpeechBundle, InferError> {
        // Without it transcripts are searched by their words alone.
        let Ok(encoder) = self.models.encoder() else { return Ok(speech) };
        let meanings = meaning::of(&speech, &encoder, self.workers, cancel)?;
        Ok(SpeechBundle { meanings, ..speech })
    }
}

/// A transcript that was made before the model was there that tells speakers apart, with them.
fn completed(
    task: &Task<'_>,
    ears: &Ears<'_>,
    path: &Path,
    intake: &Intake,
    speech: &SpeechBundle,
) -> Result<SpeechBundle, Unheard> {
    let speech = speech.clone();
    let Some(model) = ears.hearing.speakers.as_ref().filter(|_| speech.voice.speakers.is_none())
    else {
        return Ok(speech);
    };
    let mut turns = model.listen();
    let track = speech.voice.track as usize;
    for block in task.tools.sound(path, &intake.facts, track, task.cancel)? {
        turns.hear(&block?)?;
    }
    Ok(ears.labelled(speech, &turns.finish()?))
}

/// Whether a transcript is of the language and track that an order names. One without words holds for
/// all, unless it is of a track that was asked for.
fn is_what_is_wanted(speech: &SpeechBundle, order: &SpeechOrder) -> bool {
    let (voice, silent) = (&speech.voice, speech.segments.is_empty());
    if silent && !voice.chosen {
        return true;
    }
    let of_track = order.track.map_or(!silent, |wanted| wanted == voice.track);
    let of_language = order.language.as_ref().is_none_or(|wanted| *wanted == voice.language);
    of_track && (silent || of_language)
}

/// The transcript of the first track in which anybody speaks, or of the one that was asked for. A track
/// that cannot be decoded does not stand in the way of the others.
fn transcript(
    task: &Task<'_>,
    ears: &Ears<'_>,
    path: &Path,
    intake: &Intake,
    meter: &StageMeter<'_>,
) -> Result<SpeechBundle, Unheard> {
    let tracks = ears.order.track.map_or(0..intake.facts.sound_tracks(), |track| track..track + 1);
    let (mut silent, mut undecoded) = (None, None);
    for track in tracks {
        let (language, failed) = (OnceLock::new(), AtomicBool::new(false));
        let listening = Listening { task, ears, path, intake, meter, track, language, failed };
        match listening.hear() {
            Ok(speech) if !speech.segments.is_empty() || task.cancel.is_cancelled() => {
                return Ok(speech);
            }
            Ok(speech) => silent = silent.or(Some(speech)),
            Err(Unheard::Media(error @ MediaError::Decode { .. })) => undecoded = Some(error),
            Err(error) => return Err(error),
        }
    }
    match (silent, undecoded) {
        (Some(speech), _) => Ok(speech),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Err(MediaError::NoSound(path.to_owned()).into()),
    }
}

impl Listening<'_> {
    /// What is said in the track.
    fn hear(&self) -> Result<SpeechBundle, Unheard> {
        let (give, orders) = bounded(1);
        let (tell, told) = unbounded();
        thread::scope(|scope| {
            for _ in 0..self.ears.workers.max(1) {
                let (orders, tell) = (orders.clone(), tell.clone());
                scope.spawn(move || self.work(&orders, &tell));
            }
            drop((orders, tell));
            // When it is through, nothing is given any more and the threads end.
            let decoding = scope.spawn(move || self.decode(&give));
            let heard = self.gather(&told);
            let turns = decoding.join().unwrap_or_else(|panic| resume_unwind(panic))?;
            Ok(self.ears.labelled(self.bundle(&heard?), &turns))
        })
    }

    /// Gives the windows of the track to who listens, and tells who speaks when.
    fn decode(&self, give: &Sender<Order>) -> Result<Vec<Turn>, Unheard> {
        let Self { task, ears, path, intake, track, .. } = self;
        let facts = &intake.facts;
        let mut ear = ears.hearing.detector.listen();
        let mut turns = ears.hearing.speakers.as_ref().map(SpeakerModel::listen);
        let mut windows = Windows::new(facts.duration_seconds > LONG_FILE);
        let mut numbers = 0..;
        let mut hand_on =
            |window| numbers.next().is_some_and(|number| give.send((number, window)).is_ok());
        for block in task.tools.sound(path, facts, *track as usize, task.cancel)? {
            let block = block?;
            if !windows.add(&block, &ear.hear(&block)?).into_iter().all(&mut hand_on) {
                // All who listened have failed, and told why.
                return Ok(Vec::new());
            }
            if let Some(turns) = &mut turns {
                turns.hear(&block)?;
            }
        }
        windows.finish().into_iter().all(hand_on);
        Ok(turns.map(Turns::finish).transpose()?.unwrap_or_default())
    }

    /// Listens to windows until there are no more.
    fn work(&self, orders: &Receiver<Order>, tell: &Sender<Result<Heard, Unheard>>) {
        let mut listener = None;
        for (number, window) in orders {
            if self.task.cancel.is_cancelled() || self.failed.load(Ordering::Relaxed) {
                return;
            }
            let heard = self.listen_to(number, &window, &mut listener);
            if heard.is_err() {
                // The others need not go on for a transcript that will not be.
                self.failed.store(true, Ordering::Relaxed);
            }
            if tell.send(heard).is_err() {
                return;
            }
        }
    }

    fn listen_to<'l>(
        &'l self,
        number: usize,
        window: &Window,
        listener: &mut Option<Listener<'l>>,
    ) -> Result<Heard, Unheard> {
        let listener = match listener {
            Some(listener) => listener,
            empty => empty.insert(self.ears.hearing.whisper.listener()?),
        };
        let language = self.language_of(window, listener)?;
        let cancel = self.task.cancel.clone();
        let stopped = move || cancel.is_cancelled();
        let phrases = listener.transcribe(&window.samples, &language, stopped)?;
        let end = window.ranges().last().map_or(0.0, |range| range.end);
        Ok(Heard { number, language, end, segments: segments(window, phrases) })
    }

    /// The language that was asked for, or of the file as far as it is certain, or of the window.
    fn language_of(
        &self,
        window: &Window,
        listener: &mut Listener<'_>,
    ) -> Result<String, InferError> {
        let known = self.ears.order.language.as_ref().or(self.language.get());
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let (language, probability) = listener.language(&window.samples)?;
        if probability >= CERTAIN {
            return Ok(self.language.get_or_init(|| language.to_owned()).clone());
        }
        Ok(language.to_owned())
    }

    /// Takes what is heard until there is no more, and shows it to readers meanwhile.
    fn gather(
        &self,
        told: &Receiver<Result<Heard, Unheard>>,
    ) -> Result<BTreeMap<usize, Heard>, Unheard> {
        let (mut heard, mut shown) = (BTreeMap::new(), None::<Instant>);
        for one in told {
            let one = one?;
            self.meter.reached(one.end / self.intake.facts.duration_seconds.max(1.0), one.end);
            heard.insert(one.number, one);
            if shown.is_none_or(|shown| shown.elapsed() > SHOW_EVERY) {
                shown = Some(Instant::now());
                self.task.folder.show_speech(self.bundle(&heard));
            }
        }
        Ok(heard)
    }

    /// What is heard, in order of time.
    fn bundle(&self, heard: &BTreeMap<usize, Heard>) -> SpeechBundle {
        let segments: Vec<_> = heard.values().flat_map(|one| one.segments.clone()).collect();
        let said = heard.values().filter(|one| !one.segments.is_empty());
        let language = most_spoken(said).unwrap_or_default();
        let spaced = speech::is_spaced(&language);
        let Self { ears, path, intake, track, .. } = *self;
        SpeechBundle {
            meta: meta(path, intake, &ears.hearing.key, Sampling::Full),
            voice: Voice {
                language,
                track,
                chosen: ears.order.track.is_some(),
                speakers: None,
                spaced,
            },
            segments,
            meanings: None,
        }
    }
}

/// The language of most windows.
fn most_spoken<'a>(heard: impl Iterator<Item = &'a Heard>) -> Option<String> {
    let mut windows: BTreeMap<&str, usize> = BTreeMap::new();
    heard.for_each(|one| *windows.entry(&one.language).or_default() += 1);
    let most = windows.into_iter().max_by_key(|(_, windows)| *windows);
    most.map(|(language, _)| language.to_owned())
}

/// What is said in a window, in the time of the medium.
fn segments(window: &Window, phrases: Vec<Phrase>) -> Vec<SpokenSegment> {
    let segment = |phrase: Phrase| SpokenSegment {
        speaker: None,
        words: phrase.words.into_iter().map(|word| spoken(window, word)).collect(),
    };
    phrases.into_iter().map(segment).collect()
}

fn spoken(window: &Window, word: speech::Word) -> SpokenWord {
    let Range { start, end } = window.time(word.start..word.end);
    let probability = word.probability.clamp(0.0, 1.0);
    SpokenWord { text: word.text, start, end: end.max(start), probability }
}
