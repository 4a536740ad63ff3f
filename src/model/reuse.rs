//! Settings that decide how many upstream connections are opened, beyond those of the proxy module.

use super::proxy::Bind;
use super::setting::settings;
use super::value::ComplexValue;

settings! {
    /// Settings of several modules that decide how many upstream connections are opened.
    pub struct ReuseSettings {
        /// `fastcgi_keep_conn`: ask a FastCGI server to keep the connection.
        fastcgi_keep_conn: bool = "fastcgi_keep_conn",
        /// `fastcgi_bind`: source address of FastCGI connections.
        fastcgi_bind: Bind = "fastcgi_bind",
        /// `grpc_bind`: source address of gRPC connections.
        grpc_bind: Bind = "grpc_bind",
        /// `memcached_bind`: source address of memcached connections.
        memcached_bind: Bind = "memcached_bind",
        /// `proxy_method`: method of upstream requests; empty: the client's.
        proxy_method: ComplexValue = "proxy_method",
        /// `proxy_intercept_errors`: replace error responses of the upstream by `error_page`.
        proxy_intercept_errors: bool = "proxy_intercept_errors",
        /// `proxy_ssl_name`: name for the check of the upstream's certificate, and for SNI.
        proxy_ssl_name: ComplexValue = "proxy_ssl_name",
        /// `proxy_ssl_server_name`: send SNI to the upstream.
        proxy_ssl_server_name: bool = "proxy_ssl_server_name",
        /// `proxy_ssl_certificate`: client certificate for the upstream.
        proxy_ssl_certificate: ComplexValue = "proxy_ssl_certificate",
        /// `proxy_ssl_verify`: verify the upstream's certificate.
        proxy_ssl_verify: bool = "proxy_ssl_verify",
        /// `proxy_ssl_trusted_certificate`: CA certificates for the verification.
        proxy_ssl_trusted_certificate: String = "proxy_ssl_trusted_certificate",
        /// `slice`: size of the parts that a response is fetched in, in bytes; 0: whole.
        slice: u64 = "slice",
    }
}
