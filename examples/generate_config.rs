//! Prints a large configuration for trying things out: `cargo run --example generate_config 2000 > big.conf`.

#[path = "../benches/generate.rs"]
mod generate;

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let servers = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(2000);
    std::io::stdout().write_all(generate::generate(servers).as_bytes())
}
