//! The `ngxc` program.

use std::process::ExitCode;

/// Blocks of a model are many, small and freed together, which costs glibc a quarter of the time of a lint.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ngxc::cli::main()
}
