//! Requests to a host that the client names.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::pattern::Pattern;
use crate::lint::pattern::{begins_with, can_contain};
use crate::lint::rule::declare_rule;
use crate::lint::sources;
use crate::lint::sources::CHOSEN_BY_CLIENT;
use crate::lint::text;
use crate::lint::text::Piece;
use crate::syntax::Word;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_pass` and its relatives whose host comes from the request: an argument, a cookie, a header, a
    /// group of a regular expression; or `$host`, in a server that any name reaches. `map` and `set` are followed,
    /// so a variable with known values is no finding. Silent in `internal` locations.
    ///
    /// ## Why is this bad
    ///
    /// Anybody can make the proxy connect to anything that it can reach, inner networks included.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / { proxy_pass http://$arg_backend; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/proxy/([^/]+)/(.*)$ { proxy_pass http://$1/$2; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// map $arg_backend $backend {
    ///     default unix:/run/app.sock;
    ///     two     unix:/run/two.sock;
    /// }
    /// server {
    ///     location / { proxy_pass http://$backend; }
    ///     location /inner/ {
    ///         internal;
    ///         proxy_pass http://$arg_host;
    ///     }
    /// }
    /// ```
    SSRF {
        name: "ssrf",
        category: Security,
        level: Error,
        summary: "the client chooses which host a request is passed to",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for name in ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass"] {
        for (level, pass) in target.levels().http(name) {
            let Some(value) = pass.arg(0).map(Word::value).filter(|v| v.contains(&b'$')) else { continue };
            if level.outward().any(|l| l.get("internal").is_some()) {
                continue;
            }
            if let Some(part) = chosen(target, level, &host(&value)) {
                found.push(
                    SSRF.finding(pass.head(), format!("the client chooses the host in `{part}`"))
                        .label("can be any host")
                        .help("choose among known hosts with `map`"),
                );
            }
        }
    }
}

/// The pieces of the host: all before the first `/`, and before a variable that begins with one.
fn host(value: &[u8]) -> Vec<Piece> {
    let is_uri = |piece: &Piece| matches!(piece, Piece::Variable(name) if ["request_uri", "uri", "document_uri", "is_args"].contains(&name.as_str()));
    let pieces = text::pieces(&text::url(value).host);
    // `$target$request_uri`: only the first can be the host.
    let end = pieces.iter().skip(1).position(is_uri).map_or(pieces.len(), |at| at + 1);
    pieces[..end].to_vec()
}

fn chosen<'a>(target: Target<'a>, level: Block<'a>, host: &[Piece]) -> Option<String> {
    host.iter().enumerate().find_map(|(at, piece)| {
        let suffixed = matches!(host.get(at + 1), Some(Piece::Literal(text)) if text.starts_with(b"."));
        match piece {
            Piece::Literal(_) => None,
            Piece::Variable(name) if name == "host" => {
                (!suffixed && sources::accepts_any_host(target, level)).then(|| "$host".to_owned())
            }
            Piece::Variable(name) if !suffixed || sources::is_raw(name) => {
                sources::variable(target, level, name, CHOSEN_BY_CLIENT, 8).then(|| format!("${name}"))
            }
            Piece::Variable(_) => None,
            Piece::Capture(n) => {
                let group = |p: &Pattern| {
                    p.group(u32::from(*n)).is_some_and(|g| {
                        can_contain(g, b'.') && (!suffixed || can_contain(g, b'/')) && !begins_with(g, b'/')
                    })
                };
                sources::pattern(level).is_some_and(|p| group(&p)).then(|| format!("${n}"))
            }
        }
    })
}
