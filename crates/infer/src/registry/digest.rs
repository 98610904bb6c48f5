//! SHA-256 of files, the pin of every model file.

use fs_err::File;
use sha2::{Digest, Sha256};
use std::{fmt, io, io::Read, path::Path, str::FromStr};

/// A SHA-256, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Sha256Digest([u8; 32]);

/// A text that is not a SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a SHA-256 (64 lower-case hexadecimal digits)")]
pub struct ParseDigestError {
    /// What was read, cut to 80 characters.
    pub text: String,
}

/// Bytes read at a time: large enough for the hash to run at full speed.
const CHUNK: usize = 1 << 20;

impl Sha256Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of a whole file, or `None` when `cancelled` said so on the way.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_file(path: &Path, cancelled: &dyn Fn() -> bool) -> io::Result<Option<Self>> {
        let mut file = File::open(path)?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            if cancelled() {
                return Ok(None);
            }
            match file.read(&mut chunk)? {
                0 => return Ok(Some(Self(hash.finalize().into()))),
                count => hash.update(&chunk[..count]),
            }
        }
    }

    /// The first eight digits: enough to tell two versions of a file apart in a file name.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        let error = || ParseDigestError { text: text.chars().take(80).collect() };
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 64 || !text.bytes().all(is_digit) {
            return Err(error());
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| error())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Sha256Digest {
    type Error = ParseDigestError;

    fn try_from(text: String) -> Result<Self, ParseDigestError> {
        text.parse()
    }
}
