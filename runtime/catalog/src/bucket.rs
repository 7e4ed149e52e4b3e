//! A bucket in S3, or in a store that speaks its protocol. What a configuration leaves out comes from the environment
//! variables that all tools for S3 read, and no others: what the log needs of the client is not for them to change.

use crate::error::Error;
use crate::limits::{BUCKET_CONNECT_MAX, BUCKET_RETRIES_MAX, BUCKET_RETRY_PAUSE, CALL_MAX};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

/// Who we are: a configuration that says so leaves none of these to the environment.
const KEY_VARIABLES: [&str; 3] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];
/// Where the bucket is, and where rights come from that a cloud gives to pods and machines.
const VARIABLES: [&str; 9] = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];
/// Where requests go, the first that is set.
const ENDPOINT_VARIABLES: [&str; 2] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
const NAME_CHARS: RangeInclusive<usize> = 3..=63;

/// Finds the value of an environment variable.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A bucket, and how to reach it. What is `None` the environment says, or the machine's or the pod's own rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    name: String,
    /// What the paths of all objects begin with; may be empty.
    prefix: Path,
    /// Where it is.
    pub region: Option<String>,
    /// The store, if it is not Amazon's.
    pub endpoint: Option<String>,
    /// The bucket's name stands in the path of requests, not in the name of the host.
    pub path_style: Option<bool>,
    /// Who we are.
    pub keys: Option<Keys>,
}

/// Who we are to the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Which key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// What belongs to keys that expire.
    pub session_token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys([redacted])")
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.name)?;
        match self.prefix.as_ref() {
            "" => Ok(()),
            prefix => write!(f, "/{prefix}"),
        }
    }
}

/// `s3://BUCKET/PREFIX`. The error says what is wrong, and never what may be a secret.
impl FromStr for Bucket {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let rest = url
            .strip_prefix("s3://")
            .ok_or("the URL of a bucket is `s3://BUCKET/PREFIX`")?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if name.contains('@') {
            return Err(
                "keys don't stand in the URL: use `access_key_id` and `secret_access_key`, or the environment",
            );
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if !NAME_CHARS.contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(
                "the URL of a bucket is `s3://BUCKET/PREFIX`, and that is no bucket's name",
            );
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if prefix.contains(['?', '#', '%']) {
            return Err("a prefix has none of `?`, `#` and `%`");
        }
        Ok(Self {
            name: name.to_owned(),
            prefix: Path::parse(prefix).map_err(|_| "that is no prefix")?,
            region: None,
            endpoint: None,
            path_style: None,
            keys: None,
        })
    }
}

impl Bucket {
    /// Whether requests can go to this endpoint.
    pub fn check_endpoint(endpoint: &str) -> Result<(), String> {
        endpoint_parts(endpoint).map(drop)
    }

    /// Make a client. Nothing is asked of the store yet.
    pub fn open(&self) -> Result<Arc<dyn ObjectStore>, Error> {
        self.open_in(&|name| std::env::var(name).ok())
    }

    /// The same in an environment.
    pub(crate) fn open_in(
        &self,
        environment: &Environment<'_>,
    ) -> Result<Arc<dyn ObjectStore>, Error> {
        let location = |why: String| Error::Location {
            place: self.to_string(),
            why,
        };
        let client = self.client(environment).map_err(location)?;
        Ok(match self.prefix.as_ref() {
            "" => Arc::new(client),
            _ => Arc::new(PrefixStore::new(client, self.prefix.clone())),
        })
    }

    fn client(&self, environment: &Environment<'_>) -> Result<AmazonS3, String> {
        // Whoever has set another one keeps it: nothing here depends on which it is.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = with_variables(AmazonS3Builder::new(), &VARIABLES, environment)?;
        let builder = match &self.keys {
            None => with_variables(builder, &KEY_VARIABLES, environment)?,
            Some(keys) => keys.given_to(builder),
        };
        let builder = match &self.region {
            None => builder,
            Some(region) => builder.with_region(region),
        };
        let client = self
            .addressed(builder, environment)?
            .with_bucket_name(&self.name)
            // The log rests on it; `Store::open` tries whether the store keeps to it.
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            // One object at a time is deleted here, and not all stores know the other request.
            .with_disable_bulk_delete(true)
            .with_retry(retries())
            .build();
        client.map_err(|error| error.to_string())
    }

    /// Say where requests go.
    fn addressed(
        &self,
        builder: AmazonS3Builder,
        environment: &Environment<'_>,
    ) -> Result<AmazonS3Builder, String> {
        let variables = ENDPOINT_VARIABLES.iter();
        let mut said = variables.filter_map(|name| environment(name).filter(|v| !v.is_empty()));
        let endpoint = self.endpoint.clone().or_else(|| said.next());
        // Certificates are for one level of names below a host's, so a name with dots must not become a part of it.
        let path_style = self.path_style;
        let path_style = path_style.unwrap_or(endpoint.is_some() || self.name.contains('.'));
        // Each call has a deadline of its own (`calls.rs`): with two it would be chance which one says what to do next.
        let options = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(BUCKET_CONNECT_MAX);
        let builder = builder.with_virtual_hosted_style_request(!path_style);
        let Some(endpoint) = endpoint else {
            return Ok(builder.with_client_options(options));
        };
        let (scheme, host) = endpoint_parts(&endpoint)?;
        let options = options.with_allow_http(scheme == "http");
        let builder = builder.with_client_options(options);
        Ok(builder.with_endpoint(match path_style {
            true => format!("{scheme}://{host}"),
            false => format!("{scheme}://{}.{host}", self.name),
        }))
    }
}

impl Keys {
    fn given_to(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        let builder = builder
            .with_access_key_id(&self.access_key_id)
            .with_secret_access_key(&self.secret_access_key);
        match &self.session_token {
            None => builder,
            Some(token) => builder.with_token(token),
        }
    }
}

fn with_variables(
    mut builder: AmazonS3Builder,
    names: &[&str],
    environment: &Environment<'_>,
) -> Result<AmazonS3Builder, String> {
    for name in names {
        let Some(value) = environment(name).filter(|value| !value.is_empty()) else {
            continue;
        };
        let key = AmazonS3ConfigKey::from_str(&name.to_ascii_lowercase());
        builder = builder.with_config(key.map_err(|error| error.to_string())?, value);
    }
    Ok(builder)
}

/// Scheme and host of an endpoint. The error does not repeat it.
fn endpoint_parts(endpoint: &str) -> Result<(&str, &str), String> {
    let parts = endpoint.trim_end_matches('/').split_once("://");
    match parts {
        Some((scheme @ ("http" | "https"), host))
            if !host.is_empty() && !host.contains(['@', '?', '#', '/']) =>
        {
            Ok((scheme, host))
        }
        _ => Err(
            "an endpoint is `https://HOST` or `https://HOST:PORT` (`http://` for a store on this machine or in front of TLS)"
                .to_owned(),
        ),
    }
}

/// A few quick ones, for what a store answers while it is busy; the longer ones are made by whoever calls.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: BUCKET_RETRY_PAUSE,
            max_backoff: BUCKET_RETRY_PAUSE * 4,
            base: 2.0,
        },
        max_retries: BUCKET_RETRIES_MAX,
        retry_timeout: CALL_MAX / 2,
    }
}

#[cfg(test)]
mod tests;
