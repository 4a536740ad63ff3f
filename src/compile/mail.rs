//! Requirements of a `server` in `mail` (`ngx_mail_core_server`, the merge functions of `ngx_mail_*_module.c`).

use super::scope::Compiler;
use crate::catalog::Context;
use crate::diagnostic::{Diagnostic, FaultPhase, Place};
use crate::source::Span;

pub(super) const REMEMBERED: &[&str] = &["protocol", "auth_http"];

/// Ports that imply their protocol (`ngx_mail_imap_protocol` and its sisters).
const PORTS: &[&str] = &["25", "110", "143", "465", "587", "993", "995"];

/// Reports the first missing directive of a server.
pub(super) fn merge(cx: &mut Compiler<'_>) {
    // A missing file may have the directive.
    let Some(level) = cx.levels.last().filter(|l| l.context == Context::MailServer && !cx.foreign_modules)
    else {
        return;
    };
    let Some(head) = level.head else { return };
    // `socket` reports a server without `listen`.
    let listens: Vec<Vec<u8>> =
        level.remembered.iter().filter(|d| d.name() == "listen").map(|d| d.arg(1).into_owned()).collect();
    let standard = |address: &Vec<u8>| {
        let port = address.rsplit(|&b| b == b':').next().unwrap_or_default();
        PORTS.iter().any(|known| known.as_bytes() == port)
    };
    if listens.is_empty() {
        return;
    }
    if level.find("protocol").is_none() && !listens.iter().any(standard) {
        missing(cx, head, "protocol", "imap", "unknown mail protocol for server");
    } else if cx.in_force("auth_http").is_none() && cx.options.contexts.is_empty() {
        // The block around a fragment may have it.
        missing(cx, head, "auth_http", "127.0.0.1:9000/auth", "no \"auth_http\" is defined for server");
    }
}

fn missing(cx: &mut Compiler<'_>, head: Span, what: &str, example: &str, nginx: &str) {
    let step = if what == "protocol" { 0 } else { 70 };
    cx.report(
        Diagnostic::error("missing-directive", head, format!("a server of `mail` needs `{what}`"))
            .label(format!("no `{what}` in it"))
            .help(format!("add `{what} {example};`"))
            .nginx(nginx)
            .when(FaultPhase::EndOfSubsystem { step, place: Place::Directive }),
    );
}
