//! Speed, memory and size of one file's analysis, and how soon a search finds something in it.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use rushes_engine::{
    Config, Engine,
    requests::{AnalyzeRequest, MetadataRequest, SamplingName, SearchTextRequest},
};
use rushes_model::{ModelKey, TaskState};
use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// Arguments of `analysis`.
#[derive(Args)]
pub struct Arguments {
    /// The file.
    file: PathBuf,
    /// Home folder with the models.
    #[arg(long, env = "RUSHES_HOME")]
    home: PathBuf,
    /// Model.
    #[arg(long, default_value = "lite-260")]
    model: ModelKey,
    /// How densely.
    #[arg(long, value_enum, default_value = "full")]
    sampling: Sampling,
}

#[derive(Clone, Copy, ValueEnum)]
enum Sampling {
    Fast,
    Full,
}

/// Analyses the file into a fresh folder and prints one line.
pub fn run(arguments: &Arguments) -> Result<()> {
    let engine = Engine::open(Config {
        visual_model: Some(arguments.model.clone()),
        ..Config::at(std::path::absolute(&arguments.home)?)
    })?;
    let file = std::path::absolute(&arguments.file)?.display().to_string();
    let duration = duration_of(&engine, &file)?;
    let folder = tempfile::tempdir()?;
    let cache_dir = folder.path().display().to_string();
    let mut request = AnalyzeRequest::of_pictures(cache_dir.clone(), vec![file], None);
    request.sampling = match arguments.sampling {
        Sampling::Fast => SamplingName::Fast,
        Sampling::Full => SamplingName::Full,
    };
    let begun = Instant::now();
    let started = engine.analyze(&request)?;
    let first = wait_for_result(&engine, &started.task_id, &cache_dir, begun)?;
    wait_for_end(&engine, &started.task_id)?;
    let wall = begun.elapsed().as_secs_f64();
    let bytes = size_of(folder.path())?;
    println!(
        "{} {}: {:.1} s of media in {wall:.1} s = {:.1}x real time; first result after {first:.2} s; \
         {:.1} KB per 10 s; peak memory {} MB",
        arguments.model,
        arguments.file.display(),
        duration,
        duration / wall,
        bytes as f64 / 1000.0 / (duration / 10.0),
        peak_memory_mb()?
    );
    Ok(())
}

fn duration_of(engine: &Engine, file: &str) -> Result<f64> {
    let request = MetadataRequest { media_paths: vec![file.to_owned()], cache_dir: None };
    let rows = engine.media_metadata(&request)?.media;
    match rows.first().and_then(|row| row.duration_seconds) {
        Some(duration) => Ok(duration),
        None => bail!("{file} has no duration"),
    }
}

/// Searches until something is found; gives the seconds since `begun`.
fn wait_for_result(engine: &Engine, task_id: &str, cache_dir: &str, begun: Instant) -> Result<f64> {
    let request = SearchTextRequest::simple("a person", cache_dir);
    loop {
        if !engine.search_text(&request)?.matches.is_empty() {
            return Ok(begun.elapsed().as_secs_f64());
        }
        if engine.task(task_id)?.state.is_final() {
            wait_for_end(engine, task_id)?;
            bail!("nothing is found in the finished analysis");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn wait_for_end(engine: &Engine, task_id: &str) -> Result<()> {
    loop {
        let task = engine.task(task_id)?;
        match task.state {
            TaskState::Completed if task.errors.is_empty() => return Ok(()),
            state if state.is_final() => bail!("ended as {state:?}: {:?}", task.errors),
            _ => thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn size_of(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let facts = entry.metadata()?;
        bytes += if facts.is_dir() { size_of(&entry.path())? } else { facts.len() };
    }
    Ok(bytes)
}

/// Largest resident size of this process so far, the decoder's not counted.
pub fn peak_memory_mb() -> Result<u64> {
    let status = fs_err::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kilobytes.unwrap_or_default() / 1024)
}
