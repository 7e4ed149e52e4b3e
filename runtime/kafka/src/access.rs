//! A connection in use: the settings of its clients, and what they show to brokers.

use crate::connection::Connection;
use crate::ffi::client::Settings;
use crate::ffi::login::Credentials;
use crate::kerberos::{self, Tickets};
use crate::oauth::{self, Tokens};
use crate::properties::Scope;
use sluicebox_core::log::Result;
use std::sync::Arc;

/// What clients of a connection are made from. Clones share their tokens or tickets.
#[derive(Clone)]
pub struct Access {
    connection: Connection,
    login: Login,
}

/// How clients say who they are.
#[derive(Clone)]
enum Login {
    /// By what the connection's properties say.
    Properties,
    /// By tokens.
    Tokens(Arc<Tokens>),
    /// By tickets of ours, or by those that somebody else keeps.
    Tickets(Option<Arc<Tickets>>),
}

impl Access {
    /// Check a connection, and begin to fetch what its clients are to show.
    pub fn new(connection: Connection) -> Result<Access> {
        connection.check()?;
        let tokens = oauth::Settings::read(&connection.properties)?;
        let tickets = kerberos::Settings::read(&connection.properties)?;
        let login = match (tokens, tickets) {
            (Some(settings), _) => Login::Tokens(Arc::new(Tokens::start(&settings)?)),
            (None, Some(settings)) => Login::Tickets(Tickets::start(settings)?.map(Arc::new)),
            (None, None) => Login::Properties,
        };
        Ok(Access { connection, login })
    }

    /// These are the machines that brokers are on.
    pub fn reaches(&self, machines: Vec<String>) {
        if let Login::Tickets(Some(tickets)) = &self.login {
            tickets.reaches(machines);
        }
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
        let mut settings = Settings {
            properties: self.connection.for_clients(scope, ours),
            ..Settings::default()
        };
        match &self.login {
            Login::Properties => {}
            Login::Tokens(tokens) => {
                settings.logins = Some(tokens.logins().clone());
                settings.credentials = Some(tokens.logins().clone());
            }
            Login::Tickets(tickets) => {
                // Else each client would start a shell, and kinit in it, every minute.
                let never = ("sasl.kerberos.min.time.before.relogin", "0");
                settings
                    .properties
                    .push((never.0.to_owned(), never.1.to_owned()));
                let standing = tickets.as_ref().map(|tickets| tickets.standing().clone());
                settings.credentials = standing.map(|standing| standing as Arc<dyn Credentials>);
            }
        }
        settings
    }
}
