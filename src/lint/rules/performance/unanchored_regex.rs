//! Extensions without `$`.

use regex_syntax::hir::{Hir, HirKind, Look};

use crate::diagnostic::Diagnostic;
use crate::lint::levels::Level;
use crate::lint::pattern::is_look;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, access, sources};
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a location whose pattern ends in an extension, such as `\.php`, without `$`; one of plain text, such as
    /// `~ /v1/`, which is looked for anywhere; and alternatives of which only some have the `^` or `$` that was meant for
    /// all: `^/a|/b`. Silent for a location that refuses requests: what it matches too much is refused, and an anchor
    /// would open it.
    ///
    /// ## Why is this bad
    ///
    /// `/a.php.txt` and `/a.phpx/y` match too, and every path is searched from each of its characters.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ \.php { fastcgi_pass unix:/run/php.sock; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/admin|/api { proxy_pass http://unix:/run/app.sock; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ /v1/ { proxy_pass http://unix:/run/app.sock; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location ~ ^/(admin|api) { proxy_pass http://unix:/run/app.sock; }
    ///     location ~ \.php$ { fastcgi_pass unix:/run/php.sock; }
    ///     location ~ \.inc { return 403; }
    ///     location ~ \.php(/|$) { return 403; }
    ///     location ~ /\.git { return 403; }
    /// }
    /// ```
    UNANCHORED_REGEX {
        name: "unanchored-regex",
        category: Performance,
        level: Info,
        summary: "a pattern that matches in the middle of a path",
        doc: "/en/docs/http/ngx_http_core_module.html#location",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, head) in target.levels().http("location") {
        let Some((text, _)) = sources::regex_of_location(head) else { continue };
        let pattern = String::from_utf8_lossy(&text);
        if let Some((message, help)) = half_anchored(level, head).or_else(|| plain(&pattern)) {
            if !level.below(head).is_some_and(access::refuses) {
                found.push(UNANCHORED_REGEX.finding(head.head(), message).help(help));
            }
            continue;
        }
        let Some((before, extension)) = pattern.rsplit_once("\\.") else { continue };
        // `a/.*\.x)` is one word in a larger group; only `\.(x|y)` is a list of extensions.
        let own_group = extension.strip_prefix('(').and_then(|e| e.strip_suffix(')'));
        let plain = own_group.unwrap_or_else(|| extension.trim_end_matches(')')).trim_start_matches("?:");
        let letters = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_alphabetic())
                && word.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        let words = if own_group.is_some() { plain.split('|').all(letters) } else { letters(plain) };
        // `/\.git` is a hidden name, not an extension.
        let is_extension = words && !before.ends_with(['/', '^', '(', '|', ')']);
        let refuses = || level.below(head).is_some_and(access::refuses);
        // One of several alternatives: an end would not be that of the others.
        let opened = before.matches('(').count() > before.matches(')').count();
        let alternative = own_group.is_none() && opened && before.contains('|');
        if is_extension && !alternative && !refuses() {
            found.push(
                UNANCHORED_REGEX
                    .finding(head.head(), format!("`{pattern}` also matches in the middle of a path"))
                    .label(format!("goes on behind `.{}`", plain.split('|').next().unwrap_or_default()))
                    .help(if splits(level, head) {
                        "end the pattern with `(/|$)`: what follows the `/` is the PATH_INFO that the location splits off"
                    } else {
                        "end the pattern with `$`"
                    }),
            );
        }
    }
}

/// True if a location splits the path behind the extension off, which an end of the pattern would refuse.
fn splits(level: Level<'_>, head: Directive<'_>) -> bool {
    level.below(head).is_some_and(|own| {
        own.inward().iter().any(|inner| inner.get("fastcgi_split_path_info").is_some())
            || own.own("fastcgi_param").any(|param| param.arg(0).is_some_and(|name| name.is("PATH_INFO")))
    })
}

/// Alternatives of the whole pattern of which only the first is bound to the start, or only the last to the end.
fn half_anchored(level: Level<'_>, head: Directive<'_>) -> Option<(String, String)> {
    let pattern = sources::location_pattern(level, head)?;
    let HirKind::Alternation(parts) = pattern.hir().kind() else { return None };
    let bound = |part: &Hir, look: Look| match part.kind() {
        HirKind::Concat(parts) => {
            let outermost = if look == Look::Start { parts.first() } else { parts.last() };
            outermost.is_some_and(|part| is_look(part, look))
        }
        _ => is_look(part, look),
    };
    let (first, last) = (parts.first()?, parts.last()?);
    let is_free = |part: &Hir| !bound(part, Look::Start) && !bound(part, Look::End);
    let only = |one: &Hir, look| {
        bound(one, look) && parts.iter().filter(|part| is_free(part)).count() == parts.len() - 1
    };
    let (sign, which) = match (only(first, Look::Start), only(last, Look::End)) {
        (true, _) => ("^", "first"),
        (false, true) => ("$", "last"),
        _ => return None,
    };
    Some((
        format!("`{sign}` holds for the {which} alternative only: the others match in the middle of a path"),
        "put the alternatives in a group: `^/(a|b)$`".to_owned(),
    ))
}

/// A pattern that is a path as it stands: `/v1/`.
fn plain(pattern: &str) -> Option<(String, String)> {
    let is_text = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte);
    (pattern.starts_with('/') && pattern.len() > 2 && pattern.bytes().all(is_text)).then(|| {
        (
            format!("`{pattern}` also matches in the middle of a path"),
            format!("write `^{pattern}`, or `location {pattern}`"),
        )
    })
}
