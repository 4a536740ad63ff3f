//! An `alias` that a request can climb out of.

use regex_syntax::hir::Hir;

use crate::catalog::Context;
use crate::diagnostic::{Diagnostic, Level};
use crate::edit::{Edit, Fix};
use crate::lint::pattern::{Pattern, can_contain, first};
use crate::lint::rule::declare_rule;
use crate::lint::text::Piece;
use crate::lint::{Target, sources, text};
use crate::syntax::{Directive, Quote, Word};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `alias` in a prefix location whose path does not end in `/`. If the alias ends in `/`, requests such
    /// as `/files../secret` leave the directory. If it does not, only names that begin alike are reached, which is
    /// a note, and none in `internal` locations; a location that proxies has no file, and no finding; for a file
    /// `location =` is meant. In a regex location it reports a group that can begin with `..`, because something else than
    /// `/` stands before it in the request, and that the alias puts behind a `/`.
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
        // A request that is passed on or answered at once has no file.
        let elsewhere = ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "return"];
        if elsewhere.iter().any(|name| location.get(name).is_some()) {
            continue;
        }
        let path = path.value();
        if let Some(pattern) = sources::location_pattern(location, head) {
            match climbs_in_regex(&pattern, &path) {
                Some(TraversalTarget::Above) => {
                    found.push(finding(alias, "the group after other text can begin with `..`"));
                }
                Some(TraversalTarget::Beside) => {
                    let mut beside = ALIAS_TRAVERSAL
                        .finding(alias.head(), "the pattern also reaches names that begin like the alias")
                        .help("end both with `/`");
                    beside.level = Level::Info;
                    found.push(beside);
                }
                Some(TraversalTarget::Anywhere) => found.push(finding(alias, "the request names any path")),
                None => {}
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

/// The place that a request gets to.
enum TraversalTarget {
    /// The directory above.
    Above,
    /// Every file.
    Anywhere,
    /// Names that begin like the alias.
    Beside,
}

/// A group that can begin with `..` because something else than `/` stands before it in the request, and that the alias
/// puts behind a `/`; or one that is the whole path.
fn climbs_in_regex(pattern: &Pattern, path: &[u8]) -> Option<TraversalTarget> {
    let pieces = text::pieces(path);
    let mut before: Option<&Piece> = None;
    for (at, piece) in pieces.iter().enumerate() {
        let number = match piece {
            Piece::Capture(n) => Some(u32::from(*n)),
            Piece::Variable(name) => pattern.number(name),
            Piece::Literal(_) => None,
        };
        if let Some(number) = number
            && let Some(group) = pattern.group(number)
        {
            let begins = |byte: u8| first(group)[usize::from(byte)];
            if at == 0 && begins(b'/') && can_contain(group, b'/') && can_contain(group, b'.') {
                return Some(TraversalTarget::Anywhere);
            }
            let next = pieces.get(at + 1);
            let goes_on = can_contain(group, b'/')
                || matches!(next, Some(Piece::Literal(text)) if text.starts_with(b"/"));
            let behind_slash = matches!(before, Some(Piece::Literal(text)) if text.ends_with(b"/"));
            let other = pattern.before_group(number).is_some_and(|bytes| {
                bytes.iter().enumerate().any(|(byte, has)| *has && byte != usize::from(b'/'))
            });
            let behind_name = matches!(before, Some(Piece::Literal(text)) if text.last().is_some_and(u8::is_ascii_alphanumeric));
            let is_last = next.is_none();
            let begins_anyhow = (b'a'..=b'z').all(begins);
            if behind_name && at == 1 && is_last && begins_anyhow && can_contain(group, b'/') {
                return Some(TraversalTarget::Beside);
            }
            if behind_slash && other && goes_on && begins(b'.') && repeats(group, b'.') {
                return Some(TraversalTarget::Above);
            }
        }
        before = Some(piece);
    }
    None
}

/// True if a byte can stand there more than once.
fn repeats(hir: &Hir, byte: u8) -> bool {
    hir.properties().maximum_len() != Some(1) && can_contain(hir, byte)
}
