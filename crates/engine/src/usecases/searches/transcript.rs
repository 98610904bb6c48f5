//! The search of what is said.

use super::{Engine, check_words};
use crate::{
    replies::TranscriptMatches,
    requests::{MAX_RESULTS, SearchTranscriptRequest, TranscriptMode},
    search::{Heard, Kept},
    usecases::check_range,
};
use rushes_model::{ErrorCode, Failure};
use rushes_text::Wording;

impl Engine {
    /// Finds where words are said, as they are remembered.
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
        let matches = match request.mode {
            TranscriptMode::Exact => heard.exact(&Wording::new(&request.query), kept),
            TranscriptMode::Semantic => {
                let message = "this version finds words that are said, not yet their meaning";
                return Err(Failure::new(ErrorCode::NotImplemented, message));
            }
        };
        Ok(TranscriptMatches { matches })
    }
}
