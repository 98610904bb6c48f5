//! `rushes analyze`.

use crate::{
    arguments::{Analyze, Sampling},
    bar::Bar,
    settings::Settings,
    signals::exit_on_second_signal,
};
use anyhow::{Context, Result};
use rushes_engine::{
    Engine,
    replies::{TaskError, TaskStarted},
    requests::{AnalyzeRequest, CancelRequest, SamplingName},
};
use rushes_model::{Progress, TaskState};
use signal_hook::{consts::signal, iterator::Signals};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};
use tokio::sync::mpsc::UnboundedReceiver;

/// Analyses files and shows how far it is. Ctrl-C cancels and leaves nothing half-written.
pub fn run(settings: Settings, arguments: Analyze) -> Result<ExitCode> {
    let engine = Engine::open(settings.engine)?;
    let events = engine.progress();
    let started = engine.analyze(&request(arguments)?)?;
    watch(&engine, events, &started)
}

/// Shows how far a task is until it ends, and what went wrong.
pub fn watch(
    engine: &Engine,
    events: UnboundedReceiver<Progress>,
    started: &TaskStarted,
) -> Result<ExitCode> {
    cancel_on_signal(engine, &started.task_id)?;
    let (last, told) = follow(events, &started.task_id).context("the task ended without a word")?;
    let task = engine.task(&started.task_id)?;
    // Events are ten a second at most: not every failure had one.
    let was_told =
        |error: &&TaskError| told.contains(&(error.media_path.clone(), error.message.clone()));
    for error in task.errors.iter().filter(|error| !was_told(error)) {
        eprintln!("failed: {}: {}", error.media_path, error.message);
    }
    println!("{}", last.message.unwrap_or_default());
    let good = last.state == TaskState::Completed && task.errors.is_empty();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn request(arguments: Analyze) -> Result<AnalyzeRequest> {
    let sampling = match arguments.sampling {
        Sampling::Fast => SamplingName::Fast,
        Sampling::Full => SamplingName::Full,
    };
    let (cache_dir, paths) = (absolute(&arguments.cache_dir)?, absolute_all(&arguments.paths)?);
    let model = arguments.model.map(Into::into);
    let request = AnalyzeRequest::of_pictures(cache_dir, paths, model);
    Ok(AnalyzeRequest {
        force: arguments.force,
        sampling,
        ocr: arguments.ocr,
        speech: arguments.speech,
        speech_model_key: arguments.speech_model.map(Into::into),
        language: arguments.language,
        audio_track: arguments.audio_track,
        faces: arguments.faces.is_some(),
        cluster_job_name: arguments.faces,
        visual: !arguments.no_pictures,
        ..request
    })
}

/// The absolute form of a path, as text for a request.
pub fn absolute(path: &Path) -> Result<String> {
    let absolute = fs_err::canonicalize(path).or_else(|_| std::path::absolute(path))?;
    let text = absolute.into_os_string().into_string();
    text.map_err(|name| anyhow::anyhow!("{} is not UTF-8; name its folder instead", name.display()))
}

/// The absolute forms of several paths.
pub fn absolute_all(paths: &[PathBuf]) -> Result<Vec<String>> {
    paths.iter().map(|path| absolute(path)).collect()
}

fn cancel_on_signal(engine: &Engine, task_id: &str) -> Result<()> {
    exit_on_second_signal()?;
    let mut signals = Signals::new([signal::SIGINT, signal::SIGTERM])?;
    let (engine, request) = (engine.clone(), CancelRequest { task_id: task_id.to_owned() });
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            // The task is known, so this cannot fail; its last event ends the command.
            let _ = engine.cancel(&request);
        }
    });
    Ok(())
}

/// Shows events until the last one, which is returned with the failures that were shown: path and message.
fn follow(
    mut events: UnboundedReceiver<Progress>,
    task_id: &str,
) -> Option<(Progress, HashSet<(String, String)>)> {
    let (mut bar, mut told) = (Bar::new(), HashSet::new());
    while let Some(event) = events.blocking_recv() {
        if event.task_id.to_string() != task_id {
            continue;
        }
        if event.done {
            bar.clear();
            return Some((event, told));
        }
        bar.show(&event);
        told.extend(event.media_path.zip(event.error));
    }
    None
}
