//! The plan of a server or location, made at start: logs opened, headers to the upstream merged.

pub(crate) mod cache;
pub(crate) mod fastcgi;
pub(crate) mod rewriting;

use std::sync::Arc;

use crate::eval::regex::Regex;
use crate::eval::select::LocationId;
use crate::model::core_http::CoreHttpSettings;
use crate::model::location::Handler;
use crate::model::proxy::{Bind, ProxyPass};
use crate::model::{
    AccessSettings, CacheSettings, ClientSettings, ComplexValue, ContentSettings, FileSettings,
    FilterSettings, GzipSettings, LimitSettings, PassSettings, ProxySettings,
};
use crate::runtime::net::http1::head::Rules;
use crate::runtime::net::log::{ErrorLogs, Sink};
use crate::runtime::request::limit::Limits;
use crate::runtime::request::plan::cache::CachePlan;
use crate::runtime::request::plan::fastcgi::{CgiPlan, Protocol, ScriptName};
use crate::runtime::request::plan::rewriting::Rewriting;
use crate::runtime::request::referer::RefererPlan;
use crate::runtime::request::script::Script;

/// Settings of a server or location in the form requests need them.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) core: Arc<CoreHttpSettings>,
    pub(crate) error_log: ErrorLogs,
    pub(crate) access_log: Vec<AccessLogPlan>,
    pub(crate) proxy: Option<ProxyPlan>,
    pub(crate) script_name: ScriptName,
    pub(crate) content: Arc<ContentSettings>,
    pub(crate) filter: Arc<FilterSettings>,
    pub(crate) files: Arc<FileSettings>,
    pub(crate) access: Arc<AccessSettings>,
    pub(crate) handler: Option<Handler>,
    /// The instructions of this level.
    pub(crate) script: Script,
    /// Methods that are not limited, and what holds for the others.
    pub(crate) limit_except: Option<(Vec<String>, LocationId)>,
    /// `root` or `alias`, if it needs no request to know it.
    pub(crate) root: Option<Vec<u8>>,
    /// Not everybody may ask.
    pub(crate) is_restricted: bool,
    pub(crate) rules: Rules,
    pub(crate) gzip: Arc<GzipSettings>,
    pub(crate) gzip_disable: Vec<Regex>,
    /// No filter of the configuration changes its responses.
    pub(crate) is_plain: bool,
    pub(crate) limits: Limits,
    pub(crate) limit: Arc<LimitSettings>,
    pub(crate) client: Arc<ClientSettings>,
    pub(crate) referers: Option<Box<RefererPlan>>,
}

/// Target of an access log.
#[derive(Debug)]
pub(crate) enum AccessSink {
    Open(Arc<Sink>),
    /// The path has variables.
    Path(ComplexValue),
}

/// An access log.
#[derive(Debug)]
pub(crate) struct AccessLogPlan {
    pub(crate) sink: AccessSink,
    pub(crate) format: usize,
    pub(crate) condition: Option<ComplexValue>,
}

/// The value that is sent for a header.
#[derive(Debug)]
pub(crate) enum HeaderValue {
    Text(ComplexValue),
    /// `$proxy_host`
    ProxyHost,
    /// `$proxy_internal_body_length`
    BodyLength,
}

/// `proxy_pass`, `fastcgi_pass`, `scgi_pass` or `uwsgi_pass` with everything around it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(crate) struct ProxyPlan {
    pub(crate) pass: ProxyPass,
    pub(crate) settings: Arc<ProxySettings>,
    /// Headers in the order they are sent.
    pub(crate) headers: Vec<(Box<[u8]>, HeaderValue)>,
    /// The client's headers of these names are not passed on.
    pub(crate) replaced: u64,
    pub(crate) replaced_others: Vec<Box<[u8]>>,
    /// Rewriting of headers of the response.
    pub(crate) rewriting: Rewriting,
    pub(crate) on_way: Arc<PassSettings>,
    /// `proxy_method`; empty: the client's.
    pub(crate) method: ComplexValue,
    pub(crate) intercept_errors: bool,
    /// Headers of the response that the client does not get.
    pub(crate) hidden: u64,
    pub(crate) hidden_others: Vec<Box<[u8]>>,
    /// Without `Host` in HTTP/1.1 the default one is sent (since 1.31.4).
    pub(crate) fills_host: bool,
    pub(crate) bind: Bind,
    pub(crate) cache: Option<CachePlan>,
    pub(crate) kept: Arc<CacheSettings>,
    /// The peer is asked for changes only unless the configuration says for what.
    pub(crate) asks_modified: bool,
    pub(crate) asks_match: bool,
    /// FastCGI, SCGI or uwsgi is spoken instead of HTTP.
    pub(crate) cgi: Option<CgiPlan>,
}

impl ProxyPlan {
    /// The request and the response are in records of FastCGI.
    pub(crate) fn has_records(&self) -> bool {
        self.cgi.as_ref().is_some_and(|cgi| matches!(cgi.protocol, Protocol::Fastcgi { .. }))
    }

    /// SCGI or uwsgi: parameters in one piece, and the body behind them as it is.
    pub(crate) fn is_plain_cgi(&self) -> bool {
        self.cgi.is_some() && !self.has_records()
    }
}
