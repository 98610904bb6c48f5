//! License keys of Rushes: who may call the server, and until when.
//!
//! Four nouns. A [`License`] says which [`Tier`] its holder has and until when. An [`Issuer`] owns a
//! private signing key and turns a license into a key, which is text of the form
//! `rushes_<payload>.<signature>`. A [`Verifier`] trusts some issuers by their [`IssuerId`] and turns
//! a key back into a license, offline. A [`Gate`] is what a request has to pass: it asks the verifier,
//! or the license [`Server`] where one is configured, and then the server alone decides.
//!
//! [`LocalKey::ensure`] makes an issuer and a Pro key of this machine, the password of its local API.
//!
//! ```
//! use rushes_license::{Gate, Issuer, License, Tier, Verifier};
//!
//! let issuer = Issuer::generate()?;
//! let key = issuer.issue(&License::new(Tier::Pro)?)?;
//!
//! let gate = Gate::new(Verifier::new([issuer.id()]), None);
//! assert_eq!(gate.check(&key)?.tier, Tier::Pro);
//! assert!(gate.check("rushes_not.akey").is_err());
//! # Ok::<(), rushes_license::LicenseError>(())
//! ```

mod error;
mod gate;
mod issuer;
mod license;
mod local;
mod private_file;
mod server;
mod verifier;

pub use error::LicenseError;
pub use gate::Gate;
pub use issuer::{Issuer, IssuerId};
pub use license::{License, Tier};
pub use local::{LICENSE_FILE, LocalKey, SIGNING_FILE, make_private_folder};
pub use server::Server;
pub use verifier::{KEYRING_FILE, Verifier};
