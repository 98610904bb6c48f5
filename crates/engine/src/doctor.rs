//! What is missing on this machine, and how to get it.

use crate::{config::Config, door, models::ModelPool};
use rushes_media::{Limits, Tools};
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
        Finding::of("license files", door::gate(&config), |_| {
            "keys are checked as configured".to_owned()
        }),
    ];
    findings.extend(examine_models(&config));
    findings
}

/// Whether the active model is there and runs.
fn examine_models(config: &Config) -> Vec<Finding> {
    let pool = match ModelPool::open(config) {
        Ok(pool) => pool,
        Err(failure) => {
            return vec![Finding::of("model registry", Err::<(), _>(failure), |()| String::new())];
        }
    };
    let key = pool.active_visual();
    if !pool.is_downloaded(&key) {
        let says = format!("not on disk; run: rushes models pull {key}");
        return vec![Finding { what: format!("model {key}"), good: false, says }];
    }
    let model = pool.visual(&key, Duration::from_secs(120));
    vec![Finding::of(&format!("model {key}"), model, |model| {
        format!("runs on the processor, {} values a frame", model.dimensions())
    })]
}
