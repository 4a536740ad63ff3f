//! `log_format`, `access_log`, `error_log`.

use std::collections::HashMap;

use super::argument::refuse;
use super::directive::Directive;
use super::scope::{Check, Compiler};
use super::settings::Value;
use super::{argument, log_target, value};
use crate::catalog::Kind;
use crate::diagnostic::Diagnostic;
use crate::model::log::{AccessLog, AccessLogs, ErrorLog, Escape, LogFormat, LogTarget, Severity};
use crate::model::{ComplexValue, Setting};
use crate::source::Span;

/// Text of the built-in format `combined` (`ngx_http_combined_fmt`).
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \
                        \"$http_referer\" \"$http_user_agent\"";

pub(super) const CHECKS: &[(&str, Check)] =
    &[("error_log", error_log), ("access_log", access_log), ("log_format", stream_format)];

/// Formats by name, for the checks of their use.
#[derive(Default)]
struct Formats {
    /// `log_format`s of `stream`.
    stream: HashMap<Vec<u8>, Span>,
    /// Positions of each `log_format` of `http` in the reading order.
    places: HashMap<Vec<u8>, Vec<(u32, usize)>>,
}

/// `ngx_log_set_log`
fn error_log<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if !log_target::check(cx, directive) {
        return false;
    }
    let mut level = false;
    for (n, text) in directive.args_from(2) {
        let shown = directive.text(n);
        let plain = Severity::NAMES.iter().any(|(name, _)| *text == *name.as_bytes());
        let part = DEBUG_PARTS.iter().any(|name| *text == *name.as_bytes());
        let nginx = match (plain, part, level) {
            (true, _, true) => format!("duplicate log level \"{shown}\""),
            (true, _, false) => {
                level = true;
                continue;
            }
            (_, true, false) => continue,
            _ => format!("invalid log level \"{shown}\""),
        };
        let expected = "`debug`, `info`, `notice`, `warn`, `error`, `crit`, `alert` or `emerg`";
        return refuse(cx, directive, n, expected, nginx);
    }
    true
}

/// Names that select parts of the debug level (`debug_levels`).
const DEBUG_PARTS: &[&str] =
    &["debug_core", "debug_alloc", "debug_mutex", "debug_event", "debug_http", "debug_mail", "debug_stream"];

/// Checks the target; the model has the other parameters of http's logs.
fn access_log<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let stream = super::directive::is_stream(directive);
    let off = *directive.arg(1) == *b"off";
    if !off && !log_target::check(cx, directive) {
        return false;
    }
    if !stream {
        return true;
    }
    if off {
        let nginx = format!("invalid parameter \"{}\"", directive.text(2));
        return directive.len() == 1 || refuse(cx, directive, 2, "`off` alone", nginx);
    }
    if directive.len() < 2 {
        return refuse(
            cx,
            directive,
            1,
            "the name of a `log_format` behind it",
            "log format is not specified",
        );
    }
    if !cx.states.of::<Formats>().stream.contains_key(&*directive.arg(2)) {
        let name = directive.text(2);
        let help = format!("define it before with `log_format {name} …;` in `stream`");
        cx.report(unknown_format(&name, directive.arg_span(2), help));
        return false;
    }
    log_target::parameters(cx, directive)
}

/// `log_format` of stream; the model has only http's.
fn stream_format<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if !super::directive::is_stream(directive) {
        return true;
    }
    let name = directive.arg(1).into_owned();
    if cx.states.of::<Formats>().stream.insert(name, directive.span()).is_some() {
        let nginx = format!("duplicate \"log_format\" name \"{}\"", directive.text(1));
        return refuse(cx, directive, 1, "another name", nginx);
    }
    true
}

/// Adds the format `combined`.
pub(super) fn combined(cx: &mut Compiler<'_>) {
    // The format has only built-in variables, so nothing is told of the empty place.
    let nowhere = Span::new(cx.configuration.main, 0, 0);
    let value = value::text(cx, COMBINED.as_bytes(), nowhere);
    let format = LogFormat { name: "combined".to_owned(), escape: Escape::Default, value, span: None };
    cx.http.log_formats.push(format);
}

/// `log_format name [escape=…] string …` (`ngx_http_log_set_format`).
pub(super) fn log_format(cx: &mut Compiler<'_>, directive: &Directive<'_>) {
    let name = directive.text(1);
    if let Some(first) = cx.http.log_formats.iter().find(|f| f.name == name) {
        let first = first.span;
        let message = match first {
            Some(span) => format!(
                "log format `{name}` is defined twice, first at {}",
                cx.configuration.sources.place(span)
            ),
            None => format!("log format `{name}` is nginx's own and cannot be redefined"),
        };
        let mut diagnostic = Diagnostic::error("duplicate-log-format", directive.arg_span(1), message)
            .label("defined again here")
            .help("choose another name")
            .nginx(format!("duplicate \"log_format\" name \"{name}\""));
        if let Some(first) = first {
            diagnostic = diagnostic.related(first, "first defined here");
        }
        cx.report(diagnostic);
        return;
    }
    let (escape, from) = match escape(cx, directive) {
        Some(escape) => (escape, 3),
        None => (Escape::Default, 2),
    };
    // Each argument is compiled alone: a variable's name ends where its argument ends.
    let mut value = <ComplexValue as Default>::default();
    for (n, part) in directive.args_from(from) {
        value.segments.extend(value::log_text(cx, &part, directive.arg_span(n)).segments);
    }
    let place = cx.position(directive.span());
    cx.states.of::<Formats>().places.insert(name.clone().into_bytes(), place);
    cx.http.log_formats.push(LogFormat { name, escape, value, span: Some(directive.span()) });
}

fn escape(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Escape> {
    let text = directive.arg(2);
    let name = text.strip_prefix(b"escape=")?;
    Some(match name {
        b"default" => Escape::Default,
        b"json" => Escape::Json,
        b"none" => Escape::None,
        other => {
            let other = String::from_utf8_lossy(other).into_owned();
            cx.report(
                Diagnostic::error(
                    "invalid-value",
                    directive.arg_span(2),
                    format!("`escape={other}` is no escaping; expected `default`, `json` or `none`"),
                )
                .label("expected `default`, `json` or `none`")
                .nginx(format!("unknown log format escaping \"{other}\"")),
            );
            Escape::Default
        }
    })
}

impl Value for AccessLogs {
    fn default(text: Option<&str>, _: Kind) -> Self {
        if text == Some("off") {
            return AccessLogs::Off;
        }
        let file = text.and_then(|t| t.split(' ').next()).unwrap_or("logs/access.log");
        AccessLogs::To(vec![AccessLog {
            target: LogTarget::File(file.to_owned()),
            path: None,
            format: 0,
            condition: None,
            buffer: 0,
            flush: None,
            gzip: None,
        }])
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let text = directive.arg(1);
        if *text == *b"off" {
            if directive.len() > 1 {
                let nginx = format!("invalid parameter \"{}\"", directive.text(2));
                super::argument::invalid(cx, directive, 2, "`off` alone", &nginx);
                return None;
            }
            return Some(AccessLogs::Off);
        }
        let format = match directive.len() {
            2.. => format(cx, directive)?,
            _ => 0,
        };
        if !log_target::parameters(cx, directive) {
            return None;
        }
        let mut log = AccessLog {
            target: target(&directive.text(1)),
            path: None,
            format,
            condition: None,
            buffer: 0,
            flush: None,
            gzip: None,
        };
        if text.contains(&b'$') && matches!(log.target, LogTarget::File(_)) {
            log.path = Some(value::argument(cx, directive, 1));
        }
        for (n, parameter) in directive.args_from(3) {
            if let Some(condition) = parameter.strip_prefix(b"if=") {
                log.condition = Some(value::text(cx, condition, directive.arg_span(n)));
            } else {
                buffering(&mut log, &parameter);
            }
        }
        Some(AccessLogs::To(vec![log]))
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        match (Self::parse(cx, directive), setting.is_set_here(), &mut setting.value) {
            (Some(AccessLogs::To(more)), true, AccessLogs::To(logs)) => logs.extend(more),
            (Some(value), ..) => *setting = Setting::set(value, directive.span()),
            (None, ..) => {}
        }
    }
}

/// Sets `buffer=`, `gzip` and `flush=`, which [`log_target::parameters`] has checked.
fn buffering(log: &mut AccessLog, text: &[u8]) {
    if text == b"gzip" {
        log.gzip = Some(1);
    } else if let Some(level) = text.strip_prefix(b"gzip=") {
        log.gzip = Some(argument::digits(level).unwrap_or(1) as u32);
    } else if let Some(size) = text.strip_prefix(b"buffer=") {
        log.buffer = argument::size(size).unwrap_or(0);
    } else if let Some(time) = text.strip_prefix(b"flush=") {
        log.flush = argument::time(time, false);
    }
    if log.gzip.is_some() && log.buffer == 0 {
        log.buffer = 64 << 10;
    }
}

fn format(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<usize> {
    let name = directive.text(2);
    let at = cx.http.log_formats.iter().position(|f| f.name.eq_ignore_ascii_case(&name));
    // nginx reads from top to bottom: a later format does not count.
    let later = |cx: &Compiler<'_>, name: &str| {
        let defined = cx.states.get::<Formats>().and_then(|formats| formats.places.get(name.as_bytes()));
        defined.is_some_and(|place| *place > cx.position(directive.span()))
    };
    if let Some(at) = at.filter(|&at| !later(cx, &cx.http.log_formats[at].name)) {
        return Some(at);
    }
    let near = cx
        .http
        .log_formats
        .iter()
        .map(|f| f.name.as_str())
        .min_by_key(|other| strsim::osa_distance(other, &name))
        .filter(|other| strsim::osa_distance(other, &name) <= 2);
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("define it before with `log_format {name} …;`"),
    };
    cx.report(unknown_format(&name, directive.arg_span(2), help));
    None
}

fn unknown_format(name: &str, span: Span, help: String) -> Diagnostic {
    Diagnostic::error("unknown-log-format", span, format!("unknown log format `{name}`"))
        .label("no `log_format` of this name before this line")
        .help(help)
        .nginx(format!("unknown log format \"{name}\""))
}

fn target(text: &str) -> LogTarget {
    if text == "stderr" {
        return LogTarget::Stderr;
    }
    match text.split_once(':') {
        Some(("syslog", parameters)) => LogTarget::Syslog(parameters.to_owned()),
        Some(("memory", parameters)) => LogTarget::Memory(parameters.to_owned()),
        _ => LogTarget::File(text.to_owned()),
    }
}

impl Value for Vec<ErrorLog> {
    fn default(_: Option<&str>, _: Kind) -> Self {
        Vec::new()
    }

    fn parse(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Self> {
        let severity = match directive.len() {
            2.. => severity(cx, directive)?,
            _ => Severity::Error,
        };
        let span = Some(directive.span());
        Some(vec![ErrorLog { target: target(&directive.text(1)), severity, span }])
    }

    fn read(cx: &mut Compiler<'_>, directive: &Directive<'_>, setting: &mut Setting<Self>) {
        let Some(logs) = Self::parse(cx, directive) else { return };
        if setting.is_set_here() {
            setting.value.extend(logs);
        } else {
            *setting = Setting::set(logs, directive.span());
        }
    }
}

fn severity(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Severity> {
    let text = directive.text(2);
    // `debug_core` and the other `debug_*` words select parts of the debug level.
    let name = if text.starts_with("debug_") { "debug" } else { &text };
    let severity = Severity::NAMES.iter().find(|(n, _)| *n == name).map(|(_, s)| *s);
    if severity.is_none() {
        let nginx = format!("invalid log level \"{text}\"");
        let expected = "`debug`, `info`, `notice`, `warn`, `error`, `crit`, `alert` or `emerg`";
        super::argument::invalid(cx, directive, 2, expected, &nginx);
    }
    severity
}
