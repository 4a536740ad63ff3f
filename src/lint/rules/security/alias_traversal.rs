//! An `alias` that a request can climb out of.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Level;
use crate::edit::Edit;
use crate::edit::Fix;
use crate::lint::Target;
use crate::lint::pattern::Pattern;
use crate::lint::pattern::{begins_with, can_contain};
use crate::lint::rule::declare_rule;
use crate::lint::sources;
use crate::lint::text;
use crate::lint::text::Piece;
use crate::syntax::Directive;
use crate::syntax::Quote;
use crate::syntax::Word;
use regex_syntax::hir::HirKind;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `alias` in a prefix location whose path does not end in `/`. If the alias ends in `/`, requests such
    /// as `/files../secret` leave the directory. If it does not, only names that begin alike are reached, which is
    /// a note, and none in `internal` locations; a location that proxies has no file, and no finding; for a file `location =` is meant. In a regex location it reports a group that follows other text
    /// directly and that the alias puts behind a `/`.
    ///
    /// ## Why is this bad
    ///
    /// nginx replaces the location's path by the alias as text. What follows the path in the request need not begin
    /// with `/`.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location /files { alias /srv/files/; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/files(.*)$ { alias /srv/files/$1; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location /files/ { alias /srv/files/; }
    ///     location = /favicon.ico { alias /srv/icons/favicon.ico; }
    ///     location ~ ^/other/(.*)$ { alias /srv/other/$1; }
    /// }
    /// ```
    ALIAS_TRAVERSAL {
        name: "alias-traversal",
        category: Security,
        level: Error,
        summary: "a location without `/` at its end and an `alias` with one: `/x../` leaves the directory",
        doc: "/en/docs/http/ngx_http_core_module.html#alias",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, alias) in target.levels().http("alias") {
        let (Some(location), Some(path)) = (level.around(Context::Location), alias.arg(0)) else { continue };
        let Some(head) = location.head() else { continue };
        // What is passed on or answered at once has no file.
        let elsewhere = ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "return"];
        if elsewhere.iter().any(|name| location.get(name).is_some()) {
            continue;
        }
        let path = path.value();
        if let Some(pattern) = sources::location_pattern(location, head) {
            if climbs_in_regex(&pattern, &path) {
                found.push(finding(alias, "the group after other text can begin with `..`"));
            }
            continue;
        }
        let Some(uri) = prefix(head) else { continue };
        if uri.ends_with('/') || !uri.starts_with('/') {
            continue;
        }
        if path.ends_with(b"/") {
            let name = head.args().next_back();
            let finding = finding(alias, &format!("`{uri}../` leaves `{}`", String::from_utf8_lossy(&path)))
                .related(head.head(), "has no `/` at its end")
                .help(format!("write `location {uri}/`"));
            let edit =
                name.map(|w| Edit::insert(w.span().after(), "/")).filter(|_| !name.is_some_and(is_quoted));
            found.push(match edit {
                Some(edit) => finding.fix(Fix::unsafe_("end the location's path with `/`", vec![edit])),
                None => finding,
            });
        } else if !path.contains(&b'$') && !location.outward().any(|l| l.get("internal").is_some()) {
            let remedy = if names_a_file(&path) {
                format!("write `location = {uri}`")
            } else {
                "end both with `/`".to_owned()
            };
            let mut finding = ALIAS_TRAVERSAL
                .finding(
                    alias.head(),
                    format!("`location {uri}` also reaches names that begin like its alias"),
                )
                .related(head.head(), "has no `/` at its end")
                .help(remedy);
            finding.level = Level::Info;
            found.push(finding);
        }
    }
}

fn is_quoted(word: Word<'_>) -> bool {
    word.quote() != Quote::None
}

fn finding(alias: Directive<'_>, why: &str) -> Diagnostic {
    ALIAS_TRAVERSAL
        .finding(alias.head(), format!("a request can leave the directory: {why}"))
        .label("is replaced as text")
}

/// The path of a prefix location.
fn prefix(head: Directive<'_>) -> Option<String> {
    match head.args().len() {
        1 => head.arg(0).map(|w| w.to_string()).filter(|uri| !uri.starts_with(['=', '~', '@', '^'])),
        2 if head.arg(0).is_some_and(|w| w.is("^~")) => head.arg(1).map(|w| w.to_string()),
        _ => None,
    }
}

/// The last part of a path has an extension.
fn names_a_file(path: &[u8]) -> bool {
    let last = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    last.iter().skip(1).any(|b| *b == b'.')
}

/// A group directly after text that does not end in `/`, and that the alias puts behind a `/`.
fn climbs_in_regex(pattern: &Pattern, path: &[u8]) -> bool {
    let pieces = text::pieces(path);
    let behind_slash = pieces.windows(2).find_map(|pair| match pair {
        [Piece::Literal(before), Piece::Capture(n)] if before.ends_with(b"/") => Some(u32::from(*n)),
        _ => None,
    });
    let (Some(number), HirKind::Concat(parts)) = (behind_slash, pattern.hir().kind()) else { return false };
    parts.windows(2).any(|pair| match (pair[0].kind(), pair[1].kind()) {
        (HirKind::Literal(before), HirKind::Capture(group)) => {
            let open = can_contain(&group.sub, b'.') && can_contain(&group.sub, b'/');
            group.index == number && open && !before.0.ends_with(b"/") && !begins_with(&group.sub, b'/')
        }
        _ => false,
    })
}
