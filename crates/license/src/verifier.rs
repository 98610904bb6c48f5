//! Offline verification.

use std::{io::ErrorKind, path::Path};

use ed25519_dalek::Signature;

use crate::{
    Issuer, IssuerId, License, LicenseError, SIGNING_FILE,
    license::{Parts, Payload, date, unix_now},
};

/// File of trusted issuers in the home folder: one public line each; what follows a space is a note,
/// and lines that begin with # are comments.
pub const KEYRING_FILE: &str = "license-keyring.txt";

/// How far a license may begin in the future. The clocks of editing machines are often wrong, and a
/// key that this machine made must survive its clock being set back.
const CLOCK_SLACK: u64 = 24 * 60 * 60;

/// Trusts some issuers, and nobody else.
#[derive(Debug, Clone, Default)]
pub struct Verifier(Vec<IssuerId>);

impl Verifier {
    /// Trusts these issuers.
    pub fn new(issuers: impl IntoIterator<Item = IssuerId>) -> Self {
        Self(issuers.into_iter().collect())
    }

    /// Trusts the issuers of `home`'s keyring and the local one, as far as the files are there.
    ///
    /// # Errors
    /// A file is there and cannot be used; the text says what to do.
    pub fn open(home: &Path) -> Result<Self, LicenseError> {
        let mut issuers = keyring(&home.join(KEYRING_FILE))?;
        let signing = home.join(SIGNING_FILE);
        if fs_err::exists(&signing)? {
            issuers.push(Issuer::load(&signing)?.id());
        }
        Ok(Self(issuers))
    }

    /// The license that a key stands for, now.
    ///
    /// # Errors
    /// The key is not valid; the variant says why.
    pub fn verify(&self, key: &str) -> Result<License, LicenseError> {
        self.verify_at(key, unix_now())
    }

    /// The license that a key stands for at a moment in seconds since 1970.
    ///
    /// # Errors
    /// The key is not valid then; the variant says why.
    pub fn verify_at(&self, key: &str, now: u64) -> Result<License, LicenseError> {
        let parts = Parts::of_text(key)?;
        let license = self.signed(&parts)?;
        if license.issued > now.saturating_add(CLOCK_SLACK) {
            return Err(LicenseError::NotYetValid(date(license.issued)));
        }
        license.check_end(now)?;
        Ok(license)
    }

    /// The payload is read before its signature is checked only to find the issuer to check with.
    fn signed(&self, parts: &Parts) -> Result<License, LicenseError> {
        let payload = Payload::decode(&parts.payload)?;
        let mut named = self.0.iter().filter(|id| id.short() == payload.issuer).peekable();
        if named.peek().is_none() {
            // Cut: the name is the stranger's own text.
            let issuer = payload.issuer.chars().filter(char::is_ascii_hexdigit).take(16).collect();
            return Err(LicenseError::UnknownIssuer { issuer });
        }
        let signature = Signature::from_bytes(&parts.signature);
        let signed = named.any(|id| id.0.verify_strict(&parts.payload, &signature).is_ok());
        if signed { Ok(payload.license) } else { Err(LicenseError::BadSignature) }
    }
}

fn keyring(path: &Path) -> Result<Vec<IssuerId>, LicenseError> {
    let text = match fs_err::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| issuer_of_line(line).map_err(|error| at_line(path, number, &error)))
        .collect()
}

fn issuer_of_line(line: &str) -> Result<IssuerId, LicenseError> {
    line.split_whitespace().next().unwrap_or_default().parse()
}

fn at_line(path: &Path, number: usize, error: &LicenseError) -> LicenseError {
    let reason = format!("has no issuer in line {number}: {error}; correct or remove that line");
    LicenseError::KeyFile { path: path.to_owned(), reason }
}
