//! FastCGI towards upstreams (`ngx_http_fastcgi_module.c`): the request in parameters and records instead of a head, and
//! the response out of records. All else is the proxy's: `proxy` asks here for what differs.

pub(crate) mod params;
pub(crate) mod records;
pub(crate) mod script;

use std::collections::HashSet;

use crate::model::fastcgi::Param;
use crate::model::{Config, HttpSettings};
use crate::runtime::request::plan::fastcgi::FastcgiPlan;
use crate::version::Version;

/// Headers with the same name are one parameter since then.
const JOINS: Version = Version::new(1, 23, 0);
/// `HTTP_HOST` is the host that was asked for, however it was said, since then.
const HOST: Version = Version::new(1, 29, 5);

impl FastcgiPlan {
    pub(crate) fn new(level: &HttpSettings, config: &Config) -> Self {
        let settings = &level.fastcgi;
        let params = &settings.param.value;
        let header = |param: &Param| Some(param.name.strip_prefix(b"HTTP_")?.to_ascii_lowercase().into());
        let mut replaced: HashSet<Box<[u8]>> = params.iter().filter_map(header).collect();
        let is_host = |param: &Param| param.name.eq_ignore_ascii_case(b"HTTP_HOST");
        let sends_host = config.version >= HOST && !params.iter().any(is_host);
        if sends_host {
            replaced.insert(b"host".as_slice().into());
        }
        Self {
            params: params.clone(),
            replaced,
            passes_headers: level.fastcgi_proxy.pass_request_headers.value,
            joins: config.version >= JOINS,
            sends_host,
            keep_conn: level.reuse.fastcgi_keep_conn.value,
            catch_stderr: settings.catch_stderr.value.iter().map(|text| text.as_bytes().into()).collect(),
        }
    }

    /// True if another peer is to be asked because of what the error stream says (`fastcgi_catch_stderr`).
    pub(crate) fn catches(&self, text: &[u8]) -> bool {
        self.catch_stderr.iter().any(|part| memchr::memmem::find(text, part).is_some())
    }
}
