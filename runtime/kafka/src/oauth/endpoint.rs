//! One request for a token, and what the answer means.

use super::settings::{Authorities, Settings};
use crate::ffi::login::{Lack, Token};
use crate::limits::{TOKEN_ANSWER_BYTES_MAX, TOKEN_LIFE_MAX, TOKEN_LIFE_UNKNOWN, TOKEN_WAIT_MAX};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Deserialize;
use sluicebox_core::log::{Error, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// The endpoint that gives tokens.
pub struct Endpoint {
    agent: Agent,
    settings: Settings,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<u64>,
}

/// RFC 6749, section 5.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

impl Endpoint {
    /// Nothing is asked yet; an error if there are no authorities to trust.
    pub fn new(settings: &Settings) -> Result<Endpoint> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = match settings.url.starts_with("https:") {
            true => roots(&settings.authorities)?,
            false => RootCerts::from([]),
        };
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            // The secret goes nowhere but where the operator sends it.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("sluicebox/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(TOKEN_WAIT_MAX))
            .build()
            .new_agent();
        Ok(Endpoint {
            agent,
            settings: settings.clone(),
        })
    }

    /// A new token, and how long it is good for from now on.
    pub fn fetch(&self) -> std::result::Result<(Token, Duration), Lack> {
        let asked = Instant::now();
        let (status, body) = self.ask().map_err(|error| self.none(false, &error))?;
        let answer: Answer = match status {
            200 => serde_json::from_slice(&body)
                .map_err(|_| self.none(false, "its answer has no access_token"))?,
            status => return Err(self.refusal(status, &body)),
        };
        if let Some(other) = answer
            .token_type
            .filter(|t| !t.eq_ignore_ascii_case("bearer"))
        {
            let text = format!("its tokens are of the type {}, not Bearer", clipped(&other));
            return Err(self.none(true, &text));
        }
        let life = answer
            .expires_in
            .map_or(TOKEN_LIFE_UNKNOWN, Duration::from_secs)
            .min(TOKEN_LIFE_MAX);
        let token = Token {
            value: answer.access_token,
            ends: asked + life,
            extensions: self.settings.extensions.clone(),
        };
        Ok((token, life))
    }

    fn ask(&self) -> std::result::Result<(u16, Vec<u8>), String> {
        // Not encoded first, as RFC 6749 would have it: Kafka's other clients don't, and endpoints are set up for those.
        let who = format!("{}:{}", self.settings.id, self.settings.secret);
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.settings.scope.as_deref().map(|scope| ("scope", scope)));
        let mut answer = self
            .agent
            .post(&self.settings.url)
            .header(
                "authorization",
                format!("Basic {}", BASE64_STANDARD.encode(who)),
            )
            .header("accept", "application/json")
            .send_form(form)
            .map_err(|error| error.to_string())?;
        let body = answer
            .body_mut()
            .with_config()
            .limit(TOKEN_ANSWER_BYTES_MAX)
            .read_to_vec()
            .map_err(|error| error.to_string())?;
        Ok((answer.status().as_u16(), body))
    }

    /// Overload passes; of the rest, nothing changes until somebody changes it.
    fn refusal(&self, status: u16, body: &[u8]) -> Lack {
        let passes = status >= 500 || matches!(status, 408 | 425 | 429);
        let words = match serde_json::from_slice(body) {
            Ok(Refusal {
                error,
                error_description: Some(more),
            }) => format!(": {} ({})", clipped(&error), clipped(&more)),
            Ok(Refusal { error, .. }) => format!(": {}", clipped(&error)),
            Err(_) => String::new(),
        };
        self.none(!passes, &format!("it answered {status}{words}"))
    }

    fn none(&self, refused: bool, why: &str) -> Lack {
        Lack {
            refused,
            text: format!("{NO_TOKEN} from {}: {why}", self.settings.url),
        }
    }
}

/// How all messages about missing tokens begin.
pub const NO_TOKEN: &str = "no token for SASL OAUTHBEARER";

/// What an endpoint says, as far as it belongs in a message.
fn clipped(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control());
    printable.take(200).collect()
}

fn roots(authorities: &Authorities) -> Result<RootCerts> {
    let (pem, whose) = match authorities {
        Authorities::System => return system_roots(),
        Authorities::File(path) => {
            let pem = std::fs::read(path).map_err(|error| {
                Error::halt(format!(
                    "can't read {path}: {error}; correct the Kafka property https.ca.location"
                ))
            })?;
            (pem, "https.ca.location")
        }
        Authorities::Pem(pem) => (pem.clone().into_bytes(), "https.ca.pem"),
    };
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    match certificates.is_empty() {
        true => Err(Error::halt(format!(
            "there are no certificates in the Kafka property {whose}: it needs the authority that signed the token endpoint's, \
             as PEM"
        ))),
        false => Ok(certificates.into()),
    }
}

fn system_roots() -> Result<RootCerts> {
    let found = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() {
        return Err(Error::halt(
            "this system trusts no authorities, so the token endpoint can't prove itself: install the package \
             ca-certificates, or set the Kafka property https.ca.location",
        ));
    }
    let certificates: Vec<Certificate<'static>> = found
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    Ok(certificates.into())
}
