//! Settings that decide how many upstream connections are opened, beside those of the proxy module.

use super::proxy::Bind;
use super::setting::settings;
use super::value::ComplexValue;

settings! {
    /// Settings of several modules that decide how many upstream connections are opened.
    pub struct ReuseSettings {
        /// Whether a FastCGI server is asked to keep the connection.
        fastcgi_keep_conn: bool = "fastcgi_keep_conn",
        /// Source address of FastCGI connections.
        fastcgi_bind: Bind = "fastcgi_bind",
        /// Source address of gRPC connections.
        grpc_bind: Bind = "grpc_bind",
        /// Source address of memcached connections.
        memcached_bind: Bind = "memcached_bind",
        /// Method of the requests to the peer; empty: the client's.
        proxy_method: ComplexValue = "proxy_method",
        /// Whether error responses of the peer are replaced by pages of one's own.
        proxy_intercept_errors: bool = "proxy_intercept_errors",
        /// Name that the peer's certificate is checked against and that SNI carries.
        proxy_ssl_name: ComplexValue = "proxy_ssl_name",
        /// Whether SNI is sent.
        proxy_ssl_server_name: bool = "proxy_ssl_server_name",
        /// Certificate shown to the peer.
        proxy_ssl_certificate: ComplexValue = "proxy_ssl_certificate",
        /// Whether the peer's certificate is checked.
        proxy_ssl_verify: bool = "proxy_ssl_verify",
        /// What it is checked against.
        proxy_ssl_trusted_certificate: String = "proxy_ssl_trusted_certificate",
        /// Size of the pieces that a response is fetched in, in bytes; 0: whole.
        slice: u64 = "slice",
    }
}
