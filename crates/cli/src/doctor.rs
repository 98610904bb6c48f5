//! `rushes doctor`.

use crate::settings::Settings;
use anyhow::Result;
use rushes_engine::doctor::{self, Finding};
use std::process::ExitCode;

/// Prints what was looked at and what to do about what is missing; fails when something is.
pub fn run(settings: Settings) -> Result<ExitCode> {
    let findings = doctor::examine(settings.engine);
    for Finding { what, good, says } in &findings {
        println!("{} {what}: {says}", if *good { "ok     " } else { "MISSING" });
    }
    let good = findings.iter().all(|finding| finding.good);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
