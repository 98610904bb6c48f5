//! License keys and keyrings of strangers: nobody's key is let in but the issuer's. The input stands for a
//! key, for what an issuer signed, and for a keyring.
#![no_main]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use libfuzzer_sys::fuzz_target;
use rushes_fuzz::{file, folder};
use rushes_license::{IssuerId, KEYRING_FILE, LicenseError, Verifier};

/// The private key of an issuer that is trusted here.
const SEED: [u8; 32] = [7; 32];
/// Some day of 2023.
const NOW: u64 = 1_700_000_000;

fuzz_target!(|input: &[u8]| {
    let issuer = SigningKey::from_bytes(&SEED);
    let public = URL_SAFE_NO_PAD.encode(issuer.verifying_key().as_bytes());
    let trusted: IssuerId = format!("rushes-issuer_{public}").parse().expect("it is an issuer");
    let verifier = Verifier::new([trusted]);

    let key = |signature: &[u8]| {
        let payload = URL_SAFE_NO_PAD.encode(input);
        format!("rushes_{payload}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let mut signature = issuer.sign(input).to_bytes();
    match verifier.verify_at(&key(&signature), NOW) {
        Ok(license) => assert!(license.expires.is_none_or(|end| end > NOW), "{license:?}"),
        Err(error) => assert!(!matches!(error, LicenseError::BadSignature), "{error}"),
    }
    signature[9] ^= 1;
    assert!(verifier.verify_at(&key(&signature), NOW).is_err(), "that is not its signature");

    file(KEYRING_FILE, input).expect("there is room");
    let _ = Verifier::open(folder());
    if let Ok(text) = std::str::from_utf8(input) {
        assert!(verifier.verify_at(text, NOW).is_err(), "nobody signed that");
        let _ = text.parse::<IssuerId>();
    }
});
