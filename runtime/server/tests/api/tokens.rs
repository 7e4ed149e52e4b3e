//! Tokens: made, listed, revoked; their text is seen once.

use crate::rig::Rig;
use serde_json::{Value, json};
use std::time::Duration;

const TOKENS: &str = "/v1/tenants/shop/tokens";

#[tokio::test]
async fn a_tokens_text_is_in_one_answer_and_nowhere_else() {
    let rig = Rig::new().await;
    let new = json!({"name": "ci", "scopes": ["push", "deploy"], "expires_in_s": 60});
    let made = rig.admin("POST", TOKENS, new).await.expect(201).json();
    let text = made["token"].as_str().expect("a text").to_owned();
    let id = made["id"].as_str().expect("an id").to_owned();
    let shown = made.to_string().replace(&text, "TEXT").replace(&id, "ID");
    insta::assert_snapshot!(shown, @r#"{"created_ms":1767225600000,"expires_ms":1767225660000,"id":"ID","name":"ci","revoked":false,"scopes":["deploy","push"],"tenant":"shop","token":"TEXT"}"#);
    rig.get(&text, "/v1/tenants/shop").await.expect(200);
    let secret = &text[15..];
    let listed = rig
        .admin("GET", TOKENS, Value::Null)
        .await
        .expect(200)
        .text();
    assert!(listed.contains(&id) && !listed.contains(secret));
    assert!(!listed.contains("hash"), "{listed}");
    assert!(!format!("{:?}", rig.store.current()).contains(secret));
    assert!(!rig.events.all().contains(secret));
    rig.clock.pass(Duration::from_secs(60));
    rig.get(&text, "/v1/tenants/shop").await.expect(401);
}

/// The answer that held the text may be lost; then the name is taken, and no second token is left behind unseen.
#[tokio::test]
async fn a_repeated_create_makes_no_second_token() {
    let rig = Rig::new().await;
    let new = json!({"name": "ci", "scopes": ["view"]});
    let made = rig
        .admin("POST", TOKENS, new.clone())
        .await
        .expect(201)
        .json();
    let again = rig.admin("POST", TOKENS, new.clone()).await;
    insta::assert_snapshot!(again.seen(), @r#"
    409 {
      "detail": "there is a token `ci` already, and its text can't be shown again: revoke it first, or choose another name",
      "status": 409,
      "title": "Not in the present state",
      "type": "/problems/conflict"
    }
    "#);
    let path = format!("{TOKENS}/{}", made["id"].as_str().expect("an id"));
    for _ in 0..2 {
        rig.admin("DELETE", &path, Value::Null).await.expect(204);
    }
    rig.admin("POST", TOKENS, new.clone()).await.expect(201);
    // Names are each tenant's own.
    rig.admin("POST", "/v1/tenants/bank/tokens", new.clone())
        .await
        .expect(201);
    rig.admin("POST", "/v1/tokens", new).await.expect(201);
}

#[tokio::test]
async fn tokens_are_their_owners() {
    let rig = Rig::new().await;
    let new = json!({"name": "ci", "scopes": ["view"]});
    let made = rig.admin("POST", TOKENS, new).await.expect(201).json();
    let id = made["id"].as_str().expect("an id");
    for path in [
        format!("/v1/tenants/bank/tokens/{id}"),
        format!("/v1/tokens/{id}"),
    ] {
        rig.admin("DELETE", &path, Value::Null).await.expect(404);
    }
    let installation = rig
        .admin("GET", "/v1/tokens", Value::Null)
        .await
        .expect(200);
    assert!(!installation.text().contains(id));
}

#[tokio::test]
async fn what_no_token_can_be_is_refused() {
    let rig = Rig::new().await;
    let mut said = String::new();
    for (path, body) in [
        (TOKENS, json!({"name": "a", "scopes": ["admin"]})),
        (TOKENS, json!({"name": "a", "scopes": []})),
        (TOKENS, json!({"name": "A b", "scopes": ["view"]})),
        (TOKENS, json!({"name": "a", "scopes": ["root"]})),
        (
            TOKENS,
            json!({"name": "a", "scopes": ["view"], "expires_in_s": 0}),
        ),
        (
            TOKENS,
            json!({"name": "a", "scopes": ["view"], "expires_in_s": 1_u64 << 60}),
        ),
        ("/v1/tokens", json!({"name": "a"})),
    ] {
        let reply = rig.admin("POST", path, body.clone()).await;
        said.push_str(&format!(
            "{body}\n  {} {}\n",
            reply.status.as_u16(),
            reply.json()["detail"]
        ));
    }
    insta::assert_snapshot!(said, @r#"
    {"name":"a","scopes":["admin"]}
      422 "the scope `admin` is only for tokens of the whole installation; a tenant's have `deploy`, `push`, `view`"
    {"name":"a","scopes":[]}
      422 "a token without scopes allows nothing: give it some of `admin`, `deploy`, `push`, `view`"
    {"name":"A b","scopes":["view"]}
      422 "`A b` is no name for a token: names have 1 to 40 characters out of `a`-`z`, `0`-`9` and `-`"
    {"name":"a","scopes":["root"]}
      400 "`scopes[0]` is not as expected: unknown variant `root`, expected one of `admin`, `deploy`, `push`, `view` at line 1 column 28"
    {"expires_in_s":0,"name":"a","scopes":["view"]}
      400 "`expires_in_s` is from one second to ten years; leave it out for a token that does not expire"
    {"expires_in_s":1152921504606846976,"name":"a","scopes":["view"]}
      400 "`expires_in_s` is from one second to ten years; leave it out for a token that does not expire"
    {"name":"a"}
      400 "the body is not as expected: missing field `scopes` at line 1 column 12"
    "#);
}
