//! The key that a machine makes for itself.

use std::{
    fmt,
    fs::DirBuilder,
    path::{Path, PathBuf},
};

use crate::{Issuer, License, LicenseError, Tier, Verifier, private_file};

/// The machine's own key, in the home folder.
pub const LICENSE_FILE: &str = "license.key";

/// The machine's own issuer, in the home folder.
pub const SIGNING_FILE: &str = "license-signing.key";

/// A Pro key that this machine made for itself: the password of its local API.
pub struct LocalKey {
    /// The key. Show it once, log it never.
    pub key: String,
    /// Where it is kept, readable by its owner only.
    pub path: PathBuf,
    /// Whether this call made it.
    pub is_new: bool,
}

impl LocalKey {
    /// The key of `home`, made on the first call. Processes that call this at once get the same one.
    ///
    /// # Errors
    /// A file cannot be read or written, may be read by others, or holds a key that nobody whom
    /// this machine trusts has signed. Nothing is replaced then.
    pub fn ensure(home: &Path) -> Result<Self, LicenseError> {
        make_private_folder(home)?;
        let path = home.join(LICENSE_FILE);
        let issuer = local_issuer(&home.join(SIGNING_FILE))?;
        let is_new = !fs_err::exists(&path)? && publish_pro_key(&issuer, &path)?;
        let key = Self::read(home)?;
        Ok(Self { key, path, is_new })
    }

    /// The key of `home`, which must be there and valid.
    ///
    /// # Errors
    /// As [`LocalKey::ensure`], and when there is no key yet.
    pub fn read(home: &Path) -> Result<String, LicenseError> {
        let path = home.join(LICENSE_FILE);
        let key = private_file::read(&path)?;
        match Verifier::open(home)?.verify(&key) {
            Ok(_) => Ok(key),
            Err(error) => Err(LicenseError::KeyFile {
                reason: format!("cannot be used: {error}. Move it away to have a new one made"),
                path,
            }),
        }
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").field("path", &self.path).finish_non_exhaustive()
    }
}

fn local_issuer(path: &Path) -> Result<Issuer, LicenseError> {
    if !fs_err::exists(path)? {
        Issuer::generate()?.save(path)?;
    }
    // What is there counts: another process may have been first.
    Issuer::load(path)
}

fn publish_pro_key(issuer: &Issuer, path: &Path) -> Result<bool, LicenseError> {
    let mut license = License::new(Tier::Pro)?;
    license.holder = Some("this machine".into());
    private_file::publish(path, &issuer.issue(&license)?)
}

/// Makes the home folder, which nobody else on the machine may look into: private from the start, not
/// made and then closed.
///
/// # Errors
/// When it cannot be made.
pub fn make_private_folder(home: &Path) -> Result<(), LicenseError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(home).map_err(|error| LicenseError::KeyFile {
        path: home.to_owned(),
        reason: format!("cannot be used as the home folder: {error}"),
    })
}
