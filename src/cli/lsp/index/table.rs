//! Arguments that define or use a name, by directive.

/// Kind of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Upstream,
    LogFormat,
    RequestZone,
    ConnectionZone,
    Cache,
    NamedLocation,
    ThreadPool,
    Variable,
}

impl Kind {
    /// Noun for messages.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Kind::Upstream => "upstream",
            Kind::LogFormat => "log format",
            Kind::RequestZone => "zone of limit_req",
            Kind::ConnectionZone => "zone of limit_conn",
            Kind::Cache => "cache",
            Kind::NamedLocation => "named location",
            Kind::ThreadPool => "thread pool",
            Kind::Variable => "variable",
        }
    }
}

/// Argument of a directive that is a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    /// Argument at a position from 0.
    At(usize),
    /// Last argument.
    Last,
    /// `key=name`, up to a colon.
    Parameter(&'static str),
    /// Host of an address or URL.
    Host,
}

/// A directive with a name among its arguments.
pub(crate) struct Row {
    pub(crate) directive: &'static str,
    pub(crate) argument: Argument,
    pub(crate) kind: Kind,
    /// The directive defines the name.
    pub(crate) defines: bool,
}

const fn defines(directive: &'static str, argument: Argument, kind: Kind) -> Row {
    Row { directive, argument, kind, defines: true }
}

const fn uses(directive: &'static str, argument: Argument, kind: Kind) -> Row {
    Row { directive, argument, kind, defines: false }
}

/// Variables are not in this table: the catalog tells which directives define some, and any argument may use them.
pub(crate) const ROWS: &[Row] = &[
    defines("upstream", Argument::At(0), Kind::Upstream),
    uses("proxy_pass", Argument::Host, Kind::Upstream),
    uses("grpc_pass", Argument::Host, Kind::Upstream),
    uses("fastcgi_pass", Argument::Host, Kind::Upstream),
    uses("uwsgi_pass", Argument::Host, Kind::Upstream),
    uses("scgi_pass", Argument::Host, Kind::Upstream),
    uses("memcached_pass", Argument::Host, Kind::Upstream),
    defines("log_format", Argument::At(0), Kind::LogFormat),
    uses("access_log", Argument::At(1), Kind::LogFormat),
    defines("limit_req_zone", Argument::Parameter("zone"), Kind::RequestZone),
    uses("limit_req", Argument::Parameter("zone"), Kind::RequestZone),
    defines("limit_conn_zone", Argument::Parameter("zone"), Kind::ConnectionZone),
    uses("limit_conn", Argument::At(0), Kind::ConnectionZone),
    defines("proxy_cache_path", Argument::Parameter("keys_zone"), Kind::Cache),
    defines("fastcgi_cache_path", Argument::Parameter("keys_zone"), Kind::Cache),
    defines("uwsgi_cache_path", Argument::Parameter("keys_zone"), Kind::Cache),
    defines("scgi_cache_path", Argument::Parameter("keys_zone"), Kind::Cache),
    uses("proxy_cache", Argument::At(0), Kind::Cache),
    uses("fastcgi_cache", Argument::At(0), Kind::Cache),
    uses("uwsgi_cache", Argument::At(0), Kind::Cache),
    uses("scgi_cache", Argument::At(0), Kind::Cache),
    defines("location", Argument::At(0), Kind::NamedLocation),
    uses("error_page", Argument::Last, Kind::NamedLocation),
    uses("try_files", Argument::Last, Kind::NamedLocation),
    uses("post_action", Argument::At(0), Kind::NamedLocation),
    defines("thread_pool", Argument::At(0), Kind::ThreadPool),
    uses("aio", Argument::Parameter("threads"), Kind::ThreadPool),
];
