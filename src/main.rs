//! The `ngxc` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ngxc::cli::main()
}
