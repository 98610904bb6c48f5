//! The searches: visual ones by words, by a picture, by a frame and by words that refine either, and that of
//! what is said.

mod cast;
mod planner;
mod transcript;

use super::{Engine, bad_request, check_range, check_time};
use crate::{
    replies::Matches,
    requests::{
        MAX_QUERY_CHARS, MAX_RESULTS, SearchFrameRequest, SearchImageRequest, SearchOptions,
        SearchTextRequest,
    },
    search::{self, Channel, Listing, Scope},
};
use cast::Cast;
use planner::{Planner, Wanted};
use rushes_media::MediaError;
use rushes_model::{ErrorCode, Failure, Picture};
use std::time::Duration;

/// How long a search waits for its model before the caller is told to try again.
const SEARCH_PATIENCE: Duration = Duration::from_secs(8);
/// Long side in pixels at which pictures that are searched for reach the model. No model looks closer.
const LONG_SIDE: u32 = 640;
/// Why a folder cannot be searched for text.
const NO_TEXT: &str = "no on-screen text was read yet in cache_dir, so `text:` finds nothing there; analyse it \
     with ocr: true (rushes analyze --ocr), which leaves the analysis of the pictures as it is";
/// Why a folder cannot be searched for speech.
const NO_SPEECH: &str = "nothing was listened to yet in cache_dir, so `said:` finds nothing there; analyse it with \
     speech: true (rushes analyze --speech), which leaves the analysis of the pictures as it is";

impl Engine {
    /// Finds the moments that fit a sentence or an expression of the query language.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`, `NotFound` for a person nobody has named, `Loading`.
    pub fn search_text(&self, request: &SearchTextRequest) -> Result<Matches, Failure> {
        check_words(&request.query)?;
        let wanted = Wanted { picture: None, words: Some(&request.query) };
        self.find(&request.options(), &wanted)
    }

    /// Finds the moments that look like a picture.
    ///
    /// # Errors
    /// Those of [`Engine::search_text`]; `BadPath` when the picture cannot be read.
    pub fn search_image(&self, request: &SearchImageRequest) -> Result<Matches, Failure> {
        let words = refinement(request.query.as_deref())?;
        let picture = Some(self.picture(&request.image_path)?);
        self.find(&request.options(), &Wanted { picture, words })
    }

    /// Finds the moments that look like a frame of a medium.
    ///
    /// # Errors
    /// Those of [`Engine::search_text`]; `BadPath` when the medium cannot be read or has no such frame.
    pub fn search_frame(&self, request: &SearchFrameRequest) -> Result<Matches, Failure> {
        let words = refinement(request.query.as_deref())?;
        let picture = Some(self.frame(&request.media_path, request.time_seconds)?);
        self.find(&request.options(), &Wanted { picture, words })
    }

    /// A picture file as models see it.
    fn picture(&self, named: &str) -> Result<Picture, Failure> {
        let path = self.0.roots.check(named)?;
        let picture = self.0.reception.tools().read_image(&path).map_err(unreadable)?;
        Ok(rushes_media::fit(&picture, LONG_SIDE))
    }

    /// A frame of a medium as models see it.
    fn frame(&self, named: &str, seconds: f64) -> Result<Picture, Failure> {
        let path = self.0.roots.check(named)?;
        check_time(seconds)?;
        let reception = &self.0.reception;
        let facts = reception.take_in(&path).map_err(unreadable)?.facts;
        reception.tools().thumbnail(&path, &facts, seconds, LONG_SIDE).map_err(unreadable)
    }

    /// The search that all three are.
    fn find(&self, options: &SearchOptions<'_>, wanted: &Wanted<'_>) -> Result<Matches, Failure> {
        check_options(options)?;
        let inner = &self.0;
        let query = wanted.words.map(planner::parse).transpose()?;
        let folder = self.folder(options.cache_dir)?;
        let cast = Cast::of(&folder, query.as_ref(), options.people)?;
        let paths = options.media_paths.map(|paths| self.paths(paths)).transpose()?;
        let key = inner.models.settled_visual()?;
        let seeks = |channel| query.as_ref().is_some_and(|query| planner::seeks(query, channel));
        let (reads, listens) = (seeks(Channel::Text), seeks(Channel::Speech));
        let preferred = if listens { self.preferred_ear()? } else { None };
        let look = || {
            let paths = paths.as_deref();
            let mut scope = Scope::new(&folder, &inner.models, &key, &inner.reception, paths)?;
            if listens {
                scope.listen(preferred.as_ref())?;
            }
            Ok(scope)
        };
        let scope = look()?;
        if scope.media.is_empty() {
            return Ok(Matches { matches: Vec::new() });
        }
        if reads && !folder.has_any_text()? {
            return Err(bad_request(NO_TEXT.to_owned()));
        }
        if listens && !folder.has_any_speech()? {
            return Err(bad_request(NO_SPEECH.to_owned()));
        }
        folder.sketch_if_large(&scope.media, |media| Some(&media.segment));
        let model = inner.models.visual(&key, SEARCH_PATIENCE)?;
        let calibration = model.calibration();
        let least = options.min_similarity.map_or(calibration.least, |least| least as f32);
        let weight = options.text_weight as f32;
        let planner = Planner::new(self, &*model, cast);
        let plan = planner.plan(wanted.picture.as_ref(), query, weight, options.exclude, least)?;
        let same_take = options.diversity.then_some(calibration.same_take);
        let listing = Listing { most: options.max_results as usize, same_take };
        Ok(Matches { matches: search::moments(&folder, scope, &plan, listing, look)? })
    }
}

fn unreadable(error: MediaError) -> Failure {
    Failure::new(ErrorCode::BadPath, error.to_string())
}

/// Words that refine a picture; blank ones are as good as none.
fn refinement(query: Option<&str>) -> Result<Option<&str>, Failure> {
    let words = query.filter(|query| !query.trim().is_empty());
    words.map_or(Ok(()), check_words)?;
    Ok(words)
}

fn check_words(query: &str) -> Result<(), Failure> {
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
    if options.min_similarity.is_some_and(|least| !(0.0..=1.0).contains(&least)) {
        return Err(bad_request("min_similarity takes a number from 0 to 1".to_owned()));
    }
    Ok(())
}
