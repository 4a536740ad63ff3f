//! Extensions without `$`.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::access;
use crate::lint::rule::declare_rule;
use crate::lint::sources;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a location whose pattern ends in an extension, such as `\.php`, without `$`. Silent for one that refuses
    /// requests: what it matches too much is refused, and `$` would open it.
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
    /// ```nginx good
    /// server {
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
        summary: "a pattern for an extension that matches in the middle of a path",
        doc: "/en/docs/http/ngx_http_core_module.html#location",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, head) in target.levels().http("location") {
        let Some((text, _)) = sources::regex_of_location(head) else { continue };
        let pattern = String::from_utf8_lossy(&text);
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
                    .finding(head.head(), format!("`.{plain}` also matches in the middle of a path"))
                    .help("end the pattern with `$`"),
            );
        }
    }
}
