//! A missing `/` at the end of an `alias`.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::syntax::Quote;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a constant `alias` without `/` at its end in a prefix location that has one. An alias that names a
    /// file is no finding.
    ///
    /// ## Why is this bad
    ///
    /// nginx replaces the location's path by the alias as text: `/img/a.png` becomes `/srv/imagesa.png`.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location /img/ { alias /srv/images; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location /img/ { alias /srv/images/; }
    ///     location /robots/ { alias /srv/robots.txt; }
    /// }
    /// ```
    ALIAS_SLASH_MISMATCH {
        name: "alias-slash-mismatch",
        category: Correctness,
        level: Warning,
        summary: "the location ends in `/` and its `alias` does not",
        doc: "/en/docs/http/ngx_http_core_module.html#alias",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, alias) in target.levels().http("alias") {
        let (Some(head), Some(path)) = (level.head(), alias.arg(0)) else { continue };
        let uri = match head.args().len() {
            1 => head.arg(0),
            2 if head.arg(0).is_some_and(|w| w.is("^~")) => head.arg(1),
            _ => None,
        };
        let Some(uri) = uri.map(|w| w.to_string()).filter(|u| u.starts_with('/') && u.ends_with('/')) else {
            continue;
        };
        let value = path.to_string();
        // `@NAME@` and the like are filled in before nginx reads the file.
        let last = value.rsplit('/').next().unwrap_or_default();
        if value.ends_with('/')
            || value.contains(['$', '@', '{', '%'])
            || last.get(1..).is_some_and(|l| l.contains('.'))
        {
            continue;
        }
        let finding = ALIAS_SLASH_MISMATCH
            .finding(alias.head(), format!("`{uri}x` is looked for as `{value}x`"))
            .label("has no `/` at its end")
            .related(head.head(), "has one")
            .help(format!("write `alias {value}/;`"));
        found.push(if path.quote() == Quote::None {
            finding.fix(Fix::safe("end the alias with `/`", vec![Edit::insert(path.span().after(), "/")]))
        } else {
            finding
        });
    }
}
