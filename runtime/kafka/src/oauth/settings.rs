//! How tokens are fetched, from a connection's properties; their names are librdkafka's.

use crate::properties::{check_stray, mechanism};
use sluicebox_core::log::{Error, Result};
use sluicebox_core::spec::is_clear_text;
use std::collections::BTreeMap;
use url::Url;

type Properties = BTreeMap<String, String>;

const PREFIX: &str = "sasl.oauthbearer.";
const OAUTHBEARER: &str = "OAUTHBEARER";

/// Where tokens come from, who asks for them, and what for.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    pub(super) url: String,
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) scope: Option<String>,
    /// SASL extensions that go with each token: names and values.
    pub(super) extensions: Vec<(String, String)>,
    pub(super) authorities: Authorities,
}

/// Who may sign the endpoint's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Authorities {
    /// Whoever this system trusts.
    System,
    /// Those in a PEM file.
    File(String),
    /// These, as PEM.
    Pem(String),
}

impl Settings {
    /// `None` if the connection shows no tokens.
    pub fn read(properties: &Properties) -> Result<Option<Settings>> {
        let get = |key: &str| properties.get(key).map(String::as_str);
        let is_ours =
            mechanism(properties).is_some_and(|name| name.eq_ignore_ascii_case(OAUTHBEARER));
        if !is_ours {
            return check_stray(properties, PREFIX, OAUTHBEARER).map(|()| None);
        }
        if let Some(other) = get("sasl.oauthbearer.method").filter(|method| *method != "oidc") {
            return wrong(
                "sasl.oauthbearer.method",
                &format!(
                    "can't be {other}: tokens are fetched from an endpoint; write oidc, or remove it"
                ),
            );
        }
        Ok(Some(Settings {
            url: endpoint(required(
                properties,
                "token.endpoint.url",
                "the https:// address that gives tokens for client credentials",
            )?)?,
            id: required(properties, "client.id", "who asks for tokens")?.to_owned(),
            secret: required(
                properties,
                "client.secret",
                "such as ${KAFKA_CLIENT_SECRET}",
            )?
            .to_owned(),
            scope: get("sasl.oauthbearer.scope").map(str::to_owned),
            extensions: extensions(get("sasl.oauthbearer.extensions").unwrap_or_default())?,
            authorities: authorities(get("https.ca.location"), get("https.ca.pem"))?,
        }))
    }
}

fn wrong<T>(key: &str, why: &str) -> Result<T> {
    Err(Error::halt(format!("Kafka property {key} {why}")))
}

fn required<'a>(properties: &'a Properties, name: &str, what: &str) -> Result<&'a str> {
    let key = format!("{PREFIX}{name}");
    match properties.get(&key).filter(|value| !value.is_empty()) {
        Some(value) => Ok(value),
        None => wrong(
            &key,
            &format!("is missing: SASL OAUTHBEARER needs it ({what})"),
        ),
    }
}

/// The secret is sent there.
fn endpoint(text: &str) -> Result<String> {
    const KEY: &str = "sasl.oauthbearer.token.endpoint.url";
    let url = Url::parse(text).ok();
    let url = url.filter(|url| {
        let bare = url.username().is_empty() && url.password().is_none();
        bare && matches!(url.scheme(), "http" | "https") && url.host_str().is_some()
    });
    let Some(url) = url else {
        return wrong(
            KEY,
            "is no https:// address: write it as https://HOST/PATH, without a user",
        );
    };
    if is_clear_text(url.scheme(), url.host_str().unwrap_or_default()) {
        return wrong(
            KEY,
            "would send the client's secret over the network in clear text: use https://",
        );
    }
    Ok(url.into())
}

/// `name=value`, several with commas.
fn extensions(text: &str) -> Result<Vec<(String, String)>> {
    const KEY: &str = "sasl.oauthbearer.extensions";
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
    pairs
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if is_name(name.trim()) && is_value(value.trim()) => {
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            }
            _ => wrong(
                KEY,
                "is no list of extensions: write name=value, several with commas; names have letters only, and are not `auth`",
            ),
        })
        .collect()
}

/// RFC 7628, section 3.1.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text != "auth" && text.bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_value(text: &str) -> bool {
    text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
}

fn authorities(file: Option<&str>, pem: Option<&str>) -> Result<Authorities> {
    match (file, pem) {
        (None, None) => Ok(Authorities::System),
        (Some(file), None) => Ok(Authorities::File(file.to_owned())),
        (None, Some(pem)) => Ok(Authorities::Pem(pem.to_owned())),
        (Some(_), Some(_)) => wrong(
            "https.ca.pem",
            "and https.ca.location say the same thing in two ways: remove one",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("sasl.mechanism", "OAUTHBEARER"),
        (
            "sasl.oauthbearer.token.endpoint.url",
            "https://login.example/token",
        ),
        ("sasl.oauthbearer.client.id", "sluice"),
        ("sasl.oauthbearer.client.secret", "s3cret"),
    ];

    /// The good properties, with this one in addition or instead.
    fn with(key: &str, value: &str) -> Properties {
        let mut properties: Properties = GOOD.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        properties.insert(key.to_owned(), value.to_owned());
        properties
    }

    fn refusal(key: &str, value: &str) -> String {
        let Err(error) = Settings::read(&with(key, value)) else {
            panic!("{key}={value} is taken");
        };
        assert!(!error.message.contains("s3cret"), "{error}");
        error.message
    }

    #[test]
    fn what_librdkafka_calls_them() {
        let extensions = "logicalCluster=lkc-1, identityPoolId=pool-2";
        let read = Settings::read(&with("sasl.oauthbearer.extensions", extensions));
        let settings = read.expect("is good").expect("shows tokens");
        assert_eq!(settings.url, "https://login.example/token");
        assert_eq!(settings.authorities, Authorities::System);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let pairs = [
            pair("logicalCluster", "lkc-1"),
            pair("identityPoolId", "pool-2"),
        ];
        assert_eq!(settings.extensions, pairs);
        let local = with(GOOD[1].0, "http://127.0.0.1:8080/token");
        assert!(Settings::read(&local).is_ok_and(|settings| settings.is_some()));
        assert!(Settings::read(&with("sasl.oauthbearer.method", "oidc")).is_ok());
        assert!(Settings::read(&Properties::new()).is_ok_and(|settings| settings.is_none()));
    }

    #[test]
    fn mistakes_are_told_with_what_to_write() {
        insta::assert_snapshot!(refusal("sasl.mechanism", "PLAIN"), @"Kafka property sasl.oauthbearer.client.id has no effect without `sasl.mechanism: OAUTHBEARER`: set that, or remove this");
        insta::assert_snapshot!(refusal("sasl.oauthbearer.method", "default"), @"Kafka property sasl.oauthbearer.method can't be default: tokens are fetched from an endpoint; write oidc, or remove it");
        insta::assert_snapshot!(refusal(GOOD[1].0, ""), @"Kafka property sasl.oauthbearer.token.endpoint.url is missing: SASL OAUTHBEARER needs it (the https:// address that gives tokens for client credentials)");
        insta::assert_snapshot!(refusal(GOOD[1].0, "login.example/token"), @"Kafka property sasl.oauthbearer.token.endpoint.url is no https:// address: write it as https://HOST/PATH, without a user");
        insta::assert_snapshot!(refusal(GOOD[1].0, "https://me:s3cret@login.example/"), @"Kafka property sasl.oauthbearer.token.endpoint.url is no https:// address: write it as https://HOST/PATH, without a user");
        insta::assert_snapshot!(refusal(GOOD[1].0, "http://login.example/token"), @"Kafka property sasl.oauthbearer.token.endpoint.url would send the client's secret over the network in clear text: use https://");
        insta::assert_snapshot!(refusal(GOOD[3].0, ""), @"Kafka property sasl.oauthbearer.client.secret is missing: SASL OAUTHBEARER needs it (such as ${KAFKA_CLIENT_SECRET})");
        insta::assert_snapshot!(refusal("sasl.oauthbearer.extensions", "auth=x"), @"Kafka property sasl.oauthbearer.extensions is no list of extensions: write name=value, several with commas; names have letters only, and are not `auth`");
        let mut both = with("https.ca.pem", "PEM");
        both.insert("https.ca.location".into(), "ca.pem".into());
        let error = Settings::read(&both).err().expect("is refused");
        insta::assert_snapshot!(error.message, @"Kafka property https.ca.pem and https.ca.location say the same thing in two ways: remove one");
    }
}
