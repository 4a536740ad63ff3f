//! One URI for every request.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::text::{self, Piece};
use crate::model::VariableSource;
use crate::syntax::Word;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_pass` with a variable in the host and a constant path, in a location that many paths reach: the
    /// location or the path ends in `/`. Silent in `=` and `internal` locations.
    ///
    /// ## Why is this bad
    ///
    /// Without variables nginx replaces the location's part of the path. With variables it sends the URI as it is
    /// written: every request asks for the same path, without arguments.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// map $cookie_group $backend { default one; b two; }
    /// upstream one { server unix:/run/one.sock; keepalive 16; }
    /// upstream two { server unix:/run/two.sock; keepalive 16; }
    /// server {
    ///     location /api/ { proxy_pass http://$backend/; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// map $cookie_group $backend { default one; b two; }
    /// upstream one { server unix:/run/one.sock; keepalive 16; }
    /// upstream two { server unix:/run/two.sock; keepalive 16; }
    /// server {
    ///     proxy_http_version 1.1;
    ///     proxy_set_header Connection "";
    ///     location /api/ { proxy_pass http://$backend; }
    ///     location /v2/ { proxy_pass http://$backend$request_uri; }
    ///     location = /auth { proxy_pass http://$backend/check; }
    /// }
    /// ```
    PROXY_PASS_CONSTANT_URI {
        name: "proxy-pass-constant-uri",
        category: Correctness,
        level: Warning,
        summary: "with a variable in the host, a constant path is sent for every request",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, pass) in target.levels().http("proxy_pass") {
        let Some(value) = pass.arg(0).map(Word::value).filter(|v| v.contains(&b'$')) else { continue };
        let url = text::url(&value);
        let internal = level.outward().any(|l| l.get("internal").is_some());
        if !url.uri.starts_with(b"/") || url.uri.contains(&b'$') || url.uri.contains(&b'?') || internal {
            continue;
        }
        let names_path = |piece: &Piece| match piece {
            Piece::Literal(_) => false,
            Piece::Capture(_) => true,
            Piece::Variable(name) => may_hold_path(target, name) || is_of_whole_path(target, name),
        };
        let pieces = text::pieces(&url.host);
        if !pieces.iter().any(|p| matches!(p, Piece::Variable(_))) || pieces.iter().any(names_path) {
            continue;
        }
        if reached_by_many(level, &url.uri) {
            let uri = String::from_utf8_lossy(&url.uri);
            found.push(
                PROXY_PASS_CONSTANT_URI
                    .finding(pass.head(), format!("every request is passed on as `{uri}`"))
                    .label("is sent as it is written, because the host is a variable")
                    .help("leave the path out, or end it with `$request_uri`"),
            );
        }
    }
}

/// True if the location has many paths below it.
fn reached_by_many(level: Block<'_>, uri: &[u8]) -> bool {
    let Some(head) = level.around(Context::Location).and_then(Block::head) else { return false };
    let is = |word: &str| head.arg(0).is_some_and(|w| w.is(word));
    let name = head.args().next_back().map(|w| w.to_string()).unwrap_or_default();
    let exact = is("=") || head.args().len() == 1 && name.starts_with(['=', '@']);
    let prefix = head.args().len() == 1 && name.starts_with('/') || is("^~");
    !exact && (uri.ends_with(b"/") || prefix && name.ends_with('/'))
}

/// nginx's own variables that are a host or part of one.
const HOSTS: [&str; 8] =
    ["host", "server_name", "hostname", "server_addr", "server_port", "proxy_host", "http_host", "scheme"];

/// True if a `map` lists the whole paths for which the variable has a value: the request's path has done its work.
fn is_of_whole_path(target: Target<'_>, name: &str) -> bool {
    let is_path = |word: Word<'_>| ["$uri", "$document_uri", "$request_uri"].iter().any(|path| word.is(path));
    let defines =
        |word: Word<'_>| word.content().get(1..).is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes()));
    target.levels().http("map").map(|(_, map)| map).any(|map| {
        map.arg(0).is_some_and(is_path)
            && map.arg(1).is_some_and(defines)
            && target.levels().entries(map).all(|entry| {
                let is_empty = entry.arg(0).is_some_and(|value| value.value().is_empty());
                entry.name().value().starts_with(b"/") || entry.name().is("default") && is_empty
            })
    })
}

/// True if a variable can be more than a host: one of the request's path, or one that is made with a `/`.
fn may_hold_path(target: Target<'_>, name: &str) -> bool {
    let Some(id) = target.config.http.variables.find(name) else { return true };
    let levels = target.levels();
    let defines = |word: Option<Word<'_>>| {
        word.is_some_and(|w| w.content().get(1..).is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes())))
    };
    let is_more = |word: Word<'_>| word.content().contains(&b'/') || word.content().contains(&b'$');
    match target.config.http.variables.get(id).source {
        VariableSource::Builtin => !HOSTS.contains(&name),
        VariableSource::Map(_) => {
            let mut maps = levels.http("map").map(|(_, map)| map).filter(|map| defines(map.arg(1)));
            maps.any(|map| levels.entries(map).any(|entry| entry.args().any(is_more)))
        }
        VariableSource::Set => levels.sets(name).any(|(_, set)| set.args().skip(1).any(is_more)),
        _ => true,
    }
}
