//! Correcting transcripts and naming who speaks in them.

use super::{
    Engine, bad_request,
    transcripts::{check_span, segments_in},
};
use crate::{
    decisions::{Correction, Named, Naming, times_of},
    library::{LoadedFolder, LoadedTranscript},
    paths::shorten,
    replies::{SegmentPage, SpeakerNames},
    requests::{CorrectTranscriptRequest, NameSpeakersRequest},
    speakers,
};
use rushes_model::{ErrorCode, Failure};
use rushes_store::SpokenSegment;
use std::{collections::BTreeMap, sync::Arc};

/// Longest text of a correction, in characters: half an hour of speech.
const MAX_TEXT: usize = 20_000;
/// Longest name of a speaker or person, in characters.
const MAX_NAME: usize = 200;

impl Engine {
    /// Puts a text in the place of what was heard in a range, or takes such a text back, and tells the
    /// segments that are there then. It holds for every model's transcript of the medium, from now on.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`; `NotFound` when the medium has no transcript.
    pub fn correct_transcript(
        &self,
        request: &CorrectTranscriptRequest,
    ) -> Result<SegmentPage, Failure> {
        let (start, end) = (request.start_seconds, request.end_seconds);
        check_span(start, end)?;
        let text = request.text.as_deref().map(check_text).transpose()?;
        let (folder, found) = self.transcript(&request.cache_dir, &request.media_path)?;
        let media_id = found.speech.meta.media_id;
        folder.correct(&Correction { media_id, start, end, text })?;
        let (_, found) = self.transcript(&request.cache_dir, &request.media_path)?;
        Ok(SegmentPage { segments: segments_in(&found, start, end).collect(), next_cursor: None })
    }

    /// Gives speakers of a medium names, or takes them away: all that are asked for, or none. The names stay
    /// with the voices when the medium is analysed again.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`; `NotFound` when the medium has no transcript, or nobody in it
    /// has one of the labels.
    pub fn name_speakers(&self, request: &NameSpeakersRequest) -> Result<SpeakerNames, Failure> {
        if request.names.is_empty() {
            return Err(bad_request("names is empty; it takes a name for each label".to_owned()));
        }
        let names: BTreeMap<&str, String> = request
            .names
            .iter()
            .map(|(label, name)| {
                Ok((label.as_str(), check_name(&format!("names.{}", shorten(label)), name)?))
            })
            .collect::<Result<_, Failure>>()?;
        let (folder, found) = self.transcript(&request.cache_dir, &request.media_path)?;
        let names = names.into_iter().map(|(label, name)| named(&found, label, name));
        let names = names.collect::<Result<_, Failure>>()?;
        folder.name_speakers(&Naming { media_id: found.speech.meta.media_id, names })?;
        let (_, found) = self.transcript(&request.cache_dir, &request.media_path)?;
        Ok(SpeakerNames { names: speakers::names(&found) })
    }

    /// The transcript of a file that must have one, and where it lies.
    fn transcript(
        &self,
        cache_dir: &str,
        media_path: &str,
    ) -> Result<(Arc<LoadedFolder>, Arc<LoadedTranscript>), Failure> {
        let path = self.0.roots.check(media_path)?;
        let shelf = self.transcripts(cache_dir)?;
        let found = shelf.must_have(&path)?;
        Ok((shelf.folder, found))
    }
}

fn named(found: &LoadedTranscript, label: &str, name: String) -> Result<Named, Failure> {
    let segments = &found.speech.segments;
    let is_called = |one: &SpokenSegment| speakers::label(one).as_deref() == Some(label);
    let speaker = segments.iter().find(|one| is_called(one)).and_then(|one| one.speaker);
    let label = speaker.ok_or_else(|| {
        let message = format!("nobody in this transcript has the label \"{}\"", shorten(label));
        Failure::new(ErrorCode::NotFound, message)
    })?;
    Ok(Named { name, label, times: times_of(segments, label) })
}

/// The words of a text, each after one space.
fn check_text(text: &str) -> Result<String, Failure> {
    let count = text.chars().count();
    if count > MAX_TEXT {
        return Err(bad_request(format!("text has {count} characters; it takes up to {MAX_TEXT}")));
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    refuse_controls("text", &text)?;
    Ok(text)
}

/// A name without blanks around it.
///
/// # Errors
/// `BadRequest` that names the field, for one that is too long or has control characters in it.
pub fn check_name(field: &str, name: &str) -> Result<String, Failure> {
    let name = name.trim();
    let count = name.chars().count();
    if count > MAX_NAME {
        let message =
            format!("{field} has a name of {count} characters; it takes up to {MAX_NAME}");
        return Err(bad_request(message));
    }
    refuse_controls(field, name)?;
    Ok(name.to_owned())
}

fn refuse_controls(field: &str, text: &str) -> Result<(), Failure> {
    match text.chars().find(|letter| letter.is_control()) {
        Some(letter) => {
            let message =
                format!("{field} has the control character U+{:04X} in it", letter as u32);
            Err(bad_request(message))
        }
        None => Ok(()),
    }
}
