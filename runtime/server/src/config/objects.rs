//! Where catalog and modules are: `object_store`, a folder or a bucket. Credentials are never part of a message.

use super::{ConfigPath, Objects};
use sluicebox_catalog::{Bucket, Error, Keys, ObjectStore, objects};
use sluicebox_core::spec::document::{Cursor, Fields};
use std::str::FromStr;
use std::sync::Arc;

/// What only a bucket has.
const OF_BUCKETS: [&str; 6] = [
    "region",
    "endpoint",
    "path_style",
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
];
const ACCESS_KEY_ID: &str = "access_key_id";
const SECRET_ACCESS_KEY: &str = "secret_access_key";
const SESSION_TOKEN: &str = "session_token";

impl Objects {
    /// Make a client. Of a bucket nothing is asked yet; a folder is made.
    pub fn open(&self) -> Result<Arc<dyn ObjectStore>, Error> {
        match self {
            Self::Bucket(bucket) => bucket.open(),
            Self::Url(url) => objects(url),
            Self::Folder(folder) => objects(&folder.at.to_string_lossy()).map_err(|error| {
                // As it was written.
                match error {
                    Error::Location { why, .. } => Error::Location {
                        place: folder.to_string(),
                        why,
                    },
                    other => other,
                }
            }),
        }
    }
}

pub(super) fn object_store(cursor: &Cursor<'_>) -> Option<Objects> {
    let known = ["path", "url"].into_iter().chain(OF_BUCKETS);
    let fields = cursor.fields(&known.collect::<Vec<_>>())?;
    let (kind, inner) = fields.exactly_one(&["path", "url"])?;
    let text = inner.text();
    match (kind, text?) {
        ("url", url) if url.starts_with("s3://") => bucket(&fields, &inner, url),
        ("url", url) if is_other_cloud(url) => inner.wrong_help(
            "the buckets of Google and Azure are not built in",
            "give an `s3://` URL, or a folder",
        ),
        ("url", url) if !url.contains("://") => inner.wrong_help(
            format!("`{url}` is no URL"),
            "a folder stands in `object_store: { path: ... }`",
        ),
        (kind, place) => {
            let mut odd = OF_BUCKETS.iter().filter_map(|key| fields.get(key));
            if let Some(odd) = odd.next() {
                return odd.wrong_help(
                    "only a bucket has this",
                    "a bucket is `url: s3://BUCKET/PREFIX`",
                );
            }
            Some(match kind {
                "path" => Objects::Folder(ConfigPath::new(place)),
                _ => Objects::Url(place.to_owned()),
            })
        }
    }
}

fn is_other_cloud(url: &str) -> bool {
    let schemes = ["gs://", "az://", "abfs://", "abfss://"];
    schemes.iter().any(|scheme| url.starts_with(scheme))
}

fn bucket(fields: &Fields<'_>, cursor: &Cursor<'_>, url: &str) -> Option<Objects> {
    let bucket = match Bucket::from_str(url) {
        Ok(bucket) => Some(bucket),
        Err(why) => cursor.wrong(why),
    };
    let region = fields.or("region", None, |c| c.text().map(|t| Some(t.to_owned())));
    let endpoint = fields.or("endpoint", None, |c| endpoint(&c).map(Some));
    let path_style = fields.or("path_style", None, |c| c.boolean().map(Some));
    let keys = keys(fields);
    let mut bucket = bucket?;
    bucket.region = region?;
    bucket.endpoint = endpoint?;
    bucket.path_style = path_style?;
    bucket.keys = keys?;
    Some(Objects::Bucket(bucket))
}

fn endpoint(cursor: &Cursor<'_>) -> Option<String> {
    let text = cursor.text()?;
    match Bucket::check_endpoint(text) {
        Ok(()) => Some(text.to_owned()),
        Err(why) => cursor.wrong(why),
    }
}

/// Both or neither.
fn keys(fields: &Fields<'_>) -> Option<Option<Keys>> {
    let secret = |key: &str| fields.or(key, None, |c| secret(&c).map(Some));
    let access_key_id = secret(ACCESS_KEY_ID);
    let secret_access_key = secret(SECRET_ACCESS_KEY);
    let session_token = secret(SESSION_TOKEN);
    match (access_key_id?, secret_access_key?, session_token?) {
        (None, None, None) => Some(None),
        (Some(access_key_id), Some(secret_access_key), session_token) => Some(Some(Keys {
            access_key_id,
            secret_access_key,
            session_token,
        })),
        _ => {
            let keys = [ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN];
            let mut there = keys.iter().filter_map(|key| fields.get(key));
            there.next()?.wrong_help(
                "`access_key_id` and `secret_access_key` belong together",
                "write both, as `${AWS_ACCESS_KEY_ID}` and `${AWS_SECRET_ACCESS_KEY}`, or neither: then the environment is asked",
            )
        }
    }
}

/// A text; another thing is not shown.
fn secret(cursor: &Cursor<'_>) -> Option<String> {
    match cursor.is_text() {
        true => cursor.text().map(str::to_owned),
        false => cursor.wrong_help("expected a text", "put it in quotes"),
    }
}

#[cfg(test)]
mod tests;
