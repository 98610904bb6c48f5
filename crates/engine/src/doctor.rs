//! What is missing on this machine, and how to get it.

use crate::{config::Config, door, models::ModelPool};
use rushes_infer::ProviderChoice;
use rushes_media::{Limits, SandboxReport, Tools};
use std::time::Duration;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// Whether it is as it should be.
    pub good: bool,
    /// What was found, or what to do.
    pub says: String,
}

impl Finding {
    fn of<T, E: std::fmt::Display>(
        what: &str,
        outcome: Result<T, E>,
        says: impl FnOnce(T) -> String,
    ) -> Self {
        let (good, says) = match outcome {
            Ok(found) => (true, says(found)),
            Err(error) => (false, error.to_string()),
        };
        Self { what: what.to_owned(), good, says }
    }
}

/// Looks at everything that an analysis and a search need.
#[must_use]
pub fn examine(config: Config) -> Vec<Finding> {
    let home = config.make_home();
    let tools = Tools::locate(Limits::default());
    let version = tools
        .as_ref()
        .map_err(ToString::to_string)
        .and_then(|tools| tools.version().map_err(|error| error.to_string()));
    let mut findings = vec![
        Finding::of("home folder", home, |()| config.home.display().to_string()),
        Finding::of("ffmpeg", version, |version| version),
        sandbox(tools.as_ref().ok()),
        Finding::of("license files", door::gate(&config), |_| {
            "keys are checked as configured".to_owned()
        }),
    ];
    findings.extend(examine_models(&config));
    findings
}

/// What keeps decoders from network, files and more than their share. Only Linux has all of it.
fn sandbox(tools: Option<&Tools>) -> Finding {
    let what = "decoder sandbox".to_owned();
    let Some(tools) = tools else {
        return Finding { what, good: false, says: "no decoder is there".to_owned() };
    };
    let SandboxReport { network, files, resources } = tools.sandbox();
    let all = [&network, &files, &resources].iter().all(|guard| guard.in_force);
    let good = all || cfg!(not(target_os = "linux"));
    let says =
        format!("network: {}; files: {}; resources: {}", network.says, files.says, resources.says);
    Finding { what, good, says }
}

/// Whether there is something to run, to run it with, and whether it runs.
fn examine_models(config: &Config) -> Vec<Finding> {
    let pool = match ModelPool::open(config) {
        Ok(pool) => pool,
        Err(failure) => {
            return vec![Finding::of("model registry", Err::<(), _>(failure), |()| String::new())];
        }
    };
    let mut findings = examine_runtime(config, &pool);
    findings.push(examine_active(&pool));
    findings
}

/// Whether ONNX Runtime loads, and what models run on.
fn examine_runtime(config: &Config, pool: &ModelPool) -> Vec<Finding> {
    let runtime = match pool.runtime() {
        Ok(runtime) => runtime,
        Err(reason) => {
            return vec![Finding { what: "ONNX Runtime".to_owned(), good: false, says: reason }];
        }
    };
    let offered = runtime.offered().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let library = format!("{}, built with {offered}", runtime.version());
    let asked = config.provider;
    let provider = runtime.provider_in_use().map_err(|error| error.to_string());
    let provider = provider.and_then(|used| match asked {
        ProviderChoice::Only(wanted) if wanted != used => {
            Err(format!("{used}, though the configuration asks for {wanted}; a warning says why"))
        }
        _ => Ok(used),
    });
    vec![
        Finding { what: "ONNX Runtime".to_owned(), good: true, says: library },
        Finding::of("models run on", provider, |used| format!("{used} (provider = \"{asked}\")")),
    ]
}

/// Whether the active model is there and runs.
fn examine_active(pool: &ModelPool) -> Finding {
    let key = pool.active_visual();
    if !pool.is_downloaded(&key) {
        let says = format!("not on disk; run: rushes models pull {key}");
        return Finding { what: format!("model {key}"), good: false, says };
    }
    let model = pool.visual(&key, Duration::from_secs(120));
    Finding::of(&format!("model {key}"), model, |model| {
        format!("runs, {} values a frame", model.dimensions())
    })
}
