//! The client with which a host asks others: it trusts the roots that are configured, and shows the host's own certificate
//! where hosts want one of their clients.

use crate::config::{Config, ConfigPath};
use crate::error::{Error, root};
use crate::limits::{CERTIFICATES_EVERY, PEER_CONNECT_WAIT};
use crate::tls::read;
use reqwest::{Certificate, Identity};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Made anew now and then, as certificates are renewed while hosts run.
pub struct Client {
    ca: Option<ConfigPath>,
    /// Certificate and key.
    identity: Option<(ConfigPath, ConfigPath)>,
    made: Mutex<(Instant, reqwest::Client)>,
}

impl Client {
    /// Read the files.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let ca = config.peers.ca.clone();
        let tls = config.tls.as_ref().filter(|tls| tls.client_ca.is_some());
        let identity = tls.map(|tls| (tls.certificate.clone(), tls.key.clone()));
        let client = make(ca.as_ref(), identity.as_ref())?;
        Ok(Self {
            ca,
            identity,
            made: Mutex::new((Instant::now(), client)),
        })
    }

    /// For the next question.
    pub fn current(&self) -> Result<reqwest::Client, Error> {
        // It is replaced whole.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let has_files = self.ca.is_some() || self.identity.is_some();
        if has_files && made.0.elapsed() >= CERTIFICATES_EVERY {
            let client = make(self.ca.as_ref(), self.identity.as_ref())?;
            *made = (Instant::now(), client);
        }
        Ok(made.1.clone())
    }
}

fn make(
    ca: Option<&ConfigPath>,
    identity: Option<&(ConfigPath, ConfigPath)>,
) -> Result<reqwest::Client, Error> {
    // Whoever was first has chosen the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(PEER_CONNECT_WAIT)
        // Hosts are in one network: a proxy for the way out is none for them.
        .no_proxy();
    if let Some(path) = ca {
        let roots = Certificate::from_pem_bundle(&read(path)?);
        builder = builder.tls_certs_only(roots.map_err(|error| unusable(path, &error))?);
    }
    if let Some((certificate, key)) = identity {
        let pem = [read(certificate)?, b"\n".to_vec(), read(key)?].concat();
        let identity = Identity::from_pem(&pem).map_err(|error| unusable(certificate, &error))?;
        builder = builder.identity(identity);
    }
    builder
        .build()
        .map_err(|error| Error::Certificates(root(&error)))
}

fn unusable(path: &ConfigPath, error: &reqwest::Error) -> Error {
    Error::Certificates(format!("`{path}`: {}", root(error)))
}
