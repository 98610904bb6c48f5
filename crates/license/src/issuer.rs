//! Who signs keys, and the public name by which others trust the signer.

use std::{fmt, path::Path, str::FromStr};

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};

use crate::{
    License, LicenseError,
    license::{Parts, Payload, base64, hex, random, unbase64_exact},
    private_file,
};

/// What a stored private key begins with.
const PRIVATE_PREFIX: &str = "rushes-signing_";

/// What a public line begins with.
const PUBLIC_PREFIX: &str = "rushes-issuer_";

/// Whoever owns this private Ed25519 key can make license keys.
pub struct Issuer(SigningKey);

impl Issuer {
    /// A new issuer.
    ///
    /// # Errors
    /// The system's random number generator failed.
    pub fn generate() -> Result<Self, LicenseError> {
        Ok(Self(SigningKey::from_bytes(&random()?)))
    }

    /// Reads an issuer that [`Issuer::save`] wrote.
    ///
    /// # Errors
    /// The file cannot be read, may be read by other users, or holds something else.
    pub fn load(path: &Path) -> Result<Self, LicenseError> {
        let text = private_file::read(path)?;
        let seed = text.strip_prefix(PRIVATE_PREFIX).and_then(|seed| unbase64_exact(seed).ok());
        let seed = seed.ok_or_else(|| LicenseError::KeyFile {
            path: path.to_owned(),
            reason: "holds no signing key of Rushes; move it away to have a new one made".into(),
        })?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Writes the private key to a new file that only its owner may read. A file that is there is
    /// left as it is, and the answer is false.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<bool, LicenseError> {
        private_file::publish(path, &format!("{PRIVATE_PREFIX}{}", base64(self.0.as_bytes())))
    }

    /// The public name of this issuer.
    #[must_use]
    pub fn id(&self) -> IssuerId {
        IssuerId(self.0.verifying_key())
    }

    /// The key for a license.
    ///
    /// # Errors
    /// The holder's name is too long.
    pub fn issue(&self, license: &License) -> Result<String, LicenseError> {
        let payload = Payload::new(self.id().short(), license.clone()).encode()?;
        let signature = self.0.sign(&payload).to_bytes();
        Ok(Parts { payload, signature }.to_text())
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.id().short())
    }
}

/// An issuer's public key. Its text form is what a keyring holds, `rushes-issuer_<base64url>`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IssuerId(pub(crate) VerifyingKey);

impl IssuerId {
    /// The first 8 bytes in hexadecimal: enough to find the issuer of a key in a keyring. It proves
    /// nothing; the signature does.
    #[must_use]
    pub fn short(&self) -> String {
        hex(&self.0.as_bytes()[..8])
    }
}

impl fmt::Display for IssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC_PREFIX}{}", base64(self.0.as_bytes()))
    }
}

impl fmt::Debug for IssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for IssuerId {
    type Err = LicenseError;

    fn from_str(text: &str) -> Result<Self, LicenseError> {
        let body = text.strip_prefix(PUBLIC_PREFIX);
        let body = body.ok_or(LicenseError::Malformed("an issuer begins with rushes-issuer_"))?;
        // A weak point would let anyone sign for it.
        VerifyingKey::from_bytes(&unbase64_exact(body)?)
            .ok()
            .filter(|point| !point.is_weak())
            .map(Self)
            .ok_or(LicenseError::Malformed("no such Ed25519 public key"))
    }
}
