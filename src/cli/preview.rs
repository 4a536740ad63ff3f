//! `ngxc split`: loads the configuration for [`split`](super::split).

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use clap::Args;

use super::input::Input;
use super::split::{self, SplitArgs, Style};
use super::{Failure, Outcome, render};
use crate::source::Disk;

/// Arguments of `ngxc split`.
#[derive(Args)]
pub(super) struct PreviewArgs {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    split: SplitArgs,
}

pub(super) fn run(args: &PreviewArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let (configuration, config) = args.input.valid(&Disk)?;
    let terminal = io::stdout().is_terminal();
    let style = Style { color: terminal && render::color(), unicode: true, width: render::terminal_width() };
    split::run(&args.split, &Arc::new(config), &configuration.sources, style, out).map_err(|error| {
        let failure = Failure::new(error.to_string());
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    })?;
    Ok(Outcome::Clean)
}
