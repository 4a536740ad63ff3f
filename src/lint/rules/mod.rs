//! One file a rule, in the folder of its category; the file bears the rule's name.

mod reuse {
    pub(super) mod client_keepalive_disabled;
    pub(super) mod connection_close_sent;
    pub(super) mod connection_from_client;
    pub(super) mod connection_header_lost;
    pub(super) mod connection_header_missing;
    pub(super) mod fastcgi_keep_conn_missing;
    pub(super) mod fastcgi_keep_conn_useless;
    pub(super) mod keepalive_before_balancer;
    pub(super) mod keepalive_ineffective_protocol;
    pub(super) mod pool_exceeds_backend;
    pub(super) mod pool_fragmented_by_locations;
    pub(super) mod pool_ignores_source_address;
    pub(super) mod pool_settings_without_pool;
    pub(super) mod pool_smaller_than_peers;
    pub(super) mod proxy_http_version_prevents_reuse;
    pub(super) mod proxy_pass_variable_unpooled;
    pub(super) mod proxy_to_bare_host;
    pub(super) mod shared_pool_mixed_transport;
    pub(super) mod stream_udp_session_held;
    pub(super) mod subrequest_not_reused;
    pub(super) mod upstream_keepalive_outlives_backend;
    pub(super) mod upstream_keepalive_requests_low;
    pub(super) mod upstream_keepalive_timeout_zero;
    pub(super) mod upstream_not_pooled;
    pub(super) mod websocket_map_closes;
}

mod correctness {
    pub(super) mod alias_slash_mismatch;
    pub(super) mod cache_control_semicolon;
    pub(super) mod capture_missing;
    pub(super) mod capture_overwritten;
    pub(super) mod caret_prefix_shadows_regex;
    pub(super) mod client_max_body_size_unset;
    pub(super) mod connection_upgrade_constant;
    pub(super) mod default_server_missing;
    pub(super) mod directive_inheritance;
    pub(super) mod duplicate_peer;
    pub(super) mod error_log_missing;
    pub(super) mod error_log_off;
    pub(super) mod error_page_relative;
    pub(super) mod group_typo;
    pub(super) mod header_name_colon;
    pub(super) mod if_compares_pattern;
    pub(super) mod if_in_location;
    pub(super) mod if_repeated;
    pub(super) mod list_with_commas;
    pub(super) mod map_missing_default;
    pub(super) mod max_conns_per_worker;
    pub(super) mod mixed_case_variable;
    pub(super) mod proxy_bind_fixed_port;
    pub(super) mod proxy_bind_unusable;
    pub(super) mod proxy_missing_host_header;
    pub(super) mod proxy_pass_constant_uri;
    pub(super) mod proxy_pass_decoded;
    pub(super) mod proxy_pass_slash_mismatch;
    pub(super) mod proxy_pass_with_uri;
    pub(super) mod redirect_to_itself;
    pub(super) mod resolver_without_effect;
    pub(super) mod rewrite_to_itself;
    pub(super) mod root_in_location;
    pub(super) mod server_name_port;
    pub(super) mod shadowed_regex_location;
    pub(super) mod split_clients_incomplete;
    pub(super) mod split_clients_key;
    pub(super) mod split_clients_unreachable;
    pub(super) mod split_clients_unstable_key;
    pub(super) mod split_clients_values;
    pub(super) mod static_dns_proxy_pass;
    pub(super) mod strict_location;
    pub(super) mod try_files_with_proxy;
    pub(super) mod unused_map;
    pub(super) mod unused_variable;
    pub(super) mod upgrade_headers_lost;
    pub(super) mod upstream_name_as_host;
    pub(super) mod upstream_server_no_resolve;
    pub(super) mod upstream_undefined;
    pub(super) mod upstream_unused;
    pub(super) mod uri_escaped_twice;
    pub(super) mod variable_not_expanded;
    pub(super) mod variable_proxy_without_resolver;
}

mod security {
    pub(super) mod add_header_content_type;
    pub(super) mod alias_traversal;
    pub(super) mod allow_without_deny;
    pub(super) mod autoindex_on;
    pub(super) mod cipher_exclusions_missing;
    pub(super) mod cors_reflection;
    pub(super) mod filesystem_root;
    pub(super) mod header_multiline;
    pub(super) mod header_redefinition;
    pub(super) mod host_spoofing;
    pub(super) mod hsts_missing;
    pub(super) mod hsts_short;
    pub(super) mod http2_misdirected;
    pub(super) mod http_splitting;
    pub(super) mod open_redirect;
    pub(super) mod origin_regex;
    pub(super) mod proxy_buffering_off;
    pub(super) mod proxy_set_header_redefinition;
    pub(super) mod redos;
    pub(super) mod referrer_misspelled;
    pub(super) mod resolver_external;
    pub(super) mod return_bypasses_acl;
    pub(super) mod satisfy_any_allow_all;
    pub(super) mod server_tokens;
    pub(super) mod server_tokens_unset;
    pub(super) mod ssrf;
    pub(super) mod status_page_exposed;
    pub(super) mod tls_ciphers_unset;
    pub(super) mod tls_protocols_unset;
    pub(super) mod valid_referers_none;
    pub(super) mod weak_tls_ciphers;
    pub(super) mod weak_tls_protocols;
}

mod performance {
    pub(super) mod gzip_off;
    pub(super) mod idle_connections_exceed_budget;
    pub(super) mod prefer_server_ciphers;
    pub(super) mod quic_bpf_reuseport;
    pub(super) mod regex_exact_match;
    pub(super) mod stapling_without_resolver;
    pub(super) mod try_files_open_file_cache;
    pub(super) mod unanchored_regex;
    pub(super) mod worker_processes_unset;
    pub(super) mod worker_rlimit_nofile;
}

mod deprecation {
    pub(super) mod ecdh_pq_group;
    pub(super) mod listen_http2;
    pub(super) mod ssl_on;
    pub(super) mod stapling_letsencrypt;
}

use super::rule::Rule;

/// All rules, by name.
pub static RULES: &[&Rule] = &[
    &security::add_header_content_type::ADD_HEADER_CONTENT_TYPE,
    &correctness::alias_slash_mismatch::ALIAS_SLASH_MISMATCH,
    &security::alias_traversal::ALIAS_TRAVERSAL,
    &security::allow_without_deny::ALLOW_WITHOUT_DENY,
    &security::autoindex_on::AUTOINDEX_ON,
    &correctness::cache_control_semicolon::CACHE_CONTROL_SEMICOLON,
    &correctness::capture_missing::CAPTURE_MISSING,
    &correctness::capture_overwritten::CAPTURE_OVERWRITTEN,
    &correctness::caret_prefix_shadows_regex::CARET_PREFIX_SHADOWS_REGEX,
    &security::cipher_exclusions_missing::CIPHER_EXCLUSIONS_MISSING,
    &reuse::client_keepalive_disabled::CLIENT_KEEPALIVE_DISABLED,
    &correctness::client_max_body_size_unset::CLIENT_MAX_BODY_SIZE_UNSET,
    &reuse::connection_close_sent::CONNECTION_CLOSE_SENT,
    &reuse::connection_from_client::CONNECTION_FROM_CLIENT,
    &reuse::connection_header_lost::CONNECTION_HEADER_LOST,
    &reuse::connection_header_missing::CONNECTION_HEADER_MISSING,
    &correctness::connection_upgrade_constant::CONNECTION_UPGRADE_CONSTANT,
    &security::cors_reflection::CORS_REFLECTION,
    &correctness::default_server_missing::DEFAULT_SERVER_MISSING,
    &correctness::directive_inheritance::DIRECTIVE_INHERITANCE,
    &correctness::duplicate_peer::DUPLICATE_PEER,
    &deprecation::ecdh_pq_group::ECDH_PQ_GROUP,
    &correctness::error_log_missing::ERROR_LOG_MISSING,
    &correctness::error_log_off::ERROR_LOG_OFF,
    &correctness::error_page_relative::ERROR_PAGE_RELATIVE,
    &reuse::fastcgi_keep_conn_missing::FASTCGI_KEEP_CONN_MISSING,
    &reuse::fastcgi_keep_conn_useless::FASTCGI_KEEP_CONN_USELESS,
    &security::filesystem_root::FILESYSTEM_ROOT,
    &correctness::group_typo::GROUP_TYPO,
    &performance::gzip_off::GZIP_OFF,
    &security::header_multiline::HEADER_MULTILINE,
    &correctness::header_name_colon::HEADER_NAME_COLON,
    &security::header_redefinition::HEADER_REDEFINITION,
    &security::host_spoofing::HOST_SPOOFING,
    &security::hsts_missing::HSTS_MISSING,
    &security::hsts_short::HSTS_SHORT,
    &security::http_splitting::HTTP_SPLITTING,
    &security::http2_misdirected::HTTP2_MISDIRECTED,
    &performance::idle_connections_exceed_budget::IDLE_CONNECTIONS_EXCEED_BUDGET,
    &correctness::if_compares_pattern::IF_COMPARES_PATTERN,
    &correctness::if_in_location::IF_IN_LOCATION,
    &correctness::if_repeated::IF_REPEATED,
    &reuse::keepalive_before_balancer::KEEPALIVE_BEFORE_BALANCER,
    &reuse::keepalive_ineffective_protocol::KEEPALIVE_INEFFECTIVE_PROTOCOL,
    &correctness::list_with_commas::LIST_WITH_COMMAS,
    &deprecation::listen_http2::LISTEN_HTTP2,
    &correctness::map_missing_default::MAP_MISSING_DEFAULT,
    &correctness::max_conns_per_worker::MAX_CONNS_PER_WORKER,
    &correctness::mixed_case_variable::MIXED_CASE_VARIABLE,
    &security::open_redirect::OPEN_REDIRECT,
    &security::origin_regex::ORIGIN_REGEX,
    &reuse::pool_exceeds_backend::POOL_EXCEEDS_BACKEND,
    &reuse::pool_fragmented_by_locations::POOL_FRAGMENTED_BY_LOCATIONS,
    &reuse::pool_ignores_source_address::POOL_IGNORES_SOURCE_ADDRESS,
    &reuse::pool_settings_without_pool::POOL_SETTINGS_WITHOUT_POOL,
    &reuse::pool_smaller_than_peers::POOL_SMALLER_THAN_PEERS,
    &performance::prefer_server_ciphers::PREFER_SERVER_CIPHERS,
    &correctness::proxy_bind_fixed_port::PROXY_BIND_FIXED_PORT,
    &correctness::proxy_bind_unusable::PROXY_BIND_UNUSABLE,
    &security::proxy_buffering_off::PROXY_BUFFERING_OFF,
    &reuse::proxy_http_version_prevents_reuse::PROXY_HTTP_VERSION_PREVENTS_REUSE,
    &correctness::proxy_missing_host_header::PROXY_MISSING_HOST_HEADER,
    &correctness::proxy_pass_constant_uri::PROXY_PASS_CONSTANT_URI,
    &correctness::proxy_pass_decoded::PROXY_PASS_DECODED,
    &correctness::proxy_pass_slash_mismatch::PROXY_PASS_SLASH_MISMATCH,
    &reuse::proxy_pass_variable_unpooled::PROXY_PASS_VARIABLE_UNPOOLED,
    &correctness::proxy_pass_with_uri::PROXY_PASS_WITH_URI,
    &security::proxy_set_header_redefinition::PROXY_SET_HEADER_REDEFINITION,
    &reuse::proxy_to_bare_host::PROXY_TO_BARE_HOST,
    &performance::quic_bpf_reuseport::QUIC_BPF_REUSEPORT,
    &correctness::redirect_to_itself::REDIRECT_TO_ITSELF,
    &security::redos::REDOS,
    &security::referrer_misspelled::REFERRER_MISSPELLED,
    &performance::regex_exact_match::REGEX_EXACT_MATCH,
    &security::resolver_external::RESOLVER_EXTERNAL,
    &correctness::resolver_without_effect::RESOLVER_WITHOUT_EFFECT,
    &security::return_bypasses_acl::RETURN_BYPASSES_ACL,
    &correctness::rewrite_to_itself::REWRITE_TO_ITSELF,
    &correctness::root_in_location::ROOT_IN_LOCATION,
    &security::satisfy_any_allow_all::SATISFY_ANY_ALLOW_ALL,
    &correctness::server_name_port::SERVER_NAME_PORT,
    &security::server_tokens::SERVER_TOKENS,
    &security::server_tokens_unset::SERVER_TOKENS_UNSET,
    &correctness::shadowed_regex_location::SHADOWED_REGEX_LOCATION,
    &reuse::shared_pool_mixed_transport::SHARED_POOL_MIXED_TRANSPORT,
    &correctness::split_clients_incomplete::SPLIT_CLIENTS_INCOMPLETE,
    &correctness::split_clients_key::SPLIT_CLIENTS_KEY,
    &correctness::split_clients_unreachable::SPLIT_CLIENTS_UNREACHABLE,
    &correctness::split_clients_unstable_key::SPLIT_CLIENTS_UNSTABLE_KEY,
    &correctness::split_clients_values::SPLIT_CLIENTS_VALUES,
    &deprecation::ssl_on::SSL_ON,
    &security::ssrf::SSRF,
    &deprecation::stapling_letsencrypt::STAPLING_LETSENCRYPT,
    &performance::stapling_without_resolver::STAPLING_WITHOUT_RESOLVER,
    &correctness::static_dns_proxy_pass::STATIC_DNS_PROXY_PASS,
    &security::status_page_exposed::STATUS_PAGE_EXPOSED,
    &reuse::stream_udp_session_held::STREAM_UDP_SESSION_HELD,
    &correctness::strict_location::STRICT_LOCATION,
    &reuse::subrequest_not_reused::SUBREQUEST_NOT_REUSED,
    &security::tls_ciphers_unset::TLS_CIPHERS_UNSET,
    &security::tls_protocols_unset::TLS_PROTOCOLS_UNSET,
    &performance::try_files_open_file_cache::TRY_FILES_OPEN_FILE_CACHE,
    &correctness::try_files_with_proxy::TRY_FILES_WITH_PROXY,
    &performance::unanchored_regex::UNANCHORED_REGEX,
    &correctness::unused_map::UNUSED_MAP,
    &correctness::unused_variable::UNUSED_VARIABLE,
    &correctness::upgrade_headers_lost::UPGRADE_HEADERS_LOST,
    &reuse::upstream_keepalive_outlives_backend::UPSTREAM_KEEPALIVE_OUTLIVES_BACKEND,
    &reuse::upstream_keepalive_requests_low::UPSTREAM_KEEPALIVE_REQUESTS_LOW,
    &reuse::upstream_keepalive_timeout_zero::UPSTREAM_KEEPALIVE_TIMEOUT_ZERO,
    &correctness::upstream_name_as_host::UPSTREAM_NAME_AS_HOST,
    &reuse::upstream_not_pooled::UPSTREAM_NOT_POOLED,
    &correctness::upstream_server_no_resolve::UPSTREAM_SERVER_NO_RESOLVE,
    &correctness::upstream_undefined::UPSTREAM_UNDEFINED,
    &correctness::upstream_unused::UPSTREAM_UNUSED,
    &correctness::uri_escaped_twice::URI_ESCAPED_TWICE,
    &security::valid_referers_none::VALID_REFERERS_NONE,
    &correctness::variable_not_expanded::VARIABLE_NOT_EXPANDED,
    &correctness::variable_proxy_without_resolver::VARIABLE_PROXY_WITHOUT_RESOLVER,
    &security::weak_tls_ciphers::WEAK_TLS_CIPHERS,
    &security::weak_tls_protocols::WEAK_TLS_PROTOCOLS,
    &reuse::websocket_map_closes::WEBSOCKET_MAP_CLOSES,
    &performance::worker_processes_unset::WORKER_PROCESSES_UNSET,
    &performance::worker_rlimit_nofile::WORKER_RLIMIT_NOFILE,
];
