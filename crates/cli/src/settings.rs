//! The config file and the home folder.

use anyhow::{Context, Result, bail};
use rushes_engine::Config;
use serde::Deserialize;
use std::{env, net::IpAddr, path::PathBuf};

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
    /// Certificate in PEM form, and its key: the server then speaks HTTPS only.
    pub tls_cert: Option<PathBuf>,
    /// See `tls_cert`.
    pub tls_key: Option<PathBuf>,
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
