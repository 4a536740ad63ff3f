//! Settings of the filters that change a response's content (`ngx_http_charset_module`, `ngx_http_ssi_module`,
//! `ngx_http_gzip_module`, …). A group apart from the files' settings: a level that only sets `root` shares this group.

use serde::{Deserialize, Serialize};

use super::argument::{Word, Words};
use super::cache::Predicates;
use super::setting::settings;
use super::value::ComplexValue;

settings! {
    /// Filters, except compression.
    pub struct FilterSettings {
        /// `early_hints`: conditions to pass a peer's 103 responses on.
        early_hints: Predicates = "early_hints",
        /// `charset`: charset of responses; `off`: none is sent.
        charset: ComplexValue = "charset",
        /// `source_charset`: charset of the files.
        source_charset: ComplexValue = "source_charset",
        /// `charset_types`: MIME types of responses that get a charset.
        charset_types: MimeTypes = "charset_types",
        /// `override_charset`: recode upstream responses that have a charset.
        override_charset: bool = "override_charset",
        /// `gunzip`: decompress responses for clients that do not accept gzip.
        gunzip: bool = "gunzip",
        /// `ssi`: execute SSI commands in responses.
        ssi: bool = "ssi",
        /// `ssi_types`: MIME types with SSI commands.
        ssi_types: MimeTypes = "ssi_types",
        /// `ssi_silent_errors`: failed commands print no error text.
        ssi_silent_errors: bool = "ssi_silent_errors",
        /// `ssi_last_modified`: keep the `Last-Modified` of a processed response.
        ssi_last_modified: bool = "ssi_last_modified",
        /// `ssi_value_length`: longest value of a parameter.
        ssi_value_length: u64 = "ssi_value_length",
        /// `sub_filter`: texts of responses to replace.
        sub_filter: Vec<Substitute> = "sub_filter",
        /// `sub_filter_once`: replace only the first match of each text.
        sub_filter_once: bool = "sub_filter_once",
        /// `sub_filter_types`: MIME types in which texts are replaced.
        sub_filter_types: MimeTypes = "sub_filter_types",
        /// `sub_filter_last_modified`: keep the `Last-Modified` of a changed response.
        sub_filter_last_modified: bool = "sub_filter_last_modified",
        /// `add_before_body`: URI of the subrequest whose response comes before the body; empty: none.
        add_before_body: String = "add_before_body",
        /// `add_after_body`: URI of the subrequest whose response comes after the body.
        add_after_body: String = "add_after_body",
        /// `addition_types`: MIME types of responses that get the additions.
        addition_types: MimeTypes = "addition_types",
        /// `post_action`: URI of the request that follows a finished one; empty: none.
        post_action: String = "post_action",
        /// `mirror`: URIs of the background subrequests that copy the request.
        mirror: Vec<String> = "mirror",
        /// `mirror_request_body`: read the body first and send it with the copies.
        mirror_request_body: bool = "mirror_request_body",
    }
}

settings! {
    /// `ngx_http_gzip_module`.
    pub struct GzipSettings {
        /// `gzip`: compress responses.
        gzip: bool = "gzip",
        /// `gzip_comp_level`: compression level, 1 to 9.
        level: u32 = "gzip_comp_level",
        /// `gzip_types`: MIME types to compress.
        types: MimeTypes = "gzip_types",
        /// `gzip_min_length`: shortest response to compress, in bytes.
        min_length: u64 = "gzip_min_length",
        /// `gzip_proxied`: responses to compress for proxied requests.
        proxied: Words = "gzip_proxied",
        /// `gzip_http_version`: lowest HTTP version of a request.
        http_version: Word = "gzip_http_version",
        /// `gzip_vary`: send `Vary: Accept-Encoding`.
        vary: bool = "gzip_vary",
        /// `gzip_disable`: browsers that get uncompressed responses: patterns, or `msie6`.
        disable: Vec<String> = "gzip_disable",
    }
}

/// One `sub_filter`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Substitute {
    /// Text to find.
    pub find: ComplexValue,
    /// Replacement.
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
    /// True if the list has a type, given without parameters.
    pub fn has(&self, name: &[u8]) -> bool {
        self.any || self.list.iter().any(|t| t.eq_ignore_ascii_case(name))
    }
}
