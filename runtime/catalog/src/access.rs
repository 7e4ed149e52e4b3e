//! Who may do what: tokens, their scopes, and the answer to a presented one.

use crate::state::Catalog;
use crate::token::{self, Presented};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is known of a token; its secret is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The tenant it is for; `None`: the whole installation.
    pub tenant: Option<String>,
    /// What people call it.
    pub name: String,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// SHA-256 of the secret, in hexadecimal.
    pub hash: String,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: i64,
    /// From when on it is refused, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
    /// Refused for good.
    pub revoked: bool,
}

impl Token {
    /// Whether it can still be used at this time.
    pub fn is_live(&self, now_ms: i64) -> bool {
        !self.revoked && !self.has_expired(now_ms)
    }

    fn has_expired(&self, now_ms: i64) -> bool {
        self.expires_ms
            .is_some_and(|expires_ms| now_ms >= expires_ms)
    }
}

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything, tenants and tokens too. Only for the whole installation.
    Admin,
    /// Change jobs; includes `View`.
    Deploy,
    /// Change modules; includes `View`.
    Push,
    /// Look.
    View,
}

impl Scope {
    /// Whether a token with this scope may do what needs `needed`.
    pub fn includes(self, needed: Scope) -> bool {
        match self {
            Self::Admin => true,
            Self::Deploy | Self::Push | Self::View => self == needed || needed == Self::View,
        }
    }
}

/// Whoever presented a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The token's public part: the `by` of revisions.
    pub token_id: String,
    /// The tenant it acts for; `None`: the whole installation.
    pub tenant: Option<String>,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
}

impl Principal {
    /// Whether it may do what needs `needed`, where it may act at all.
    pub fn allows(&self, needed: Scope) -> bool {
        self.scopes.iter().any(|scope| scope.includes(needed))
    }

    /// Whether it may act for this tenant: its own, or any where it has the whole installation.
    pub fn covers(&self, tenant: &str) -> bool {
        self.tenant.as_deref().is_none_or(|own| own == tenant)
    }
}

/// Why a token is refused. The text is the same for all, for it goes to whoever presented it; [`Denied::reason`] is for
/// the host's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this token is not valid (any more): ask whoever runs the installation for a new one")]
pub enum Denied {
    /// No token has this id.
    Unknown,
    /// The secret is not that of the token.
    Secret,
    /// It was revoked.
    Revoked,
    /// Its time is over.
    Expired,
    /// Its tenant is disabled, or gone.
    TenantDisabled,
}

impl Denied {
    /// What it was, for the log.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unknown => "unknown token",
            Self::Secret => "wrong secret",
            Self::Revoked => "revoked token",
            Self::Expired => "expired token",
            Self::TenantDisabled => "tenant disabled",
        }
    }
}

impl Catalog {
    /// Who presents this token. The secret is looked at first: without it, nothing about the token is to be learnt.
    pub fn authenticate(&self, presented: &Presented, now_ms: i64) -> Result<Principal, Denied> {
        let token = self.tokens.get(&presented.id).ok_or(Denied::Unknown)?;
        if !token::same(&token::hash(&presented.secret), &token.hash) {
            return Err(Denied::Secret);
        }
        if token.revoked {
            return Err(Denied::Revoked);
        }
        if token.has_expired(now_ms) {
            return Err(Denied::Expired);
        }
        let disabled = |name: &String| self.tenants.get(name).is_none_or(|t| t.disabled);
        if token.tenant.as_ref().is_some_and(disabled) {
            return Err(Denied::TenantDisabled);
        }
        Ok(Principal {
            token_id: presented.id.clone(),
            tenant: token.tenant.clone(),
            scopes: token.scopes.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::fixtures::*;

    fn presented(n: u8) -> Presented {
        token::parse(&generated(n).text).unwrap()
    }

    #[test]
    fn a_valid_token_says_who_it_is() {
        let catalog = shop();
        let admin = catalog.authenticate(&presented(1), START_MS).unwrap();
        assert_eq!(
            (admin.tenant.as_deref(), admin.allows(Scope::Admin)),
            (None, true)
        );
        assert!(admin.covers("shop") && admin.covers("toys"));
        let deployer = catalog.authenticate(&presented(2), START_MS).unwrap();
        assert_eq!(deployer.token_id, generated(2).id);
        assert!(deployer.covers("shop") && !deployer.covers("toys"));
        assert!(deployer.allows(Scope::View) && !deployer.allows(Scope::Admin));
    }

    #[test]
    fn refusals_differ_inside_and_not_outside() {
        let mut catalog = shop();
        let expires = Token {
            expires_ms: Some(START_MS + 60_000),
            ..token_of(Some("shop"), &[Scope::View])
        };
        apply(&mut catalog, token(3, expires)).unwrap();
        apply(&mut catalog, token(4, token_of(None, &[Scope::View]))).unwrap();
        let revoked = Change::TokenRevoked {
            id: generated(4).id,
        };
        apply(&mut catalog, revoked).unwrap();
        let wrong = |n: u8, secret: u8| Presented {
            id: generated(n).id,
            secret: presented(secret).secret,
        };
        let denied = |presented: &Presented, now_ms: i64| {
            catalog.authenticate(presented, now_ms).unwrap_err()
        };
        let late = START_MS + 60_000;
        assert!(catalog.authenticate(&presented(3), late - 1).is_ok());
        let mut found = vec![
            denied(&presented(9), START_MS),
            denied(&wrong(1, 2), START_MS),
            denied(&presented(4), START_MS),
            denied(&presented(3), late),
        ];
        assert_eq!(
            denied(&wrong(4, 1), START_MS),
            Denied::Secret,
            "no word of its being revoked"
        );
        catalog.tenants.get_mut("shop").unwrap().disabled = true;
        found.push(catalog.authenticate(&presented(2), START_MS).unwrap_err());
        use Denied::*;
        assert_eq!(found, [Unknown, Secret, Revoked, Expired, TenantDisabled]);
        let inside: BTreeSet<_> = found.iter().map(|denied| denied.reason()).collect();
        let outside: BTreeSet<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!((inside.len(), outside.len()), (5, 1));
        insta::assert_snapshot!(found[0], @"this token is not valid (any more): ask whoever runs the installation for a new one");
    }

    #[test]
    fn scopes_include_each_other() {
        use Scope::*;
        let all = [Admin, Deploy, Push, View];
        let may = |scope: Scope| all.map(|needed| scope.includes(needed));
        assert_eq!(may(Admin), [true, true, true, true]);
        assert_eq!(may(Deploy), [false, true, false, true]);
        assert_eq!(may(Push), [false, false, true, true]);
        assert_eq!(may(View), [false, false, false, true]);
    }
}
