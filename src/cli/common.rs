//! Options that every command takes: how much is said, and in which colours.

use std::io::IsTerminal;
use std::sync::OnceLock;

use clap::{Args, ValueEnum};

/// The arguments of a command, and those that every command has.
#[derive(Args)]
pub(super) struct CommandContext<A: Args> {
    #[command(flatten)]
    pub(super) args: A,

    #[command(flatten)]
    pub(super) common: Common,
}

/// Manner of a command's output.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct Common {
    /// Colours: on a terminal (`NO_COLOR` forbids them, `FORCE_COLOR` asks for them elsewhere too), always, never.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, help_heading = "Output")]
    color: Color,

    /// Say nothing on standard error but errors, and no summary.
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,

    /// Say on standard error which files are read, and why.
    #[arg(short, long, conflicts_with = "quiet", help_heading = "Output")]
    verbose: bool,
}

/// Use of colours in the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// Options that were given, once for the program.
static COMMON: OnceLock<Common> = OnceLock::new();

impl Common {
    /// Makes it hold from now on.
    pub(super) fn hold(self) {
        // A second command in one process does not happen.
        let _ = COMMON.set(self);
    }
}

fn common() -> Common {
    COMMON.get().copied().unwrap_or_default()
}

/// True if only errors are said.
pub(super) fn is_quiet() -> bool {
    common().quiet
}

/// True if it is said which files are read.
pub(super) fn is_verbose() -> bool {
    common().verbose
}

/// True if a stream gets colours.
pub(super) fn color(stream: &impl IsTerminal) -> bool {
    let says = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match common().color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if says("NO_COLOR") => false,
        Color::Auto => {
            says("FORCE_COLOR") && std::env::var_os("FORCE_COLOR").is_some_and(|v| v != "0")
                || stream.is_terminal()
        }
    }
}
