//! Setters of `ngx_http_core_module` and of content handlers: `try_files`, `error_page`, `root`, `aio`, `mirror` …

use super::argument::{digits, refuse, size};
use super::directive::Directive;
use super::scope::{Check, Compiler};
use super::settings::Value;
use super::{regex, value};
use crate::catalog::{Context, Kind};
use crate::diagnostic::{Diagnostic, FaultPhase, Place};
use crate::model::content::{Alias, Index, LinkPolicy, Root, Symlinks, TryFiles, TryLast};
use crate::model::filter::Substitute;
use crate::model::{ComplexValue, LocationKind, Segment, Setting};

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("try_files", try_files),
    ("error_page", error_page),
    ("root", root),
    ("alias", root),
    ("aio", aio),
    ("directio", directio),
    ("disable_symlinks", disable_symlinks),
    ("limit_except", limit_except),
    ("auth_request_set", auth_request_set),
    ("connection_pool_size", pool_size),
    ("request_pool_size", pool_size),
    ("gzip_window", gzip_window),
    ("gzip_hash", gzip_hash),
    ("http2_chunk_size", chunk_size),
    ("http2_recv_buffer_size", recv_buffer_size),
    ("http2_body_preread_size", preread_size),
    ("http2_pool_size", pool_size),
    ("http2_streams_index_size", streams_index),
    ("fastcgi_split_path_info", split_path_info),
    ("fastcgi_param", param),
    ("uwsgi_param", param),
    ("scgi_param", param),
];

pub(super) const REMEMBERED: &[&str] =
    &["root", "alias", "connection_pool_size", "large_client_header_buffers", "types_hash_bucket_size"];

/// `ngx_http_try_files`
fn try_files<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let n = directive.len();
    let text = directive.arg(n);
    let Some(code) = text.strip_prefix(b"=") else { return true };
    let nginx = format!("invalid code \"{}\"", directive.text(n));
    // nginx counts the NUL at the end of a text without variables.
    digits(code).is_some_and(|code| code <= 999) || refuse(cx, directive, n, "a status: `=404`", nginx)
}

/// `ngx_http_core_error_page`
fn error_page<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let mut codes = directive.len() - 1;
    let before = directive.arg(codes);
    if let Some(overwrite) = before.strip_prefix(b"=") {
        if codes == 1 || !overwrite.is_empty() && digits(overwrite).is_none() {
            let nginx = format!("invalid value \"{}\"", directive.text(codes));
            return refuse(cx, directive, codes, "a status from 300 to 599 before `=`", nginx);
        }
        codes -= 1;
    }
    for n in 1..=codes {
        let shown = directive.text(n);
        let expected = "a status from 300 to 599, not 499";
        match digits(&directive.arg(n)) {
            None | Some(499) => {
                return refuse(cx, directive, n, expected, format!("invalid value \"{shown}\""));
            }
            Some(300..=599) => {}
            Some(_) => {
                let nginx = format!("value \"{shown}\" must be between 300 and 599");
                return refuse(cx, directive, n, expected, nginx);
            }
        }
    }
    true
}

/// `ngx_http_core_root`
fn root<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let name = directive.name();
    let other = if name == "root" { "alias" } else { "root" };
    if let Some(first) = cx.here(other).map(Directive::span).filter(|&first| first < directive.span()) {
        cx.report(
            Diagnostic::error(
                "duplicate-directive",
                directive.span(),
                format!("`{name}` and `{other}` exclude each other"),
            )
            .label("the second")
            .related(first, "the first")
            .help("remove one of the two")
            .nginx(format!("\"{name}\" directive is duplicate, \"{other}\" directive was specified earlier")),
        );
        return false;
    }
    let text = directive.arg(1);
    for variable in ["document_root", "realpath_root"] {
        let named = |needle: String| memchr::memmem::find(&text, needle.as_bytes()).is_some();
        if named(format!("${variable}")) || named(format!("${{{variable}")) {
            let nginx = format!("the ${variable} variable cannot be used in the \"{name}\" directive");
            return refuse(cx, directive, 1, "a path without itself", nginx);
        }
    }
    true
}

/// `ngx_http_core_set_aio`
fn aio<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    let valid = matches!(&*text, b"on" | b"off" | b"sendfile" | b"threads") || text.starts_with(b"threads=");
    if let Some(pool) = text.strip_prefix(b"threads=")
        && !pool.contains(&b'$')
    {
        super::core::use_pool(cx, directive, pool);
    }
    valid || refuse(cx, directive, 1, "`threads[=POOL]` or `off`", "invalid value")
}

fn directio<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    *text == *b"off"
        || super::argument::offset(&text).is_some()
        || refuse(cx, directive, 1, "a size, or `off`", "invalid value")
}

/// `ngx_http_disable_symlinks`
fn disable_symlinks<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let (mut mode, mut from) = (None, false);
    for (n, text) in directive.args_from(1) {
        match &*text {
            b"off" | b"on" | b"if_not_owner" => mode = Some(*text == *b"off"),
            text if text.starts_with(b"from=") => from = true,
            _ => {
                let nginx = format!("invalid parameter \"{}\"", directive.text(n));
                return refuse(cx, directive, n, "`off`, `on`, `if_not_owner` or `from=PART`", nginx);
            }
        }
    }
    match (mode, directive.len(), from) {
        (None, ..) => {
            let nginx = "\"disable_symlinks\" must have \"off\", \"on\" or \"if_not_owner\" parameter";
            refuse(cx, directive, 1, "`off`, `on` or `if_not_owner`", nginx)
        }
        (Some(_), 2, false) => {
            let nginx = format!("duplicate parameters \"{} {}\"", directive.text(1), directive.text(2));
            refuse(cx, directive, 2, "one of the two", nginx)
        }
        (Some(true), _, true) => {
            refuse(cx, directive, 2, "no `from=`", "\"from=\" cannot be used with \"off\" parameter")
        }
        _ => true,
    }
}

/// `ngx_http_core_limit_except`
fn limit_except<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    const METHODS: &[&str] = &[
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "DELETE",
        "MKCOL",
        "COPY",
        "MOVE",
        "OPTIONS",
        "PROPFIND",
        "PROPPATCH",
        "LOCK",
        "UNLOCK",
        "PATCH",
    ];
    for (n, text) in directive.args_from(1) {
        if !METHODS.iter().any(|m| text.eq_ignore_ascii_case(m.as_bytes())) {
            let nginx = format!("invalid method \"{}\"", directive.text(n));
            return refuse(cx, directive, n, "a method: `GET`, `POST` …", nginx);
        }
    }
    true
}

fn auth_request_set<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    let nginx = format!("invalid variable name \"{}\"", directive.text(1));
    text.first() == Some(&b'$') || refuse(cx, directive, 1, "a variable", nginx)
}

/// `ngx_http_core_pool_size`
fn pool_size<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let Some(bytes) = size(&directive.arg(1)) else { return true };
    // NGX_MIN_POOL_SIZE
    if bytes < 112 {
        return refuse(cx, directive, 1, "at least 112", "the pool size must be no less than 112");
    }
    bytes % 16 == 0 || refuse(cx, directive, 1, "a multiple of 16", "the pool size must be a multiple of 16")
}

fn chunk_size<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    size(&directive.arg(1)) != Some(0)
        || refuse(cx, directive, 1, "more than 0", "the http2 chunk size cannot be zero")
}

fn recv_buffer_size<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let nginx = "\"http2_recv_buffer_size\" directive value is too small";
    size(&directive.arg(1)).is_none_or(|n| n > 16) || refuse(cx, directive, 1, "more than 16", nginx)
}

fn preread_size<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let nginx = "the maximum body preread buffer size is 2147483647";
    size(&directive.arg(1)).is_none_or(|n| n < 1 << 31) || refuse(cx, directive, 1, "less than 2g", nginx)
}

fn streams_index<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let nginx = "\"http2_streams_index_size\" directive must be a power of two";
    digits(&directive.arg(1)).is_none_or(u64::is_power_of_two)
        || refuse(cx, directive, 1, "a power of two", nginx)
}

fn gzip_window<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let nginx = "\"gzip_window\" directive must be 512, 1k, 2k, 4k, 8k, 16k, or 32k";
    let Some(bytes) = size(&directive.arg(1)) else { return true };
    matches!(bytes, 512..=32_768 if bytes.is_power_of_two())
        || refuse(cx, directive, 1, "a power of two from 512 to 32k", nginx)
}

fn gzip_hash<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let nginx = "\"gzip_hash\" directive must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k";
    let Some(bytes) = size(&directive.arg(1)) else { return true };
    matches!(bytes, 512..=131_072 if bytes.is_power_of_two())
        || refuse(cx, directive, 1, "a power of two from 512 to 128k", nginx)
}

/// `ngx_http_fastcgi_split_path_info`
fn split_path_info<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let pattern = directive.arg(1);
    if !regex::check(cx, &pattern, false, directive.arg_span(1)) {
        return false;
    }
    value::define_captures(cx, &pattern, directive.arg_span(1));
    let nginx = format!("pattern \"{}\" must have 2 captures", directive.text(1));
    regex::captures(&pattern) == 2 || refuse(cx, directive, 1, "a pattern with two captures", nginx)
}

/// `ngx_http_upstream_param_set_slot`: values are compiled when `http` ends.
fn param<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if directive.len() < 3 || *directive.arg(3) == *b"if_not_empty" {
        return true;
    }
    let nginx = format!("invalid parameter \"{}\"", directive.text(3));
    refuse(cx, directive, 3, "`if_not_empty`", nginx)
}

/// `ngx_http_core_merge_srv_conf`
pub(super) fn merge(cx: &mut Compiler<'_>) {
    if cx.levels.last().is_none_or(|l| l.context != Context::Server) {
        return;
    }
    let pool = cx.in_force("connection_pool_size").cloned();
    let headers = cx.in_force("large_client_header_buffers").cloned();
    let bytes = pool.as_ref().map_or(Some(512), |d| size(&d.arg(1)));
    let buffers = headers.as_ref().and_then(|d| size(&d.arg(2))).unwrap_or(8192);
    let Some(pool) = pool.or(headers).filter(|_| bytes.is_some_and(|bytes| buffers < bytes)) else { return };
    let nginx =
        "the \"large_client_header_buffers\" size must be equal to or greater than \"connection_pool_size\"";
    cx.report(
        Diagnostic::error(
            "conflicting-buffers",
            pool.span(),
            "`connection_pool_size` is larger than one of the `large_client_header_buffers`",
        )
        .label(format!("more than {buffers}"))
        .nginx(nginx)
        .when(FaultPhase::EndOfSubsystem { step: 1, place: Place::Close }),
    );
}

impl Value for Root {
    fn default(text: Option<&str>, _: Kind) -> Self {
        Root { path: ComplexValue::literal(text.unwrap_or("html").as_bytes()), alias: None }
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let mut path = value::argument(cx, directive, 1);
        if directive.name() == "alias" {
            // The replaced part depends on the location: see `replaces`.
            return Some(Root { path, alias: Some(Alias::Prefix(0)) });
        }
        if let [Segment::Literal(text)] = path.segments.as_mut_slice()
            && let Some(without) = text.strip_suffix(b"/")
        {
            *text = without.into();
        }
        Some(Root { path, alias: None })
    }
}

/// Part of the URI that an `alias` replaces in a location of this kind.
pub(super) fn replaces(kind: Option<&LocationKind>) -> Alias {
    match kind {
        Some(LocationKind::Exact(name) | LocationKind::Prefix { uri: name, .. }) => Alias::Prefix(name.len()),
        _ => Alias::All,
    }
}

impl Value for Symlinks {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Symlinks { policy: LinkPolicy::Follow, from: None }
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let mut symlinks = Symlinks { policy: LinkPolicy::Follow, from: None };
        for (n, text) in directive.args_from(1) {
            match (&*text, text.strip_prefix(b"from=")) {
                (_, Some(from)) => symlinks.from = Some(value::text(cx, from, directive.arg_span(n))),
                (b"on", _) => symlinks.policy = LinkPolicy::Refuse,
                (b"if_not_owner", _) => symlinks.policy = LinkPolicy::SameOwner,
                _ => {}
            }
        }
        Some(symlinks)
    }
}

impl Value for Vec<Substitute> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let (find, new) = (value::argument(cx, directive, 1), value::argument(cx, directive, 2));
        Some(vec![Substitute { find, new }])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let more = Self::parse(cx, directive);
        super::settings::extend(setting, more, directive.span());
    }
}

impl Value for Index {
    fn default(text: Option<&str>, _: Kind) -> Self {
        Index(text.into_iter().map(|t| ComplexValue::literal(t.as_bytes())).collect())
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        Some(Index((1..=directive.len()).map(|n| value::argument(cx, directive, n)).collect()))
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let Some(more) = Self::parse(cx, directive) else { return };
        if setting.is_set_here() {
            setting.value.0.extend(more.0);
        } else {
            *setting = Setting::set(more, directive.span());
        }
    }
}

impl Value for Option<TryFiles> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        None
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let last = directive.len();
        let mut files = Vec::new();
        for (n, text) in directive.args_from(1).take(last - 1) {
            let is_directory = text.ends_with(b"/");
            let text = text.strip_suffix(b"/").unwrap_or(&text);
            files.push((value::text(cx, text, directive.arg_span(n)), is_directory));
        }
        let text = directive.arg(last);
        let last = match text.strip_prefix(b"=") {
            Some(code) => TryLast::Status(digits(code)? as u16),
            None => TryLast::Uri(value::argument(cx, directive, last)),
        };
        Some(Some(TryFiles { files, last }))
    }
}
