//! The analysis of one file: decode, embed, tell the shots, publish.

use super::{
    crew::Crew,
    draft::{Draft, Row},
    faces::Seekers,
    meter::StageMeter,
    speech::Ears,
    suspects::Guard,
    watching::Watch,
};
use crate::{intake::Intake, library::LoadedFolder, library::LoadedMedia, models::Reader};
use rushes_infer::VisualModel;
use rushes_media::{Cancel, Tools};
use rushes_model::{ModelKey, Sampling};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// A frame whose small copy differs by less shares vector and preview. Sensor noise lies below, a changed
/// expression above.
const SAME_PICTURE: f32 = 0.3;
/// Time between two looks that searches get at an analysis under way; the first comes at once.
const SHOW_EVERY: Duration = Duration::from_secs(2);

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was looked at, and what was seen is published.
    Analysed,
    /// It had been analysed before.
    AlreadyDone,
    /// There is nothing to look at, or to listen to.
    NothingToSee,
    /// Another machine is at it, or another path of the same medium.
    Elsewhere,
    /// The task was cancelled; nothing was written.
    Cancelled,
}

impl Outcome {
    /// The outcome of two stages of one file, of which the second came after the first.
    pub fn and(self, later: Self) -> Self {
        match (self, later) {
            (_, Self::Cancelled) => Self::Cancelled,
            (Self::Analysed, _) | (_, Self::Analysed) => Self::Analysed,
            (Self::AlreadyDone, _) | (_, Self::AlreadyDone) => Self::AlreadyDone,
            (first, _) => first,
        }
    }
}

/// Everything that the files of one task share.
pub struct Task<'a> {
    /// Where the analyses go and are searched.
    pub folder: &'a Arc<LoadedFolder>,
    /// ffmpeg.
    pub tools: &'a Tools,
    /// Who looks at pictures, if that is wanted.
    pub eyes: Option<Eyes<'a>>,
    /// Who looks for faces, if that is wanted.
    pub seekers: Option<Seekers<'a>>,
    /// Who listens, if that is wanted.
    pub ears: Option<Ears<'a>>,
    /// Keeps which files are in work.
    pub guard: Guard<'a>,
    /// Whether to look again at what is analysed already.
    pub force: bool,
    /// Set when the task is to stop.
    pub cancel: &'a Cancel,
}

/// Who looks at pictures, and how densely.
pub struct Eyes<'a> {
    /// Who embeds.
    pub model: &'a Arc<dyn VisualModel>,
    /// The threads that embed.
    pub crew: Crew<Row>,
    /// Who reads on-screen text, if that is wanted.
    pub reader: Option<&'a Reader>,
    /// How densely.
    pub sampling: Sampling,
}

/// Looks at the pictures of one file.
///
/// # Errors
/// A sentence for people: what happened, to which file, and what to do.
pub fn look(
    task: &Task<'_>,
    eyes: &Eyes<'_>,
    path: &Path,
    intake: &Intake,
    meter: &StageMeter<'_>,
) -> Result<Outcome, String> {
    let key = eyes.model.key();
    if !task.force && task.folder.has(key, intake.media_id, eyes.sampling) {
        return Ok(Outcome::AlreadyDone);
    }
    let plan = task.tools.plan(path, &intake.facts, eyes.sampling).map_err(text)?;
    if plan.passes.is_empty() {
        return Ok(Outcome::NothingToSee);
    }
    let long_side = eyes.model.frame_long_side();
    let same_picture = SAME_PICTURE;
    let watch = Watch { task, crew: &eyes.crew, long_side, same_picture, path, intake, meter };
    let mut shown: Option<Instant> = None;
    let draft = watch.run(&plan.passes, |draft| {
        if shown.is_none_or(|shown| shown.elapsed() > SHOW_EVERY) {
            shown = Some(Instant::now());
            task.folder.show(snapshot(path, intake, key, draft)?);
        }
        Ok(())
    })?;
    if task.cancel.is_cancelled() {
        task.folder.withdraw(key, intake.media_id);
        return Ok(Outcome::Cancelled);
    }
    publish(task, eyes, path, intake, &draft)?;
    Ok(Outcome::Analysed)
}

/// What is known so far, for searches.
fn snapshot(
    path: &Path,
    intake: &Intake,
    model: &ModelKey,
    draft: &Draft,
) -> Result<LoadedMedia, String> {
    let duration = intake.facts.duration_seconds;
    LoadedMedia::in_memory(path, intake, model, draft, duration).map_err(text)
}

fn publish(
    task: &Task<'_>,
    eyes: &Eyes<'_>,
    path: &Path,
    intake: &Intake,
    draft: &Draft,
) -> Result<(), String> {
    if draft.len() == 0 {
        return Err(nothing_decoded(path));
    }
    let shots = draft.shots(intake.facts.duration_seconds);
    let bundle = super::bundle::bundle(path, intake, eyes.model.key(), eyes.sampling, draft, shots);
    task.folder.publish(&bundle).map_err(text)
}

/// Why there is nothing of a medium that should have pictures.
pub fn nothing_decoded(path: &Path) -> String {
    format!("{}: no frame could be decoded; the file may be damaged", path.display())
}

pub fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
