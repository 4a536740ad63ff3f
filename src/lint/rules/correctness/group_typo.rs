//! `(:?` for `(?:`.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::source::Span;
use crate::syntax::Word;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `(:?` in a pattern: a group that begins with a colon that may be missing.
    ///
    /// ## Why is this bad
    ///
    /// `(?:` is a group without a number. `(:?` is one with a number, so that the numbers behind it are off by one, and it
    /// matches text that begins with `:`.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/_matrix/(:?v1|v2)/ { return 204; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location ~ ^/_matrix/(?:v1|v2)/ { return 204; }
    /// }
    /// ```
    GROUP_TYPO {
        name: "group-typo",
        category: Correctness,
        level: Warning,
        summary: "`(:?` in a pattern, where `(?:` is meant",
        doc: "/en/docs/http/ngx_http_core_module.html#location",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for name in ["location", "if", "rewrite", "server_name", "valid_referers"] {
        for (_, directive) in target.levels().http(name) {
            // The replacement of a `rewrite` is no pattern.
            let count = if name == "rewrite" { 1 } else { directive.args().len() };
            directive.args().take(count).for_each(|word| look(word, found));
        }
    }
    for (_, map) in target.levels().http("map") {
        for entry in target.levels().entries(map).filter(|e| e.name().content().starts_with(b"~")) {
            look(entry.name(), found);
        }
    }
}

fn look(word: Word<'_>, found: &mut Vec<Diagnostic>) {
    let raw = word.raw();
    let Some(at) = memchr::memmem::find(raw, b"(:?") else { return };
    // A colon that may be missing makes sense before nothing but digits: a port.
    let behind = &raw[at + 3..];
    let is_port = behind.starts_with(b"\\d")
        || behind.starts_with(b"[0-9]")
        || behind.starts_with(b")")
        || behind.first().is_some_and(u8::is_ascii_digit);
    let escaped = at > 0 && raw[at - 1] == b'\\';
    if is_port || escaped {
        return;
    }
    let start = word.span().start as usize + at;
    let span = Span::new(word.span().file, start, start + 3);
    found.push(
        GROUP_TYPO
            .finding(span, "this group begins with an optional colon: expected `(?:`, found `(:?`")
            .label("has a number, and matches `:`")
            .help("write `(?:`")
            .fix(Fix::unsafe_("write `(?:`", vec![Edit::replace(span, "(?:")])),
    );
}
