//! `geo` blocks (`ngx_http_geo_module`).

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::access::Addresses;
use super::value::VariableId;
use crate::source::Span;

/// `geo [$address] $variable { … }`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Geo {
    /// Variable with the address; `None`: the client's own.
    pub source: Option<VariableId>,
    /// Variable that the block defines.
    pub variable: VariableId,
    /// `default`, else empty.
    #[serde(with = "super::serial::text")]
    pub default: Box<[u8]>,
    /// Values by address.
    pub table: GeoTable,
    /// `proxy`: proxies whose X-Forwarded-For is trusted.
    pub proxies: Vec<Addresses>,
    /// `proxy_recursive`
    pub proxy_recursive: bool,
    /// `volatile`
    pub volatile: bool,
    /// The block's head.
    pub span: Span,
}

/// Values by address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GeoTable {
    /// Networks; the longest prefix wins. Deleted networks are not in the list.
    Networks(#[serde(with = "super::serial::text")] Vec<(IpNet, Box<[u8]>)>),
    /// `ranges`: first and last address, ordered and without overlap.
    Ranges(#[serde(with = "super::serial::text")] Vec<(IpAddr, IpAddr, Box<[u8]>)>),
}
