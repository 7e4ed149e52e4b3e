//! A connection in use: the settings of its clients, and the tokens that they show.

use crate::connection::Connection;
use crate::ffi::client::Settings;
use crate::oauth::{self, Tokens};
use crate::properties::Scope;
use sluicebox_core::log::Result;
use std::sync::Arc;

/// What clients of a connection are made from. Clones share their tokens.
#[derive(Clone)]
pub struct Access {
    connection: Connection,
    tokens: Option<Arc<Tokens>>,
}

impl Access {
    /// Check a connection, and begin to fetch tokens if it needs them.
    pub fn new(connection: Connection) -> Result<Access> {
        connection.check()?;
        let tokens = match oauth::Settings::read(&connection.properties)? {
            Some(settings) => Some(Arc::new(Tokens::start(&settings)?)),
            None => None,
        };
        Ok(Access { connection, tokens })
    }

    /// Addresses to start from.
    pub fn servers(&self) -> &str {
        &self.connection.bootstrap_servers
    }

    /// Settings of a producer: ours, then the connection's.
    pub fn producer(&self, ours: &[(&str, String)]) -> Settings {
        self.settings(Scope::Producers, ours)
    }

    /// Settings of a consumer.
    pub fn consumer(&self, ours: &[(&str, String)]) -> Settings {
        self.settings(Scope::Consumers, ours)
    }

    fn settings(&self, scope: Scope, ours: &[(&str, String)]) -> Settings {
        Settings {
            properties: self.connection.for_clients(scope, ours),
            logins: self.tokens.as_ref().map(|tokens| tokens.logins().clone()),
        }
    }
}
