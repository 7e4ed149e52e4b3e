//! Requests that nobody thought of: whatever comes, the answer is a document or a problem, never the host's failure, and
//! the host goes on.

use crate::rig::{Rig, request, spec};
use axum::http::header;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use std::time::Duration;

#[derive(Clone, Debug)]
struct Call {
    method: &'static str,
    path: String,
    token: Token,
    kind: &'static str,
    body: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Token {
    None,
    Some(String),
    Admin,
}

const TEMPLATES: [&str; 22] = [
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/v1/whoami",
    "/v1/tokens",
    "/v1/tokens/{}",
    "/v1/tenants",
    "/v1/tenants/{}",
    "/v1/tenants/{}/tokens",
    "/v1/tenants/{}/tokens/{}",
    "/v1/tenants/{}/modules",
    "/v1/tenants/{}/modules/{}",
    "/v1/tenants/{}/modules/{}/{}",
    "/v1/tenants/{}/modules/{}/{}/content",
    "/v1/tenants/{}/jobs",
    "/v1/tenants/{}/jobs/{}",
    "/v1/tenants/{}/jobs/{}/pause",
    "/v1/tenants/{}/jobs/{}/rollback",
    "/v1/tenants/{}/jobs/{}/versions/{}",
    "/v1/tenants/{}/jobs/{}/lag",
    "/{}/{}",
];

fn segment() -> impl Strategy<Value = String> {
    let known = select(vec!["shop", "bank", "valid", "spend", "copy", "1", "2"]);
    let odd = select(vec![
        "..",
        "%2e%2e",
        "%00",
        "%ff",
        "-",
        "0",
        "18446744073709551616",
        "a%2fb",
        "%F0%9F%A6%80",
    ]);
    prop_oneof![
        8 => known.prop_map(str::to_owned),
        2 => odd.prop_map(str::to_owned),
        1 => "[a-zA-Z0-9._~%:@!$&'()*+,;=-]{0,50}",
    ]
}

fn query() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(String::new()),
        1 => select(vec!["?dry_run=true", "?expected_version=1", "?version=0", "?dry_run=maybe"]).prop_map(str::to_owned),
        1 => "\\?[a-z_]{1,12}=[a-z0-9%&=+-]{0,20}",
    ]
}

fn path() -> impl Strategy<Value = String> {
    let parts = (
        select(&TEMPLATES[..]),
        prop::collection::vec(segment(), 4),
        query(),
    );
    parts.prop_map(|(template, segments, query)| {
        let mut path = template.to_owned();
        for segment in segments {
            path = path.replacen("{}", &segment, 1);
        }
        path + &query
    })
}

/// A document of the API, or something like one.
fn document() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i64>().prop_map(|n| json!(n)),
        "[ -~\u{e4}\u{202e}]{0,20}".prop_map(|s| json!(s)),
    ];
    let key = select(vec![
        "name",
        "policy",
        "quotas",
        "read",
        "write",
        "scopes",
        "disabled",
        "jobs_max",
        "expires_ms",
        "version",
        "tenant",
        "",
        "x",
    ]);
    let value = leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| json!(items)),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|fields| {
                fields
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            }),
        ]
    });
    value.prop_map(|value| value.to_string().into_bytes())
}

/// A good spec, with a piece of it replaced.
fn mutated_spec() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "", ":", "{", "}", "[", "&a", "*a", "!!binary", "\n", "\t", "- ", "${HOME}", "null",
        "1e999", "\u{0}",
    ];
    let change = (any::<prop::sample::Index>(), 0..20_usize, select(pieces));
    prop::collection::vec(change, 0..4).prop_map(|changes| {
        let mut text = spec("copy").into_bytes();
        for (at, length, piece) in changes {
            let from = at.index(text.len());
            let to = (from + length).min(text.len());
            text.splice(from..to, piece.bytes());
        }
        text
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => document(),
        3 => mutated_spec(),
        1 => Just(Vec::new()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => Just(b"fake valid".to_vec()),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let token = prop_oneof![
        6 => Just(Token::Admin),
        1 => Just(Token::None),
        1 => "[a-zA-Z0-9_]{0,80}".prop_map(Token::Some),
        1 => "[ -~]{0,80}".prop_map(Token::Some),
    ];
    let methods = vec!["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    let kinds = vec![
        "application/json",
        "application/yaml",
        "application/wasm",
        "text/plain",
        "",
    ];
    let all = (select(methods), path(), token, select(kinds), body());
    all.prop_map(|(method, path, token, kind, body)| Call {
        method,
        path,
        token,
        kind,
        body,
    })
}

async fn answered(rig: &Rig, call: Call) -> Result<(), TestCaseError> {
    let token = match &call.token {
        Token::None => "",
        Token::Some(token) => token,
        Token::Admin => &rig.admin,
    };
    // What is no request at all does not get here: hyper refuses it.
    if call.path.parse::<axum::http::Uri>().is_err() {
        return Ok(());
    }
    let mut request = request(token, call.method, &call.path, call.body);
    if let Ok(kind) = call.kind.parse() {
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    rig.clock.pass(Duration::from_secs(1));
    let reply = rig.request(request).await;
    let status = reply.status.as_u16();
    prop_assert_ne!(status, 500, "{}", reply.text());
    if status >= 400 && call.method != "HEAD" {
        prop_assert_eq!(
            reply.header(header::CONTENT_TYPE),
            "application/problem+json"
        );
        let problem = reply.json();
        prop_assert_eq!(&problem["status"], status);
        prop_assert!(problem["detail"].is_string(), "{}", problem);
    }
    Ok(())
}

/// `PROPTEST_CASES` says how many sequences, times eight; one that fails is shrunk and shown.
#[test]
fn any_sequence_of_requests_is_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    let usual = ProptestConfig::default();
    let config = ProptestConfig {
        cases: 8 * usual.cases,
        failure_persistence: None,
        ..usual
    };
    proptest!(config, |(calls in prop::collection::vec(call(), 1..30))| {
        runtime.block_on(async {
            let rig = Rig::new().await;
            rig.push("valid", "fuzz").await.expect(201);
            for call in calls {
                answered(&rig, call).await?;
            }
            let whole = rig.get(&rig.admin, "/v1/tenants").await;
            prop_assert_eq!(whole.status.as_u16(), 200);
            Ok(())
        })?;
    });
}
