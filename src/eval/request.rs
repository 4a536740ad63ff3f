//! What evaluation asks of a request, real or imagined.

use std::net::IpAddr;

use super::regex::{Captures, MatchError};
use crate::model::access::Addresses;
use crate::model::{Variable, VariableId};

/// What a request, real or imagined, knows.
pub trait Request {
    /// Appends the value of a variable that is neither `map` nor `split_clients`; false if it has none.
    fn variable(&mut self, id: VariableId, variable: &Variable, out: &mut Vec<u8>) -> bool;

    /// The client's address; `None` for a unix socket.
    fn address(&mut self) -> Option<IpAddr> {
        None
    }

    /// The address in X-Forwarded-For, as far as those who report it are believed
    /// (`ngx_http_get_forwarded_addr`).
    fn forwarded(&mut self, address: IpAddr, _believed: &[Addresses], _recursive: bool) -> IpAddr {
        address
    }

    /// Appends the text of `$1` … `$9`; false if there is none.
    fn capture(&mut self, group: u8, out: &mut Vec<u8>) -> bool;

    /// A regular expression matched: replaces the numbered captures and sets the named ones.
    fn set_captures(&mut self, captures: Captures);

    /// Appends the value of a `map` or `split_clients` variable that was remembered, or stored by `set`;
    /// `None` if it has to be found out.
    fn known(&mut self, _id: VariableId, _out: &mut Vec<u8>) -> Option<bool> {
        None
    }

    /// Remembers the value of a `map` or `split_clients` variable, as nginx does for the rest of the request.
    /// Not called for a `volatile` map.
    fn remember(&mut self, _id: VariableId, _value: &[u8]) {}

    /// Evaluation went on with an empty value, or a map's default; nginx logs it.
    fn failed(&mut self, _failure: &Failure) {}
}

/// Why a value is empty that should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The variable depends on itself, or on more than [`MAX_DEPTH`](super::value::MAX_DEPTH) others in a row.
    Cycle(VariableId),
    /// Too many lookups or too long a value.
    TooLarge(VariableId),
    /// A regular expression gave up.
    Regex(MatchError),
}
