//! One file a rule; the file bears the rule's name.

mod connection_close_sent;
mod connection_header_lost;
mod connection_header_missing;
mod proxy_http_version_prevents_reuse;
mod upstream_not_pooled;

use super::Rule;

/// All rules, by name.
pub static RULES: &[&Rule] = &[
    &connection_close_sent::CONNECTION_CLOSE_SENT,
    &connection_header_lost::CONNECTION_HEADER_LOST,
    &connection_header_missing::CONNECTION_HEADER_MISSING,
    &proxy_http_version_prevents_reuse::PROXY_HTTP_VERSION_PREVENTS_REUSE,
    &upstream_not_pooled::UPSTREAM_NOT_POOLED,
];
