//! Certificates: the host's own, and the roots of its clients' where they need one. The files are looked at now and then,
//! for certificates are renewed while hosts run.

use crate::config::{ConfigPath, Tls};
use crate::error::Error;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::sync::{Arc, Mutex, PoisonError};

/// The only protocol that the API speaks.
const ALPN: &[u8] = b"http/1.1";

/// The certificates in use.
pub struct Certificates {
    files: Tls,
    current: Mutex<Current>,
}

struct Current {
    /// Of the files' content.
    digest: String,
    config: Arc<ServerConfig>,
}

impl Certificates {
    /// Read the files.
    pub fn read(files: &Tls) -> Result<Self, Error> {
        let read = Read::from(files)?;
        let current = Mutex::new(Current {
            digest: read.digest(),
            config: read.config(files)?,
        });
        Ok(Self {
            files: files.clone(),
            current,
        })
    }

    /// For the next connection.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.lock().config.clone()
    }

    /// Look at the files again; answers whether they have changed. If the new ones can't be used, the old ones stay.
    pub fn look(&self) -> Result<bool, Error> {
        let read = Read::from(&self.files)?;
        let digest = read.digest();
        if self.lock().digest == digest {
            return Ok(false);
        }
        let config = read.config(&self.files)?;
        *self.lock() = Current { digest, config };
        Ok(true)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The files' content.
struct Read {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Read {
    fn from(files: &Tls) -> Result<Self, Error> {
        let client_ca = files.client_ca.as_ref();
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            client_ca: client_ca.map(read).transpose()?,
        })
    }

    fn digest(&self) -> String {
        let parts = [
            Some(&self.certificate),
            Some(&self.key),
            self.client_ca.as_ref(),
        ];
        let digests = parts.map(|part| part.map(|bytes| sluicebox_catalog::sha256_hex(bytes)));
        format!("{digests:?}")
    }

    fn config(&self, files: &Tls) -> Result<Arc<ServerConfig>, Error> {
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let chain = certificates(&self.certificate, &files.certificate)?;
        // The parser's error may show what it stumbled over.
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| {
            Error::Certificates(format!("`{}` holds no private key in PEM", files.key))
        })?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Certificates(error.to_string()))?;
        let builder = match (&self.client_ca, &files.client_ca) {
            (Some(pem), Some(path)) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(pem, path)? {
                    roots
                        .add(certificate)
                        .map_err(|error| unusable(path, &error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                    .build()
                    .map_err(|error| unusable(path, &error))?;
                builder.with_client_cert_verifier(verifier)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| unusable(&files.certificate, &error))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Arc::new(config))
    }
}

/// What is in a file that the configuration names.
pub fn read(path: &ConfigPath) -> Result<Vec<u8>, Error> {
    std::fs::read(&path.at).map_err(|error| Error::File {
        what: "read",
        path: path.clone(),
        why: error.to_string(),
    })
}

fn certificates(pem: &[u8], path: &ConfigPath) -> Result<Vec<CertificateDer<'static>>, Error> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(Error::Certificates(format!(
            "`{path}` holds no certificate in PEM"
        ))),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn unusable(path: &ConfigPath, error: &dyn std::fmt::Display) -> Error {
    Error::Certificates(format!("`{path}`: {error}"))
}
