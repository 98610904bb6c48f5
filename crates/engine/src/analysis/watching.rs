//! Watching one file: its passes decoded, its frames looked at by a crew.

use super::{
    crew::{Crew, Job, Looked},
    draft::Draft,
    file::{Task, text},
    meter::StageMeter,
};
use crate::intake::Intake;
use crossbeam_channel::{Receiver, Sender, unbounded};
use rushes_media::{Frame, Pass, Sample};
use rushes_model::MediaKind;
use rushes_shots::{Change, Grey};
use std::{path::Path, time::Duration};

/// Share of a file's progress bar that the keyframe pass has when another pass follows.
const FIRST_PASS_SHARE: f64 = 0.15;

/// Who watches a file, and what for.
pub struct Watch<'a, R> {
    /// What the files of the task share.
    pub task: &'a Task<'a>,
    /// Who looks at frames.
    pub crew: &'a Crew<R>,
    /// Longer side in pixels at which frames are looked at.
    pub long_side: u32,
    /// How much a frame must differ from the last one that was looked at not to share what was seen there.
    pub same_picture: f32,
    /// The file.
    pub path: &'a Path,
    /// What is known of it.
    pub intake: &'a Intake,
    /// Hears how far it is.
    pub meter: &'a StageMeter<'a>,
}

/// A file that is being watched.
struct Watching<'a, R, F> {
    watch: &'a Watch<'a, R>,
    draft: Draft<R>,
    replies: (Sender<Looked<R>>, Receiver<Looked<R>>),
    outstanding: usize,
    so_far: F,
}

impl<R: Send + 'static> Watch<'_, R> {
    /// Watches the file and gives what was seen, as far as it got before it was cancelled. `so_far` gets to
    /// see it each time that something comes in.
    ///
    /// # Errors
    /// A sentence for people: what happened, to which file, and what to do.
    pub fn run(
        &self,
        passes: &[Pass],
        so_far: impl FnMut(&Draft<R>) -> Result<(), String>,
    ) -> Result<Draft<R>, String> {
        let draft = Draft::default();
        let mut watching =
            Watching { watch: self, draft, replies: unbounded(), outstanding: 0, so_far };
        watching.run(passes)?;
        Ok(watching.draft)
    }
}

impl<R: Send + 'static, F: FnMut(&Draft<R>) -> Result<(), String>> Watching<'_, R, F> {
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
        while self.outstanding > 0 && !self.watch.task.cancel.is_cancelled() {
            let looked = self.replies.1.recv_timeout(Duration::from_millis(50));
            if let Ok(looked) = looked {
                self.take(looked)?;
            }
        }
        Ok(())
    }

    fn pass(&mut self, pass: &Pass, from: f64, to: f64) -> Result<(), String> {
        let &Watch { task, path, intake, long_side, meter, .. } = self.watch;
        let facts = &intake.facts;
        let frames = task.tools.frames(path, facts, pass, long_side, task.cancel).map_err(text)?;
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
                    meter.reached(from + (to - from) * seconds / duration, seconds);
                }
            }
            while let Ok(looked) = self.replies.1.try_recv() {
                self.take(looked)?;
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
        if self.draft.shares(second, seconds, &small, self.watch.same_picture) {
            return Ok(());
        }
        self.draft.sent(second, small);
        let still = self.watch.intake.facts.kind == MediaKind::Image;
        let job = Job { second, seconds, still, picture, reply: self.replies.0.clone() };
        if !self.watch.crew.take(job) {
            return Err("the threads that look at pictures have stopped; restart Rushes".to_owned());
        }
        self.outstanding += 1;
        Ok(())
    }

    fn take(&mut self, looked: Looked<R>) -> Result<(), String> {
        self.outstanding -= 1;
        self.draft.arrived(looked.second, looked.seconds, looked.seen?);
        (self.so_far)(&self.draft)
    }
}
