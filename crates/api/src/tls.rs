//! HTTPS, for servers that other machines may reach.

use crate::listen::ServeError;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, followed by those that vouch for it.
    pub certificate: PathBuf,
    /// The certificate's key.
    pub key: PathBuf,
}

/// What makes TLS connections of TCP connections. The files are read once, now.
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServeError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |reason: String| ServeError::Tls { path, reason }
    };
    let read = |path: &PathBuf| fs_err::read(path).map_err(|error| at(path)(error.to_string()));
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&read(&files.certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|error| at(&files.certificate)(error.to_string()))?;
    if certificates.is_empty() {
        return Err(at(&files.certificate)("there is no PEM certificate in it".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|error| at(&files.key)(error.to_string()))?;
    // ring is the provider that the license client brings; it needs no tools to build.
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| at(&files.certificate)(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| {
            at(&files.certificate)(format!("with {}: {error}", files.key.display()))
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
