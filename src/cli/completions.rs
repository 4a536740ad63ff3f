//! `ngxc completions`: a script that completes commands and options in a shell.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Failure, Outcome};

/// Arguments of `ngxc completions`.
#[derive(Args)]
pub(super) struct CompletionsArgs {
    /// Shell that the script is for.
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    // clap panics where it cannot write: a reader may close the pipe early.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ngxc", &mut script);
    out.write_all(&script)?;
    Ok(Outcome::Clean)
}
