//! `ngxc split`: loads the configuration for [`split`](super::split).

use std::io::{self, Write};
use std::sync::Arc;

use clap::Args;

use super::common::color;
use super::input::Input;
use super::split::{self, SplitArgs, Style};
use super::{Failure, Outcome, render, template};
use crate::source::Disk;

/// Arguments of `ngxc split`.
#[derive(Args)]
pub(super) struct PreviewArgs {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    split: SplitArgs,
}

pub(super) fn run(args: &mut PreviewArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    args.input.settle()?;
    let (configuration, config) = args.input.valid(&Disk)?;
    template::demand(&configuration, template::splits)?;
    let style = Style { color: color(&io::stdout()), unicode: true, width: render::terminal_width() };
    let other = match &args.split.compare {
        Some(path) => {
            let mut input = Input { file: path.clone(), ..args.input.clone() };
            input.settle()?;
            Some(Arc::new(input.valid(&Disk)?.1))
        }
        None => None,
    };
    let is_in_stream = config.stream.as_ref().is_some_and(|stream| !stream.shared.split_clients.is_empty());
    if config.http.split_clients.is_empty() && !is_in_stream {
        return Err(Failure::new("the configuration has no `split_clients`").help(EXAMPLE));
    }
    split::run(&args.split, &Arc::new(config), other.as_ref(), &configuration.sources, style, out).map_err(
        |error| {
            let failure = Failure::new(error.to_string());
            match error.help() {
                Some(help) => failure.help(help),
                None => failure,
            }
        },
    )?;
    Ok(Outcome::Clean)
}

/// Example for the messages about a missing split.
const EXAMPLE: &str = "it looks like this, in `http`: split_clients \"$remote_addr$remote_port\" $source { 50% 192.0.2.1; * \
                       192.0.2.2; }";
