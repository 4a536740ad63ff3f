//! `listen … http2`.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::Endpoint;
use crate::source::{FileId, Span};
use crate::syntax::Directive;
use crate::version::Version;

declare_rule! {
    /// ## What it does
    ///
    /// Reports the parameter for nginx 1.25.1 and later, which has the directive `http2`.
    ///
    /// ## Why is this bad
    ///
    /// nginx warns at every start. The parameter acts on the socket and so on all servers that share it; the
    /// directive acts on one server. The fix therefore adds `http2 on;` to every server of the configuration that
    /// listens on the same address, with TLS or without it.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl http2;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    /// }
    /// ```
    LISTEN_HTTP2 {
        name: "listen-http2",
        category: Deprecation,
        level: Info,
        summary: "`http2` in `listen` is deprecated",
        doc: "/en/docs/http/ngx_http_v2_module.html#http2",
    }
}

/// Findings that carry the fix, which is the same for all.
const MOST_FIXES: usize = 20;

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    const FIRST: Version = Version::new(1, 25, 1);
    if target.config.version < FIRST {
        return;
    }
    let with: Vec<(Block<'_>, Directive<'_>)> = target
        .levels()
        .http("listen")
        .filter(|(_, listen)| listen.args().skip(1).any(|w| w.is("http2")))
        .collect();
    let fix = fix(target, &with);
    for (number, (_, listen)) in with.into_iter().enumerate() {
        let finding = LISTEN_HTTP2
            .finding(listen.head(), "`http2` in `listen` is deprecated since nginx 1.25.1")
            .help("take `http2` out of every `listen` of this address, and write `http2 on;` in its servers")
            .nginx("the \"listen ... http2\" directive is deprecated, use the \"http2\" directive instead");
        // In a large configuration only the first findings have the fix, which repairs all places.
        found.push(match &fix {
            Some(fix) if number < MOST_FIXES => finding.fix(fix.clone()),
            _ => finding,
        });
    }
}

/// One fix for all: removes every parameter, and adds the directive to every server that shares an address with one
/// that had it. Only if all the servers are known.
fn fix(target: Target<'_>, with: &[(Block<'_>, Directive<'_>)]) -> Option<Fix> {
    const MOST: usize = 1000;
    if !target.is_whole() || !target.reads_everything() || with.is_empty() || with.len() > MOST {
        return None;
    }
    let sockets = sockets(target);
    let of = |listen: &Directive<'_>| sockets.get(&(listen.head().file, listen.head().start));
    let addresses: HashSet<&Endpoint> =
        with.iter().filter_map(|(_, listen)| of(listen)).flatten().copied().collect();
    let mut edits = Vec::new();
    for (_, listen) in with {
        let word = listen.args().skip(1).find(|w| w.is("http2"))?;
        let text = listen.tree().text();
        let start = word.span().start as usize;
        let blanks = text[..start].iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
        edits.push(Edit::replace(Span::new(word.span().file, start - blanks, word.span().end as usize), ""));
    }
    let mut done: Vec<Block<'_>> = Vec::new();
    for (server, listen) in target.levels().http("listen") {
        let shares = of(&listen).is_some_and(|own| own.iter().any(|socket| addresses.contains(socket)));
        if shares && done.last() != Some(&server) && server.effective("http2").is_none() {
            done.push(server);
            let last = server.own("listen").last()?;
            edits.push(place::after(target.configuration, last.head(), "http2 on;")?);
        }
    }
    edits.sort_by_key(|e| e.span);
    edits.dedup();
    Some(Fix::safe("write `http2 on;` in the servers", edits))
}

/// The sockets of each `listen`: `443`, `*:443` and `0.0.0.0:443` are one.
fn sockets(target: Target<'_>) -> HashMap<(FileId, u32), Vec<&Endpoint>> {
    let mut found: HashMap<_, Vec<&Endpoint>> = HashMap::new();
    for listen in target.config.http.servers.iter().flat_map(|server| &server.listen) {
        if let Some(span) = listen.span {
            found.entry((span.file, span.start)).or_default().push(&listen.endpoint);
        }
    }
    found
}
