//! `geo` blocks (`ngx_http_geo_module`).

use std::net::IpAddr;

use ipnet::IpNet;

use super::access::Addresses;
use super::value::VariableId;
use crate::source::Span;

/// `geo [$address] $variable { … }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geo {
    /// The variable that holds the address; `None`: the client's own.
    pub source: Option<VariableId>,
    /// The variable it defines.
    pub variable: VariableId,
    /// `default`, else empty.
    pub default: Box<[u8]>,
    /// Who takes which value.
    pub table: GeoTable,
    /// `proxy`: believed about the address in X-Forwarded-For.
    pub proxies: Vec<Addresses>,
    /// `proxy_recursive`
    pub proxy_recursive: bool,
    /// `volatile`
    pub volatile: bool,
    /// The block's head.
    pub span: Span,
}

/// Addresses with values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeoTable {
    /// Networks; the longest prefix counts. Deleted ones are gone.
    Networks(Vec<(IpNet, Box<[u8]>)>),
    /// `ranges`: first and last address, ordered and without overlap.
    Ranges(Vec<(IpAddr, IpAddr, Box<[u8]>)>),
}
