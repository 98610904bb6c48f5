//! What can be wrong with a key, a key file or a license server.

use std::{io, path::PathBuf};

/// Why a key was refused, or why nobody could tell. No variant ever holds a key.
#[derive(Debug, thiserror::Error)]
pub enum LicenseError {
    /// The text is not a license key at all.
    #[error("this is not a Rushes license key: {0}")]
    Malformed(&'static str),
    /// The issuer is trusted, but did not sign this.
    #[error("the license key was altered or mistyped: its signature does not fit")]
    BadSignature,
    /// The named issuer is not in the keyring.
    #[error(
        "the license key comes from an issuer that is not trusted here ({issuer}…); add the \
         issuer's public line to license-keyring.txt if you trust it"
    )]
    UnknownIssuer {
        /// First half of the issuer's fingerprint as the key states it.
        issuer: String,
    },
    /// The license ended.
    #[error("the license expired on {0}; ask its issuer for a new key")]
    Expired(String),
    /// The license begins later than now.
    #[error("the license is valid from {0} on; is this machine's clock right?")]
    NotYetValid(String),
    /// The license server said no.
    #[error("the license server does not accept this license key")]
    Refused,
    /// The license server could not be asked or its answer not be understood. Nobody is let in.
    #[error("the license server {url} could not be asked: {reason}")]
    Server {
        /// Configured address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The configured address may not be used.
    #[error("the license server address {url} cannot be used: {reason}")]
    ServerAddress {
        /// Configured address.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A private file that others may read or write.
    #[error("{path} may be read by other users (mode {mode:o}); run: chmod 600 '{path}'", path = .path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A key file or keyring that does not hold what it should.
    #[error("{path} {reason}", path = .path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do, to be read after the path.
        reason: String,
    },
    /// Reading or writing a file failed; the text names it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The system gave no random bytes.
    #[error("the system's random number generator failed: {0}")]
    Random(String),
}
