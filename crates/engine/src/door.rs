//! License keys: who may call, and this machine's own key.

use crate::config::Config;
use rushes_license::{Gate, Issuer, LicenseError, SIGNING_FILE, Server, Verifier};
use rushes_model::{ErrorCode, Failure};
use std::time::Duration;

pub use rushes_license::{License, LocalKey, Tier};

const SECONDS_A_DAY: u64 = 86_400;
/// How long a license server may take.
const SERVER_TIMEOUT: Duration = Duration::from_secs(10);

/// The gate of a home folder, with the license server where one is configured.
///
/// # Errors
/// When the keyring cannot be read or the server's address may not be used.
pub fn gate(config: &Config) -> Result<Gate, Failure> {
    let server = config.license_server.as_deref().map(|url| Server::new(url, SERVER_TIMEOUT));
    let server = server.transpose().map_err(failure)?;
    Ok(Gate::new(Verifier::open(&config.home).map_err(failure)?, server))
}

/// Lets a Pro key in.
///
/// # Errors
/// `Unauthorized` without a key or with one that cannot be verified, `NotPro`, or `LicenseServer`
/// when nobody could decide.
pub fn authorize(gate: &Gate, key: Option<&str>) -> Result<(), Failure> {
    let key = key.filter(|key| !key.is_empty()).ok_or_else(Failure::no_key)?;
    match gate.check(key).map_err(failure)?.tier {
        Tier::Pro => Ok(()),
        Tier::Standard => Err(Failure::not_pro()),
    }
}

fn failure(error: LicenseError) -> Failure {
    use LicenseError as E;
    let code = match error {
        E::Malformed(_)
        | E::BadSignature
        | E::UnknownIssuer { .. }
        | E::Expired(_)
        | E::NotYetValid(_)
        | E::Refused => ErrorCode::Unauthorized,
        E::Server { .. } => ErrorCode::LicenseServer,
        E::ServerAddress { .. } => ErrorCode::BadRequest,
        E::Permissions { .. } | E::KeyFile { .. } | E::Io(_) | E::Random(_) => ErrorCode::Internal,
    };
    Failure::new(code, error.to_string())
}

/// The machine's own Pro key, made on the first call.
///
/// # Errors
/// When the home folder's license files cannot be read, written or trusted.
pub fn local_key(config: &Config) -> Result<LocalKey, Failure> {
    LocalKey::ensure(&config.home).map_err(failure)
}

/// Issues a key signed by this machine.
///
/// # Errors
/// As [`local_key`], or when the holder's name is too long.
pub fn issue(
    config: &Config,
    tier: Tier,
    days: Option<u32>,
    holder: Option<String>,
) -> Result<String, Failure> {
    local_key(config)?;
    let issuer = Issuer::load(&config.home.join(SIGNING_FILE)).map_err(failure)?;
    let license = License::new(tier).map_err(failure)?;
    let expires = days.map(|days| license.issued + u64::from(days) * SECONDS_A_DAY);
    issuer.issue(&License { expires, holder, ..license }).map_err(failure)
}

/// What a key says, if it can be trusted.
///
/// # Errors
/// Why it cannot.
pub fn verify(config: &Config, key: &str) -> Result<License, Failure> {
    gate(config)?.check(key).map_err(failure)
}
