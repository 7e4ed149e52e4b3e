//! Tenants and tokens.

use super::{refusal, refusal_in};
use crate::access::{Scope, Token};
use crate::change::Change;
use crate::fixtures::*;
use crate::limits::{TENANTS_MAX, TOKENS_MAX};
use crate::quotas::Quotas;

#[test]
fn tenants() {
    insta::assert_snapshot!(refusal(tenant("shop")), @"there is a tenant `shop` already");
    let changed = |tenant: &str, quotas: Quotas| Change::TenantChanged {
        tenant: tenant.to_owned(),
        policy: Default::default(),
        quotas,
        disabled: true,
    };
    insta::assert_snapshot!(refusal(changed("books", Quotas::default())), @"there is no tenant `books`");
    let large = Quotas {
        module_bytes_max: 65 << 20,
        ..Quotas::default()
    };
    insta::assert_snapshot!(refusal(changed("shop", large)), @"`module_bytes_max` is 68157440, and no tenant can be given more than 67108864");
    let zero = Quotas {
        cpu_percent_max: Some(0),
        ..Quotas::default()
    };
    insta::assert_snapshot!(refusal(changed("shop", zero)), @"`cpu_percent_max` is 0: leave it out for no limit, or disable the tenant to stop its jobs");

    let mut catalog = shop();
    let created_ms = catalog.tenant("shop").unwrap().created_ms;
    apply(&mut catalog, changed("shop", Quotas::default())).unwrap();
    let shop = catalog.tenant("shop").unwrap();
    assert!(shop.disabled && shop.policy.read.is_empty() && shop.quotas == Quotas::default());
    assert_eq!((shop.created_ms, shop.jobs.len()), (created_ms, 1));
}

#[test]
fn tokens() {
    let admin = token_of(Some("shop"), &[Scope::Admin]);
    insta::assert_snapshot!(refusal(token(3, admin)), @"the scope `admin` is only for tokens of the whole installation; a tenant's have `deploy`, `push`, `view`");
    insta::assert_snapshot!(refusal(token(3, token_of(None, &[]))), @"a token without scopes allows nothing: give it some of `admin`, `deploy`, `push`, `view`");
    insta::assert_snapshot!(refusal(token(3, token_of(Some("books"), &[Scope::View]))), @"there is no tenant `books`");
    insta::assert_snapshot!(refusal(token(2, token_of(None, &[Scope::View]))), @"there is a token `mr6rn8hwkk` already");
    insta::assert_snapshot!(refusal(Change::TokenRevoked { id: "nobody".to_owned() }), @"there is no token `nobody`");
    let expired = Token {
        expires_ms: Some(START_MS),
        ..token_of(None, &[Scope::View])
    };
    insta::assert_snapshot!(refusal(token(3, expired)), @"a new token can't be revoked or expired already");
    let plain = Change::TokenCreated {
        id: generated(3).id,
        token: Token {
            hash: "hunter2".to_owned(),
            ..token_of(None, &[Scope::View])
        },
    };
    insta::assert_snapshot!(refusal(plain), @"a token is kept by the SHA-256 of its secret");
    let odd = Change::TokenCreated {
        id: "../../etc".to_owned(),
        token: token_of(None, &[Scope::View]),
    };
    insta::assert_snapshot!(refusal(odd), @"`../../etc` is no id of a token");
}

#[test]
fn a_full_house_of_tokens_forgets_dead_ones_only() {
    let mut catalog = shop();
    let view = || token_of(Some("shop"), &[Scope::View]);
    for n in 3..TOKENS_MAX as u8 + 2 {
        apply(&mut catalog, token(n, view())).unwrap();
    }
    insta::assert_snapshot!(refusal_in(&catalog, token(200, view())), @"there are 100 tokens in use here, the most there can be: revoke one");
    let installation = token(201, token_of(None, &[Scope::View]));
    apply(&mut catalog, installation).expect("others have their own room");

    let id = generated(50).id;
    apply(&mut catalog, Change::TokenRevoked { id: id.clone() }).unwrap();
    assert!(catalog.tokens[&id].revoked);
    apply(&mut catalog, token(200, view())).unwrap();
    assert!(!catalog.tokens.contains_key(&id), "the dead one went");
    refusal_in(&catalog, token(202, view()));
}

#[test]
fn there_is_an_end_to_tenants() {
    let mut catalog = shop();
    let toys = catalog.tenant("toys").unwrap().clone();
    for n in 2..TENANTS_MAX {
        catalog.tenants.insert(format!("t-{n}"), toys.clone());
    }
    insta::assert_snapshot!(refusal_in(&catalog, tenant("books")), @"there are 10000 tenants, the most that one installation can have");
    catalog.tenants.remove("toys");
    apply(&mut catalog, tenant("books")).unwrap();
}
