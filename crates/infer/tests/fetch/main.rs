//! Fetching, against a model hub and package archives made by the tests.
#![allow(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

mod hub;
mod packages;
mod server;

use rushes_infer::{
    fetch::{self, FetchError, PackagePlan, PullReport, Settings},
    registry::{ModelFolder, Registry, Sha256Digest},
};
use rushes_model::ModelKey;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// A registry with one more entry, `tiny`, and an empty models folder.
struct Bench {
    home: TempDir,
    registry: Registry,
    folder: ModelFolder,
}

const KEY: &str = "tiny";

impl Bench {
    /// `files` is the TOML of the entry's files.
    fn new(files: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("models.toml");
        let entry = format!(
            "[[entry]]\nkey = \"{KEY}\"\nname = \"x\"\nkind = \"component\"\nlicense = \"MIT\"\n"
        );
        fs_err::write(&path, entry + files).unwrap();
        let registry = Registry::builtin().unwrap().with_user_file(&path).unwrap();
        let folder = ModelFolder::new(home.path().join("models"));
        Self { home, registry, folder }
    }

    fn key() -> ModelKey {
        KEY.parse().unwrap()
    }

    fn target(&self, file: &str) -> PathBuf {
        self.folder.entry_path(&Self::key()).join(file)
    }

    fn pull(&self, settings: &Settings) -> Result<PullReport, FetchError> {
        self.pull_with(settings, &mut no_packages)
    }

    fn pull_with(
        &self,
        settings: &Settings,
        packages: &mut dyn fetch::PackageDownloader,
    ) -> Result<PullReport, FetchError> {
        self.watch(settings, packages, &mut |_| {}, &|| false)
    }

    fn watch(
        &self,
        settings: &Settings,
        packages: &mut dyn fetch::PackageDownloader,
        progress: &mut dyn FnMut(fetch::PullProgress<'_>),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<PullReport, FetchError> {
        let key = Self::key();
        fetch::pull(&self.registry, &self.folder, &key, settings, packages, progress, cancelled)
    }

    /// Names of all files in the entry's folder.
    fn names(&self) -> Vec<String> {
        names_in(&self.folder.entry_path(&Self::key()))
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs_err::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".lock")
        .collect();
    names.sort();
    names
}

fn no_packages(plan: &PackagePlan, _folder: &Path) -> Result<(), String> {
    Err(format!("{} was not to be fetched", plan.requirement))
}

/// Settings that give up soon, as tests want it.
fn settings(endpoint: &str) -> Settings {
    Settings {
        endpoint: endpoint.to_owned(),
        retry_delay: Duration::from_millis(5),
        stall: Duration::from_secs(10),
        ..Settings::default()
    }
}

fn digest(content: &[u8]) -> Sha256Digest {
    Sha256Digest::of(content)
}

/// Bytes that differ at every position, 300 kB unless a test needs more.
fn content(length: usize) -> Vec<u8> {
    (0..length as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}
