//! Settings by which clients are told apart: `ngx_http_referer_module`, `ngx_http_browser_module`,
//! `ngx_http_userid_filter_module`, `ngx_http_secure_link_module`.

use serde::{Deserialize, Serialize};

use super::argument::{Word, Words};
use super::setting::settings;
use super::value::ComplexValue;

settings! {
    /// How clients are told apart.
    pub struct ClientSettings {
        /// Where links to here may stand.
        valid_referers: Referers = "valid_referers",
        /// Digest and time that a link has, separated by a comma.
        secure_link: Option<ComplexValue> = "secure_link",
        /// The text of which the digest has to be.
        secure_link_md5: Option<ComplexValue> = "secure_link_md5",
        /// The word behind a URI of which the digest in the URI has to be; empty: none.
        secure_link_secret: String = "secure_link_secret",
        /// Browsers that are modern from a version on.
        modern_browser: ModernBrowsers = "modern_browser",
        /// Value of `$modern_browser`.
        modern_browser_value: String = "modern_browser_value",
        /// Texts in the name of a browser that is ancient.
        ancient_browser: Vec<String> = "ancient_browser",
        /// Value of `$ancient_browser`.
        ancient_browser_value: String = "ancient_browser_value",
        /// Whether clients get a cookie.
        userid: Word = "userid",
        /// The cookie's name.
        userid_name: String = "userid_name",
        /// Its domain; `none`: that of the request.
        userid_domain: String = "userid_domain",
        /// Its path.
        userid_path: String = "userid_path",
        /// How long it is kept.
        userid_expires: CookieAge = "userid_expires",
        /// Its further attributes.
        userid_flags: Words = "userid_flags",
        /// A character that a cookie has to have; `off`: any.
        userid_mark: String = "userid_mark",
        /// Value of the header P3P; `none`: there is none.
        userid_p3p: String = "userid_p3p",
        /// Who gave the cookie out; `None`: the server's address.
        userid_service: Option<u32> = "userid_service",
    }
}

/// `valid_referers`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the directive")]
pub struct Referers {
    /// Something is demanded at all.
    pub is_set: bool,
    /// `none`: no Referer.
    pub none: bool,
    /// `blocked`: one without a scheme.
    pub blocked: bool,
    /// `server_names`: the names of the server.
    pub server_names: bool,
    /// Those of them that are regular expressions, which inner levels get from outer ones.
    pub server_regexes: bool,
    /// Names as written, in lower case, and how the path begins.
    #[serde(with = "super::serial::text")]
    pub names: Vec<(String, Box<[u8]>)>,
    /// Regular expressions; those of the outer level if this one has none.
    pub patterns: Vec<String>,
    /// The patterns are those of the outer level.
    pub inherits_patterns: bool,
}

/// A browser whose versions `modern_browser` knows; in the order in which they are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Browser {
    /// Opera
    Opera,
    /// Internet Explorer
    Msie,
    /// Firefox and its kin
    Gecko,
    /// Safari
    Safari,
    /// Konqueror
    Konqueror,
}

impl Browser {
    /// All of them.
    pub const ALL: [Browser; 5] =
        [Browser::Opera, Browser::Msie, Browser::Gecko, Browser::Safari, Browser::Konqueror];

    /// As `modern_browser` has it.
    pub fn name(self) -> &'static str {
        ["opera", "msie", "gecko", "safari", "konqueror"][self as usize]
    }
}

/// `modern_browser`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModernBrowsers {
    /// `unlisted`: what is not known is modern.
    pub unlisted: bool,
    /// Browsers and the first version that is modern, as [`version`] has it.
    pub browsers: Vec<(Browser, u64)>,
}

/// A version as one number, `5.5` is 5050000; and what follows it (`ngx_http_browser`).
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
    /// `off`: as long as the browser runs.
    Session,
    /// `max`
    Max,
    /// So many seconds.
    Seconds(u64),
}
