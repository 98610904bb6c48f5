//! The license itself and its text form.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::LicenseError;

/// What every key begins with: a key found in a log or a repository can be recognised.
const PREFIX: &str = "rushes_";

/// Longer texts are refused unread. A key whose holder has the longest name, every byte of it written
/// as a JSON escape, has about 2,500.
const LONGEST_KEY: usize = 4_096;

/// Most bytes of a holder's name.
const LONGEST_HOLDER: usize = 256;

/// The only payload version so far.
const VERSION: u32 = 1;

/// What the holder may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// May use everything, the HTTP API included.
    Pro,
    /// May use the command line and the page, not the HTTP API.
    Standard,
}

/// Who may do what until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// Names the key in logs and lists without giving it away.
    pub id: String,
    /// What the holder may do.
    pub tier: Tier,
    /// Begin, in seconds since 1970.
    pub issued: u64,
    /// End, in seconds since 1970; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// For whom, in free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
}

impl License {
    /// A license with a random id that begins now and never ends.
    ///
    /// # Errors
    /// The system's random number generator failed.
    pub fn new(tier: Tier) -> Result<Self, LicenseError> {
        let id = hex(&random::<8>()?);
        Ok(Self { id, tier, issued: unix_now(), expires: None, holder: None })
    }

    /// Refuses a license that has ended by `now` (seconds since 1970).
    pub(crate) fn check_end(&self, now: u64) -> Result<(), LicenseError> {
        match self.expires {
            Some(end) if end <= now => Err(LicenseError::Expired(date(end))),
            _ => Ok(()),
        }
    }
}

/// What is signed: the license, and who is to be asked about the signature.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Payload {
    pub v: u32,
    /// First half of the issuer's fingerprint.
    pub issuer: String,
    #[serde(flatten)]
    pub license: License,
}

impl Payload {
    pub fn new(issuer: String, license: License) -> Self {
        Self { v: VERSION, issuer, license }
    }

    pub fn encode(&self) -> Result<Vec<u8>, LicenseError> {
        if self.license.holder.as_ref().is_some_and(|name| name.len() > LONGEST_HOLDER) {
            return Err(LicenseError::Malformed("the holder's name is longer than 256 bytes"));
        }
        serde_json::to_vec(self).map_err(|_| LicenseError::Malformed("it cannot be written"))
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, LicenseError> {
        let payload: Self = serde_json::from_slice(bytes)
            .map_err(|_| LicenseError::Malformed("its content is unreadable"))?;
        match payload.v {
            VERSION => Ok(payload),
            _ => Err(LicenseError::Malformed("it is of a newer kind; update Rushes")),
        }
    }
}

/// A key taken apart: the payload as signed, and the signature.
pub(crate) struct Parts {
    pub payload: Vec<u8>,
    pub signature: [u8; 64],
}

impl Parts {
    pub fn to_text(&self) -> String {
        let payload = URL_SAFE_NO_PAD.encode(&self.payload);
        format!("{PREFIX}{payload}.{}", URL_SAFE_NO_PAD.encode(self.signature))
    }

    pub fn of_text(key: &str) -> Result<Self, LicenseError> {
        if key.len() > LONGEST_KEY {
            return Err(LicenseError::Malformed("it is too long"));
        }
        let body = key.strip_prefix(PREFIX).ok_or(NOT_A_KEY)?;
        let (payload, signature) = body.split_once('.').ok_or(NOT_A_KEY)?;
        Ok(Self { payload: unbase64(payload)?, signature: unbase64_exact(signature)? })
    }
}

const NOT_A_KEY: LicenseError =
    LicenseError::Malformed("it should read rushes_<payload>.<signature>");

fn unbase64(text: &str) -> Result<Vec<u8>, LicenseError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| LicenseError::Malformed("a part is cut or mistyped"))
}

/// Bytes of a base64url text that must be exactly so long.
pub(crate) fn unbase64_exact<const N: usize>(text: &str) -> Result<[u8; N], LicenseError> {
    unbase64(text)?.try_into().map_err(|_| LicenseError::Malformed("a part has the wrong length"))
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], LicenseError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| LicenseError::Random(error.to_string()))?;
    Ok(bytes)
}

/// Seconds since 1970; 0 on a machine whose clock stands before that.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A moment as people read it (UTC), or the bare number where no calendar reaches.
pub(crate) fn date(unix: u64) -> String {
    i64::try_from(unix)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| format!("second {unix}"), |moment| moment.to_string())
}
