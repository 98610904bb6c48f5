//! The config file, the home folder and the log.

use anyhow::{Context, Result, bail};
use rushes_engine::Config;
use serde::Deserialize;
use std::{env, fs::File, io::IsTerminal, net::IpAddr, path::PathBuf, sync::Mutex};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Port of the public contract.
pub const DEFAULT_PORT: u16 = 6699;

/// What the config file may say. Flags go over it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Port to listen on.
    pub port: Option<u16>,
    /// Address to listen on.
    pub host: Option<IpAddr>,
    /// More Host values to let in, with their port.
    pub hosts: Vec<String>,
    /// Origins of web pages that may call.
    pub origins: Vec<String>,
    /// What the engine reads.
    #[serde(flatten)]
    pub engine: Config,
}

/// Reads the config file of a home folder. Its absence is no error unless it was named.
pub fn read(home: Option<PathBuf>, file: Option<PathBuf>) -> Result<Settings> {
    let home = match home {
        Some(home) => home,
        None => default_home().context("no home folder: set RUSHES_HOME or HOME")?,
    };
    let home = std::path::absolute(&home)?;
    let named = file.is_some();
    let file = file.unwrap_or_else(|| home.join("config.toml"));
    let mut settings = if named || file.exists() {
        let text = fs_err::read_to_string(&file)?;
        toml::from_str(&text).with_context(|| format!("in {}", file.display()))?
    } else {
        Settings::default()
    };
    if settings.engine.roots.iter().any(|root| root.is_relative()) {
        bail!("{}: roots must be absolute paths", file.display());
    }
    if settings.engine.onnxruntime.as_ref().is_some_and(|library| library.is_relative()) {
        bail!("{}: onnxruntime must be an absolute path", file.display());
    }
    settings.engine.home = home;
    Ok(settings)
}

fn default_home() -> Option<PathBuf> {
    #[allow(deprecated, reason = "right on every system since Rust 1.85")]
    env::home_dir().map(|home| home.join(".rushes"))
}

/// Logs to standard error, and to `logs/rushes.log` in the home folder for the server. `RUSHES_LOG`
/// sets what is logged.
pub fn start_logging(settings: &Settings, to_file: bool) -> Result<()> {
    let default = if to_file { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env("RUSHES_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let stderr = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let file = if to_file { Some(log_file(settings)?) } else { None };
    let file = file.map(|file| fmt::layer().json().with_writer(Mutex::new(file)));
    tracing_subscriber::registry().with(filter).with(stderr).with(file).init();
    Ok(())
}

fn log_file(settings: &Settings) -> Result<File> {
    settings.engine.make_home()?;
    let folder = settings.engine.home.join("logs");
    fs_err::create_dir_all(&folder)?;
    let path = folder.join("rushes.log");
    let file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
    Ok(file.into_parts().0)
}
