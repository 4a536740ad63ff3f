//! `ngxc man`: manual pages, made of the declaration of the command line.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, Failure, Outcome};

/// Arguments of `ngxc man`.
#[derive(Args)]
pub(super) struct ManArgs {
    /// Command whose page is printed [default: the page of ngxc].
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    command: Option<String>,

    /// Directory to write all pages to: `ngxc.1`, `ngxc-lint.1` and so on.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let mut ngxc = Cli::command();
    ngxc.build();
    if let Some(directory) = &args.output {
        write_all(&ngxc, directory)
            .map_err(|error| Failure::new(format!("cannot write to `{}`: {error}", directory.display())))?;
        return Ok(Outcome::Clean);
    }
    let page = match &args.command {
        None => ngxc,
        Some(name) => page_of(&ngxc, name).ok_or_else(|| {
            Failure::new(format!("there is no command `{name}`")).help("`ngxc --help` lists the commands")
        })?,
    };
    out.write_all(&rendered(page)?)?;
    Ok(Outcome::Clean)
}

/// A command with the version that its page names.
fn page_of(ngxc: &Command, name: &str) -> Option<Command> {
    let command = ngxc.find_subcommand(name).filter(|command| !command.is_hide_set())?;
    Some(command.clone().version(env!("CARGO_PKG_VERSION")))
}

/// Name of a page: `ngxc-lint` for `ngxc lint`.
fn title(command: &Command) -> String {
    command.get_display_name().unwrap_or(command.get_name()).to_owned()
}

fn rendered(command: Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let title = title(&command);
    Man::new(command).title(title).render(&mut page)?;
    Ok(page)
}

fn write_all(ngxc: &Command, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let names: Vec<&str> = ngxc.get_subcommands().map(Command::get_name).collect();
    for page in names.iter().filter_map(|name| page_of(ngxc, name)) {
        fs::write(directory.join(format!("{}.1", title(&page))), rendered(page)?)?;
    }
    fs::write(directory.join("ngxc.1"), rendered(ngxc.clone())?)
}
