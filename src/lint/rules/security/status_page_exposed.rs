//! A status page for everybody.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, access};
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `stub_status` where the effective access rules refuse nobody: no `deny all` that comes before an
    /// `allow all`, no `if` with `return 403` or the like, no password, not `internal`, and the server listens on more than
    /// loopback and unix sockets.
    ///
    /// ## Why is this bad
    ///
    /// It tells how busy the server is, and when.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     location /status { stub_status; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     allow 127.0.0.1;
    ///     deny all;
    ///     location /status { stub_status; }
    /// }
    /// server {
    ///     listen 127.0.0.1:8080;
    ///     location /status { stub_status; }
    /// }
    /// ```
    STATUS_PAGE_EXPOSED {
        name: "status-page-exposed",
        category: Security,
        level: Warning,
        summary: "`stub_status` is open to everybody",
        doc: "/en/docs/http/ngx_http_stub_status_module.html#stub_status",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, directive) in target.levels().http("stub_status") {
        let closed = access::denies_others(level)
            || access::asks_password(level)
            || level.outward().any(|l| l.get("internal").is_some())
            || listens_locally(level)
            || level.outward().any(refuses_some)
            || answers_otherwise(level, directive)
            || !level.is_complete();
        // A fragment of a location does not show what is around it.
        if closed || level.around(Context::Server).is_none() {
            continue;
        }
        found.push(
            STATUS_PAGE_EXPOSED
                .finding(directive.head(), "everybody can read the status page")
                .label("no rule refuses anybody")
                .help("add `allow 127.0.0.1; deny all;`"),
        );
    }
}

fn listens_locally(level: Block<'_>) -> bool {
    let Some(server) = level.around(Context::Server) else { return false };
    let mut listens = server.own("listen").peekable();
    let local =
        |text: &str| ["127.", "[::1]", "unix:", "localhost"].iter().any(|prefix| text.starts_with(prefix));
    listens.peek().is_some() && listens.all(|l| l.arg(0).is_some_and(|w| local(&w.to_string())))
}

/// True if an `if` refuses requests: it may ask for the address in a variable.
fn refuses_some(level: Block<'_>) -> bool {
    let conditional =
        |inner: &Block<'_>| matches!(inner.context(), Context::IfInLocation | Context::IfInServer);
    level.inner().filter(conditional).any(access::refuses)
}

/// True if something else answers before the page, or in place of it: the last handler of a block holds.
fn answers_otherwise(level: Block<'_>, page: Directive<'_>) -> bool {
    const HANDLERS: [&str; 6] =
        ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"];
    let later = |name: &str| level.own(name).any(|handler| handler.span().start > page.span().start);
    level.get("return").is_some() || HANDLERS.iter().any(|name| later(name))
}
