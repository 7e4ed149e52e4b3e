//! TLS, with and without certificates of clients, made for the test.

use crate::rig::{config, parts};
use crate::sockets::{Running, run};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sluicebox_server::Server;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

const PATIENCE: Duration = Duration::from_secs(20);

pub struct Authority {
    pub certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that an authority signed, and its key.
pub struct Signed {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    pub fn sign(&self, name: &str) -> Signed {
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Signed { certificate, key }
    }
}

impl Signed {
    pub fn write(&self, folder: &Path) {
        std::fs::write(folder.join("cert.pem"), self.certificate.pem()).expect("a file");
        std::fs::write(folder.join("key.pem"), self.key.serialize_pem()).expect("a file");
    }
}

fn client(authority: &Authority, own: Option<&Signed>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(authority.certificate.der().clone())
        .expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let chain: Vec<CertificateDer<'static>> = vec![own.certificate.der().clone()];
            let key = PrivateKeyDer::try_from(own.key.serialize_der()).expect("a key");
            builder.with_client_auth_cert(chain, key).expect("a pair")
        }
    };
    TlsConnector::from(Arc::new(config))
}

/// The answer to a look at the health; the error of whichever step fails.
async fn health(running: &Running, connector: &TlsConnector) -> std::io::Result<String> {
    let exchange = async {
        let stream = TcpStream::connect(running.address).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        let mut stream = connector.connect(name, stream).await?;
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await?;
        let mut seen = Vec::new();
        stream.read_to_end(&mut seen).await?;
        Ok(String::from_utf8(seen).expect("UTF-8"))
    };
    timeout(PATIENCE, exchange).await.expect("in time")
}

fn section(folder: &Path, more: &str) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    format!(
        "tls: {{ certificate: '{}', key: '{}'{more} }}\nlimits: {{ handshake_timeout: 300ms }}",
        path("cert.pem"),
        path("key.pem")
    )
}

#[tokio::test]
async fn tls_is_spoken_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    authority.sign("localhost").write(folder.path());
    let running = run(&section(folder.path(), "")).await;
    let seen = health(&running, &client(&authority, None))
        .await
        .expect("an answer");
    assert!(seen.starts_with("HTTP/1.1 200 OK"), "{seen}");
    let stranger = Authority::new();
    assert!(health(&running, &client(&stranger, None)).await.is_err());
    // Plain HTTP, and a client that says nothing at all.
    for said in [&b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"[..], b""] {
        let mut stream = TcpStream::connect(running.address)
            .await
            .expect("a connection");
        stream.write_all(said).await.expect("it is taken");
        let mut seen = Vec::new();
        let end = timeout(PATIENCE, stream.read_to_end(&mut seen)).await;
        let _ = end.expect("in time");
        assert!(!seen.starts_with(b"HTTP"), "{seen:?}");
    }
    assert!(running.rig.events.all().contains("https://"));
}

#[tokio::test]
async fn mutual_tls_needs_a_certificate_of_the_right_authority() {
    let folder = tempfile::tempdir().expect("a folder");
    let (hosts, clients) = (Authority::new(), Authority::new());
    hosts.sign("localhost").write(folder.path());
    std::fs::write(folder.path().join("ca.pem"), clients.certificate.pem()).expect("a file");
    let more = format!(", client_ca: '{}'", folder.path().join("ca.pem").display());
    let running = run(&section(folder.path(), &more)).await;
    let own = clients.sign("client");
    let seen = health(&running, &client(&hosts, Some(&own)))
        .await
        .expect("an answer");
    assert!(seen.starts_with("HTTP/1.1 200 OK"), "{seen}");
    let foreign = Authority::new().sign("client");
    for own in [None, Some(&foreign)] {
        let seen = health(&running, &client(&hosts, own)).await;
        assert!(!seen.is_ok_and(|seen| seen.starts_with("HTTP")), "let in");
    }
}

#[tokio::test(start_paused = true)]
async fn renewed_certificates_are_taken_and_broken_ones_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (old, new) = (Authority::new(), Authority::new());
    old.sign("localhost").write(folder.path());
    let running = run(&section(folder.path(), "")).await;
    health(&running, &client(&old, None))
        .await
        .expect("an answer");
    let wait = async || {
        tokio::time::sleep(Duration::from_secs(31)).await;
        // The files are read on another thread.
        for _ in 0..100 {
            tokio::task::yield_now().await;
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    std::fs::write(folder.path().join("key.pem"), "nothing").expect("a file");
    wait().await;
    health(&running, &client(&old, None))
        .await
        .expect("an answer by the old ones");
    new.sign("localhost").write(folder.path());
    wait().await;
    health(&running, &client(&new, None))
        .await
        .expect("an answer by the new ones");
    let shown = folder.path().display().to_string();
    let events = running.rig.events.all().replace(&shown, "FOLDER");
    let events: Vec<_> = events
        .lines()
        .filter(|l| l.contains("certificates"))
        .collect();
    insta::assert_snapshot!(events.join("\n"), @"
    the certificates in use stay, for the new ones are refused: the certificates can't be used: `FOLDER/key.pem` holds no private key in PEM
    the certificates were read anew
    ");
}

#[tokio::test]
async fn what_is_wrong_with_certificates_is_said_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let rig = crate::rig::Rig::new().await;
    let mut said = String::new();
    let refused = async || {
        let config = config(&section(folder.path(), ""));
        let error = Server::bind(&config, parts(&rig.store, &rig)).await.err();
        let error = error.expect("it is refused").to_string();
        error.replace(&folder.path().display().to_string(), "FOLDER") + "\n"
    };
    said.push_str(&refused().await);
    let (one, two) = (
        Authority::new().sign("localhost"),
        Authority::new().sign("localhost"),
    );
    one.write(folder.path());
    std::fs::write(folder.path().join("key.pem"), two.key.serialize_pem()).expect("a file");
    said.push_str(&refused().await);
    std::fs::write(folder.path().join("key.pem"), "hunter2").expect("a file");
    said.push_str(&refused().await);
    std::fs::write(folder.path().join("cert.pem"), one.key.serialize_pem()).expect("a file");
    said.push_str(&refused().await);
    assert!(!said.contains("hunter2"), "{said}");
    insta::assert_snapshot!(said, @"
    can't read `FOLDER/cert.pem`: No such file or directory (os error 2)
    the certificates can't be used: `FOLDER/cert.pem`: keys may not be consistent: KeyMismatch
    the certificates can't be used: `FOLDER/key.pem` holds no private key in PEM
    the certificates can't be used: `FOLDER/cert.pem` holds no certificate in PEM
    ");
}
