//! FastCGI, SCGI and uwsgi towards upstreams (`ngx_http_fastcgi_module.c` and the others): the request in parameters
//! instead of a head; for FastCGI in records, and the response out of records. All else is the proxy's: `proxy` asks here
//! for what differs.

pub(crate) mod params;
pub(crate) mod records;
pub(crate) mod script;

use std::collections::HashSet;

use crate::model::fastcgi::Param;
use crate::model::{Config, HttpSettings};
use crate::runtime::request::plan::fastcgi::{CgiPlan, Protocol};
use crate::version::Version;

/// Headers with the same name are one parameter since then.
const JOINS: Version = Version::new(1, 23, 0);
/// `HTTP_HOST` is the host that was asked for, however it was said, since then.
const HOST: Version = Version::new(1, 29, 5);

impl CgiPlan {
    /// The plan of a location that passes requests on with this directive.
    pub(crate) fn new(directive: &str, level: &HttpSettings, config: &Config) -> Self {
        let fastcgi = &level.fastcgi;
        let (params, passes_headers, protocol) = match directive {
            "scgi_pass" => (&level.scgi.param.value, level.scgi.pass_request_headers.value, Protocol::Scgi),
            "uwsgi_pass" => {
                let settings = &level.uwsgi;
                // The directives take bytes.
                let modifiers = (settings.modifier1.value as u8, settings.modifier2.value as u8);
                let string = settings.string.value.as_bytes().into();
                let protocol = Protocol::Uwsgi { modifiers, string };
                (&settings.param.value, settings.pass_request_headers.value, protocol)
            }
            _ => {
                let catch_stderr = fastcgi.catch_stderr.value.iter().map(|text| text.as_bytes().into());
                let keep_conn = level.reuse.fastcgi_keep_conn.value;
                let protocol = Protocol::Fastcgi { keep_conn, catch_stderr: catch_stderr.collect() };
                (&fastcgi.param.value, level.fastcgi_proxy.pass_request_headers.value, protocol)
            }
        };
        let header = |param: &Param| Some(param.name.strip_prefix(b"HTTP_")?.to_ascii_lowercase().into());
        let mut replaced: HashSet<Box<[u8]>> = params.iter().filter_map(header).collect();
        let is_host = |param: &Param| param.name.eq_ignore_ascii_case(b"HTTP_HOST");
        let sends_host = config.version >= HOST && !params.iter().any(is_host);
        if sends_host {
            replaced.insert(b"host".as_slice().into());
        }
        let joins = config.version >= JOINS;
        Self { protocol, params: params.clone(), replaced, passes_headers, joins, sends_host }
    }

    /// The server keeps the connection, if it is asked to.
    pub(crate) fn keeps(&self) -> bool {
        matches!(self.protocol, Protocol::Fastcgi { keep_conn: true, .. })
    }

    /// True if another peer is to be asked because of what the error stream says (`fastcgi_catch_stderr`).
    pub(crate) fn catches(&self, text: &[u8]) -> bool {
        let Protocol::Fastcgi { catch_stderr, .. } = &self.protocol else { return false };
        catch_stderr.iter().any(|part| memchr::memmem::find(text, part).is_some())
    }
}
