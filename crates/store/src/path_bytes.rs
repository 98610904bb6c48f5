//! Paths as bytes and as JSON, without loss: not every file name is Unicode.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::path::{Path, PathBuf};

/// The bytes of a path: as the system has them on Unix, UTF-16 little-endian on Windows.
pub(crate) fn to_bytes(path: &Path) -> Vec<u8> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        path.as_os_str().as_bytes().to_vec()
    }
    #[cfg(windows)]
    {
        use std::os::windows::ffi::OsStrExt;
        path.as_os_str().encode_wide().flat_map(u16::to_le_bytes).collect()
    }
}

/// The path of these bytes.
pub(crate) fn from_bytes(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        std::ffi::OsStr::from_bytes(bytes).into()
    }
    #[cfg(windows)]
    {
        use std::os::windows::ffi::OsStringExt;
        let units = bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair));
        std::ffi::OsString::from_wide(&units.collect::<Vec<_>>()).into()
    }
}

/// A string where the path is one, else its bytes in hexadecimal.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PathText {
    Text(String),
    Bytes { hex: String },
}

pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    let text = match path.to_str() {
        Some(text) => PathText::Text(text.to_owned()),
        None => PathText::Bytes {
            hex: to_bytes(path).iter().map(|byte| format!("{byte:02x}")).collect(),
        },
    };
    text.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    match PathText::deserialize(deserializer)? {
        PathText::Text(text) => Ok(text.into()),
        PathText::Bytes { hex } => {
            let pair = |pair: &[u8]| {
                let digits = std::str::from_utf8(pair).ok()?;
                u8::from_str_radix(digits, 16).ok()
            };
            let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(pair).collect();
            bytes.map(|bytes| from_bytes(&bytes)).ok_or_else(|| D::Error::custom("not hexadecimal"))
        }
    }
}
