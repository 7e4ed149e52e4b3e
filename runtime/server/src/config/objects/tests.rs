//! What `object_store` means, and what its author is told when it means nothing.

use super::*;
use crate::Config;
use sluicebox_core::spec::Problems;

fn parsed(object_store: &str) -> Result<Objects, Problems> {
    let text = format!("apiVersion: sluicebox/v1\ndata_dir: data\nobject_store: {object_store}\n");
    let lookup = |name: &str| (name == "PASSWORD").then(|| "hunter2".to_owned());
    Config::parse(&text, &lookup).map(|config| config.object_store)
}

#[test]
fn a_bucket_means_this() {
    let bucket = |text: &str| parsed(text).unwrap();
    insta::assert_debug_snapshot!(bucket("{ url: 's3://shop/prod' }"), @r#"
    Bucket(
        Bucket {
            name: "shop",
            prefix: Path {
                raw: "prod",
            },
            region: None,
            endpoint: None,
            path_style: None,
            keys: None,
        },
    )
    "#);
    let full = "{ url: 's3://shop/prod/', region: eu-central-1, endpoint: 'https://objects.example.org', path_style: false, \
        access_key_id: AKID, secret_access_key: '${PASSWORD}', session_token: '${PASSWORD}' }";
    insta::assert_debug_snapshot!(bucket(full), @r#"
    Bucket(
        Bucket {
            name: "shop",
            prefix: Path {
                raw: "prod",
            },
            region: Some(
                "eu-central-1",
            ),
            endpoint: Some(
                "https://objects.example.org",
            ),
            path_style: Some(
                false,
            ),
            keys: Some(
                Keys([redacted]),
            ),
        },
    )
    "#);
    assert_eq!(
        bucket("{ url: 'file:///objects' }"),
        Objects::Url("file:///objects".to_owned())
    );
}

#[test]
fn what_is_wrong_with_a_bucket_is_said() {
    let said = |text: &str| parsed(text).unwrap_err().to_string();
    insta::assert_snapshot!(said("{ url: 's3://' }"), @"3:22: object_store.url: the URL of a bucket is `s3://BUCKET/PREFIX`, and that is no bucket's name");
    insta::assert_snapshot!(said("{ url: 's3://AKID:hunter2@shop', region: 5, path_style: x }"), @"
    3:22: object_store.url: keys don't stand in the URL: use `access_key_id` and `secret_access_key`, or the environment
    3:56: object_store.region: expected a text, found the number 5; put it in quotes
    3:71: object_store.path_style: expected `true` or `false`, found `x`
    ");
    insta::assert_snapshot!(said("{ url: 's3://shop', endpoint: 'AKID:hunter2@example.org' }"), @"3:45: object_store.endpoint: an endpoint is `https://HOST` or `https://HOST:PORT` (`http://` for a store on this machine or in front of TLS)");
    insta::assert_snapshot!(said("{ url: 's3://shop', acces_key_id: x }"), @"3:35: object_store: unknown key `acces_key_id`; did you mean `access_key_id`?");
    insta::assert_snapshot!(said("{ url: 's3://shop', access_key_id: '${PASSWORD}' }"), @"3:50: object_store.access_key_id: `access_key_id` and `secret_access_key` belong together; write both, as `${AWS_ACCESS_KEY_ID}` and `${AWS_SECRET_ACCESS_KEY}`, or neither: then the environment is asked");
    insta::assert_snapshot!(said("{ url: 's3://shop', access_key_id: AKID, secret_access_key: 4711 }"), @"3:75: object_store.secret_access_key: expected a text; put it in quotes");
    insta::assert_snapshot!(said("{ path: ./objects, region: eu-central-1 }"), @"3:42: object_store.region: only a bucket has this; a bucket is `url: s3://BUCKET/PREFIX`");
    insta::assert_snapshot!(said("{ path: ./objects, url: 's3://shop' }"), @"3:39: object_store.url: has both `path` and `url`; only one can be");
    insta::assert_snapshot!(said("{ url: ./objects }"), @"3:22: object_store.url: `./objects` is no URL; a folder stands in `object_store: { path: ... }`");
    insta::assert_snapshot!(said("{ url: 'gs://shop' }"), @"3:22: object_store.url: the buckets of Google and Azure are not built in; give an `s3://` URL, or a folder");
}

#[test]
fn secrets_are_not_debugged() {
    let keys = "{ url: 's3://shop', access_key_id: AKID, secret_access_key: '${PASSWORD}' }";
    let shown = format!("{:#?}", parsed(keys).unwrap());
    assert!(
        !shown.contains("hunter2") && !shown.contains("AKID"),
        "{shown}"
    );
}
