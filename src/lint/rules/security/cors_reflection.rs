//! `Access-Control-Allow-Origin` that repeats whatever origin asked.

use std::rc::Rc;

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::pattern::Pattern;
use crate::lint::rule::declare_rule;
use crate::lint::values::{self, Row, ValuePart, condition};
use crate::model::VariableSource;
use crate::syntax::{Directive, Word};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `Access-Control-Allow-Origin` with `$http_origin`, also through `set` or the default of a `map`,
    /// where nothing looks at the origin, with a pattern or otherwise. Without `Access-Control-Allow-Credentials` it is as `*` would be, and a
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
        let value = directive.arg(1).map(Word::value).filter(|value| value.contains(&b'$'));
        let Some(value) = value.filter(|_| is_name(&directive, "access-control-allow-origin")) else {
            continue;
        };
        let rows = values::rows(target.view(), level, &value);
        if !rows.iter().any(reflects) || looks_at_origin(target, level) {
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

/// True if a value is the origin, and no pattern that it has matched refuses strangers.
fn reflects(row: &Row) -> bool {
    let [ValuePart::Open(open)] = row.parts.as_slice() else { return false };
    let admits = |pattern: &Rc<Pattern>| {
        STRANGERS.iter().any(|origin| pattern.is_match(origin.as_bytes()) == Some(true))
    };
    open.of == "http_origin" && !open.unread && open.checked.iter().all(admits)
}

/// Origins that no list of known sites has.
const STRANGERS: [&str; 2] = ["https://stranger.net", "http://stranger.net"];

/// True if an `if` around or beside it asks something of the origin that the values do not say: through another variable.
fn looks_at_origin(target: Target<'_>, level: Block<'_>) -> bool {
    level.outward().any(|level| {
        let Some(head) = level.head().filter(|head| head.name().is("if")) else { return false };
        let Some(condition) = condition::of(level.outer().unwrap_or(level), head) else { return true };
        let is_set = || target.levels().sets(&condition.variable).next().is_some();
        let is_map = || {
            let variables = &target.config.http.variables;
            let id = variables.find(&condition.variable);
            id.is_some_and(|id| matches!(variables.get(id).source, VariableSource::Map(_)))
        };
        condition.variable != "http_origin" && (is_set() || is_map())
    })
}
