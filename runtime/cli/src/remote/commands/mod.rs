//! The commands that talk to a host, one file each.

mod deadletters;
mod deploy;
mod hosts;
mod jobs;
pub mod lag;
mod login;
mod logs;
mod modules;
mod profiles;
mod push;
mod rollback;
mod tenants;
mod tokens;
mod wait;
mod whoami;

use anyhow::Result;
use clap::Subcommand;

/// The commands, in the order in which somebody needs them.
#[derive(Subcommand)]
pub enum Command {
    /// Remember a host and a token
    Login(login::Args),
    /// Forget the token of a host
    Logout(profiles::Logout),
    /// List, choose and forget the hosts that are remembered
    Profiles(profiles::Args),
    /// Show who you are on a host
    Whoami(whoami::Args),
    /// List the hosts of an installation
    Hosts(hosts::Args),
    /// Push a module to a host
    Push(push::Args),
    /// List, show, fetch and delete the modules of a host
    Modules(modules::Args),
    /// Deploy a job on a host, or a new version of it
    Deploy(deploy::Args),
    /// List, show, pause, resume, stop and delete the jobs of a host
    Jobs(jobs::Args),
    /// Go back to an earlier version of a job
    Rollback(rollback::Args),
    /// Show the log of a job, of all hosts
    Logs(logs::Args),
    /// List the records that a job could not process, and give them to it again
    Deadletters(deadletters::Args),
    /// Create and change the tenants of a host
    Tenants(tenants::Args),
    /// Create and revoke tokens
    Tokens(tokens::Args),
}

/// Do it.
pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Login(args) => login::run(args),
        Command::Logout(args) => profiles::logout(args),
        Command::Profiles(args) => profiles::run(args),
        Command::Whoami(args) => whoami::run(args),
        Command::Hosts(args) => hosts::run(args),
        Command::Push(args) => push::run(args),
        Command::Modules(args) => modules::run(args),
        Command::Deploy(args) => deploy::run(args),
        Command::Jobs(args) => jobs::run(args),
        Command::Rollback(args) => rollback::run(args),
        Command::Logs(args) => logs::run(args),
        Command::Deadletters(args) => deadletters::run(args),
        Command::Tenants(args) => tenants::run(args),
        Command::Tokens(args) => tokens::run(args),
    }
}
