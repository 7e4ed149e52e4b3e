//! Where requests go, who makes them, and what is not told.

use super::*;
use object_store::signer::Signer;
use std::time::Duration;

const NOTHING: &Environment<'_> = &|_| None;

fn bucket(url: &str) -> Bucket {
    url.parse().unwrap()
}

fn keys() -> Option<Keys> {
    Some(Keys {
        access_key_id: "AKIDCONFIG".to_owned(),
        secret_access_key: "hunter2".to_owned(),
        session_token: None,
    })
}

/// The address of a request for an object, and who makes it.
async fn address(bucket: &Bucket, environment: &Environment<'_>) -> String {
    let client = bucket.client(environment).unwrap();
    let (method, object) = (reqwest::Method::GET, Path::from("modules/a.wasm"));
    let url = client.signed_url(method, &object, Duration::from_secs(60));
    let url = url.await.unwrap();
    let mut query = url.query_pairs();
    let (_, who) = query.find(|(key, _)| key == "X-Amz-Credential").unwrap();
    let mut who = who.split('/');
    let (key, region) = (who.next().unwrap(), who.nth(1).unwrap());
    format!(
        "{}{} as {key} in {region}",
        url.origin().ascii_serialization(),
        url.path()
    )
}

#[tokio::test]
async fn requests_go_where_configuration_or_environment_say() {
    let mut one = bucket("s3://shop/one/two/");
    assert_eq!(one.to_string(), "s3://shop/one/two");
    one.keys = keys();
    insta::assert_snapshot!(address(&one, NOTHING).await, @"https://shop.s3.us-east-1.amazonaws.com/modules/a.wasm as AKIDCONFIG in us-east-1");
    let environment = |name: &str| {
        let value = match name {
            "AWS_ACCESS_KEY_ID" => "AKIDENV",
            "AWS_SECRET_ACCESS_KEY" => "secret",
            "AWS_REGION" => "eu-central-1",
            "AWS_ENDPOINT_URL" => "http://127.0.0.1:9000/",
            "AWS_CONDITIONAL_PUT" => "disabled",
            _ => return None,
        };
        Some(value.to_owned())
    };
    insta::assert_snapshot!(address(&one, &environment).await, @"http://127.0.0.1:9000/shop/modules/a.wasm as AKIDCONFIG in eu-central-1");
    one.keys = None;
    insta::assert_snapshot!(address(&one, &environment).await, @"http://127.0.0.1:9000/shop/modules/a.wasm as AKIDENV in eu-central-1");
    one.endpoint = Some("https://objects.example.org".to_owned());
    one.region = Some("here".to_owned());
    insta::assert_snapshot!(address(&one, &environment).await, @"https://objects.example.org/shop/modules/a.wasm as AKIDENV in here");
    one.path_style = Some(false);
    insta::assert_snapshot!(address(&one, &environment).await, @"https://shop.objects.example.org/modules/a.wasm as AKIDENV in here");
    let mut dots = bucket("s3://shop.example.org");
    dots.keys = keys();
    insta::assert_snapshot!(address(&dots, NOTHING).await, @"https://s3.us-east-1.amazonaws.com/shop.example.org/modules/a.wasm as AKIDCONFIG in us-east-1");
}

#[test]
fn what_is_wrong_is_said() {
    let why = |url: &str| url.parse::<Bucket>().unwrap_err();
    insta::assert_snapshot!(why("s3:/shop"), @"the URL of a bucket is `s3://BUCKET/PREFIX`");
    insta::assert_snapshot!(why("s3://a"), @"the URL of a bucket is `s3://BUCKET/PREFIX`, and that is no bucket's name");
    insta::assert_snapshot!(why("s3://AKID:hunter2@shop"), @"keys don't stand in the URL: use `access_key_id` and `secret_access_key`, or the environment");
    insta::assert_snapshot!(why("s3://shop/a?b"), @"a prefix has none of `?`, `#` and `%`");
    insta::assert_snapshot!(why("s3://shop/a//b"), @"that is no prefix");
    let mut wrong = bucket("s3://shop/a");
    wrong.endpoint = Some("user:hunter2@example.org".to_owned());
    insta::assert_snapshot!(wrong.open_in(NOTHING).unwrap_err(), @"`s3://shop/a` can't hold the catalog: an endpoint is `https://HOST` or `https://HOST:PORT` (`http://` for a store on this machine or in front of TLS)");
    let half = |name: &str| (name == "AWS_ACCESS_KEY_ID").then(|| "AKIDENV".to_owned());
    insta::assert_snapshot!(bucket("s3://shop/a").open_in(&half).unwrap_err(), @"`s3://shop/a` can't hold the catalog: Generic S3 error: Missing SecretAccessKey");
}

#[test]
fn secrets_are_not_debugged() {
    let bucket = Bucket {
        keys: keys(),
        ..bucket("s3://shop/a")
    };
    let shown = format!("{bucket:?}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("AKID"),
        "{shown}"
    );
}

/// What this connects to answers nothing at all.
#[tokio::test]
async fn a_connection_that_is_refused_is_an_error_without_secrets() {
    let mut nobody = bucket("s3://shop/a");
    nobody.keys = keys();
    // Nobody listens on the discard port.
    nobody.endpoint = Some("http://127.0.0.1:9".to_owned());
    let error = crate::Store::open(nobody.open_in(NOTHING).unwrap()).await;
    let error = error.err().unwrap();
    assert_eq!(error.kind(), crate::Kind::Retry);
    let said = error.to_string();
    assert!(said.contains("catalog/created-once"), "{said}");
    assert!(said.contains("refused"), "{said}");
    assert!(
        !said.contains("hunter2") && !said.contains("AKID"),
        "{said}"
    );
}
