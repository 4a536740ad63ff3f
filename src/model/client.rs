//! Settings that distinguish clients: `ngx_http_referer_module`, `ngx_http_browser_module`,
//! `ngx_http_userid_filter_module`, `ngx_http_secure_link_module`.

use serde::{Deserialize, Serialize};

use super::argument::{Word, Words};
use super::setting::settings;
use super::value::ComplexValue;

settings! {
    /// Referers, browsers, user ids and secure links.
    pub struct ClientSettings {
        /// `valid_referers`: sites that may link here.
        valid_referers: Referers = "valid_referers",
        /// `secure_link`: digest and expiry time of a link, separated by a comma.
        secure_link: Option<ComplexValue> = "secure_link",
        /// `secure_link_md5`: text whose MD5 the link must have.
        secure_link_md5: Option<ComplexValue> = "secure_link_md5",
        /// `secure_link_secret`: secret that the digest in a URI is computed with; empty: none.
        secure_link_secret: String = "secure_link_secret",
        /// `modern_browser`: browsers that are modern from a version on.
        modern_browser: ModernBrowsers = "modern_browser",
        /// `modern_browser_value`: value of `$modern_browser`.
        modern_browser_value: String = "modern_browser_value",
        /// `ancient_browser`: substrings of the User-Agent of an ancient browser.
        ancient_browser: Vec<String> = "ancient_browser",
        /// `ancient_browser_value`: value of `$ancient_browser`.
        ancient_browser_value: String = "ancient_browser_value",
        /// `userid`: set, and accept, the cookie that identifies clients.
        userid: Word = "userid",
        /// `userid_name`: name of the cookie.
        userid_name: String = "userid_name",
        /// `userid_domain`: domain of the cookie; `none`: that of the request.
        userid_domain: String = "userid_domain",
        /// `userid_path`: path of the cookie.
        userid_path: String = "userid_path",
        /// `userid_expires`: lifetime of the cookie in the browser.
        userid_expires: CookieAge = "userid_expires",
        /// `userid_flags`: further attributes of the cookie.
        userid_flags: Words = "userid_flags",
        /// `userid_mark`: character that a cookie must have at its padding; `off`: any.
        userid_mark: String = "userid_mark",
        /// `userid_p3p`: value of the P3P header; `none`: no header.
        userid_p3p: String = "userid_p3p",
        /// `userid_service`: identifier of the server that issued the cookie; `None`: the server's address.
        userid_service: Option<u32> = "userid_service",
    }
}

/// `valid_referers`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the directive")]
pub struct Referers {
    /// `valid_referers` is set at this level or an outer one.
    pub is_set: bool,
    /// `none`: no Referer.
    pub none: bool,
    /// `blocked`: one without a scheme.
    pub blocked: bool,
    /// `server_names`: the names of the server.
    pub server_names: bool,
    /// Regular expressions among the server's names, which inner levels inherit.
    pub server_regexes: bool,
    /// Names as written, in lower case, and the prefix of the path.
    #[serde(with = "super::serial::text")]
    pub names: Vec<(String, Box<[u8]>)>,
    /// Regular expressions; those of the outer level if this one has none.
    pub patterns: Vec<String>,
    /// The patterns are those of the outer level.
    pub inherits_patterns: bool,
}

/// Browsers that `modern_browser` knows, in the order of their look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Browser {
    /// Opera
    Opera,
    /// Internet Explorer
    Msie,
    /// Firefox and other Gecko browsers
    Gecko,
    /// Safari
    Safari,
    /// Konqueror
    Konqueror,
}

impl Browser {
    /// All browsers.
    pub const ALL: [Browser; 5] =
        [Browser::Opera, Browser::Msie, Browser::Gecko, Browser::Safari, Browser::Konqueror];

    /// Name in `modern_browser`.
    pub fn name(self) -> &'static str {
        ["opera", "msie", "gecko", "safari", "konqueror"][self as usize]
    }
}

/// `modern_browser`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModernBrowsers {
    /// `unlisted`: an unknown browser is modern.
    pub unlisted: bool,
    /// Browsers with their first modern version, as [`version`] returns it.
    pub browsers: Vec<(Browser, u64)>,
}

/// Version as one number, `5.5` is 5050000; and the text that follows (`ngx_http_browser`).
pub fn version(text: &[u8]) -> (u64, &[u8]) {
    let (mut version, mut part, mut scale) = (0u64, 0u64, 1_000_000u64);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => part = part.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')),
            b'.' => {
                version = version.wrapping_add(part.wrapping_mul(scale));
                (part, scale) = (0, scale / 100);
            }
            _ => return (version.wrapping_add(part.wrapping_mul(scale)), &text[at..]),
        }
    }
    (version.wrapping_add(part.wrapping_mul(scale)), b"")
}

/// `userid_expires`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CookieAge {
    /// `off`: until the browser is closed.
    Session,
    /// `max`
    Max,
    /// This number of seconds.
    Seconds(u64),
}
