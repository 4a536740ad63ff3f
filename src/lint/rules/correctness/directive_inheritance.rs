//! Lists that an inner level replaces.

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::lost::Keys;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, lost};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `fastcgi_param`, `uwsgi_param`, `scgi_param`, `grpc_set_header` and the `…_hide_header` directives
    /// of an inner level that do not repeat all of the outer level; for `error_page` it is a note. `add_header` and
    /// `proxy_set_header` have rules of their own. `limit_req` and `limit_conn` are replaced on purpose in most
    /// configurations and are no finding.
    ///
    /// ## Why is this bad
    ///
    /// nginx inherits such a list as a whole: one line at an inner level replaces all lines of the outer levels.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     fastcgi_param HTTPS on;
    ///     location ~ \.php$ {
    ///         fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    ///         fastcgi_pass unix:/run/php.sock;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location ~ \.php$ {
    ///         fastcgi_param HTTPS on;
    ///         fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    ///         fastcgi_pass unix:/run/php.sock;
    ///     }
    /// }
    /// ```
    DIRECTIVE_INHERITANCE {
        name: "directive-inheritance",
        category: Correctness,
        level: Warning,
        summary: "an inner list replaces the outer one and leaves out some of it",
        doc: "/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_param",
    }
}

const LISTS: &[(&str, Keys)] = &[
    ("fastcgi_param", Keys::Exact),
    ("uwsgi_param", Keys::Exact),
    ("scgi_param", Keys::Exact),
    ("grpc_set_header", Keys::Caseless),
    ("proxy_hide_header", Keys::Caseless),
    ("fastcgi_hide_header", Keys::Caseless),
    ("uwsgi_hide_header", Keys::Caseless),
    ("error_page", Keys::AllButLast),
];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for &(name, keys) in LISTS {
        for level in lost::levels_with(target, name) {
            let gone = lost::lines(level, name, keys);
            let Some(first) = level.get(name).filter(|_| !gone.is_empty()) else { continue };
            let effect = match name {
                "error_page" => "in force here",
                _ if name.ends_with("hide_header") => "hidden here",
                _ => "sent",
            };
            let message = format!(
                "this `{name}` replaces those of the outer level: {} not {effect}",
                lost::names(&gone)
            );
            let mut finding = DIRECTIVE_INHERITANCE.finding(first.head(), message);
            if keys == Keys::AllButLast {
                finding.level = Level::Info;
            }
            found.push(lost::explain(target, finding, level, name, &gone));
        }
    }
}
