//! Locations, and the blocks that nginx treats as locations without a name: `if` and `limit_except`.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::access::AccessSettings;
use super::cache::CacheSettings;
use super::client::ClientSettings;
use super::content::ContentSettings;
use super::fastcgi::{FastcgiProxySettings, FastcgiSettings};
use super::files::FileSettings;
use super::filter::{FilterSettings, GzipSettings};
use super::limit::LimitSettings;
use super::log::{AccessLogs, ErrorLog};
use super::pass::PassSettings;
use super::proxy::{Bind, ProxyPass, ProxySettings, Target};
use super::rewrite::Instruction;
use super::setting::settings;
use super::tls::TlsSettings;
use super::value::ComplexValue;
use crate::source::Span;

/// How a location is chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationKind {
    /// `location = /uri`
    Exact(#[serde(with = "super::serial::text")] Box<[u8]>),
    /// `location /uri`; with `^~` no regular expression is tried when it is the longest match.
    Prefix {
        /// The prefix.
        #[serde(with = "super::serial::text")]
        uri: Box<[u8]>,
        /// `^~`
        no_regex: bool,
    },
    /// `location ~ regex`, `location ~* regex`
    Regex {
        /// The pattern as written.
        pattern: String,
        /// `~*`
        caseless: bool,
    },
    /// `location @name`, with the `@`.
    Named(String),
    /// `if (…)`
    If,
    /// `limit_except`, and the methods that it does not limit.
    LimitExcept(Vec<String>),
}

impl std::fmt::Display for LocationKind {
    /// As it is written in a configuration.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LocationKind::Exact(uri) => write!(f, "location = {}", String::from_utf8_lossy(uri)),
            LocationKind::Prefix { uri, no_regex } => {
                write!(f, "location {}{}", if *no_regex { "^~ " } else { "" }, String::from_utf8_lossy(uri))
            }
            LocationKind::Regex { pattern, caseless } => {
                write!(f, "location ~{} {pattern}", if *caseless { "*" } else { "" })
            }
            LocationKind::Named(name) => write!(f, "location {name}"),
            LocationKind::If => f.write_str("if"),
            LocationKind::LimitExcept(methods) => write!(f, "limit_except {}", methods.join(" ")),
        }
    }
}

/// What answers a request (`content_handler`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handler {
    /// `proxy_pass`
    Proxy(ProxyPass),
    /// `fastcgi_pass`, and `grpc_pass` and the like, which only nginx executes.
    Pass(Pass),
    /// `stub_status`
    StubStatus(Span),
    /// `empty_gif`
    EmptyGif(Span),
    /// A handler that only nginx executes: its directive and place.
    Other(#[serde(with = "super::serial::word")] super::serial::Known, Span),
}

/// A handler that passes requests on in another protocol than HTTP/1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// The directive's name.
    #[serde(with = "super::serial::word")]
    pub directive: super::serial::Known,
    /// Where the request goes.
    pub target: Target,
    /// The directive.
    pub span: Span,
}

impl Handler {
    /// Where the requests go, and the directive's name; `None` for a handler that answers itself.
    pub fn target(&self) -> Option<(&'static str, &Target)> {
        match self {
            Handler::Proxy(pass) => Some(("proxy_pass", &pass.target)),
            Handler::Pass(pass) => Some((pass.directive, &pass.target)),
            Handler::StubStatus(_) | Handler::EmptyGif(_) | Handler::Other(..) => None,
        }
    }

    /// The directive that set it.
    pub fn span(&self) -> Span {
        match self {
            Handler::Proxy(pass) => pass.span,
            Handler::Pass(pass) => pass.span,
            Handler::StubStatus(span) | Handler::EmptyGif(span) | Handler::Other(_, span) => *span,
        }
    }
}

/// A location.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Location {
    /// How it is chosen.
    pub kind: LocationKind,
    /// The block's head.
    pub span: Span,
    /// Where a directive can be added: just after the opening brace.
    pub body: Span,
    /// What holds in it.
    pub settings: HttpSettings,
    /// Who answers; `None`: files. In an `if` or `limit_except` this can be the outer location's.
    pub handler: Option<Handler>,
    /// `return`, `rewrite`, `set` and `if` in order.
    pub instructions: Vec<Instruction>,
    /// Inner locations, `if`s and `limit_except`s in source order.
    #[serde(with = "super::serial::nested")]
    pub inner: Vec<Location>,
}

/// Settings that are merged from http to server to location. Levels that set nothing of a group share it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HttpSettings {
    /// `ngx_http_core_module` and what is near it.
    #[serde(with = "super::serial::shared")]
    pub core: Arc<CoreHttpSettings>,
    /// `ngx_http_proxy_module`
    #[serde(with = "super::serial::shared")]
    pub proxy: Arc<ProxySettings>,
    /// What decides how many upstream connections other modules need.
    #[serde(with = "super::serial::shared")]
    pub reuse: Arc<ReuseSettings>,
    /// Files, and headers of responses.
    #[serde(with = "super::serial::shared")]
    pub content: Arc<ContentSettings>,
    /// The filters of responses.
    #[serde(with = "super::serial::shared")]
    pub filter: Arc<FilterSettings>,
    /// How files are opened and sent.
    #[serde(with = "super::serial::shared")]
    pub files: Arc<FileSettings>,
    /// Who may ask.
    #[serde(with = "super::serial::shared")]
    pub access: Arc<AccessSettings>,
    /// Compression.
    #[serde(with = "super::serial::shared")]
    pub gzip: Arc<GzipSettings>,
    /// What the proxy changes on the way.
    #[serde(with = "super::serial::shared")]
    pub pass: Arc<PassSettings>,
    /// Limits and the resolver.
    #[serde(with = "super::serial::shared")]
    pub limit: Arc<LimitSettings>,
    /// Files with responses.
    #[serde(with = "super::serial::shared")]
    pub cache: Arc<CacheSettings>,
    /// `ngx_http_fastcgi_module`
    #[serde(with = "super::serial::shared")]
    pub fastcgi: Arc<FastcgiSettings>,
    /// What it has as the proxy module has it.
    #[serde(with = "super::serial::shared")]
    pub fastcgi_proxy: Arc<FastcgiProxySettings>,
    /// How clients are told apart.
    #[serde(with = "super::serial::shared")]
    pub client: Arc<ClientSettings>,
    /// TLS and HTTP/2.
    #[serde(with = "super::serial::shared")]
    pub tls: Arc<TlsSettings>,
}

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

settings! {
    /// Settings of `ngx_http_core_module` and of the logs.
    pub struct CoreHttpSettings {
        /// Time an idle client connection is kept; zero: not at all. The second argument, a response
        /// header, is in `header`.
        keepalive_timeout: KeepaliveTimeout = "keepalive_timeout",
        /// Time an idle client connection is kept although its place is needed, or the worker stops.
        keepalive_min_timeout: Duration = "keepalive_min_timeout",
        /// Requests on one client connection.
        keepalive_requests: u32 = "keepalive_requests",
        /// Age at which a client connection is closed.
        keepalive_time: Duration = "keepalive_time",
        /// Time to read a whole request head.
        client_header_timeout: Duration = "client_header_timeout",
        /// Time between two reads of a body.
        client_body_timeout: Duration = "client_body_timeout",
        /// Largest request body in bytes; 0: any.
        client_max_body_size: u64 = "client_max_body_size",
        /// What of a request body is held in memory.
        client_body_buffer_size: u64 = "client_body_buffer_size",
        /// Whether all bodies are written to files, and whether the files stay.
        client_body_in_file_only: Word = "client_body_in_file_only",
        /// Whether a body lies in one piece; ours always does.
        client_body_in_single_buffer: bool = "client_body_in_single_buffer",
        /// Where the files are.
        client_body_temp_path: TempPath = "client_body_temp_path",
        /// Time between two writes to the client.
        send_timeout: Duration = "send_timeout",
        /// MIME type of a response that has none.
        default_type: String = "default_type",
        /// What the Server header and error pages say.
        server_tokens: ServerTokens = "server_tokens",
        /// First buffer for a request head, in bytes.
        client_header_buffer_size: u64 = "client_header_buffer_size",
        /// Number and size of the buffers for a head that does not fit into the first one.
        large_client_header_buffers: Buffers = "large_client_header_buffers",
        /// Header lines a request may have.
        max_headers: u32 = "max_headers",
        /// Whether header lines with bad names are left out instead of refused.
        ignore_invalid_headers: bool = "ignore_invalid_headers",
        /// Whether `_` is good in the name of a header.
        underscores_in_headers: bool = "underscores_in_headers",
        /// Whether slashes in a row are one.
        merge_slashes: bool = "merge_slashes",
        /// Whether only requests of nginx itself reach the location.
        internal: bool = "internal",
        /// Whether Location headers get scheme and host.
        absolute_redirect: bool = "absolute_redirect",
        /// Whether such a Location gets the port.
        port_in_redirect: bool = "port_in_redirect",
        /// Whether such a Location gets `server_name` instead of the host that was asked for.
        server_name_in_redirect: bool = "server_name_in_redirect",
        /// Pages for errors.
        error_page: Vec<ErrorPage> = "error_page",
        /// Whether an error of an error page gets its own error page.
        recursive_error_pages: bool = "recursive_error_pages",
        /// Whether a file that is not there is logged.
        log_not_found: bool = "log_not_found",
        /// Browsers that get no keepalive after a POST, or none at all.
        keepalive_disable: Words = "keepalive_disable",
        /// Bytes a second to the client; 0: any.
        limit_rate: ComplexValue = "limit_rate",
        /// Bytes before `limit_rate` holds.
        limit_rate_after: ComplexValue = "limit_rate_after",
        /// When a connection is closed slowly.
        lingering_close: Word = "lingering_close",
        /// Longest time for it.
        lingering_time: Duration = "lingering_time",
        /// Longest pause of the client in it.
        lingering_timeout: Duration = "lingering_timeout",
        /// Whether bodies of unknown length are chunked in HTTP/1.1.
        chunked_transfer_encoding: bool = "chunked_transfer_encoding",
        /// Whether `rewrite` says in the error log what it does.
        rewrite_log: bool = "rewrite_log",
        /// Whether a variable without a value is logged.
        uninitialized_variable_warn: bool = "uninitialized_variable_warn",
        /// Whether a connection that timed out is reset instead of closed.
        reset_timedout_connection: bool = "reset_timedout_connection",
        /// Whether pages of errors are made longer for clients that show short ones as their own.
        msie_padding: bool = "msie_padding",
        /// Whether old clients get a page instead of a redirection.
        msie_refresh: bool = "msie_refresh",
        /// Whether requests inside others are in the access log.
        log_subrequest: bool = "log_subrequest",
        /// What of a response is held in memory for a variable.
        subrequest_output_buffer_size: u64 = "subrequest_output_buffer_size",
        /// Access logs.
        access_log: AccessLogs = "access_log",
        /// Error logs of this level; empty: those of the main context.
        error_log: Vec<ErrorLog> = "error_log",
    }
}

/// `keepalive_timeout time [header_time];`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepaliveTimeout {
    /// Time an idle connection is kept; zero: connections are not kept.
    pub idle: Duration,
    /// Value of the `Keep-Alive: timeout=` header in seconds.
    pub header: Option<Duration>,
}

/// `server_tokens on | off | build | string;`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerTokens {
    /// `nginx/1.31.5`
    On,
    /// `nginx`
    Off,
    /// Version and build name.
    Build,
    /// NGINX Plus: a text of one's own.
    Text(ComplexValue),
}

/// Number and size of buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buffers {
    /// How many.
    pub number: u32,
    /// Bytes of each.
    pub size: u64,
}

/// A directory for temporary files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TempPath {
    /// As written.
    pub path: String,
    /// Characters of the file's name that name directories, from its end.
    pub levels: Vec<usize>,
}

/// One word of several that a directive knows, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word(#[serde(with = "super::serial::word")] pub super::serial::Known);

/// Some of the words that a directive knows.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Words(#[serde(with = "super::serial::word")] pub Vec<super::serial::Known>);

impl Words {
    /// Whether the word is among them.
    pub fn has(&self, word: &str) -> bool {
        self.0.contains(&word)
    }
}

/// One `error_page`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErrorPage {
    /// For which statuses.
    pub statuses: Vec<u16>,
    /// The status that is sent instead; `Some(0)` for `=` alone: that of the page.
    pub status: Option<u16>,
    /// URI of the page, `@name` of a location, or a URL to redirect to.
    pub uri: ComplexValue,
    /// The directive.
    pub span: Span,
}

impl PartialEq for ErrorPage {
    fn eq(&self, other: &Self) -> bool {
        self.statuses == other.statuses && self.status == other.status && self.uri == other.uri
    }
}

impl Eq for ErrorPage {}
