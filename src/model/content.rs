//! Settings of what answers from files (`ngx_http_static_module` and its neighbours), and of the headers that responses
//! get (`ngx_http_headers_module`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::argument::Word;
use super::setting::settings;
use super::value::ComplexValue;
use crate::source::Span;

settings! {
    /// Files, and headers of responses.
    pub struct ContentSettings {
        /// Where files are.
        root: Root = "root" | "alias",
        /// Files that stand for a directory.
        index: Index = "index",
        /// Whether any file stands for a directory.
        random_index: bool = "random_index",
        /// Files that are tried one after the other; of this level only.
        try_files: Option<TryFiles> = "try_files",
        /// Whether a directory without index is listed.
        autoindex: bool = "autoindex",
        /// Whether the list has sizes in bytes.
        autoindex_exact_size: bool = "autoindex_exact_size",
        /// `html`, `json`, `jsonp` or `xml`.
        autoindex_format: Word = "autoindex_format",
        /// Whether the list has local times.
        autoindex_localtime: bool = "autoindex_localtime",
        /// MIME types by extension.
        types: Types = "types",
        /// Whether files have an `ETag`.
        etag: bool = "etag",
        /// How If-Modified-Since is compared.
        if_modified_since: Word = "if_modified_since",
        /// Ranges a request may ask for; `None`: any.
        max_ranges: Option<u32> = "max_ranges",
        /// Expires and Cache-Control.
        expires: Expires = "expires",
        /// Headers of responses.
        add_header: Vec<AddHeader> = "add_header",
        /// Whether those of outer levels hold as well.
        add_header_inherit: Word = "add_header_inherit",
        /// Trailers of responses.
        add_trailer: Vec<AddHeader> = "add_trailer",
        /// Whether those of outer levels hold as well.
        add_trailer_inherit: Word = "add_trailer_inherit",
        /// Whether a file with `.gz` is sent instead.
        gzip_static: Word = "gzip_static",
        /// Which symbolic links are followed.
        disable_symlinks: Symlinks = "disable_symlinks",
    }
}

/// `root` or `alias`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// The directory; relative to the prefix.
    pub path: ComplexValue,
    /// `alias`: what of the URI it replaces.
    pub alias: Option<Alias>,
}

/// What `alias` replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alias {
    /// As many bytes as the location's name has.
    Prefix(usize),
    /// The whole URI, in a location with a regular expression.
    All,
}

/// `disable_symlinks`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symlinks {
    /// Which links are followed.
    pub policy: LinkPolicy,
    /// `from=`: the part of the path in which all are.
    pub from: Option<ComplexValue>,
}

/// Which symbolic links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPolicy {
    /// `off`: all.
    Follow,
    /// `if_not_owner`: those that belong to the owner of what they lead to.
    SameOwner,
    /// `on`: none.
    Refuse,
}

/// `index`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index(pub Vec<ComplexValue>);

/// `try_files`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryFiles {
    /// What is looked for, and whether it has to be a directory.
    pub files: Vec<(ComplexValue, bool)>,
    /// What happens when nothing is there.
    pub last: TryLast,
}

/// The last argument of `try_files`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TryLast {
    /// `=code`
    Status(u16),
    /// A URI or `@name`.
    Uri(ComplexValue),
}

/// `types`: type by extension, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Types(#[serde(with = "super::serial::table")] pub Arc<TypeMap>);

/// Type by extension.
pub type TypeMap = BTreeMap<Box<[u8]>, Box<[u8]>>;

/// `expires`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expires {
    /// No header.
    Off,
    /// Long ago.
    Epoch,
    /// As late as can be said.
    Max,
    /// So many seconds after the request.
    Access(i64),
    /// So many seconds after the last modification.
    Modified(i64),
    /// At this second of the day.
    Daily(i64),
    /// Known per request.
    Value {
        /// The text.
        value: ComplexValue,
        /// `modified`
        modified: bool,
    },
}

impl Expires {
    /// The meaning of a text (`ngx_http_parse_expires`).
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
    /// Its name as written.
    #[serde(with = "super::serial::text")]
    pub name: Box<[u8]>,
    /// Its value; when it is empty there is no header.
    pub value: ComplexValue,
    /// `always`: whatever the status.
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
    /// Pairs of what is the same in both; the second can be several bytes of UTF-8.
    pub entries: Vec<(u8, Vec<u8>)>,
    /// The block's head.
    pub span: Span,
}
