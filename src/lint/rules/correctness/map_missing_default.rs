//! A `map` that can be empty where that is an error.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::model::map::MapKey;
use crate::syntax::Directive;
use crate::values;
use crate::values::codes::Point;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `map` of two or more entries without `default` whose variable is the host of a `…_pass`, the path
    /// of `root` or `alias`, or the target of a redirect. Elsewhere the empty value is what is meant: a header that
    /// is not sent, a limit that does not hold, a condition that is false.
    ///
    /// ## Why is this bad
    ///
    /// A value that the map does not list becomes empty: the request fails with 500, or the file is looked for at the
    /// root of the file system.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// map $host $directory {
    ///     a.example /srv/a;
    ///     b.example /srv/b;
    /// }
    /// server { root $directory; }
    /// ```
    ///
    /// ```nginx good
    /// map $host $directory {
    ///     default   /srv/none;
    ///     a.example /srv/a;
    ///     b.example /srv/b;
    /// }
    /// server { root $directory; }
    /// ```
    MAP_MISSING_DEFAULT {
        name: "map-missing-default",
        category: Correctness,
        level: Info,
        summary: "a `map` gives an empty host or path for what it does not list",
        doc: "/en/docs/http/ngx_http_map_module.html#map",
        absence: true,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for map in &target.config.http.maps {
        let catches_all = |key: &MapKey| matches!(key, MapKey::Regex { pattern, .. } if pattern.len() <= 3 && !pattern.contains('$'));
        if map.default.is_some() || map.entries.len() < 2 || map.entries.iter().any(|e| catches_all(&e.key)) {
            continue;
        }
        let name = &target.config.http.variables.get(map.variable).name;
        let reached = target.uses().reached(name);
        let Some((_, user)) = reached
            .iter()
            .find(|(name, directive)| needs(*directive, name) && !is_filled(target, *directive, name))
        else {
            continue;
        };
        found.push(
            MAP_MISSING_DEFAULT
                .finding(map.span, format!("`${name}` is empty for what this `map` does not list"))
                .label("has no `default`")
                .related(user.head(), "fails with an empty value")
                .help("add `default …;`"),
        );
    }
}

/// True if an `if` has answered the requests for which the variable is empty.
fn is_filled(target: Target<'_>, directive: Directive<'_>, name: &str) -> bool {
    let name_of = directive.name().value();
    let Ok(of) = std::str::from_utf8(&name_of) else { return false };
    let mut places = target.levels().http(of).filter(|(_, d)| d.head() == directive.head()).peekable();
    places.peek().is_some()
        && places.all(|(level, d)| values::is_filled(target.view(), Point::of(level, d), name))
}

/// True if a directive cannot work with an empty value.
fn needs(directive: Directive<'_>, name: &str) -> bool {
    let is_whole = |n: usize| {
        directive.arg(n).is_some_and(|w| {
            let text = w.to_string().to_ascii_lowercase().replace(['{', '}'], "");
            let text = text.trim_start_matches("http://").trim_start_matches("https://");
            text.strip_prefix('$').is_some_and(|t| t.starts_with(name))
        })
    };
    match directive.name().content() {
        b"proxy_pass" | b"fastcgi_pass" | b"uwsgi_pass" | b"scgi_pass" | b"grpc_pass" | b"root"
        | b"alias" => is_whole(0),
        b"return" => directive.arg(0).is_some_and(|w| w.content().starts_with(b"30")) && is_whole(1),
        _ => false,
    }
}
