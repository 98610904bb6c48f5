//! Small files that hold a secret: mode 0600, whole or not there.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    path::Path,
};

use fs_err::{File, OpenOptions};

use crate::{
    LicenseError,
    license::{hex, random},
};

/// No key file comes near this.
const LONGEST: u64 = 8_192;

/// Text of a private file without the white space around it.
pub(crate) fn read(path: &Path) -> Result<String, LicenseError> {
    // Opened first and looked at through the handle, so that nobody can swap the file in between.
    let file = File::open(path)?;
    check_private(&file, path)?;
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

#[cfg(unix)]
fn check_private(file: &File, path: &Path) -> Result<(), LicenseError> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(LicenseError::Permissions { path: path.to_owned(), mode })
}

/// The home folder of a Windows user is private as it is.
#[cfg(not(unix))]
fn check_private(_file: &File, _path: &Path) -> Result<(), LicenseError> {
    Ok(())
}

/// Makes the file with this text, or leaves the one that is there: whether it was made. Of several
/// processes that do this at once exactly one makes it, and the others see it whole.
pub(crate) fn publish(path: &Path, text: &str) -> Result<bool, LicenseError> {
    let temporary = path.with_added_extension(format!("tmp-{}", hex(&random::<8>()?)));
    let made = write_new(&temporary, text).and_then(|()| link_new(&temporary, path));
    let removed = fs_err::remove_file(&temporary);
    let made = made?;
    removed?;
    sync_parent(path)?;
    Ok(made)
}

fn write_new(path: &Path, text: &str) -> Result<(), LicenseError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    fs_err::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(format!("{text}\n").as_bytes())?;
    file.sync_all()?;
    Ok(())
}

/// A hard link, not a rename: it never replaces, and it is atomic on network file systems too.
fn link_new(temporary: &Path, path: &Path) -> Result<bool, LicenseError> {
    match fs_err::hard_link(temporary, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A new name outlives a power cut only when its folder is on disk.
fn sync_parent(path: &Path) -> Result<(), LicenseError> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
