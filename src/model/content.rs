//! Settings of the static file modules (`ngx_http_static_module` and its neighbours), and of response headers
//! (`ngx_http_headers_module`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::argument::Word;
use super::setting::settings;
use super::value::ComplexValue;
use crate::source::Span;

settings! {
    /// Static files, and response headers.
    pub struct ContentSettings {
        /// `root`, `alias`: directory of the files.
        root: Root = "root" | "alias",
        /// `index`: files that are served for a directory.
        index: Index = "index",
        /// `random_index`: a random file is served for a directory.
        random_index: bool = "random_index",
        /// `try_files`: files that are tried one after the other; not inherited.
        try_files: Option<TryFiles> = "try_files",
        /// `autoindex`: list a directory that has no index file.
        autoindex: bool = "autoindex",
        /// `autoindex_exact_size`: sizes in bytes in the list.
        autoindex_exact_size: bool = "autoindex_exact_size",
        /// `autoindex_format`: `html`, `json`, `jsonp` or `xml`.
        autoindex_format: Word = "autoindex_format",
        /// `autoindex_localtime`: local times in the list.
        autoindex_localtime: bool = "autoindex_localtime",
        /// `types`: MIME types by extension.
        types: Types = "types",
        /// `etag`: send an `ETag` with files.
        etag: bool = "etag",
        /// `if_modified_since`: comparison of If-Modified-Since with the modification time.
        if_modified_since: Word = "if_modified_since",
        /// `max_ranges`: ranges that a request may ask for; `None`: any number.
        max_ranges: Option<u32> = "max_ranges",
        /// `expires`: Expires and Cache-Control headers.
        expires: Expires = "expires",
        /// `add_header`: response headers.
        add_header: Vec<AddHeader> = "add_header",
        /// `add_header_inherit`: inheritance of the outer levels' headers.
        add_header_inherit: Word = "add_header_inherit",
        /// `add_trailer`: response trailers.
        add_trailer: Vec<AddHeader> = "add_trailer",
        /// `add_trailer_inherit`: inheritance of the outer levels' trailers.
        add_trailer_inherit: Word = "add_trailer_inherit",
        /// `gzip_static`: send the `.gz` file instead of the file.
        gzip_static: Word = "gzip_static",
        /// `disable_symlinks`: symbolic links that are refused.
        disable_symlinks: Symlinks = "disable_symlinks",
    }
}

/// `root` or `alias`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Directory; relative to the prefix.
    pub path: ComplexValue,
    /// `alias`: the part of the URI that the path replaces.
    pub alias: Option<Alias>,
}

/// Part of the URI that `alias` replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alias {
    /// Prefix of this length: that of the location's name.
    Prefix(usize),
    /// The whole URI, in a location with a regular expression.
    All,
}

/// `disable_symlinks`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symlinks {
    /// Links that may be followed.
    pub policy: LinkPolicy,
    /// `from=`: leading part of the path whose links are all followed.
    pub from: Option<ComplexValue>,
}

/// Symbolic links that may be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LinkPolicy {
    /// `off`: all links.
    Follow,
    /// `if_not_owner`: links whose owner also owns the target.
    SameOwner,
    /// `on`: no links.
    Refuse,
}

/// `index`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index(pub Vec<ComplexValue>);

/// `try_files`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryFiles {
    /// Paths to look for; true: the path has to be a directory.
    pub files: Vec<(ComplexValue, bool)>,
    /// Fallback if no path exists.
    pub last: TryLast,
}

/// The last argument of `try_files`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TryLast {
    /// `=code`
    Status(u16),
    /// A URI or `@name`.
    Uri(ComplexValue),
}

/// `types`: type by extension, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Types(#[serde(with = "super::serial::table")] pub Arc<TypeMap>);

/// MIME type by extension.
pub type TypeMap = BTreeMap<Box<[u8]>, Box<[u8]>>;

/// `expires`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Expires {
    /// No header.
    Off,
    /// Long ago.
    Epoch,
    /// The latest possible date.
    Max,
    /// Seconds after the request.
    Access(i64),
    /// Seconds after the last modification.
    Modified(i64),
    /// Second of the day.
    Daily(i64),
    /// Value that is evaluated per request.
    Value {
        /// The text.
        value: ComplexValue,
        /// `modified`
        modified: bool,
    },
}

impl Expires {
    /// Meaning of a text (`ngx_http_parse_expires`).
    pub fn of(text: &[u8], modified: bool) -> Option<Self> {
        match text {
            b"epoch" if !modified => return Some(Expires::Epoch),
            b"max" if !modified => return Some(Expires::Max),
            b"off" if !modified => return Some(Expires::Off),
            _ => {}
        }
        let (sign, time) = match text {
            [b'@', time @ ..] if !modified => {
                let seconds = super::time::time(time, true)?.as_secs().cast_signed();
                return (seconds <= 86_400).then_some(Expires::Daily(seconds));
            }
            [b'-', time @ ..] => (-1, time),
            [b'+', time @ ..] => (1, time),
            time => (1, time),
        };
        let seconds = sign * super::time::time(time, true)?.as_secs().cast_signed();
        Some(if modified { Expires::Modified(seconds) } else { Expires::Access(seconds) })
    }
}

/// One `add_header` or `add_trailer`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddHeader {
    /// Name as written.
    #[serde(with = "super::serial::text")]
    pub name: Box<[u8]>,
    /// Value; an empty one: no header.
    pub value: ComplexValue,
    /// `always`: for every status.
    pub always: bool,
    /// The directive.
    pub span: Span,
}

impl PartialEq for AddHeader {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value && self.always == other.always
    }
}

impl Eq for AddHeader {}

/// `charset_map`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharsetMap {
    /// The first charset.
    pub from: String,
    /// The second charset.
    pub to: String,
    /// Pairs of corresponding characters; the second can be several bytes of UTF-8.
    pub entries: Vec<(u8, Vec<u8>)>,
    /// The block's head.
    pub span: Span,
}
