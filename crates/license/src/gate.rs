//! What every request has to pass.

use crate::{License, LicenseError, Server, Verifier};

/// Decides about keys: the license server where one is configured, signatures otherwise.
#[derive(Debug)]
pub struct Gate {
    verifier: Verifier,
    server: Option<Server>,
}

impl Gate {
    /// A gate that asks the server if there is one, else the verifier.
    #[must_use]
    pub fn new(verifier: Verifier, server: Option<Server>) -> Self {
        Self { verifier, server }
    }

    /// The license behind a key. Blocks while a license server is asked.
    ///
    /// # Errors
    /// The key is refused, or [`LicenseError::Server`] where nobody could decide.
    pub fn check(&self, key: &str) -> Result<License, LicenseError> {
        match &self.server {
            Some(server) => server.check(key),
            None => self.verifier.verify(key),
        }
    }
}
