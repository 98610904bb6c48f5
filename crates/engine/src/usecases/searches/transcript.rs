//! The search of what is said.

use super::{Engine, check_words};
use crate::{
    library::LoadedTranscript,
    replies::{TranscriptMatch, TranscriptMatches},
    requests::{MAX_RESULTS, SearchTranscriptRequest, TranscriptMode},
    search::{Heard, Kept},
    usecases::{bad_request, check_range},
};
use rushes_model::{ErrorCode, Failure};
use rushes_text::Wording;
use rushes_vectors::Query;

/// Why a folder cannot be searched by meaning.
const NO_MEANINGS: &str = "what is said there was written down before its meaning could be searched; \
     `rushes models pull minilm-l6`, then analyse it once more with speech: true (rushes analyze --speech), which \
     does not listen again";

impl Engine {
    /// Finds where words are said as they are remembered, or what means about the same.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`.
    pub fn search_transcript(
        &self,
        request: &SearchTranscriptRequest,
    ) -> Result<TranscriptMatches, Failure> {
        check_words(&request.query)?;
        check_range("max_results", request.max_results, 1, MAX_RESULTS)?;
        let folder = self.folder(&request.cache_dir)?;
        let paths = request.scope().map(|paths| self.paths(paths)).transpose()?;
        let preferred = self.preferred_ear()?;
        let reception = &self.0.reception;
        let heard = Heard::new(&folder, reception, preferred.as_ref(), paths.as_deref())?;
        let speaker = request.speaker.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let kept = Kept { most: request.max_results as usize, speaker };
        let wording = Wording::new(&request.query);
        let matches = match request.mode {
            TranscriptMode::Exact => heard.exact(&wording, kept),
            // Without a letter there is no meaning either.
            TranscriptMode::Semantic if wording.is_empty() => Vec::new(),
            TranscriptMode::Semantic => {
                let sketched = heard.transcripts();
                folder.sketch_if_large(sketched, LoadedTranscript::understood);
                self.alike(&heard, &request.query, kept)?
            }
        };
        Ok(TranscriptMatches { matches })
    }

    /// What means about the same as a sentence.
    fn alike(
        &self,
        heard: &Heard<'_>,
        sentence: &str,
        kept: Kept<'_>,
    ) -> Result<Vec<TranscriptMatch>, Failure> {
        let internal =
            |error: &dyn std::fmt::Display| Failure::new(ErrorCode::Internal, error.to_string());
        if heard.lacks_meanings() {
            return Err(bad_request(NO_MEANINGS.to_owned()));
        }
        let encoder = self.0.models.encoder()?;
        let encode = |text: &str| encoder.encode(text).map_err(|error| internal(&error));
        heard.transcripts().iter().try_for_each(|transcript| transcript.understand(&encode))?;
        let vector = encode(sentence)?;
        heard.semantic(&Query::new(vector), kept).map_err(|error| internal(&error))
    }
}
