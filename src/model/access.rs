//! Settings of the access phase: `ngx_http_access_module`, `ngx_http_auth_basic_module`,
//! `ngx_http_auth_request_module`, `ngx_http_realip_module`.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::argument::Word;
use super::setting::settings;
use super::value::{ComplexValue, VariableId};
use crate::source::Span;

settings! {
    /// Access phase.
    pub struct AccessSettings {
        /// `allow`, `deny`: rules in the order in which they are compared.
        rules: Vec<Rule> = "allow" | "deny",
        /// `satisfy`: `all` of the conditions have to hold, or `any`.
        satisfy: Word = "satisfy",
        /// `auth_basic`: the realm; `off`: no password is required.
        auth_basic: ComplexValue = "auth_basic",
        /// `auth_basic_user_file`: file with names and passwords; empty: no password is required.
        auth_basic_user_file: ComplexValue = "auth_basic_user_file",
        /// `auth_delay`: delay of a 401 response.
        auth_delay: Duration = "auth_delay",
        /// `auth_request`: URI of the subrequest that decides about access; `off`: none.
        auth_request: String = "auth_request",
        /// `auth_request_set`: variables that are set after the subrequest.
        auth_request_set: Vec<Assignment> = "auth_request_set",
        /// `set_real_ip_from`: proxies whose client address is trusted.
        set_real_ip_from: Vec<Addresses> = "set_real_ip_from",
        /// `real_ip_header`: source of the client address.
        real_ip_header: RealIpHeader = "real_ip_header",
        /// `real_ip_recursive`: take the last address that is not trusted, instead of the last one.
        real_ip_recursive: bool = "real_ip_recursive",
    }
}

/// One `auth_request_set`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Variable to set.
    pub variable: VariableId,
    /// Value, evaluated in the subrequest.
    pub value: ComplexValue,
}

/// One `allow` or `deny`. Two are equal if they say the same, wherever they stand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// `allow`
    pub allow: bool,
    /// Addresses that the rule applies to.
    pub who: Addresses,
    /// The directive.
    pub span: Span,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.allow == other.allow && self.who == other.who
    }
}

impl Eq for Rule {}

/// Set of addresses in `allow`, `deny` and `set_real_ip_from`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addresses {
    /// `all`
    All,
    /// `unix:`
    Unix,
    /// An address or network.
    Net(IpNet),
    /// Addresses of a host name, resolved when nginx starts (`set_real_ip_from`).
    Name(String),
}

impl Addresses {
    /// True if an address is in the set; `None` is a unix socket.
    pub fn contains(&self, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Addresses::All, _) | (Addresses::Unix, None) => true,
            (Addresses::Net(net), Some(address)) => {
                net.contains(&address.to_canonical()) || net.contains(&address)
            }
            _ => false,
        }
    }
}

/// `real_ip_header`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RealIpHeader {
    /// The whole value of this header.
    Header(#[serde(with = "super::serial::text")] Box<[u8]>),
    /// `X-Forwarded-For`, a list of addresses.
    ForwardedFor,
    /// The PROXY protocol header before the request.
    ProxyProtocol,
}
