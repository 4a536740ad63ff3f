//! Reasons why a population cannot be simulated, and what to type instead.

use std::{fmt, io};

use super::Ports;
use super::population::MAX_KEYS;
use crate::model::Variable;

/// Error of a simulation.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The key depends on a variable that the population does not determine.
    Unknown {
        /// The variable.
        variable: Variable,
        /// True if the population is a log.
        from_log: bool,
    },
    /// More keys than [`MAX_KEYS`].
    TooMany {
        /// Addresses of all networks.
        addresses: u128,
        /// Ports of each address.
        ports: u32,
    },
    /// The range has too few ports.
    Ports(Ports),
    /// Reading failed.
    Read(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unknown { variable, from_log } => {
                let name = &variable.name;
                let source = if *from_log { "the log's format" } else { "the address of a client" };
                write!(f, "the key depends on `${name}`, which {source} does not tell")
            }
            Error::TooMany { addresses, ports } => {
                write!(
                    f,
                    "{addresses} addresses with {ports} ports each are too many, at most {MAX_KEYS} keys"
                )
            }
            Error::Ports(Ports { first, last, per_client }) => {
                write!(f, "`{first}-{last}` has no {per_client} different ports")
            }
            Error::Read(error) => write!(f, "reading failed: {error}"),
        }
    }
}

impl Error {
    /// Text to type instead.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Error::Unknown { from_log: false, .. } => {
                "use `--log FILE` if the log has it, or `--keys FILE` with one whole key a line"
            }
            Error::Unknown { from_log: true, variable } => {
                return Some(format!(
                    "add it to the format, for example `log_format split '$remote_addr \"${}\"';`, or use `--keys FILE` with \
                     one whole key a line",
                    variable.name
                ));
            }
            Error::TooMany { .. } => {
                "use a longer prefix, fewer `--ports`, or `--sample 1000000` to take addresses at even distances"
            }
            Error::Ports(_) => "write `--port-range FIRST-LAST` and at most that many `--ports`",
            Error::Read(_) => return None,
        };
        Some(text.to_owned())
    }
}

impl std::error::Error for Error {}
