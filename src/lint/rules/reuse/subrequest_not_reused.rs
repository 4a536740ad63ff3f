//! Subrequests that open connections.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::Target;
use crate::lint::affected::affected;
use crate::lint::rule::declare_rule;
use crate::model::{LocationKind, Server};
use crate::reuse::{JudgedLeaf, Verdict};
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `auth_request`, `mirror`, `add_before_body` and `add_after_body` whose location opens a connection for
    /// every request, and `slice` where it does. As an info, an `auth_request` location with a pool that does not use
    /// `proxy_method HEAD`: a response with a body closes the connection. As an info, `proxy_intercept_errors on` with
    /// a pool: nginx closes the connection of a response that it replaces.
    ///
    /// ## Why is this bad
    ///
    /// One request of a client becomes two or more connections. With `slice 1m` a file of a gigabyte is a thousand
    /// connections.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / { auth_request /_auth; root /srv; }
    ///     location = /_auth { internal; proxy_pass http://10.0.0.7:9091/verify; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location / { slice 1m; proxy_pass http://10.0.0.7:9091; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream auth { server 10.0.0.7:9091; keepalive 16; }
    /// server {
    ///     location / { auth_request /_auth; root /srv; }
    ///     location = /_auth {
    ///         internal;
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_method HEAD;
    ///         proxy_pass_request_body off;
    ///         proxy_set_header Content-Length "";
    ///         proxy_pass http://auth/verify;
    ///     }
    /// }
    /// ```
    SUBREQUEST_NOT_REUSED {
        name: "subrequest-not-reused",
        category: Reuse,
        level: Warning,
        summary: "each request opens further connections for its subrequests",
        doc: "/en/docs/http/ngx_http_auth_request_module.html#auth_request",
        absence: true,
    }
}

/// A directive that makes subrequests, the server it stands in, and the leaf they go to.
type Reached<'a> = BTreeMap<Span, (&'static str, &'a JudgedLeaf<'a>)>;

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (span, (directive, judged)) in subrequests(target) {
        found.extend(of_subrequest(directive, span, judged));
    }
    for (span, users) in sliced(target) {
        let finding = SUBREQUEST_NOT_REUSED
            .finding(span, "each slice of a response opens a connection of its own")
            .label("one connection for each of these")
            .help("pass to an `upstream` that keeps connections");
        found.push(affected(finding, users, "not reused"));
    }
    for (span, users) in intercepted(target) {
        let mut finding = SUBREQUEST_NOT_REUSED
            .finding(span, "the connection of each response that is replaced is closed")
            .label("error responses of the peer are replaced")
            .help("let the peer answer with pages of its own if errors are frequent");
        finding.level = Level::Info;
        found.push(affected(finding, users, "used here"));
    }
}

fn of_subrequest(directive: &str, span: Span, judged: &JudgedLeaf<'_>) -> Option<Diagnostic> {
    let not_reused = judged.reached.iter().any(|(_, verdict)| matches!(verdict, Verdict::NotReused(_)));
    if not_reused
        && !judged.reached.iter().all(|(reached, _)| matches!(reached, crate::reuse::ReachedTarget::Unix(_)))
    {
        return Some(
            SUBREQUEST_NOT_REUSED
                .finding(span, format!("`{directive}` opens one more connection for each request"))
                .label("a subrequest for each request")
                .related(judged.leaf.span, "these connections are not reused")
                .help("pass to an `upstream` that keeps connections"),
        );
    }
    let settings = &judged.leaf.location.settings.reuse;
    let head = settings.proxy_method.value.constant().is_some_and(|m| m.eq_ignore_ascii_case(b"HEAD"));
    (directive == "auth_request" && judged.leaf.is_http() && judged.pooled().is_some() && !head).then(|| {
        let mut finding = SUBREQUEST_NOT_REUSED
            .finding(judged.leaf.span, "if the answer to `auth_request` has a body, its connection is closed")
            .label("reused only if the answer is empty")
            .related(span, "asked here")
            .help("add `proxy_method HEAD;` if the service answers that");
        finding.level = Level::Info;
        finding
    })
}

/// Leaves by server, for the locations that subrequests go to.
struct Leaves<'a>(BTreeMap<*const Server, Vec<&'a JudgedLeaf<'a>>>);

impl<'a> Leaves<'a> {
    fn new(target: Target<'a>) -> Self {
        let mut leaves: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for judged in &target.reuse.leaves {
            leaves.entry(std::ptr::from_ref(judged.leaf.server)).or_default().push(judged);
        }
        Self(leaves)
    }

    /// The leaf that a URI without variables goes to: the exact location, else the longest prefix.
    fn find(&self, server: &Server, uri: &str) -> Option<&'a JudgedLeaf<'a>> {
        let path = uri.split('?').next().unwrap_or_default().as_bytes();
        let leaves = self.0.get(&std::ptr::from_ref(server))?;
        let matching = leaves.iter().filter_map(|judged| match &judged.leaf.location.kind {
            LocationKind::Exact(name) if **name == *path => Some((usize::MAX, *judged)),
            LocationKind::Prefix { uri, .. } if path.starts_with(uri) => Some((uri.len(), *judged)),
            _ => None,
        });
        let best = matching.max_by_key(|(length, _)| *length)?;
        // A location that answers by itself may be nearer.
        let nearer = server.locations.iter().any(|l| match &l.kind {
            LocationKind::Exact(name) => **name == *path && best.0 != usize::MAX,
            LocationKind::Prefix { uri, .. } => path.starts_with(uri) && uri.len() > best.0,
            _ => false,
        });
        (!nearer).then_some(best.1)
    }
}

fn subrequests(target: Target<'_>) -> Reached<'_> {
    let mut found = Reached::new();
    // Most configurations make no subrequests.
    let leaves = OnceCell::new();
    for (server, location) in target.config.http.locations() {
        let (access, filter) = (&location.settings.access, &location.settings.filter);
        let one = [
            ("auth_request", &access.auth_request),
            ("add_before_body", &filter.add_before_body),
            ("add_after_body", &filter.add_after_body),
        ];
        let mut add = |directive, uri: &str, span: Option<Span>| {
            let leaves = leaves.get_or_init(|| Leaves::new(target));
            if let (Some(span), Some(judged)) = (span, leaves.find(server, uri)) {
                found.entry(span).or_insert((directive, judged));
            }
        };
        for (directive, setting) in one {
            if !setting.value.is_empty() && setting.value != "off" {
                add(directive, &setting.value, setting.origin.span());
            }
        }
        for uri in &filter.mirror.value {
            add("mirror", uri, filter.mirror.origin.span());
        }
    }
    found
}

fn sliced(target: Target<'_>) -> BTreeMap<Span, Vec<Span>> {
    let mut found: BTreeMap<Span, Vec<Span>> = BTreeMap::new();
    for judged in target.reuse.leaves.iter().filter(|judged| judged.leaf.is_http()) {
        let slice = &judged.leaf.location.settings.reuse.slice;
        let not_reused = judged.reached.iter().any(|(_, verdict)| matches!(verdict, Verdict::NotReused(_)));
        if let Some(span) = slice.origin.span().filter(|_| slice.value > 0 && not_reused) {
            found.entry(span).or_default().push(judged.leaf.span);
        }
    }
    found
}

fn intercepted(target: Target<'_>) -> BTreeMap<Span, Vec<Span>> {
    let mut found: BTreeMap<Span, Vec<Span>> = BTreeMap::new();
    for (judged, _) in target.pooled_http() {
        let intercept = &judged.leaf.location.settings.reuse.proxy_intercept_errors;
        if let Some(span) = intercept.origin.span().filter(|_| intercept.value) {
            found.entry(span).or_default().push(judged.leaf.span);
        }
    }
    found
}
