//! Tokens are created and revoked. Revoked and expired ones are remembered, so that the log can say why one was refused,
//! until their place is needed.

use super::check_name;
use crate::access::{Scope, Token};
use crate::change::{Change, Revision};
use crate::digest::is_digest;
use crate::error::Refused;
use crate::limits::TOKENS_MAX;
use crate::state::Catalog;
use crate::token::is_id;

pub(super) fn apply(catalog: &mut Catalog, revision: &Revision) -> Result<(), Refused> {
    match &revision.change {
        Change::TokenCreated { id, token } => create(catalog, revision.at_ms, id, token),
        Change::TokenRevoked { id } => {
            let missing = || Refused::missing(format!("token `{id}`"));
            catalog.tokens.get_mut(id).ok_or_else(missing)?.revoked = true;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn create(catalog: &mut Catalog, at_ms: i64, id: &str, token: &Token) -> Result<(), Refused> {
    check(token, at_ms)?;
    if let Some(tenant) = &token.tenant {
        catalog.tenant(tenant)?;
    }
    if !is_id(id) {
        return Err(Refused::invalid(format!("`{id}` is no id of a token")));
    }
    if catalog.tokens.contains_key(id) {
        return Err(Refused::conflict(format!(
            "there is a token `{id}` already"
        )));
    }
    if let Some(forgotten) = make_room(catalog, at_ms, &token.tenant)? {
        catalog.tokens.remove(&forgotten);
    }
    catalog.tokens.insert(id.to_owned(), token.clone());
    Ok(())
}

fn check(token: &Token, at_ms: i64) -> Result<(), Refused> {
    check_name("token", &token.name)?;
    if token.scopes.is_empty() {
        return Err(Refused::invalid(
            "a token without scopes allows nothing: give it some of `admin`, `deploy`, `push`, `view`",
        ));
    }
    if token.tenant.is_some() && token.scopes.contains(&Scope::Admin) {
        return Err(Refused::invalid(
            "the scope `admin` is only for tokens of the whole installation; a tenant's have `deploy`, `push`, `view`",
        ));
    }
    if !is_digest(&token.hash) {
        return Err(Refused::invalid(
            "a token is kept by the SHA-256 of its secret",
        ));
    }
    if !token.is_live(at_ms) {
        return Err(Refused::invalid(
            "a new token can't be revoked or expired already",
        ));
    }
    Ok(())
}

/// Which token to forget so that the tenant (or the installation) can have another, if any has to go.
fn make_room(
    catalog: &Catalog,
    at_ms: i64,
    tenant: &Option<String>,
) -> Result<Option<String>, Refused> {
    let siblings = || catalog.tokens.iter().filter(|(_, t)| t.tenant == *tenant);
    if siblings().count() < TOKENS_MAX {
        return Ok(None);
    }
    let oldest = siblings()
        .filter(|(_, token)| !token.is_live(at_ms))
        .min_by_key(|(id, token)| (token.created_ms, *id));
    match oldest {
        Some((id, _)) => Ok(Some(id.clone())),
        None => Err(Refused::quota(format!(
            "there are {TOKENS_MAX} tokens in use here, the most there can be: revoke one"
        ))),
    }
}
