//! Names in variables without a `resolver`.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::lint::values::{self, ValuePart};
use crate::syntax::Word;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `…_pass` with a variable anywhere in it, if one of the values that it is known to take has a host name
    /// that no `upstream` has, and no `resolver` is in force. Addresses and sockets need none.
    ///
    /// ## Why is this bad
    ///
    /// A variable, even one in the path, makes nginx take the whole value apart when the request comes, and resolve the
    /// name then. Without a `resolver` the answer is 502, `no
    /// resolver defined to resolve`.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http {
    ///     server {
    ///         location / {
    ///             set $backend app.example.com;
    ///             proxy_pass http://$backend;
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx bad main
    /// events { }
    /// http {
    ///     server {
    ///         location / { proxy_pass http://localhost:8080$request_uri; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// events { }
    /// http {
    ///     server {
    ///         location / {
    ///             set $backend unix:/run/app.sock;
    ///             proxy_pass http://$backend;
    ///         }
    ///     }
    /// }
    /// ```
    VARIABLE_PROXY_WITHOUT_RESOLVER {
        name: "variable-proxy-without-resolver",
        category: Correctness,
        level: Error,
        summary: "a variable gives a host name, and nothing says which name server to ask",
        doc: "/en/docs/http/ngx_http_core_module.html#resolver",
    }
}

const PASSES: [&str; 5] = ["proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass"];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    if !target.is_whole() || !target.reads_everything() {
        return;
    }
    for directive in PASSES {
        for (level, pass) in target.levels().http(directive) {
            let Some(value) = pass.arg(0).map(Word::value).filter(|v| v.contains(&b'$')) else { continue };
            if level.effective("resolver").is_some() {
                continue;
            }
            let schemes = directive == "proxy_pass" || memchr::memmem::find(&value, b"://").is_some();
            let rows = values::rows(target.view(), level, &value);
            let name = rows.iter().find_map(|row| {
                let url = values::url(&row.parts, schemes);
                let is_https =
                    matches!(url.scheme.as_slice(), [ValuePart::Text(text)] if text.ends_with(b"s"));
                let is_open = url.host.iter().any(|part| matches!(part, ValuePart::Open(_)));
                let name = values::host_name(&url)?;
                (is_open || !is_defined(target, &name, is_https)).then_some((name, is_open))
            });
            let Some((name, is_open)) = name else { continue };
            let shown = if is_open { "the name".to_owned() } else { format!("`{name}`") };
            found.push(
                VARIABLE_PROXY_WITHOUT_RESOLVER
                    .finding(
                        pass.head(),
                        format!(
                            "{shown} is resolved when the request comes, and no `resolver` is in force: 502"
                        ),
                    )
                    .label("has a variable, so that nothing of it is resolved at start")
                    .help("add `resolver`, or define an `upstream` of that name"),
            );
        }
    }
}

/// True if an `upstream` has the name: one with a block if no port is written; one that another `…_pass` without variables
/// has made if the port is the same.
fn is_defined(target: Target<'_>, name: &str, is_https: bool) -> bool {
    let port = if is_https { ":443" } else { ":80" };
    let with_port = |name: &str| if name.contains(':') { name.to_owned() } else { format!("{name}{port}") };
    target.config.http.upstreams.iter().any(|upstream| {
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        if upstream.is_implicit() {
            same(&with_port(&upstream.name), &with_port(name))
        } else {
            same(&upstream.name, name)
        }
    })
}
