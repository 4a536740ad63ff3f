//! One file a rule; the file bears the rule's name.

mod client_keepalive_disabled;
mod connection_close_sent;
mod connection_from_client;
mod connection_header_lost;
mod connection_header_missing;
mod connection_upgrade_constant;
mod duplicate_peer;
mod fastcgi_keep_conn_missing;
mod fastcgi_keep_conn_useless;
mod idle_connections_exceed_budget;
mod keepalive_before_balancer;
mod keepalive_ineffective_protocol;
mod max_conns_per_worker;
mod pool_exceeds_backend;
mod pool_fragmented_by_locations;
mod pool_ignores_source_address;
mod pool_settings_without_pool;
mod pool_smaller_than_peers;
mod proxy_bind_fixed_port;
mod proxy_bind_unusable;
mod proxy_http_version_prevents_reuse;
mod proxy_pass_variable_unpooled;
mod proxy_to_bare_host;
mod shared_pool_mixed_transport;
mod split_clients_incomplete;
mod split_clients_key;
mod split_clients_unreachable;
mod split_clients_unstable_key;
mod split_clients_values;
mod stream_udp_session_held;
mod subrequest_not_reused;
mod unused_variable;
mod upgrade_headers_lost;
mod upstream_keepalive_outlives_backend;
mod upstream_keepalive_requests_low;
mod upstream_keepalive_timeout_zero;
mod upstream_not_pooled;
mod upstream_undefined;
mod upstream_unused;
mod websocket_map_closes;

use super::Rule;

/// All rules, by name.
pub static RULES: &[&Rule] = &[
    &client_keepalive_disabled::CLIENT_KEEPALIVE_DISABLED,
    &connection_close_sent::CONNECTION_CLOSE_SENT,
    &connection_from_client::CONNECTION_FROM_CLIENT,
    &connection_header_lost::CONNECTION_HEADER_LOST,
    &connection_header_missing::CONNECTION_HEADER_MISSING,
    &connection_upgrade_constant::CONNECTION_UPGRADE_CONSTANT,
    &duplicate_peer::DUPLICATE_PEER,
    &fastcgi_keep_conn_missing::FASTCGI_KEEP_CONN_MISSING,
    &fastcgi_keep_conn_useless::FASTCGI_KEEP_CONN_USELESS,
    &idle_connections_exceed_budget::IDLE_CONNECTIONS_EXCEED_BUDGET,
    &keepalive_before_balancer::KEEPALIVE_BEFORE_BALANCER,
    &keepalive_ineffective_protocol::KEEPALIVE_INEFFECTIVE_PROTOCOL,
    &max_conns_per_worker::MAX_CONNS_PER_WORKER,
    &pool_exceeds_backend::POOL_EXCEEDS_BACKEND,
    &pool_fragmented_by_locations::POOL_FRAGMENTED_BY_LOCATIONS,
    &pool_ignores_source_address::POOL_IGNORES_SOURCE_ADDRESS,
    &pool_settings_without_pool::POOL_SETTINGS_WITHOUT_POOL,
    &pool_smaller_than_peers::POOL_SMALLER_THAN_PEERS,
    &proxy_bind_fixed_port::PROXY_BIND_FIXED_PORT,
    &proxy_bind_unusable::PROXY_BIND_UNUSABLE,
    &proxy_http_version_prevents_reuse::PROXY_HTTP_VERSION_PREVENTS_REUSE,
    &proxy_pass_variable_unpooled::PROXY_PASS_VARIABLE_UNPOOLED,
    &proxy_to_bare_host::PROXY_TO_BARE_HOST,
    &shared_pool_mixed_transport::SHARED_POOL_MIXED_TRANSPORT,
    &split_clients_incomplete::SPLIT_CLIENTS_INCOMPLETE,
    &split_clients_key::SPLIT_CLIENTS_KEY,
    &split_clients_unreachable::SPLIT_CLIENTS_UNREACHABLE,
    &split_clients_unstable_key::SPLIT_CLIENTS_UNSTABLE_KEY,
    &split_clients_values::SPLIT_CLIENTS_VALUES,
    &stream_udp_session_held::STREAM_UDP_SESSION_HELD,
    &subrequest_not_reused::SUBREQUEST_NOT_REUSED,
    &unused_variable::UNUSED_VARIABLE,
    &upgrade_headers_lost::UPGRADE_HEADERS_LOST,
    &upstream_keepalive_outlives_backend::UPSTREAM_KEEPALIVE_OUTLIVES_BACKEND,
    &upstream_keepalive_requests_low::UPSTREAM_KEEPALIVE_REQUESTS_LOW,
    &upstream_keepalive_timeout_zero::UPSTREAM_KEEPALIVE_TIMEOUT_ZERO,
    &upstream_not_pooled::UPSTREAM_NOT_POOLED,
    &upstream_undefined::UPSTREAM_UNDEFINED,
    &upstream_unused::UPSTREAM_UNUSED,
    &websocket_map_closes::WEBSOCKET_MAP_CLOSES,
];
