//! `rushes models`.

use crate::{arguments::Models, bar::Bar, settings::Settings};
use anyhow::Result;
use rushes_engine::{Engine, replies::ModelInfo};
use rushes_model::ModelKey;
use std::process::ExitCode;

/// Lists, fetches, chooses and locates models.
pub fn run(settings: Settings, command: Models) -> Result<ExitCode> {
    let engine = Engine::open(settings.engine)?;
    match command {
        Models::List => {
            let models = engine.available_models();
            models.visual.iter().chain(&models.speech).for_each(print);
        }
        Models::Pull { keys } if keys.is_empty() => {
            pull(&engine, &engine.models().active_visual())?;
        }
        Models::Pull { keys } => {
            keys.iter().try_for_each(|key| pull(&engine, key))?;
        }
        Models::Use { key } => {
            engine.models().choose(&key)?;
            println!("{key} is active");
        }
        Models::Path { key } => println!("{}", engine.models().folder().entry_path(&key).display()),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(model: &ModelInfo) {
    let mark = if model.is_active { '*' } else { ' ' };
    let state = if model.is_downloaded { "on disk" } else { "not fetched" };
    println!(
        "{mark} {:26} {:12} {:>7.1} MB  {:30} {}",
        model.model_key,
        state,
        model.size_bytes.unwrap_or_default() as f64 / 1e6,
        model.name,
        model.license.as_deref().unwrap_or("-")
    );
}

fn pull(engine: &Engine, key: &ModelKey) -> Result<()> {
    let mut bar = Bar::new();
    let report = engine.pull_model(key, &mut |at| {
        let fraction = at.bytes as f64 / at.total.max(1) as f64;
        bar.set(fraction, &format!("{key}: {} of {}", at.file, at.key));
    });
    bar.clear();
    let report = report?;
    println!(
        "{key}: {} files fetched ({:.1} MB), {} were there",
        report.fetched.len(),
        report.bytes as f64 / 1e6,
        report.present
    );
    Ok(())
}
