//! Interface between evaluation and a request, real or imagined.

use std::net::IpAddr;

use super::regex::{Captures, MatchError};
use crate::model::access::Addresses;
use crate::model::{Variable, VariableId};
use crate::source::Span;

/// Request, real or imagined.
pub trait Request {
    /// Appends the value of a variable that is neither `map` nor `split_clients`; false if the variable has none.
    fn variable(&mut self, id: VariableId, variable: &Variable, out: &mut Vec<u8>) -> bool;

    /// The client's address; `None` for a unix socket.
    fn address(&mut self) -> Option<IpAddr> {
        None
    }

    /// Client address in X-Forwarded-For, as far as the reporting proxies are trusted (`ngx_http_get_forwarded_addr`).
    fn forwarded(&mut self, address: IpAddr, _believed: &[Addresses], _recursive: bool) -> IpAddr {
        address
    }

    /// Appends the text of `$1` … `$9`; false if there is none.
    fn capture(&mut self, group: u8, out: &mut Vec<u8>) -> bool;

    /// Replaces the numbered captures and sets the named ones, after a match.
    fn set_captures(&mut self, captures: Captures);

    /// Appends the value of a `map` or `split_clients` variable that is cached or that `set` stored; `None` if the
    /// value must be computed.
    fn known(&mut self, _id: VariableId, _out: &mut Vec<u8>) -> Option<bool> {
        None
    }

    /// Caches the value of a `map` or `split_clients` variable, as nginx does for the rest of the request. Not called
    /// for a `volatile` map.
    fn remember(&mut self, _id: VariableId, _value: &[u8]) {}

    /// Reports which entry of a `map` was taken; `None`: the default.
    fn looked_up(&mut self, _map: usize, _entry: Option<usize>) {}

    /// Reports that a `geo` or `split_clients` was asked: the head of its block.
    fn table_read(&mut self, _block: Span) {}

    /// Reports that evaluation went on with an empty value, or a map's default; nginx logs this.
    fn failed(&mut self, _failure: &Failure) {}
}

/// Reason for an unexpectedly empty value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The variable depends on itself, or on more than [`MAX_DEPTH`](super::value::MAX_DEPTH) others in a row.
    Cycle(VariableId),
    /// The evaluation needs too many look-ups, or the value is too long.
    TooLarge(VariableId),
    /// PCRE2 gave up a match.
    Regex(MatchError),
}
