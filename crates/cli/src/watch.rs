//! `rushes watch`.

use crate::{
    analyze::absolute,
    arguments::{AddWatch, Watch},
    settings::Settings,
};
use anyhow::Result;
use rushes_engine::{
    Engine,
    replies::WatchFolder,
    requests::{PauseServiceRequest, SamplingName, WatchFolderSettings, WatchMethod},
};
use std::process::ExitCode;

/// Says what is watched, and changes that. The server follows within two seconds.
pub fn run(settings: Settings, what: Watch) -> Result<ExitCode> {
    let engine = Engine::open(settings.engine)?;
    match what {
        Watch::List { json } => list(&engine, json)?,
        Watch::Add(add) => {
            let folder = engine.create_watch_folder(&wanted(&add)?)?;
            println!("{}  {}", folder.id, folder.settings.path);
            println!("What comes into it is analysed while `rushes serve` runs.");
        }
        Watch::Remove { id } => println!("{}", engine.delete_watch_folder(&id)?.message),
        Watch::Start => println!("{}", engine.start_watching()?.message),
        Watch::Stop => println!("{}", engine.stop_watching()?.message),
        Watch::Pause { seconds } => {
            println!("{}", engine.pause_watching(&PauseServiceRequest { seconds })?.message);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn wanted(add: &AddWatch) -> Result<WatchFolderSettings> {
    Ok(WatchFolderSettings {
        path: absolute(&add.path)?,
        cache_dir: absolute(&add.cache_dir)?,
        recursive: !add.flat,
        visual: !add.no_pictures,
        speech: add.speech,
        faces: add.faces.is_some(),
        cluster_job_name: add.faces.clone(),
        language: add.language.clone(),
        enabled: true,
        ocr: add.ocr,
        sampling: SamplingName::Full,
        method: if add.poll { WatchMethod::Poll } else { WatchMethod::Auto },
    })
}

fn list(engine: &Engine, json: bool) -> Result<()> {
    let folders = engine.watch_folders()?;
    if json {
        println!("{}", serde_json::to_string_pretty(&folders)?);
        return Ok(());
    }
    for WatchFolder { id, settings, .. } in &folders.watch_folders {
        let stats = engine.watch_history(id)?;
        let off = if settings.enabled { "" } else { ", not watched at present" };
        let (path, processed, failed) = (&settings.path, stats.processed, stats.failed);
        println!("{id}  {path}: {processed} analysed, {failed} failed{off}");
        for failure in stats.failures {
            let again =
                if failure.gave_up { "not tried again until it changes" } else { "tried again" };
            println!("    {} ({} tries, {again})", failure.message, failure.tries);
        }
    }
    Ok(())
}
