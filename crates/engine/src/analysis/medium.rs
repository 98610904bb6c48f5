//! One file, looked at, searched for faces and listened to at once.

use super::{
    faces,
    file::{self, Eyes, Outcome, Task},
    meter::{FileMeter, Stage},
    speech, text,
};
use crate::intake::{Intake, Reception};
use std::{panic::resume_unwind, path::Path, thread};

/// What looking at the pictures of a file costs, reading what stands in them, finding faces in them and listening
/// to it, against each other: on two cores ten seconds of one shot are looked at in 0.7 s, read in 0.3 s,
/// searched for faces in 0.6 s and listened to in 1 s.
const LOOKING: f64 = 0.7;
const READING: f64 = 0.3;
const SEEKING: f64 = 0.6;
const LISTENING: f64 = 1.0;

/// Analyses a file with all senses that the task has.
///
/// # Errors
/// A sentence for people: what happened, to which file, and what to do.
pub fn analyse_one(
    reception: &Reception,
    shared: &Task<'_>,
    path: &Path,
    meter: &FileMeter<'_>,
) -> Result<Outcome, String> {
    let taken_in = reception.take_in_until(path, shared.cancel);
    let outcome = taken_in
        .map_err(|error| error.to_string())
        .and_then(|intake| analyse_if_free(shared, path, &intake, meter));
    // A child that was killed because of a cancel reports an error of its own.
    if shared.cancel.is_cancelled() { Ok(Outcome::Cancelled) } else { outcome }
}

/// Analyses a file unless another machine is at it.
fn analyse_if_free(
    shared: &Task<'_>,
    path: &Path,
    intake: &Intake,
    meter: &FileMeter<'_>,
) -> Result<Outcome, String> {
    let claim = shared.folder.claim(intake.media_id);
    if matches!(claim, Ok(None)) {
        return Ok(Outcome::Elsewhere);
    }
    if let Err(error) = &claim {
        // Two may do the same then, and nothing worse.
        tracing::warn!(%error, path = %path.display(), "analysed without a claim");
    }
    shared.guard.work(path, || look_and_listen(shared, path, intake, meter))
}

/// Looks at the pictures of a file, finds the faces in them and listens to its sound, all at once. What one
/// of them makes stays, whatever becomes of the others.
fn look_and_listen(
    shared: &Task<'_>,
    path: &Path,
    intake: &Intake,
    meter: &FileMeter<'_>,
) -> Result<Outcome, String> {
    let stage = |stage, weight| meter.stage(stage, share(shared, weight));
    let listens =
        |ears| speech::listen(shared, ears, path, intake, &stage(Stage::Listening, LISTENING));
    let seeks =
        |seekers| faces::find(shared, seekers, path, intake, &stage(Stage::Seeking, SEEKING));
    thread::scope(|scope| {
        let listening = shared.ears.as_ref().map(|ears| scope.spawn(move || listens(ears)));
        let seeking = shared.seekers.as_ref().map(|one| scope.spawn(move || seeks(one)));
        let seen = shared.eyes.as_ref().map(|eyes| look(shared, eyes, path, intake, meter));
        let others = [seeking, listening].into_iter().flatten();
        let others = others.map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic)));
        combined(seen.into_iter().chain(others).collect())
    })
}

/// What became of a file whose parts came to these ends. Each thing that went wrong is told once.
fn combined(ends: Vec<Result<Outcome, String>>) -> Result<Outcome, String> {
    let mut wrong: Vec<String> = Vec::new();
    let mut outcome = None;
    for end in ends {
        match end {
            Ok(new) => {
                outcome = Some(match outcome.take() {
                    Some(so_far) => Outcome::and(so_far, new),
                    None => new,
                });
            }
            Err(reason) if wrong.contains(&reason) => {}
            Err(reason) => wrong.push(reason),
        }
    }
    if wrong.is_empty() {
        Ok(outcome.unwrap_or(Outcome::NothingToSee))
    } else {
        Err(wrong.join("; "))
    }
}

/// The part of the work on a file that something of this weight is.
fn share(task: &Task<'_>, weight: f64) -> f64 {
    let looking = task
        .eyes
        .as_ref()
        .map_or(0.0, |eyes| LOOKING + if eyes.reader.is_some() { READING } else { 0.0 });
    let listening = if task.ears.is_some() { LISTENING } else { 0.0 };
    let seeking = if task.seekers.is_some() { SEEKING } else { 0.0 };
    weight / (looking + seeking + listening)
}

/// Looks at the pictures of a file and, if that is wanted, reads what stands in them.
fn look(
    shared: &Task<'_>,
    eyes: &Eyes<'_>,
    path: &Path,
    intake: &Intake,
    meter: &FileMeter<'_>,
) -> Result<Outcome, String> {
    let stage = |stage, weight| meter.stage(stage, share(shared, weight));
    let seen = file::look(shared, eyes, path, intake, &stage(Stage::Looking, LOOKING));
    let is_there = matches!(seen, Ok(Outcome::Analysed | Outcome::AlreadyDone));
    if !is_there {
        shared.folder.withdraw(eyes.model.key(), intake.media_id);
    }
    match eyes.reader.filter(|_| is_there) {
        Some(reader) => {
            let meter = stage(Stage::Reading, READING);
            let read = text::read(shared, eyes, reader, path, intake, &meter)?;
            Ok(seen?.and(read))
        }
        None => seen,
    }
}
