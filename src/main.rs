//! The `ngxc` program.

fn main() {}
