//! Settings of the filters that change what a response contains (`ngx_http_charset_module`, `ngx_http_ssi_module`,
//! `ngx_http_gzip_module`, …). Apart from those of files: a level that says where its files are shares these.

use serde::{Deserialize, Serialize};

use super::argument::{Word, Words};
use super::cache::Predicates;
use super::setting::settings;
use super::value::ComplexValue;

settings! {
    /// Filters but for compression.
    pub struct FilterSettings {
        /// When early hints of a peer are passed on.
        early_hints: Predicates = "early_hints",
        /// Charset of responses; `off`: none is said.
        charset: ComplexValue = "charset",
        /// Charset that files are in.
        source_charset: ComplexValue = "source_charset",
        /// Types of responses that have a charset.
        charset_types: MimeTypes = "charset_types",
        /// Whether an upstream's charset is recoded.
        override_charset: bool = "override_charset",
        /// Whether compressed responses are decompressed for clients that take no gzip.
        gunzip: bool = "gunzip",
        /// Whether SSI commands in responses are obeyed.
        ssi: bool = "ssi",
        /// In which types.
        ssi_types: MimeTypes = "ssi_types",
        /// Whether nothing is said of commands that fail.
        ssi_silent_errors: bool = "ssi_silent_errors",
        /// Whether such a response keeps its `Last-Modified`.
        ssi_last_modified: bool = "ssi_last_modified",
        /// Longest value of a parameter.
        ssi_value_length: u64 = "ssi_value_length",
        /// Texts of responses that are replaced.
        sub_filter: Vec<Substitute> = "sub_filter",
        /// Whether each is replaced only once.
        sub_filter_once: bool = "sub_filter_once",
        /// In which types.
        sub_filter_types: MimeTypes = "sub_filter_types",
        /// Whether such a response keeps its `Last-Modified`.
        sub_filter_last_modified: bool = "sub_filter_last_modified",
        /// What is asked for and put before responses; empty: nothing.
        add_before_body: String = "add_before_body",
        /// What is asked for and put behind them.
        add_after_body: String = "add_after_body",
        /// Of which types.
        addition_types: MimeTypes = "addition_types",
        /// What follows when the client has its answer; empty: nothing.
        post_action: String = "post_action",
        /// Locations that get a copy of the request.
        mirror: Vec<String> = "mirror",
        /// Whether its body is read first and goes with the copies.
        mirror_request_body: bool = "mirror_request_body",
    }
}

settings! {
    /// Settings of `ngx_http_gzip_module`.
    pub struct GzipSettings {
        /// Whether responses are compressed.
        gzip: bool = "gzip",
        /// How well, 1 to 9.
        level: u32 = "gzip_comp_level",
        /// Which types.
        types: MimeTypes = "gzip_types",
        /// Shortest response, in bytes.
        min_length: u64 = "gzip_min_length",
        /// Which responses to requests that came through a proxy.
        proxied: Words = "gzip_proxied",
        /// Lowest version of HTTP.
        http_version: Word = "gzip_http_version",
        /// Whether Vary says so.
        vary: bool = "gzip_vary",
        /// Browsers that get nothing compressed: patterns, or `msie6`.
        disable: Vec<String> = "gzip_disable",
    }
}

/// One `sub_filter`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Substitute {
    /// What is looked for.
    pub find: ComplexValue,
    /// What replaces it.
    pub new: ComplexValue,
}

/// MIME types that a filter acts on; `text/html` always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MimeTypes {
    /// `*`
    pub any: bool,
    /// The types in lower case.
    #[serde(with = "super::serial::text")]
    pub list: Vec<Box<[u8]>>,
}

impl MimeTypes {
    /// Whether a type, without parameters, is among them.
    pub fn has(&self, name: &[u8]) -> bool {
        self.any || self.list.iter().any(|t| t.eq_ignore_ascii_case(name))
    }
}
