//! A listener as production has it: TLS with a certificate of an authority made for the test, users with passwords
//! (SCRAM), and rights that must be granted one by one ([`crate::rights`]). The test's own client stays on the plain
//! listener, where everybody may do everything.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::server::{Listener, free_port};

/// The user that jobs run as. Without any right until some are granted.
pub const USER: &str = "sluice";
/// Its password: a word that can be looked for in everything that is printed.
pub const PASSWORD: &str = "pass-4f1c-word";

/// The secure listener of a broker.
#[derive(Clone, Debug)]
pub struct Secure {
    port: u16,
    authority: PathBuf,
    stranger: PathBuf,
    store: PathBuf,
}

impl Secure {
    /// Make an authority and the broker's certificate, in `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let secure = Self {
            port: free_port()?,
            authority: folder.join("authority.pem"),
            stranger: folder.join("stranger.pem"),
            store: folder.join("broker.pem"),
        };
        let (authority, issuer) = authority("sluicebox tests")?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, "broker");
        let certificate = params.signed_by(&key, &issuer)?;
        let store = key.serialize_pem() + &certificate.pem();
        fs::write(&secure.store, store)?;
        fs::write(&secure.authority, authority)?;
        fs::write(&secure.stranger, self::authority("nobody")?.0)?;
        Ok(secure)
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority's certificate, a PEM file.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// The certificate of an authority that has signed nothing.
    pub fn stranger(&self) -> &Path {
        &self.stranger
    }

    /// What a job's spec says to come in.
    pub fn properties(&self) -> Vec<(String, String)> {
        let authority = self.authority.display().to_string();
        [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanisms", "SCRAM-SHA-512"),
            ("sasl.username", USER),
            ("sasl.password", PASSWORD),
            ("ssl.ca.location", &authority),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
    }

    pub(crate) fn listener(&self) -> Listener {
        Listener {
            name: "SECURE",
            protocol: "SASL_SSL",
            port: self.port,
            advertised: self.port,
        }
    }

    /// Lines of `server.properties`.
    pub(crate) fn lines(&self) -> String {
        format!(
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
             super.users=User:ANONYMOUS\n\
             ssl.keystore.type=PEM\n\
             ssl.keystore.location={}\n\
             listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
             listener.name.secure.scram-sha-512.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;\n",
            self.store.display()
        )
    }

    /// Arguments for the formatting of the broker's folder.
    pub(crate) fn users(&self) -> Vec<String> {
        let user = format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]");
        vec!["--add-scram".to_owned(), user]
    }
}

/// A certificate that signs others, as PEM, and what it signs with.
fn authority(name: &str) -> Result<(String, Issuer<'static, KeyPair>)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, Issuer::new(params, key)))
}
