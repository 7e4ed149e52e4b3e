//! An authorization server: gives signed tokens for client credentials over HTTPS on a loopback port, as brokers with a
//! listener for SASL OAUTHBEARER check them ([`crate::secure`]); or refuses, or is silent.

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::receiver::request;
use crate::secure::{PASSWORD, USER};

/// Whose tokens brokers take.
pub const ISSUER: &str = "https://issuer.example";
/// For whom they take them. Tokens are for whoever the scope names, and without a scope for these brokers.
pub const AUDIENCE: &str = "kafka";

/// What the tokens of a test's brokers are signed with.
#[derive(Debug)]
pub struct Signer(EcdsaKeyPair);

impl Signer {
    /// A new one.
    pub fn new() -> Result<Self> {
        let (random, how) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let pair = EcdsaKeyPair::generate_pkcs8(how, &random)
            .and_then(|key| {
                EcdsaKeyPair::from_pkcs8(how, key.as_ref(), &random)
                    .map_err(|_| ring::error::Unspecified)
            })
            .map_err(|_| anyhow!("no key to sign tokens with"))?;
        Ok(Self(pair))
    }

    /// What brokers check signatures with, as a JSON Web Key Set.
    pub fn key_set(&self) -> Value {
        // A point that is not compressed: a byte that says so, then both coordinates.
        let point = self.0.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..65]);
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one", "x": encode(x), "y": encode(y)}]})
    }

    fn token(&self, life: Duration, audience: &str) -> Result<String> {
        // Brokers compare it with their own clock.
        #[expect(clippy::disallowed_methods)]
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let head = json!({"alg": "ES256", "kid": "one", "typ": "JWT"});
        let claims = json!({"iss": ISSUER, "sub": USER, "aud": audience, "iat": now, "exp": now + life.as_secs()});
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(&head), encode(&claims));
        let signature = self.0.sign(&SystemRandom::new(), text.as_bytes());
        let signature = signature.map_err(|_| anyhow!("a token could not be signed"))?;
        Ok(format!(
            "{text}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(signature)
        ))
    }
}

/// A server that gives tokens. Its threads end with the process.
#[derive(Clone, Debug)]
pub struct TokenServer {
    url: String,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    signer: Arc<Signer>,
    life: Duration,
    mood: Mutex<Mood>,
    given: AtomicU32,
    asked: AtomicU64,
}

/// How a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    Good,
    /// Not at all.
    Silent,
    /// That it is overloaded.
    Overloaded,
}

impl TokenServer {
    /// Begin to serve. `store` has the server's key and certificate, as PEM; tokens are good for `life`.
    pub(crate) fn start(store: &Path, signer: Arc<Signer>, life: Duration) -> Result<Self> {
        let config = Arc::new(tls(store)?);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let issuer = Self {
            url: format!("https://{}/token", listener.local_addr()?),
            state: Arc::new(State {
                signer,
                life,
                mood: Mutex::new(Mood::Good),
                given: AtomicU32::new(0),
                asked: AtomicU64::new(0),
            }),
        };
        let state = issuer.state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, state) = (config.clone(), state.clone());
                // A connection that breaks is the client's concern.
                thread::spawn(move || serve(stream, config, &state));
            }
        });
        Ok(issuer)
    }

    /// Where tokens are asked for.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answer like this from now on.
    pub fn set(&self, mood: Mood) {
        *(self.state.mood.lock()).unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// How many tokens it gave.
    pub fn given(&self) -> u32 {
        self.state.given.load(Ordering::Relaxed)
    }

    /// How many requests came.
    pub fn asked(&self) -> u64 {
        self.state.asked.load(Ordering::Relaxed)
    }
}

fn tls(store: &Path) -> Result<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(store)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(store)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(config)
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, state: &State) -> Result<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(config)?, stream);
    let (head, body) = request(&mut BufReader::new(&mut stream))?;
    state.asked.fetch_add(1, Ordering::Relaxed);
    let mood = *(state.mood.lock()).unwrap_or_else(PoisonError::into_inner);
    let (status, answer) = match mood {
        Mood::Good => state.answer(&head, &body)?,
        Mood::Overloaded => (503, json!({})),
        Mood::Silent => {
            // Until the client gives up.
            let _ = stream.read(&mut [0]);
            return Ok(());
        }
    };
    let answer = answer.to_string();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}",
        answer.len()
    )?;
    stream.flush()?;
    Ok(())
}

impl State {
    fn answer(&self, head: &HashMap<String, String>, body: &[u8]) -> Result<(u16, Value)> {
        let right = BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
        if head.get("authorization") != Some(&format!("Basic {right}")) {
            let words = json!({"error": "invalid_client", "error_description": "unknown client or wrong secret"});
            return Ok((401, words));
        }
        let body = std::str::from_utf8(body)?;
        let form: HashMap<&str, &str> = body.split('&').filter_map(|p| p.split_once('=')).collect();
        (form.get("grant_type") == Some(&"client_credentials"))
            .then_some(())
            .context("another grant was asked for")?;
        let audience = form.get("scope").unwrap_or(&AUDIENCE);
        let token = self.signer.token(self.life, audience)?;
        self.given.fetch_add(1, Ordering::Relaxed);
        Ok((
            200,
            json!({"access_token": token, "token_type": "Bearer", "expires_in": self.life.as_secs()}),
        ))
    }
}
