//! Ranges as a caller names them become ranges that are checked, with what is known of each.

use super::known::Known;
use crate::{
    library::LoadedTranscript,
    metadata::PROBES_AT_ONCE,
    paths::shorten,
    requests::{ClipRange, SegmentChoice, Selection},
    search::SHORTEST,
    speakers,
    usecases::{Engine, bad_request, transcripts::Transcripts},
};
use rushes_media::MediaError;
use rushes_model::{ErrorCode, Failure, MediaFacts, MediaId, MediaKind, SourceClock, TimeRange};
use rushes_store::SpokenSegment;
use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Longest handle in seconds.
const MAX_HANDLE: f64 = 3600.0;
/// How long a range may be where the medium does not say how long it is, in seconds: a still can stand for
/// any time, and of media that are away nothing may be known.
const MAX_UNKNOWN: f64 = 86_400.0;

/// What is exported.
pub struct Chosen {
    /// Media that ranges are of, each once.
    pub sources: Vec<Source>,
    /// In the order of the request.
    pub ranges: Vec<ChosenRange>,
    /// What is not as the caller may think, a sentence each.
    pub warnings: Vec<String>,
}

/// A medium.
pub struct Source {
    /// As the caller names it.
    pub named: String,
    /// Where it is, or was.
    pub path: PathBuf,
    /// Identity, where it is known.
    pub media_id: Option<MediaId>,
    /// What is in it; `None` where it is away and nobody has seen it.
    pub facts: Option<MediaFacts>,
    /// Whether it is not there.
    pub offline: bool,
}

/// A range of a medium.
pub struct ChosenRange {
    /// Index of the medium.
    pub source: usize,
    /// Within the medium, without handles.
    pub range: TimeRange,
    /// What it is called, if somebody said so.
    pub name: Option<String>,
    /// Why it is wanted.
    pub about: About,
}

/// Why somebody wants a range.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// What was searched for.
    pub query: Option<String>,
    /// Who is seen.
    pub people: Vec<String>,
    /// What is said.
    pub text: Option<String>,
    /// Who says it.
    pub speaker: Option<String>,
    /// A remark.
    pub note: Option<String>,
}

impl Source {
    /// Its timecode, where it has frames in time.
    pub fn clock(&self) -> Option<SourceClock> {
        SourceClock::of(self.facts.as_ref()?)
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    /// Its length in seconds, of its pictures and its sound; `None` for stills and the unknown.
    pub fn length(&self) -> Option<f64> {
        Some(self.moving()?.duration_seconds)
    }

    /// The length of its pictures in seconds, or of its sound where it has no others.
    pub fn picture_length(&self) -> Option<f64> {
        let facts = self.moving()?;
        let frames = facts.streams.as_ref().and_then(|streams| streams.frames);
        match (frames, facts.frame_rate) {
            (Some(frames), Some(rate)) if !facts.variable_frame_rate => {
                Some(frames as f64 / rate.as_f64())
            }
            _ => Some(facts.duration_seconds),
        }
    }

    /// The facts, where it has a length.
    fn moving(&self) -> Option<&MediaFacts> {
        self.facts.as_ref().filter(|facts| facts.kind != MediaKind::Image)
    }
}

impl Engine {
    /// Checks what a request has chosen.
    ///
    /// # Errors
    /// `BadRequest` that names the range, `BadPath`, `CacheDir`.
    pub(super) fn choose(&self, selection: &Selection<'_>, most: usize) -> Result<Chosen, Failure> {
        let count = selection.clips.len()
            + selection.segments.iter().map(|choice| choice.indices.len()).sum::<usize>();
        if !(1..=most).contains(&count) {
            return Err(bad_request(format!(
                "clips and segments name {count} ranges; this takes 1 to {most}"
            )));
        }
        let known = selection.cache_dir.map(|dir| Known::open(self, dir)).transpose()?;
        self.look_at_all(selection);
        let mut choosing = Choosing::new(self, known.as_ref());
        for (place, clip) in selection.clips.iter().enumerate() {
            choosing.add(&format!("clips[{place}]"), clip)?;
        }
        for (place, choice) in selection.segments.iter().enumerate() {
            let label = format!("segments[{place}]");
            let Some(known) = &known else {
                return Err(bad_request(format!(
                    "{label} are of a transcript: cache_dir has to say where it is"
                )));
            };
            for clip in self.segments(&label, choice, &known.transcripts)? {
                choosing.add(&label, &clip)?;
            }
        }
        Ok(choosing.chosen)
    }

    /// When the frame with a timecode of a medium is shown, in seconds from its start; the first label after
    /// its last frame is its end. Labels are counted as the medium counts, whatever stands before their frames.
    ///
    /// # Errors
    /// `BadPath` when the medium cannot be read, `BadRequest` when it has no frames or not this label.
    pub fn seconds_at(&self, media_path: &str, timecode: &str) -> Result<f64, Failure> {
        let source = self.source("the clip", media_path, None)?;
        let name = shorten(media_path);
        let (Some(clock), Some(length)) = (source.clock(), source.picture_length()) else {
            return Err(bad_request(format!("{name} has no timecode: give its times in seconds")));
        };
        let frames = clock.rate().nearest_frame(length);
        match clock.frame_of(timecode).filter(|frame| *frame <= frames) {
            Some(frame) => Ok(frame as f64 / clock.rate().as_f64()),
            None => Err(bad_request(format!(
                "{name} goes from {} to {} at {}: \"{}\" is not in it",
                clock.at(0.0),
                clock.at(length),
                clock.rate(),
                shorten(timecode)
            ))),
        }
    }

    /// Probes what nobody has seen yet, several at once. What cannot be read is told later.
    fn look_at_all(&self, selection: &Selection<'_>) {
        let named = selection.clips.iter().map(|clip| clip.media_path.as_str());
        let named = named.chain(selection.segments.iter().map(|one| one.media_path.as_str()));
        let named: Vec<&str> = named.collect::<BTreeSet<_>>().into_iter().collect();
        let next = AtomicUsize::new(0);
        let look = || {
            while let Some(named) = named.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Ok(path) = self.0.roots.check(named) {
                    let _ = self.0.reception.take_in(&path);
                }
            }
        };
        thread::scope(|scope| {
            (0..PROBES_AT_ONCE.min(named.len())).for_each(|_| drop(scope.spawn(look)));
        });
    }

    /// The ranges of segments: from the first word to the last of those that follow each other.
    fn segments(
        &self,
        label: &str,
        choice: &SegmentChoice,
        transcripts: &Transcripts<'_>,
    ) -> Result<Vec<ClipRange>, Failure> {
        let path = self.0.roots.check(&choice.media_path)?;
        // The contract has no 404 here.
        let found = transcripts.must_have(&path).map_err(|failure| bad_request(failure.message))?;
        let count = found.speech.segments.len();
        if let Some(index) = choice.indices.iter().find(|index| **index >= count) {
            return Err(bad_request(format!(
                "{label}: there is no segment {index} in the transcript of {}, which has {count}, \
                 counted from 0",
                shorten(&choice.media_path)
            )));
        }
        let runs = choice.indices.chunk_by(|before, after| before + 1 == *after);
        Ok(runs.map(|run| spoken(&choice.media_path, &found, run)).collect())
    }

    fn source(
        &self,
        label: &str,
        named: &str,
        known: Option<&Known<'_>>,
    ) -> Result<Source, Failure> {
        let path = self.0.roots.check(named)?;
        let away = match self.0.reception.take_in(&path) {
            Ok(intake) => {
                let (media_id, facts) = (Some(intake.media_id), Some(intake.facts));
                return Ok(Source {
                    named: named.to_owned(),
                    path,
                    media_id,
                    facts,
                    offline: false,
                });
            }
            Err(MediaError::Missing(_)) => self.0.reception.last_known(&path),
            Err(error) => {
                return Err(Failure::new(ErrorCode::BadPath, format!("{label}: {error}")));
            }
        };
        let (media_id, facts) = match (away, known) {
            (Some(intake), _) => (Some(intake.media_id), Some(intake.facts)),
            (None, Some(known)) => known.analysed(&path).unzip(),
            (None, None) => (None, None),
        };
        let moved = media_id.and_then(|media_id| self.moved_to(media_id, &path));
        let named = named.to_owned();
        Ok(match moved {
            Some((path, facts)) => {
                Source { named, path, media_id, facts: Some(facts), offline: false }
            }
            None => Source { named, path, media_id, facts, offline: true },
        })
    }

    /// Where a medium is that is no longer at `path`, if it was seen elsewhere and is still that medium.
    fn moved_to(&self, media_id: MediaId, path: &Path) -> Option<(PathBuf, MediaFacts)> {
        let now = self.0.reception.last_seen(media_id, path);
        let allowed = self.0.roots.allow(&now) && now.exists();
        let intake = allowed.then(|| self.0.reception.take_in(&now).ok()).flatten()?;
        (intake.media_id == media_id).then_some((now, intake.facts))
    }
}

/// Segments of one transcript that follow each other, as one range.
fn spoken(media_path: &str, found: &LoadedTranscript, run: &[usize]) -> ClipRange {
    let speech = &found.speech;
    let segments = || run.iter().map(|index| &speech.segments[*index]);
    let start = segments().map(SpokenSegment::start).fold(f64::INFINITY, f64::min);
    let end = segments().map(SpokenSegment::end).fold(start + SHORTEST, f64::max);
    let text: Vec<String> = segments().map(|segment| segment.text(&speech.voice)).collect();
    let mut names = segments().map(|segment| speakers::name(found, segment));
    // What several people say is nobody's.
    let first = names.next().flatten();
    let speaker = first.filter(|first| names.all(|name| name == Some(*first)));
    ClipRange {
        text: Some(text.join(if speech.voice.spaced { " " } else { "" })),
        speaker_name: speaker.map(str::to_owned),
        ..ClipRange::of(media_path, start, end)
    }
}

/// Ranges as they are checked, one after another.
struct Choosing<'a> {
    engine: &'a Engine,
    known: Option<&'a Known<'a>>,
    places: HashMap<String, usize>,
    chosen: Chosen,
}

impl<'a> Choosing<'a> {
    fn new(engine: &'a Engine, known: Option<&'a Known<'a>>) -> Self {
        let chosen = Chosen { sources: Vec::new(), ranges: Vec::new(), warnings: Vec::new() };
        Self { engine, known, places: HashMap::new(), chosen }
    }

    fn add(&mut self, label: &str, clip: &ClipRange) -> Result<(), Failure> {
        let source = self.source(label, &clip.media_path)?;
        let range = self.checked(label, clip, source)?;
        let mut about = About {
            query: filled(clip.query.as_deref()),
            people: clip.people.clone().unwrap_or_default(),
            text: filled(clip.text.as_deref()),
            speaker: filled(clip.speaker_name.as_deref()),
            note: filled(clip.note.as_deref()),
        };
        if let (Some(known), Some(id)) = (self.known, self.chosen.sources[source].media_id) {
            if clip.people.is_none() {
                about.people = known.seen(id, &range);
            }
            if clip.text.is_none() {
                about.text = known.said(id, &range);
            }
        }
        let name = filled(clip.name.as_deref());
        self.chosen.ranges.push(ChosenRange { source, range, name, about });
        Ok(())
    }

    fn source(&mut self, label: &str, named: &str) -> Result<usize, Failure> {
        if let Some(place) = self.places.get(named) {
            return Ok(*place);
        }
        let source = self.engine.source(label, named, self.known)?;
        if let Some(warning) = warning(&source) {
            self.chosen.warnings.push(warning);
        }
        let place = self.chosen.sources.len();
        self.chosen.sources.push(source);
        self.places.insert(named.to_owned(), place);
        Ok(place)
    }

    /// The range, cut where the medium ends.
    fn checked(
        &mut self,
        label: &str,
        clip: &ClipRange,
        source: usize,
    ) -> Result<TimeRange, Failure> {
        let (start, end) = (clip.start_seconds, clip.end_seconds);
        let source = &self.chosen.sources[source];
        let name = shorten(&clip.media_path);
        let refuse = |what: String| Err(bad_request(format!("{label} of {name}: {what}")));
        if !(start >= 0.0 && start < end) {
            return refuse(format!(
                "the range begins at {start} s and ends at {end} s; it has to begin at 0 or later and to \
                 end after its beginning"
            ));
        }
        let Some(length) = source.length() else {
            return match end - start <= MAX_UNKNOWN && end <= 10.0 * MAX_UNKNOWN {
                true => Ok(TimeRange { start, end }),
                false => refuse(format!("a range of {} s is longer than a day", end - start)),
            };
        };
        if start >= length {
            return refuse(format!("it lasts {length:.3} s: there is nothing at {start} s"));
        }
        // A millisecond is what containers round by.
        if end > length + 0.001 {
            self.chosen.warnings.push(format!(
                "{label} of {name} ends at {end} s, after the end of the medium: it was cut at {length:.3} s"
            ));
        }
        Ok(TimeRange { start, end: end.min(length) })
    }
}

fn warning(source: &Source) -> Option<String> {
    let named = shorten(&source.named);
    if !source.offline && source.path != Path::new(&source.named) {
        let now = source.path.display();
        return Some(format!("{named} is not there; the same medium was taken from {now}"));
    }
    match (source.offline, &source.facts) {
        (false, _) => None,
        (true, Some(_)) => Some(format!("{named} is offline: its drive may not be mounted")),
        (true, None) => Some(format!(
            "{named} is offline and was never seen here: its frame rate, timecode and length are not known"
        )),
    }
}

/// Refuses handles that are none.
pub fn check_handle(seconds: f64) -> Result<(), Failure> {
    if (0.0..=MAX_HANDLE).contains(&seconds) {
        return Ok(());
    }
    Err(bad_request(format!("handle_seconds is {seconds}; it takes 0 to {MAX_HANDLE}")))
}

/// A text that says something.
fn filled(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}
