//! What must hold of a registry's entries before anything is fetched by them.
//!
//! A user's file is input: its names become paths, addresses and arguments of a program, so each is
//! held to the letters that such names have.

use super::{Entry, Family, HubSource, Kind, ModelFile, PackageSource, RegistryError, Source};
use rushes_model::ModelKey;
use std::collections::HashSet;

/// Checks the entries from `known` on; those before have been checked and may be referred to.
pub(super) fn check(entries: &[Entry], known: usize, origin: &str) -> Result<(), RegistryError> {
    let mut keys: HashSet<&ModelKey> = HashSet::new();
    for (i, entry) in entries.iter().enumerate() {
        if !keys.insert(&entry.key) {
            return Err(RegistryError::Duplicate {
                origin: origin.to_owned(),
                key: entry.key.clone(),
            });
        }
        if i >= known {
            check_entry(entry).map_err(|reason| RegistryError::Invalid {
                origin: origin.to_owned(),
                key: entry.key.clone(),
                reason,
            })?;
        }
    }
    check_requirements(entries, &keys, origin)
}

fn check_requirements(
    entries: &[Entry],
    keys: &HashSet<&ModelKey>,
    origin: &str,
) -> Result<(), RegistryError> {
    for entry in entries {
        if let Some(requires) = entry.requires.iter().find(|required| !keys.contains(required)) {
            return Err(RegistryError::UnknownRequirement {
                origin: origin.to_owned(),
                key: entry.key.clone(),
                requires: requires.clone(),
            });
        }
    }
    first_in_a_circle(entries).map_or(Ok(()), |entry| {
        Err(RegistryError::Cycle { origin: origin.to_owned(), key: entry.key.clone() })
    })
}

/// Entries leave once all that they require has left; what cannot leave stands in a circle or behind
/// one.
fn first_in_a_circle(entries: &[Entry]) -> Option<&Entry> {
    let mut free: HashSet<&ModelKey> = HashSet::new();
    loop {
        let before = free.len();
        for entry in entries {
            if entry.requires.iter().all(|required| free.contains(required)) {
                free.insert(&entry.key);
            }
        }
        if free.len() == before {
            return entries.iter().find(|entry| !free.contains(&entry.key));
        }
    }
}

fn check_entry(entry: &Entry) -> Result<(), String> {
    let runs = entry.family.is_some() && entry.dimensions.is_some() && entry.resolution.is_some();
    if entry.kind == Kind::Visual && !runs {
        return Err("a visual model needs family, dimensions and resolution".to_owned());
    }
    let has_text_tower = matches!(entry.family, Some(Family::Clip | Family::Siglip2));
    require(has_text_tower || entry.templates.is_empty(), "templates are for two-tower models")?;
    let mut names = HashSet::new();
    for file in &entry.files {
        if !names.insert(file.name.as_str()) {
            return Err(format!("two files are called {}", file.name));
        }
        check_file(file).map_err(|reason| format!("file {:?}: {reason}", file.name))?;
    }
    Ok(())
}

fn check_file(file: &ModelFile) -> Result<(), String> {
    require(
        is_path(&file.name) && !file.name.contains('/'),
        "name must be a plain file name of letters, digits, . _ -",
    )?;
    require(file.bytes > 0, "bytes must be the size of the file")?;
    match &file.source {
        Source::Package(package) => check_package(package),
        Source::Hub(hub) => check_hub(hub),
    }
}

fn check_package(package: &PackageSource) -> Result<(), String> {
    require(is_name(&package.name), "package name must be letters, digits, . _ -")?;
    require(
        package.version.starts_with(|first: char| first.is_ascii_digit())
            && package.version.bytes().all(|b| b.is_ascii_alphanumeric() || b".!+".contains(&b)),
        "package version must be one exact version",
    )?;
    let tag_fits = |tag: &String| tag.split('-').filter(|part| is_name(part)).count() == 3;
    require(
        package.tag.as_ref().is_none_or(tag_fits),
        "tag must be python-abi-platform, as in the name of a wheel",
    )?;
    require(is_path(&package.member), "member must be a relative path inside the archive")
}

fn check_hub(hub: &HubSource) -> Result<(), String> {
    require(is_path(&hub.repo) && hub.repo.split('/').count() == 2, "repo must be owner/name")?;
    require(is_name(&hub.revision), "revision must be a commit")?;
    require(is_path(&hub.path), "path must be a relative path inside the repository")
}

fn require(holds: bool, reason: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason.to_owned()) }
}

/// Starts with a letter or digit, so that it is neither an option nor hidden.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Names with `/` between them: no empty part, no `.` or `..`.
fn is_path(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && !part.starts_with('-')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+".contains(&b))
    };
    text.split('/').all(is_part)
}
