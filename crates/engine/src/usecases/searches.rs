//! The visual searches: by words, by a picture, by a frame, and by words that refine either.

use super::{Engine, bad_request, check_range, check_time};
use crate::{
    replies::Matches,
    requests::{
        MAX_QUERY_CHARS, MAX_RESULTS, SearchFrameRequest, SearchImageRequest, SearchOptions,
        SearchTextRequest,
    },
    search::{self, Scope, Wanted},
};
use rushes_media::MediaError;
use rushes_model::{ErrorCode, Failure};
use std::time::Duration;

/// How long a search waits for its model before the caller is told to try again.
const SEARCH_PATIENCE: Duration = Duration::from_secs(8);
/// Long side in pixels at which pictures that are searched for reach the model. No model looks closer.
const LONG_SIDE: u32 = 640;

impl Engine {
    /// Finds the moments that fit a sentence.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`, `NotFound` for a person nobody has named, `Loading`.
    pub fn search_text(&self, request: &SearchTextRequest) -> Result<Matches, Failure> {
        check_sentence(&request.query)?;
        let wanted = Wanted { picture: None, sentence: Some(&request.query) };
        self.find(&request.options(), wanted)
    }

    /// Finds the moments that look like a picture.
    ///
    /// # Errors
    /// Those of [`Engine::search_text`]; `BadPath` when the picture cannot be read.
    pub fn search_image(&self, request: &SearchImageRequest) -> Result<Matches, Failure> {
        let path = self.0.roots.check(&request.image_path)?;
        let sentence = refinement(request.query.as_deref())?;
        let picture = self.0.reception.tools().read_image(&path).map_err(unreadable)?;
        let picture = Some(rushes_media::fit(&picture, LONG_SIDE));
        self.find(&request.options(), Wanted { picture, sentence })
    }

    /// Finds the moments that look like a frame of a medium.
    ///
    /// # Errors
    /// Those of [`Engine::search_text`]; `BadPath` when the medium cannot be read or has no such frame.
    pub fn search_frame(&self, request: &SearchFrameRequest) -> Result<Matches, Failure> {
        let path = self.0.roots.check(&request.media_path)?;
        check_time(request.time_seconds)?;
        let sentence = refinement(request.query.as_deref())?;
        let reception = &self.0.reception;
        let facts = reception.take_in(&path).map_err(unreadable)?.facts;
        let frame = reception.tools().thumbnail(&path, &facts, request.time_seconds, LONG_SIDE);
        let picture = Some(frame.map_err(unreadable)?);
        self.find(&request.options(), Wanted { picture, sentence })
    }

    /// The search that all three are.
    fn find(&self, options: &SearchOptions<'_>, wanted: Wanted<'_>) -> Result<Matches, Failure> {
        check_options(options)?;
        let inner = &self.0;
        let folder = self.folder(options.cache_dir)?;
        let paths = options.media_paths.map(|paths| self.paths(paths)).transpose()?;
        let key = inner.models.active_visual();
        let look = || Scope::new(&folder, &key, &inner.reception, paths.as_deref());
        let scope = look()?;
        if scope.media.is_empty() {
            return Ok(Matches { matches: Vec::new() });
        }
        let model = inner.models.visual(&key, SEARCH_PATIENCE)?;
        let weight = options.text_weight as f32;
        let query = search::query(&*model, &wanted, weight, options.exclude)?;
        let most = options.max_results as usize;
        Ok(Matches { matches: search::moments(&folder, scope, &query, most, look)? })
    }
}

fn unreadable(error: MediaError) -> Failure {
    Failure::new(ErrorCode::BadPath, error.to_string())
}

/// Words that refine a picture; blank ones are as good as none.
fn refinement(query: Option<&str>) -> Result<Option<&str>, Failure> {
    let sentence = query.filter(|query| !query.trim().is_empty());
    sentence.map_or(Ok(()), check_sentence)?;
    Ok(sentence)
}

fn check_sentence(query: &str) -> Result<(), Failure> {
    let characters = query.chars().count();
    if query.trim().is_empty() || characters > MAX_QUERY_CHARS {
        return Err(bad_request(format!(
            "query has {characters} characters; it takes 1 to {MAX_QUERY_CHARS}, not all blank"
        )));
    }
    Ok(())
}

fn check_options(options: &SearchOptions<'_>) -> Result<(), Failure> {
    check_range("max_results", options.max_results, 1, MAX_RESULTS)?;
    if !(options.text_weight.is_finite() && options.text_weight.abs() <= 100.0) {
        return Err(bad_request("text_weight takes a number from -100 to 100".to_owned()));
    }
    match options.people {
        [] => Ok(()),
        [person, ..] => Err(Failure::new(
            ErrorCode::NotFound,
            format!("there is no face collection \"{}\"", person.cluster_job_name),
        )),
    }
}
