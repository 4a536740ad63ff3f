//! `Access-Control-Allow-Origin` that repeats whatever origin asked.

use crate::diagnostic::Diagnostic;
use crate::diagnostic::Level;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::sources;
use crate::lint::text;
use crate::lint::text::Piece;
use crate::model::VariableId;
use crate::model::VariableSource;
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `Access-Control-Allow-Origin` with `$http_origin`, also through `set` or the default of a `map`,
    /// where nothing looks at the origin. Without `Access-Control-Allow-Credentials` it is as `*` would be, and a
    /// note.
    ///
    /// ## Why is this bad
    ///
    /// With credentials, every site can read what the user of the browser may read.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location /api {
    ///         add_header Access-Control-Allow-Origin $http_origin always;
    ///         add_header Access-Control-Allow-Credentials true always;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// map $http_origin $cors {
    ///     default "";
    ///     "~^https://[a-z]+\.example\.com$" $http_origin;
    /// }
    /// server {
    ///     location /api {
    ///         add_header Access-Control-Allow-Origin $cors always;
    ///         add_header Access-Control-Allow-Credentials true always;
    ///     }
    /// }
    /// ```
    CORS_REFLECTION {
        name: "cors-reflection",
        category: Security,
        level: Error,
        summary: "every origin is allowed to read the answers",
        doc: "/en/docs/http/ngx_http_headers_module.html#add_header",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, directive) in target.levels().http("add_header") {
        let is_name = |d: &Directive<'_>, name: &str| {
            d.arg(0).is_some_and(|w| w.value().eq_ignore_ascii_case(name.as_bytes()))
        };
        let Some(value) = directive.arg(1).filter(|_| is_name(&directive, "access-control-allow-origin"))
        else {
            continue;
        };
        let pieces = text::pieces(&value.value());
        let [Piece::Variable(name)] = pieces.as_slice() else { continue };
        if !reflects(target, level, name) || looks_at_origin(level) {
            continue;
        }
        let credentials = level.list("add_header").iter().any(|d| {
            is_name(d, "access-control-allow-credentials") && d.arg(1).is_some_and(|w| !w.is("false"))
        });
        let mut finding = CORS_REFLECTION
            .finding(directive.head(), "every origin is allowed: the header repeats what the client sent")
            .label("is whatever the client says")
            .help("choose with `map $http_origin` among known origins");
        if !credentials {
            finding.level = Level::Info;
        }
        found.push(finding);
    }
}

fn reflects<'a>(target: Target<'a>, level: Block<'a>, name: &str) -> bool {
    if name == "http_origin" {
        return true;
    }
    let Some(id) = target.config.http.variables.find(name) else { return false };
    let is_origin = |id: VariableId| target.config.http.variables.get(id).name == "http_origin";
    match target.config.http.variables.get(id).source {
        VariableSource::Map(position) => {
            let default = &target.config.http.maps[position].default;
            default.as_ref().is_some_and(|d| d.value.variables().any(is_origin))
        }
        VariableSource::Set => sources::sets(target.view(), level, name).iter().any(|(at, set)| {
            at.head().is_none_or(|head| !head.name().is("if"))
                && set.arg(1).is_some_and(|w| w.value().eq_ignore_ascii_case(b"$http_origin"))
        }),
        _ => false,
    }
}

/// Whether an `if` around or beside it asks about the origin.
fn looks_at_origin(level: Block<'_>) -> bool {
    level.outward().any(|level| {
        let own = level.head().filter(|head| head.name().is("if"));
        own.into_iter().chain(level.own("if")).any(|head| {
            let text = head.args().map(|w| w.to_string().to_ascii_lowercase()).collect::<String>();
            text.contains("$http_origin") && (text.contains('~') || text.contains('='))
                || text.contains("cors")
                || text.contains("origin_")
        })
    })
}
