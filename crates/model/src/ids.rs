//! Identifiers: what a medium, a model and a task are called.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A string that is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not {expected}")]
pub struct ParseIdError {
    /// What was read.
    pub text: String,
    /// What it should have been.
    pub expected: &'static str,
}

/// Identity of a medium by size and sampled content: a moved or renamed file keeps its id.
///
/// Written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaId(pub [u8; 16]);

/// The API's short name of a medium: a CRC-32 as eight lower-case hexadecimal digits.
///
/// 32 bits collide in large libraries, so this is an alias for clients and never a key inside.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HashStr(pub u32);

/// Name of a task and of its Socket.IO room: 128 random bits, so that it cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(pub u128);

/// Key of a model in the registry, such as `lite-260`: lower-case letters, digits, `-` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelKey(String);

/// Parses exactly `2 * N` hexadecimal digits.
fn from_hex<const N: usize>(text: &str, expected: &'static str) -> Result<[u8; N], ParseIdError> {
    let error = || ParseIdError { text: text.chars().take(80).collect(), expected };
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(error());
    }
    let mut bytes = [0; N];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| error())?;
    }
    Ok(bytes)
}

impl fmt::Display for MediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for HashStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for ModelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MediaId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        from_hex(text, "a media id (32 hexadecimal digits)").map(Self)
    }
}

impl FromStr for HashStr {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let bytes = from_hex(text, "a hash_str (8 hexadecimal digits)")?;
        Ok(Self(u32::from_be_bytes(bytes)))
    }
}

impl FromStr for TaskId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let bytes = from_hex(text, "a task id (32 hexadecimal digits)")?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

impl FromStr for ModelKey {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !first || text.len() > 64 || !text.bytes().all(allowed) {
            return Err(ParseIdError {
                text: text.chars().take(80).collect(),
                expected: "a model key (lower-case letters, digits, - and .)",
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl ModelKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Ids travel as strings in JSON and debug-print as they are written.
macro_rules! text_conversions {
    ($($id:ty),*) => {$(
        impl TryFrom<String> for $id {
            type Error = ParseIdError;
            fn try_from(text: String) -> Result<Self, ParseIdError> { text.parse() }
        }
        impl From<$id> for String {
            fn from(id: $id) -> String { id.to_string() }
        }
    )*};
}
text_conversions!(MediaId, HashStr, TaskId, ModelKey);

macro_rules! debug_as_display {
    ($($id:ty),*) => {$(
        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
    )*};
}
debug_as_display!(MediaId, HashStr, TaskId);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_round_trip(bytes: [u8; 16], hash: u32, task: u128) {
            prop_assert_eq!(MediaId(bytes).to_string().parse(), Ok(MediaId(bytes)));
            prop_assert_eq!(HashStr(hash).to_string().parse(), Ok(HashStr(hash)));
            prop_assert_eq!(TaskId(task).to_string().parse(), Ok(TaskId(task)));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = (text.parse::<MediaId>(), text.parse::<TaskId>(), text.parse::<ModelKey>());
        }
    }

    #[test]
    fn model_keys_cannot_leave_their_folder() {
        for bad in ["", "../x", "a/b", "A", "-x", ".hidden", "a\0b", "é"] {
            assert!(bad.parse::<ModelKey>().is_err(), "{bad:?}");
        }
        assert!("v2-medium-256".parse::<ModelKey>().is_ok());
    }

    #[test]
    fn a_sign_is_not_a_digit() {
        assert!("+1234567".parse::<HashStr>().is_err());
    }
}
