//! `rushes license`.

use crate::{arguments, settings::Settings};
use anyhow::Result;
use rushes_engine::door::{self, Tier};
use std::{io::Read, process::ExitCode};

/// Longest key that is read from standard input, in bytes.
const MAX_KEY_BYTES: u64 = 64 * 1024;

/// Shows, issues and checks keys.
pub fn run(settings: &Settings, command: arguments::License) -> Result<ExitCode> {
    let config = &settings.engine;
    match command {
        arguments::License::Show => println!("{}", door::local_key(config)?.key),
        arguments::License::Issue { tier, days, holder } => {
            let tier = match tier {
                arguments::Tier::Pro => Tier::Pro,
                arguments::Tier::Standard => Tier::Standard,
            };
            println!("{}", door::issue(config, tier, days, holder)?);
        }
        arguments::License::Verify { key } => {
            let key = key.map_or_else(read_key, Ok)?;
            println!("{}", serde_json::to_string_pretty(&door::verify(config, key.trim())?)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read_key() -> Result<String> {
    let mut key = String::new();
    std::io::stdin().take(MAX_KEY_BYTES).read_to_string(&mut key)?;
    Ok(key)
}
