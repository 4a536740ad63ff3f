//! Settings of who may ask: `ngx_http_access_module`, `ngx_http_auth_basic_module`, `ngx_http_auth_request_module`,
//! `ngx_http_realip_module`.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::argument::Word;
use super::setting::settings;
use super::value::{ComplexValue, VariableId};

settings! {
    /// Who may ask.
    pub struct AccessSettings {
        /// Addresses in the order in which they are compared.
        rules: Vec<Rule> = "allow" | "deny",
        /// Whether `all` or `any` of the conditions have to hold.
        satisfy: Word = "satisfy",
        /// The realm; `off`: no password is asked for.
        auth_basic: ComplexValue = "auth_basic",
        /// Names and passwords; empty: nobody is asked.
        auth_basic_user_file: ComplexValue = "auth_basic_user_file",
        /// How long a refused client waits for the answer.
        auth_delay: Duration = "auth_delay",
        /// Location that is asked whether a request is allowed; `off`: none.
        auth_request: String = "auth_request",
        /// What its answer leaves behind.
        auth_request_set: Vec<Assignment> = "auth_request_set",
        /// Who is believed about the client's address.
        set_real_ip_from: Vec<Addresses> = "set_real_ip_from",
        /// Where the address is.
        real_ip_header: RealIpHeader = "real_ip_header",
        /// Whether the last address that is not believed is taken, instead of the last one.
        real_ip_recursive: bool = "real_ip_recursive",
    }
}

/// One `auth_request_set`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// What is set.
    pub variable: VariableId,
    /// Its value, evaluated in the request that was asked.
    pub value: ComplexValue,
}

/// One `allow` or `deny`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// `allow`
    pub allow: bool,
    /// For whom.
    pub who: Addresses,
}

/// A set of addresses as `allow` and `set_real_ip_from` have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addresses {
    /// `all`
    All,
    /// `unix:`
    Unix,
    /// An address or network.
    Net(IpNet),
    /// Those of a host, which are known when nginx starts (`set_real_ip_from`).
    Name(String),
}

impl Addresses {
    /// Whether an address is among them; `None` is a unix socket.
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
pub enum RealIpHeader {
    /// A header of this name, whole.
    Header(#[serde(with = "super::serial::text")] Box<[u8]>),
    /// `X-Forwarded-For`, a list.
    ForwardedFor,
    /// What came before the request.
    ProxyProtocol,
}
