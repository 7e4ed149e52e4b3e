//! The wire below the client: addresses, time-outs, TLS, and what its errors mean.

use super::error::Error;
use crate::failure::{Usage, advised};
use anyhow::Result;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};

/// To find a host and reach it.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// For the next bytes of an answer. Longer than a host takes for the longest that it does (a minute and a half).
const READ_WAIT: Duration = Duration::from_secs(120);
/// For a host to take the next bytes of a request.
const WRITE_WAIT: Duration = Duration::from_secs(30);

/// A client that follows no redirects and waits for nothing without end.
pub fn agent(roots: RootCerts) -> Agent {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("sluicebox/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(CONNECT_WAIT))
        .timeout_connect(Some(CONNECT_WAIT))
        .timeout_per_read(Some(READ_WAIT))
        .timeout_per_write(Some(WRITE_WAIT))
        .build()
        .new_agent()
}

/// Why a certificate was refused, if that is it.
fn distrust(error: &ureq::Error) -> Option<String> {
    let tls = match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>(),
        _ => None,
    };
    match tls? {
        rustls::Error::InvalidCertificate(why) => Some(why.to_string()),
        rustls::Error::NoCertificatesPresented => Some("it has none".to_owned()),
        _ => None,
    }
}

/// A host's address as it is used: a scheme, a place, perhaps a folder in front of the API.
pub fn address(text: &str) -> Result<String> {
    let text = text.trim_end_matches('/');
    let uri: Option<Uri> = text.parse().ok();
    let good = uri.is_some_and(|uri| {
        let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let place = uri
            .authority()
            .is_some_and(|place| !place.as_str().contains('@'));
        scheme && place && uri.query().is_none()
    });
    match good {
        true => Ok(text.to_owned()),
        // It is not repeated: there could be a secret in it.
        false => Err(advised(
            Usage("this is no address of a host".to_owned()),
            "write it as https://HOST or https://HOST:PORT",
        )),
    }
}

/// What an error of the transport means.
pub fn failed(url: &str, error: ureq::Error) -> Error {
    let url = url.to_owned();
    if let Some(why) = distrust(&error) {
        return Error::Untrusted { url, why };
    }
    match error {
        ureq::Error::Io(error) => Error::Unreachable {
            url,
            why: error.to_string(),
        },
        error @ (ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_)) => Error::Unreachable {
            url,
            why: error.to_string(),
        },
        error => Error::Foreign {
            url,
            why: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (text, want) in [
            ("https://sluice.example/", Some("https://sluice.example")),
            ("http://127.0.0.1:7070", Some("http://127.0.0.1:7070")),
            (
                "https://example.org/sluice/",
                Some("https://example.org/sluice"),
            ),
            ("sluice.example:7070", None),
            ("ftp://sluice.example", None),
            ("https://me:secret@sluice.example", None),
            ("https://sluice.example/?a=b", None),
            ("", None),
        ] {
            assert_eq!(address(text).ok().as_deref(), want, "{text}");
        }
    }
}
