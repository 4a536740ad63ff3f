//! Log targets: `syslog:` and `memory:` (`ngx_syslog.c`, `ngx_log.c`), and the parameters of `access_log`.

use super::address::{self, Form};
use super::argument::{digits, refuse, size, time};
use super::directive::Directive;
use super::scope::Compiler;
use crate::diagnostic::Diagnostic;

const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv", "ftp",
    "ntp", "audit", "alert", "cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

const SEVERITIES: &[&str] = &["emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"];

/// Checks the first argument of `error_log` and `access_log`; false if an error was reported.
pub(super) fn check(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    let text = directive.arg(1);
    if let Some(parameters) = text.strip_prefix(b"syslog:") {
        return syslog(cx, directive, parameters);
    }
    match text.strip_prefix(b"memory:").filter(|_| directive.name() == "error_log") {
        Some(bytes) if size(bytes).is_none_or(|n| n < 4096) => {
            let nginx = format!("invalid buffer size \"{}\"", String::from_utf8_lossy(bytes));
            refuse(cx, directive, 1, "a size: `memory:32m`", nginx)
        }
        _ => true,
    }
}

fn syslog(cx: &mut Compiler<'_>, directive: &Directive<'_>, parameters: &[u8]) -> bool {
    let expected = "`syslog:server=ADDRESS[,facility=…,severity=…,tag=…]`";
    let mut seen: Vec<&str> = Vec::new();
    for parameter in parameters.split(|&b| b == b',') {
        let shown = String::from_utf8_lossy(parameter).into_owned();
        let (key, value) = shown.split_once('=').unwrap_or((&shown, ""));
        let Some(key) =
            ["server", "facility", "severity", "tag"].into_iter().find(|k| *k == key && shown.contains('='))
        else {
            if shown == "nohostname" {
                continue;
            }
            return refuse(cx, directive, 1, expected, format!("unknown syslog parameter \"{shown}\""));
        };
        if seen.contains(&key) {
            return refuse(cx, directive, 1, expected, format!("duplicate syslog \"{key}\""));
        }
        seen.push(key);
        let wrong = match key {
            "server" => match address::parse_resolved(value.as_bytes(), 514, Form::Peer) {
                Err(fault) => Some(format!("{fault} in syslog server \"{value}\"")),
                Ok(_) => None,
            },
            "facility" => {
                (!FACILITIES.contains(&value)).then(|| format!("unknown syslog facility \"{value}\""))
            }
            "severity" => {
                (!SEVERITIES.contains(&value)).then(|| format!("unknown syslog severity \"{value}\""))
            }
            _ if value.len() > 32 => Some("syslog tag length exceeds 32".to_owned()),
            _ => (!value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
                .then(|| "syslog \"tag\" only allows alphanumeric characters and underscore".to_owned()),
        };
        if let Some(nginx) = wrong {
            return refuse(cx, directive, 1, expected, nginx);
        }
    }
    seen.contains(&"server") || refuse(cx, directive, 1, expected, "no syslog server specified")
}

/// Parameters of a buffered log, which must be the same for all logs that write the file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Buffered {
    size: u64,
    flush: Option<std::time::Duration>,
    gzip: Option<u64>,
}

/// Default buffer size of a compressed log.
const GZIP_BUFFER: u64 = 64 * 1024;

/// The parameters of `access_log` from the third argument on (`ngx_http_log_set_log`).
pub(super) fn parameters(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    let mut buffered = Buffered { size: 0, flush: None, gzip: None };
    for (n, text) in directive.args_from(3) {
        let shown = String::from_utf8_lossy(&text).into_owned();
        let value = shown.split_once('=').map_or("", |(_, value)| value);
        let wrong = if text.starts_with(b"buffer=") {
            let bytes = size(value.as_bytes()).filter(|&n| n > 0);
            buffered.size = bytes.unwrap_or_default();
            bytes.is_none().then(|| format!("invalid buffer size \"{value}\""))
        } else if text.starts_with(b"flush=") {
            buffered.flush = time(value.as_bytes(), false).filter(|t| !t.is_zero());
            buffered.flush.is_none().then(|| format!("invalid flush time \"{value}\""))
        } else if *text == *b"gzip" {
            (buffered.size, buffered.gzip) = (buffered.size.max(GZIP_BUFFER), Some(1));
            None
        } else if text.starts_with(b"gzip=") {
            buffered.gzip = digits(value.as_bytes()).filter(|n| (1..=9).contains(n));
            buffered.size = if buffered.size == 0 { GZIP_BUFFER } else { buffered.size };
            buffered.gzip.is_none().then(|| format!("invalid compression level \"{value}\""))
        } else if text.starts_with(b"if=") {
            None
        } else {
            Some(format!("invalid parameter \"{shown}\""))
        };
        if let Some(nginx) = wrong {
            return refuse(
                cx,
                directive,
                n,
                "`buffer=SIZE`, `gzip[=LEVEL]`, `flush=TIME` or `if=CONDITION`",
                nginx,
            );
        }
    }
    let text = directive.arg(1);
    let is_buffered = buffered.size > 0;
    if buffered.flush.is_some() && !is_buffered {
        let nginx = format!("no buffer is defined for access_log \"{}\"", directive.text(1));
        return refuse(cx, directive, 1, "`buffer=` beside `flush=`", nginx);
    }
    if is_buffered && text.starts_with(b"syslog:") {
        return refuse(cx, directive, 1, "no buffer", "logs to syslog cannot be buffered");
    }
    if is_buffered && text.contains(&b'$') {
        return refuse(
            cx,
            directive,
            1,
            "a name without variables",
            "buffered logs cannot have variables in name",
        );
    }
    if !is_buffered {
        return true;
    }
    let file = (cx.subsystem, directive.text(1));
    let first = cx.names.buffered_logs.entry(file).or_insert_with(|| (buffered.clone(), directive.span()));
    if first.0 == buffered {
        return true;
    }
    let (first, shown) = (first.1, directive.text(1));
    cx.report(
        Diagnostic::error(
            "conflicting-log",
            directive.span(),
            format!("`{shown}` is written with other parameters elsewhere"),
        )
        .label("another buffer, `flush` or `gzip`")
        .related(first, "the first")
        .help("give both the same parameters")
        .nginx(format!("access_log \"{shown}\" already defined with conflicting parameters")),
    );
    false
}
