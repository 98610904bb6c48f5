//! The analysis of one file: decode, embed, tell the shots, publish.

use super::{
    draft::Draft,
    embedder::{Embedded, Embedder, Job},
    meter::StageMeter,
    speech::Ears,
};
use crate::{intake::Intake, library::LoadedFolder, library::LoadedMedia, models::Reader};
use crossbeam_channel::{Receiver, Sender, unbounded};
use rushes_infer::VisualModel;
use rushes_media::{Cancel, Frame, Pass, Sample, Tools};
use rushes_model::{MediaKind, Sampling};
use rushes_shots::{Change, Grey};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// Time between two looks that searches get at an analysis under way; the first comes at once.
const SHOW_EVERY: Duration = Duration::from_secs(2);
/// Share of a file's progress bar that the keyframe pass has when another pass follows.
const FIRST_PASS_SHARE: f64 = 0.15;

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was looked at, and what was seen is published.
    Analysed,
    /// It had been analysed before.
    AlreadyDone,
    /// There is nothing to look at, or to listen to.
    NothingToSee,
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
    /// Who listens, if that is wanted.
    pub ears: Option<Ears<'a>>,
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
    pub embedder: Embedder,
    /// Who reads on-screen text, if that is wanted.
    pub reader: Option<&'a Reader>,
    /// How densely.
    pub sampling: Sampling,
}

/// One file's analysis under way.
struct Work<'a> {
    task: &'a Task<'a>,
    eyes: &'a Eyes<'a>,
    intake: &'a Intake,
    path: &'a Path,
    meter: &'a StageMeter<'a>,
    draft: Draft,
    replies: (Sender<Embedded>, Receiver<Embedded>),
    outstanding: usize,
    shown: Option<Instant>,
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
    let mut work = Work {
        task,
        eyes,
        intake,
        path,
        meter,
        draft: Draft::default(),
        replies: unbounded(),
        outstanding: 0,
        shown: None,
    };
    work.run(&plan.passes)?;
    if task.cancel.is_cancelled() {
        task.folder.withdraw(key, intake.media_id);
        return Ok(Outcome::Cancelled);
    }
    work.publish()?;
    Ok(Outcome::Analysed)
}

impl Work<'_> {
    fn run(&mut self, passes: &[Pass]) -> Result<(), String> {
        let mut from = 0.0;
        for (i, pass) in passes.iter().enumerate() {
            let to = if i + 1 == passes.len() { 1.0 } else { from + FIRST_PASS_SHARE };
            // What an earlier pass has shown need not be shown again.
            let covered = Pass::Whole { covered: self.draft.seconds() };
            let pass = if matches!(pass, Pass::Whole { .. }) { &covered } else { pass };
            self.pass(pass, from, to)?;
            from = to;
        }
        while self.outstanding > 0 && !self.task.cancel.is_cancelled() {
            let embedded = self.replies.1.recv_timeout(Duration::from_millis(50));
            if let Ok(embedded) = embedded {
                self.take(embedded)?;
            }
        }
        Ok(())
    }

    fn pass(&mut self, pass: &Pass, from: f64, to: f64) -> Result<(), String> {
        let task = self.task;
        let side = self.eyes.model.frame_long_side();
        let facts = &self.intake.facts;
        let frames = task.tools.frames(self.path, facts, pass, side, task.cancel).map_err(text)?;
        let duration = facts.duration_seconds.max(1.0);
        for sample in frames {
            if task.cancel.is_cancelled() {
                break;
            }
            match sample.map_err(text)? {
                Sample::Change { seconds, difference } => {
                    self.draft.changed(Change { seconds, difference });
                }
                Sample::Frame(frame) => {
                    let seconds = frame.seconds;
                    self.frame(frame)?;
                    self.meter.reached(from + (to - from) * seconds / duration, seconds);
                }
            }
            while let Ok(embedded) = self.replies.1.try_recv() {
                self.take(embedded)?;
            }
        }
        Ok(())
    }

    fn frame(&mut self, frame: Frame) -> Result<(), String> {
        let Frame { second, seconds, picture } = frame;
        if self.draft.has(second) {
            return Ok(());
        }
        let small = Grey::of(&picture);
        self.draft.saw(second, seconds, small.clone());
        if self.draft.shares(second, seconds, &small) {
            return Ok(());
        }
        self.draft.sent(second, small);
        let still = self.intake.facts.kind == MediaKind::Image;
        let job = Job { second, seconds, still, picture, reply: self.replies.0.clone() };
        if !self.eyes.embedder.embed(job) {
            return Err("the threads that embed pictures have stopped; restart Rushes".to_owned());
        }
        self.outstanding += 1;
        Ok(())
    }

    fn take(&mut self, embedded: Embedded) -> Result<(), String> {
        self.outstanding -= 1;
        self.draft.arrived(embedded.second, embedded.seconds, embedded.row?);
        if self.shown.is_none_or(|shown| shown.elapsed() > SHOW_EVERY) {
            self.shown = Some(Instant::now());
            self.task.folder.show(self.snapshot()?);
        }
        Ok(())
    }

    /// What is known so far, for searches.
    fn snapshot(&self) -> Result<LoadedMedia, String> {
        let duration = self.intake.facts.duration_seconds;
        let model = self.eyes.model.key();
        LoadedMedia::in_memory(self.path, self.intake, model, &self.draft, duration).map_err(text)
    }

    fn publish(&self) -> Result<(), String> {
        let facts = &self.intake.facts;
        if self.draft.len() == 0 {
            return Err(format!(
                "{}: no frame could be decoded; the file may be damaged",
                self.path.display()
            ));
        }
        let shots = self.draft.shots(facts.duration_seconds);
        let bundle = super::bundle::bundle(
            self.path,
            self.intake,
            self.eyes.model.key(),
            self.eyes.sampling,
            &self.draft,
            shots,
        );
        self.task.folder.publish(&bundle).map_err(text)
    }
}

pub fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
