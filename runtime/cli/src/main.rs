//! The `sluicebox` command: the only place where the parts are wired together. What a command does is in its own
//! file; here a command line becomes a call, and an error a message and an exit code.
#![forbid(unsafe_code)]

mod args;
mod build;
mod commands;
mod failpoint;
mod failure;
mod inspect;
mod new;
mod observer;
mod output;
#[cfg(feature = "serve")]
mod remote;
mod signals;
mod spec_file;
mod test;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Modules are compiled in processes of their own, which run this very program.
    if let Some(code) = sluicebox_wasm::serve_as_compiler() {
        return code;
    }
    let cli = Cli::parse();
    match failpoint::install().and_then(|()| dispatch(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Run(args) => commands::run::run(args),
        Command::Check(args) => commands::check::run(args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => commands::serve::run(args),
        Command::Lag(args) => commands::lag::run(args),
        Command::Demo(args) => commands::demo::run(args),
        Command::New(args) => new::run(args),
        Command::Build(args) => build::run(args),
        Command::Test(args) => test::run(args),
        Command::Inspect(args) => inspect::run(args),
        #[cfg(feature = "serve")]
        Command::Remote(command) => remote::run(command),
        Command::Completions(args) => commands::completions::run(args),
    }
}
