//! Stickiness of sessions to peers (`ngx_http_upstream_sticky_module`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::value::ComplexValue;

/// `sticky`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sticky {
    /// `sticky cookie`
    Cookie(StickyCookie),
    /// `sticky route`: the first variable that is not empty names the peer.
    Route(Vec<ComplexValue>),
    /// `sticky learn`
    Learn(StickyLearn),
}

/// Lifetime of a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CookieExpires {
    /// `max`: until the end of 2037.
    Max,
    /// Seconds from the response on.
    Seconds(u64),
}

/// `sticky cookie name …`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickyCookie {
    /// Name of the cookie.
    pub name: String,
    /// `expires=`
    pub expires: Option<CookieExpires>,
    /// `domain=`
    pub domain: Option<ComplexValue>,
    /// `path=`
    pub path: Option<String>,
    /// `samesite=`
    pub samesite: Option<ComplexValue>,
    /// `httponly`
    pub httponly: bool,
    /// `secure`
    pub secure: bool,
}

/// `sticky learn …`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickyLearn {
    /// `create=`: variables with a new session, in order.
    pub create: Vec<ComplexValue>,
    /// `lookup=`: variables with a known session, in order.
    pub lookup: Vec<ComplexValue>,
    /// Name of the zone.
    pub zone: String,
    /// Size of the zone in bytes.
    pub size: u64,
    /// `timeout=`: time that an unused session is kept.
    pub timeout: Duration,
    /// `header`: a session is learned as soon as the head of the response has come.
    pub header: bool,
}
