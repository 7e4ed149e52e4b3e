//! Listeners as production has them: TLS with a certificate of an authority made for the test, users with passwords
//! (SCRAM), with certificates of their own or with tokens ([`crate::issuer`]), and rights that must be granted one by one ([`crate::rights`]). The test's
//! own client stays on the plain listener, where everybody may do everything.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};

use crate::issuer::{AUDIENCE, ISSUER, Signer, TokenServer};
use crate::server::{Listener, free_port};

/// The user that jobs run as. Without any right until some are granted.
pub const USER: &str = "sluice";
/// Its password: a word that can be looked for in everything that is printed.
pub const PASSWORD: &str = "pass-4f1c-word";

/// The user that a certificate makes of its owner.
pub const CERTIFIED_USER: &str = "CN=sluice";

/// The secure listeners of a broker.
#[derive(Clone, Debug)]
pub struct Secure {
    port: u16,
    mutual: u16,
    authority: PathBuf,
    stranger: PathBuf,
    store: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    tokens: u16,
    signer: Arc<Signer>,
}

impl Secure {
    /// Make an authority and the broker's certificate, in `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let secure = Self {
            port: free_port()?,
            mutual: free_port()?,
            authority: folder.join("authority.pem"),
            stranger: folder.join("stranger.pem"),
            store: folder.join("broker.pem"),
            certificate: folder.join("client.pem"),
            key: folder.join("client.key"),
            tokens: free_port()?,
            signer: Arc::new(Signer::new()?),
        };
        let keys = secure.signer.key_set().to_string();
        fs::write(key_set(folder), keys)?;
        let (authority, issuer) = authority("sluicebox tests")?;
        let (certificate, key) = signed("broker", &["127.0.0.1"], &issuer)?;
        fs::write(&secure.store, key + &certificate)?;
        let (certificate, key) = signed("sluice", &[], &issuer)?;
        fs::write(&secure.certificate, certificate)?;
        fs::write(&secure.key, key)?;
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

    /// `host:port` of the listener that wants no password but a certificate.
    pub fn mutual(&self) -> String {
        format!("127.0.0.1:{}", self.mutual)
    }

    /// What a job's spec says to come in there.
    pub fn mutual_properties(&self) -> Vec<(String, String)> {
        let file = |path: &Path| path.display().to_string();
        [
            ("security.protocol", "ssl".to_owned()),
            ("ssl.ca.location", file(&self.authority)),
            ("ssl.certificate.location", file(&self.certificate)),
            ("ssl.key.location", file(&self.key)),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }

    /// `host:port` of the listener that wants tokens.
    pub fn tokens(&self) -> String {
        format!("127.0.0.1:{}", self.tokens)
    }

    /// A server that gives tokens for it; each is good for `life`.
    pub fn issuer(&self, life: Duration) -> Result<TokenServer> {
        TokenServer::start(&self.store, self.signer.clone(), life)
    }

    /// What a job's spec says to come in with this server's tokens.
    pub fn token_properties(&self, issuer: &TokenServer) -> Vec<(String, String)> {
        let authority = self.authority.display().to_string();
        [
            ("security.protocol", "sasl_ssl"),
            ("ssl.ca.location", &authority),
            ("sasl.mechanism", "OAUTHBEARER"),
            ("sasl.oauthbearer.token.endpoint.url", issuer.url()),
            ("sasl.oauthbearer.client.id", USER),
            ("sasl.oauthbearer.client.secret", PASSWORD),
            ("https.ca.location", &authority),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
    }

    pub(crate) fn listeners(&self) -> [Listener; 3] {
        let listener = |name, protocol, port| Listener {
            name,
            protocol,
            port,
            advertised: port,
        };
        [
            listener("SECURE", "SASL_SSL", self.port),
            listener("MUTUAL", "SSL", self.mutual),
            listener("TOKENS", "SASL_SSL", self.tokens),
        ]
    }

    /// Lines of `server.properties`. The validator of tokens is named: left to themselves, brokers (4.1.0) took one that checks
    /// neither signature nor audience.
    pub(crate) fn lines(&self) -> String {
        format!(
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
             super.users=User:ANONYMOUS\n\
             ssl.keystore.type=PEM\n\
             ssl.keystore.location={}\n\
             ssl.truststore.type=PEM\n\
             ssl.truststore.location={}\n\
             listener.name.mutual.ssl.client.auth=required\n\
             listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512\n\
             listener.name.secure.scram-sha-512.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
             listener.name.tokens.sasl.enabled.mechanisms=OAUTHBEARER\n\
             listener.name.tokens.oauthbearer.sasl.jaas.config={OAUTH}.OAuthBearerLoginModule required;\n\
             listener.name.tokens.oauthbearer.sasl.server.callback.handler.class={OAUTH}.OAuthBearerValidatorCallbackHandler\n\
             listener.name.tokens.sasl.oauthbearer.jwt.validator.class={OAUTH}.BrokerJwtValidator\n\
             listener.name.tokens.sasl.oauthbearer.jwks.endpoint.url=file://{}\n\
             listener.name.tokens.sasl.oauthbearer.expected.issuer={ISSUER}\n\
             listener.name.tokens.sasl.oauthbearer.expected.audience={AUDIENCE}\n\
             listener.name.tokens.sasl.oauthbearer.clock.skew.seconds=0\n\
             listener.name.tokens.oauthbearer.connections.max.reauth.ms=3600000\n",
            self.store.display(),
            self.authority.display(),
            key_set(self.store.parent().unwrap_or(Path::new("."))).display(),
        )
    }

    /// Arguments for the formatting of the broker's folder.
    pub(crate) fn users(&self) -> Vec<String> {
        let user = format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]");
        vec!["--add-scram".to_owned(), user]
    }
}

const OAUTH: &str = "org.apache.kafka.common.security.oauthbearer";

/// What tokens' signatures are checked with, in a broker's folder.
pub(crate) fn key_set(folder: &Path) -> PathBuf {
    folder.join("keys.json")
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

/// A certificate for these hosts and its key, both PEM.
fn signed(
    name: &str,
    hosts: &[&str],
    issuer: &Issuer<'static, KeyPair>,
) -> Result<(String, String)> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?.pem();
    Ok((certificate, key.serialize_pem()))
}
