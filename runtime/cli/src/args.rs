//! The command line as a whole. Each command's own arguments stand with the command.

#[cfg(feature = "serve")]
use crate::commands::serve;
use crate::commands::{check, completions, demo, lag, run};
use crate::{build, inspect, new, test};
use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0    done; also after Ctrl-C or SIGTERM, once the running epoch is committed
  1    failed: something outside (disk, network, brokers, a host): try again; or a case of `test`
  2    the command line, a job spec or a module is wrong, or a host refuses it; nothing was started
  3    the job halted: somebody must act, the message says how; nothing wrong was committed
  130  left at once after a second Ctrl-C (143: SIGTERM); the next start repeats the open epoch";

/// Run small functions, compiled to WebAssembly from any language, over Kafka topics: event time, windows, exactly once.
#[derive(Parser)]
#[command(name = "sluicebox", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// All commands, in the order in which a newcomer needs them.
#[derive(Subcommand)]
pub enum Command {
    /// See it work: a stream of orders through three modules, without a broker
    Demo(demo::Args),
    /// Make a project for a module
    New(new::Args),
    /// Build a module from its source
    Build(build::Args),
    /// Try a UDF or a job on JSON lines, without a broker
    Test(test::Args),
    /// Show what a module exports, imports and weighs
    Inspect(inspect::Args),
    /// Check a job spec, its modules and its topics without running it
    Check(check::Args),
    /// Run a job
    Run(run::Args),
    /// Run a host: an API, and the jobs that its tenants deploy
    #[cfg(feature = "serve")]
    Serve(serve::Args),
    /// Show how far a job has come in each partition
    Lag(lag::Args),
    #[cfg(feature = "serve")]
    #[command(flatten)]
    Remote(crate::remote::Command),
    /// Print completions for a shell
    Completions(completions::Args),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
