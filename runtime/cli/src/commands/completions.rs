//! `sluicebox completions`: what a shell needs to complete the command line.

use crate::args::Cli;
use crate::output::print;
use clap::CommandFactory;

const EXAMPLES: &str = "\
Examples:
  sluicebox completions bash > /etc/bash_completion.d/sluicebox
  sluicebox completions zsh > ~/.zfunc/_sluicebox
  sluicebox completions fish > ~/.config/fish/completions/sluicebox.fish";

/// Arguments of `completions`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// For which shell
    pub shell: clap_complete::Shell,
}

/// Print the completions.
pub fn run(args: Args) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sluicebox", &mut script);
    print(&String::from_utf8_lossy(&script))
}
