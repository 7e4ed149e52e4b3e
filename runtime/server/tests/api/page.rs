//! The page as a browser gets it: types, what it is allowed, what it keeps.

use crate::rig::{Reply, Rig, request};
use axum::body::Body;
use axum::http::{HeaderValue, header};

const POLICY: [&str; 10] = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
];

async fn asked(rig: &Rig, method: &str, path: &str, tag: &str) -> Reply {
    let mut request = request("", method, path, Body::empty());
    let tag = HeaderValue::from_str(tag).expect("a header");
    request.headers_mut().insert(header::IF_NONE_MATCH, tag);
    rig.request(request).await
}

#[tokio::test]
async fn the_page_needs_no_token_and_says_what_it_may() {
    let rig = Rig::new().await;
    for (path, kind) in [
        ("/ui/", "text/html; charset=utf-8"),
        ("/ui/index.html", "text/html; charset=utf-8"),
        ("/ui/app.js", "text/javascript; charset=utf-8"),
        ("/ui/views/jobs.js", "text/javascript; charset=utf-8"),
        ("/ui/base.css", "text/css; charset=utf-8"),
        ("/ui/icon.svg", "image/svg+xml"),
    ] {
        let reply = rig.get("", path).await.expect(200);
        assert_eq!(reply.header(header::CONTENT_TYPE), kind, "{path}");
        assert_eq!(reply.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(reply.header(header::REFERRER_POLICY), "no-referrer");
        assert_eq!(reply.header(header::CACHE_CONTROL), "no-cache", "{path}");
        let policy = reply.header(header::CONTENT_SECURITY_POLICY);
        assert_eq!(policy.split("; ").collect::<Vec<_>>(), POLICY, "{path}");
    }
}

#[tokio::test]
async fn whoever_comes_to_the_host_is_led_to_the_page() {
    let rig = Rig::new().await;
    for path in ["/", "/ui"] {
        let reply = rig.get("", path).await.expect(307);
        assert_eq!(reply.header(header::LOCATION), "/ui/");
    }
}

#[tokio::test]
async fn a_file_that_is_kept_is_not_sent_again() {
    let rig = Rig::new().await;
    let first = rig.get("", "/ui/app.js").await.expect(200);
    let tag = first.header(header::ETAG).to_owned();
    assert!(tag.starts_with('"') && tag.len() > 10, "{tag}");
    let again = asked(&rig, "GET", "/ui/app.js", &tag).await.expect(304);
    assert!(again.body.is_empty());
    assert_eq!(again.header(header::ETAG), tag);
    assert!(!again.header(header::CONTENT_SECURITY_POLICY).is_empty());
    let other = asked(&rig, "GET", "/ui/base.css", &tag).await.expect(200);
    assert_ne!(other.header(header::ETAG), tag);
    let head = asked(&rig, "HEAD", "/ui/app.js", "\"0\"").await.expect(200);
    assert!(head.body.is_empty());
    assert_eq!(head.header(header::ETAG), tag);
    let length = first.body.len().to_string();
    assert_eq!(head.header(header::CONTENT_LENGTH), length);
}

/// Only the files of the page are reached through it, however they are named.
#[tokio::test]
async fn other_names_are_no_files() {
    let rig = Rig::new().await;
    for path in [
        "/ui/nothing.js",
        "/ui/views",
        "/ui/views/",
        "/ui/../openapi.json",
        "/ui/..%2fui.rs",
        "/ui/%2e%2e/Cargo.toml",
        "/ui//app.js",
        "/ui/app.js/",
    ] {
        let reply = rig.get("", path).await;
        assert_eq!(reply.problem(), (404, "missing".to_owned()), "{path}");
    }
    let reply = rig.send("", "POST", "/ui/app.js", "x").await;
    assert_eq!(reply.problem(), (405, "method".to_owned()));
}
