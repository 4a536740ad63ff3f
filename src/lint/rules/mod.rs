//! One file a rule; the file bears the rule's name.

mod client_keepalive_disabled;
mod connection_close_sent;
mod connection_from_client;
mod connection_header_lost;
mod connection_header_missing;
mod connection_upgrade_constant;
mod duplicate_peer;
mod idle_connections_exceed_budget;
mod keepalive_before_balancer;
mod pool_fragmented_by_locations;
mod pool_ignores_source_address;
mod pool_smaller_than_peers;
mod proxy_bind_fixed_port;
mod proxy_bind_unusable;
mod proxy_http_version_prevents_reuse;
mod proxy_pass_variable_unpooled;
mod proxy_to_bare_host;
mod shared_pool_mixed_transport;
mod upgrade_headers_lost;
mod upstream_keepalive_outlives_backend;
mod upstream_keepalive_requests_low;
mod upstream_keepalive_timeout_zero;
mod upstream_not_pooled;
mod upstream_undefined;
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
    &idle_connections_exceed_budget::IDLE_CONNECTIONS_EXCEED_BUDGET,
    &keepalive_before_balancer::KEEPALIVE_BEFORE_BALANCER,
    &pool_fragmented_by_locations::POOL_FRAGMENTED_BY_LOCATIONS,
    &pool_ignores_source_address::POOL_IGNORES_SOURCE_ADDRESS,
    &pool_smaller_than_peers::POOL_SMALLER_THAN_PEERS,
    &proxy_bind_fixed_port::PROXY_BIND_FIXED_PORT,
    &proxy_bind_unusable::PROXY_BIND_UNUSABLE,
    &proxy_http_version_prevents_reuse::PROXY_HTTP_VERSION_PREVENTS_REUSE,
    &proxy_pass_variable_unpooled::PROXY_PASS_VARIABLE_UNPOOLED,
    &proxy_to_bare_host::PROXY_TO_BARE_HOST,
    &shared_pool_mixed_transport::SHARED_POOL_MIXED_TRANSPORT,
    &upgrade_headers_lost::UPGRADE_HEADERS_LOST,
    &upstream_keepalive_outlives_backend::UPSTREAM_KEEPALIVE_OUTLIVES_BACKEND,
    &upstream_keepalive_requests_low::UPSTREAM_KEEPALIVE_REQUESTS_LOW,
    &upstream_keepalive_timeout_zero::UPSTREAM_KEEPALIVE_TIMEOUT_ZERO,
    &upstream_not_pooled::UPSTREAM_NOT_POOLED,
    &upstream_undefined::UPSTREAM_UNDEFINED,
    &websocket_map_closes::WEBSOCKET_MAP_CLOSES,
];
