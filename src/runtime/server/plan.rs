//! Plans of servers and locations, made from their settings.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use crate::eval::regex::Regex;
use crate::eval::select::LocationId;
use crate::model::content::Expires;
use crate::model::core_http::CoreHttpSettings;
use crate::model::location::{Handler, Pass};
use crate::model::log::{AccessLogs, LogTarget};
use crate::model::proxy::{HttpVersion, ProxyPass, REPLACED_HEADERS};
use crate::model::{
    ComplexValue, Config, GzipSettings, HttpSettings, Location, Origin, PassSettings, Server,
};
use crate::runtime::modules::{auth_request, real_ip};
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::net::http1::head::Rules;
use crate::runtime::net::log::{ErrorLogs, Files};
use crate::runtime::net::shared::Shared;
use crate::runtime::request::limit::Limits;
use crate::runtime::request::plan::cache::CachePlan;
use crate::runtime::request::plan::fastcgi::{CgiPlan, ScriptName};
use crate::runtime::request::plan::rewriting::Rewriting;
use crate::runtime::request::plan::{AccessLogPlan, AccessSink, HeaderValue, Plan, ProxyPlan};
use crate::runtime::request::referer::RefererPlan;
use crate::runtime::request::script::Script;
use crate::version::Version;

impl ProxyPlan {
    fn new(
        pass: &ProxyPass,
        location: &Location,
        config: &Config,
        (files, shared): (&Files, &Shared),
    ) -> Self {
        let version = config.version;
        let settings = Arc::clone(&location.settings.proxy);
        let mut headers: Vec<(Box<[u8]>, HeaderValue)> = Vec::new();
        let host_first = version >= Version::new(1, 31, 4);
        let set = &settings.set_header.value;
        let is_set = |name: &[u8]| set.iter().any(|h| h.name.eq_ignore_ascii_case(name));
        if host_first {
            let host = set.iter().rev().find(|h| h.name.eq_ignore_ascii_case(b"host"));
            let value = host.map_or(HeaderValue::ProxyHost, |h| HeaderValue::Text(h.value.clone()));
            headers.push((b"Host".as_slice().into(), value));
        }
        for header in set.iter().filter(|h| !(host_first && h.name.eq_ignore_ascii_case(b"host"))) {
            headers.push((header.name.clone(), HeaderValue::Text(header.value.clone())));
        }
        if !host_first && !is_set(b"Host") {
            headers.push((b"Host".as_slice().into(), HeaderValue::ProxyHost));
        }
        if version < Version::new(1, 29, 7) && !is_set(b"Connection") {
            headers
                .push((b"Connection".as_slice().into(), HeaderValue::Text(ComplexValue::literal(b"close"))));
        }
        if !is_set(b"Content-Length") {
            headers.push((b"Content-Length".as_slice().into(), HeaderValue::BodyLength));
        }
        let proxy_connection: &[&[u8]] =
            if version >= Version::new(1, 31, 0) { &[b"Proxy-Connection"] } else { &[] };
        let mut replaced = 0;
        let mut replaced_others = Vec::new();
        for name in
            REPLACED_HEADERS.iter().chain(proxy_connection).copied().chain(set.iter().map(|h| &*h.name))
        {
            match KnownHeader::of(name) {
                KnownHeader::Other => replaced_others.push(name.into()),
                known => replaced |= known.bit(),
            }
        }
        let on_way = Arc::clone(&location.settings.pass);
        if !on_way.pass_request_headers.value {
            replaced = u64::MAX;
        }
        let (asks_modified, asks_match) = (!is_set(b"If-Modified-Since"), !is_set(b"If-None-Match"));
        let (hidden, hidden_others) = hidden(&on_way, HIDDEN);
        let default = pass.default_redirect();
        Self {
            pass: pass.clone(),
            headers,
            replaced,
            replaced_others,
            rewriting: Rewriting::new(&on_way, default.as_ref(), config),
            method: location.settings.reuse.proxy_method.value.clone(),
            intercept_errors: location.settings.reuse.proxy_intercept_errors.value,
            hidden,
            hidden_others,
            on_way,
            fills_host: host_first && settings.http_version.value == HttpVersion::Http11,
            bind: settings.bind.value.clone(),
            cache: CachePlan::new(&location.settings.cache, config, shared, &files.prefix()),
            kept: Arc::clone(&location.settings.cache),
            asks_modified,
            asks_match,
            settings,
            cgi: None,
        }
    }

    /// The plan of a location that speaks FastCGI, SCGI or uwsgi.
    fn cgi(pass: &Pass, location: &Location, config: &Config, (files, shared): (&Files, &Shared)) -> Self {
        let level = &location.settings;
        let ((settings, on_way, kept), intercept_errors, defaults) = match pass.directive {
            "scgi_pass" => (level.scgi.as_proxy(), level.scgi.intercept_errors.value, HIDDEN_CGI),
            // The header `Status` is passed on.
            "uwsgi_pass" => (level.uwsgi.as_proxy(), level.uwsgi.intercept_errors.value, &HIDDEN_CGI[1..]),
            _ => {
                let settings = &level.fastcgi_proxy;
                (settings.as_proxy(&level.reuse), settings.intercept_errors.value, HIDDEN_CGI)
            }
        };
        let (hidden, hidden_others) = hidden(&on_way, defaults);
        let kept = Arc::new(kept);
        Self {
            pass: ProxyPass {
                tls: false,
                target: pass.target.clone(),
                host: String::new(),
                uri: None,
                prefix: Box::default(),
                span: pass.span,
            },
            headers: Vec::new(),
            replaced: 0,
            replaced_others: Vec::new(),
            rewriting: Rewriting::default(),
            method: ComplexValue::literal(b""),
            intercept_errors,
            hidden,
            hidden_others,
            fills_host: false,
            bind: settings.bind.value.clone(),
            cache: CachePlan::new(&kept, config, shared, &files.prefix()),
            kept,
            asks_modified: false,
            asks_match: false,
            settings: Arc::new(settings),
            on_way: Arc::new(on_way),
            cgi: Some(CgiPlan::new(pass.directive, level, config)),
        }
    }
}

impl Plan {
    /// The plan of a level; `location` is `None` for a server itself.
    pub(crate) fn new(
        config: &Config,
        server: &Server,
        location: Option<&Location>,
        script: Script,
        limit_except: Option<(Vec<String>, LocationId)>,
        (files, shared): (&Files, &Shared),
    ) -> Result<Rc<Self>, (PathBuf, std::io::Error)> {
        let settings = location.map_or(&server.settings, |location| &location.settings);
        let core = Arc::clone(&settings.core);
        let own = &core.error_log.value;
        let error_log =
            ErrorLogs::open(if own.is_empty() { &config.core.error_log.value } else { own }, files)?;
        let mut access_log = Vec::new();
        let is_default = core.access_log.origin == Origin::Default;
        if let AccessLogs::To(logs) = &core.access_log.value {
            // `off` holds for the whole level (`ngx_http_log_set_log`).
            let is_off = logs.iter().any(|log| matches!(&log.target, LogTarget::File(path) if path == "off"));
            for log in logs.iter().filter(|_| !is_off) {
                if let Some(path) = &log.path {
                    let sink = AccessSink::Path(path.clone());
                    let condition = log.condition.clone();
                    access_log.push(AccessLogPlan { sink, format: log.format, condition });
                    continue;
                }
                let sink = match files.open(&log.target, Some(log)) {
                    // `logs/access.log` is only the default: without the directory there is no log.
                    Err((_, error)) if error.kind() == ErrorKind::NotFound && is_default => None,
                    opened => opened?,
                };
                if let Some(sink) = sink {
                    let condition = log.condition.clone();
                    access_log.push(AccessLogPlan {
                        sink: AccessSink::Open(sink),
                        format: log.format,
                        condition,
                    });
                }
            }
        }
        let proxy = match location.map(|l| (l, &l.handler)) {
            Some((location, Some(Handler::Proxy(pass)))) => {
                Some(ProxyPlan::new(pass, location, config, (files, shared)))
            }
            Some((location, Some(Handler::Pass(pass)))) => {
                Some(ProxyPlan::cgi(pass, location, config, (files, shared)))
            }
            _ => None,
        };
        let (content, access) = (Arc::clone(&settings.content), real_ip::named(&settings.access)?);
        let root = content.root.value.path.constant().map(|path| match path {
            path if path.starts_with(b"/") => path.to_vec(),
            path => [&files.prefix()[..], path].concat(),
        });
        let is_restricted = !access.rules.value.is_empty()
            || access.auth_basic.value.constant() != Some(b"off")
            || auth_request::is_on(&access);
        let handler = location.and_then(|l| l.handler.clone());
        Ok(Rc::new(Self {
            gzip_disable: gzip_disable(&settings.gzip, config),
            gzip: Arc::clone(&settings.gzip),
            is_plain: is_plain(settings),
            limits: Limits::new(config, &settings.limit, shared),
            limit: Arc::clone(&settings.limit),
            referers: RefererPlan::new(&settings.client.valid_referers, server, config),
            client: Arc::clone(&settings.client),
            rules: rules(&core, config.version),
            core,
            error_log,
            access_log,
            proxy,
            script_name: ScriptName::new(&settings.fastcgi, config),
            content,
            filter: Arc::clone(&settings.filter),
            files: Arc::clone(&settings.files),
            access,
            handler,
            script,
            limit_except,
            root,
            is_restricted,
        }))
    }
}

/// True if none of the filters of headers, charset, SSI and compression has anything to do.
fn is_plain(settings: &HttpSettings) -> bool {
    let (content, filter) = (&settings.content, &settings.filter);
    let adds = content.expires.value != Expires::Off
        || !content.add_header.value.is_empty()
        || !content.add_trailer.value.is_empty()
        || settings.client.userid.value.0 != "off";
    let changes = filter.charset.value.constant() != Some(b"off")
        || filter.ssi.value
        || !filter.sub_filter.value.is_empty()
        || !filter.add_before_body.value.is_empty()
        || !filter.add_after_body.value.is_empty();
    !adds && !changes && !settings.gzip.gzip.value && !settings.gzip.vary.value
}

/// The pattern of `gzip_disable`: that of `msie6`, or the text itself (`ngx_http_gzip_disable`).
fn gzip_disable(gzip: &GzipSettings, config: &Config) -> Vec<Regex> {
    let Some(span) = gzip.disable.origin.span() else { return Vec::new() };
    let patterns = gzip.disable.value.iter().map(|pattern| match pattern.as_str() {
        "msie6" => "MSIE (4\\.|5\\.|6\\.(?!.*SV1))",
        pattern => pattern,
    });
    patterns.filter_map(|pattern| Regex::new(pattern, true, span, config).ok()).collect()
}

fn rules(core: &CoreHttpSettings, version: Version) -> Rules {
    let large = core.large_client_header_buffers.value;
    let line = usize::try_from(large.size).unwrap_or(1 << 20).min(1 << 20);
    Rules {
        line,
        head: line.saturating_mul(large.number as usize).min(16 << 20),
        headers: match core.max_headers.value {
            // Of versions before 1.29.8 none.
            _ if version < Version::new(1, 29, 8) => usize::MAX,
            n => n as usize,
        },
        underscores: core.underscores_in_headers.value,
        ignores_invalid: core.ignore_invalid_headers.value,
    }
}

/// Headers that nginx makes itself or never passes on.
const NEVER: u64 = KnownHeader::ContentType.bit()
    | KnownHeader::ContentLength.bit()
    | KnownHeader::TransferEncoding.bit()
    | KnownHeader::Connection.bit()
    | KnownHeader::KeepAlive.bit()
    | KnownHeader::Upgrade.bit();

/// Headers hidden besides those of `proxy_hide_header` (`ngx_http_proxy_hide_headers`).
const HIDDEN: &[KnownHeader] = &[
    KnownHeader::Date,
    KnownHeader::Server,
    KnownHeader::XPad,
    KnownHeader::XAccelExpires,
    KnownHeader::XAccelRedirect,
    KnownHeader::XAccelLimitRate,
    KnownHeader::XAccelBuffering,
    KnownHeader::XAccelCharset,
];

/// Headers hidden besides those of `fastcgi_hide_header` (`ngx_http_fastcgi_hide_headers`).
const HIDDEN_CGI: &[KnownHeader] = &[
    KnownHeader::Status,
    KnownHeader::XAccelExpires,
    KnownHeader::XAccelRedirect,
    KnownHeader::XAccelLimitRate,
    KnownHeader::XAccelBuffering,
    KnownHeader::XAccelCharset,
];

fn is_named(other: &[u8], name: &str) -> bool {
    other.eq_ignore_ascii_case(name.as_bytes())
}

/// `ngx_http_upstream_hide_headers_hash`
fn hidden(settings: &PassSettings, defaults: &[KnownHeader]) -> (u64, Vec<Box<[u8]>>) {
    let mut hidden = defaults.iter().fold(NEVER, |set, known| set | known.bit());
    let mut others: Vec<Box<[u8]>> = Vec::new();
    for name in &settings.hide_header.value {
        match KnownHeader::of(name.as_bytes()) {
            KnownHeader::Other => others.push(name.as_bytes().into()),
            known => hidden |= known.bit(),
        }
    }
    for name in &settings.pass_header.value {
        match KnownHeader::of(name.as_bytes()) {
            KnownHeader::Other => others.retain(|other| !is_named(other, name)),
            known => hidden &= !known.bit() | NEVER,
        }
    }
    (hidden, others)
}
