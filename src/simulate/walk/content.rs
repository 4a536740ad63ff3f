//! From the access phase to content: `try_files`, `index`, files, upstreams.

use super::{End, Event, RouteWalk};
use crate::eval::uri;
use crate::model::content::{Alias, TryLast};
use crate::model::location::Handler;
use crate::model::{ComplexValue, Segment, Target, Upstream, UpstreamId};
use crate::simulate::facts::{Fact, Files, Kind};
use crate::simulate::imagined::{Destination, Origin};

impl<'w> RouteWalk<'w> {
    /// The phases from preaccess to content (`ngx_http_core_run_phases`).
    pub(super) fn content(&mut self) -> End {
        if self.facts().is_none() {
            return match self.refused() {
                Some(end) => end,
                None => End::Content(self.handler().map(Handler::span)),
            };
        }
        self.take_reported_client();
        self.count();
        if let Some(end) = self.refused().or_else(|| self.try_files()) {
            return end;
        }
        match self.content_handler() {
            Some(handler) => match handler.target() {
                Some((directive, target)) => self.upstream(handler, directive, target),
                None => End::Content(Some(handler.span())),
            },
            None => self.files(),
        }
    }

    /// Handler of the location, or of the location around an `if` without one.
    pub(super) fn content_handler(&self) -> Option<&'w Handler> {
        let outer = || self.request.handled_by.and_then(|id| self.ground.router.get(id).handler.as_ref());
        self.handler().or_else(outer)
    }

    fn known_files(&self) -> Result<&'w Files, End> {
        let span = self.settings().content.root.origin.span();
        self.facts().and_then(|facts| facts.files.as_ref()).ok_or(End::Needs(Fact::Files, span))
    }

    /// `root` or `alias`, and the path of the URI below it (`ngx_http_map_uri_to_path`).
    fn path(&mut self) -> Result<(usize, Vec<u8>), End> {
        let setting = &self.settings().content.root;
        let root = &setting.value;
        if root.alias.is_some() && !self.request.is_in_location {
            return Err(End::Status(500, "`alias` cannot be used where the URI was rewritten"));
        }
        let path = self.text(&root.path);
        let mut path = path.map_err(|unknown| End::Unknown(setting.origin.span(), unknown))?;
        let length = path.len();
        let uri = &self.request.uri;
        let skip = match root.alias {
            None => 0,
            Some(Alias::Prefix(n)) => n.min(uri.len()),
            Some(Alias::All) if self.request.add_uri_to_alias => 0,
            Some(Alias::All) => uri.len(),
        };
        path.extend_from_slice(&uri[skip..]);
        Ok((length, path))
    }

    /// `ngx_http_try_files_handler`; `None`: the request goes on.
    fn try_files(&mut self) -> Option<End> {
        let setting = &self.settings().content.try_files;
        let tried = setting.value.as_ref()?;
        let span = setting.origin.span();
        let (root, path) = match self.path() {
            Ok(found) => found,
            Err(end) => return Some(end),
        };
        let Ok(files) = self.known_files() else { return Some(End::Needs(Fact::Files, span)) };
        let alias = self.settings().content.root.value.alias;
        for (file, is_directory) in &tried.files {
            // The last byte tells a directory from a file.
            let is_plain = match file.segments.last() {
                None | Some(Segment::Literal(_)) => true,
                Some(Segment::Variable(id)) => {
                    let name = &self.ground.router.config().http.variables.get(*id).name;
                    matches!(name.as_str(), "uri" | "document_uri")
                }
                Some(Segment::Capture(_)) => false,
            };
            let mut name = match if is_plain { self.text(file) } else { self.value(file) } {
                Ok(name) => name,
                Err(unknown) => return Some(End::Unknown(span, unknown)),
            };
            if let Some(Alias::Prefix(n)) = alias
                && file.constant().is_none()
                && self.request.uri.get(..n).is_some_and(|prefix| name.starts_with(prefix))
            {
                name.drain(..n);
            }
            let candidate = [&path[..root], &name].concat();
            let wanted = if *is_directory { Kind::Directory } else { Kind::File };
            if files.kind(&candidate) != Some(wanted) {
                continue;
            }
            self.events.push(Event::Tried(span, Some(candidate)));
            if file.constant().is_some() {
                self.request.origin = Origin::Constant;
            }
            match alias {
                None => self.request.uri = name,
                Some(Alias::Prefix(n)) => {
                    self.request.uri.truncate(n);
                    self.request.uri.extend_from_slice(&name);
                }
                Some(Alias::All) if !is_directory => {
                    self.request.uri = name;
                    self.request.add_uri_to_alias = true;
                }
                Some(Alias::All) => {}
            }
            return None;
        }
        self.events.push(Event::Tried(span, None));
        Some(match &tried.last {
            TryLast::Status(status) => End::Status(*status, "none of the files of `try_files` is there"),
            TryLast::Uri(uri) => match self.uri(uri) {
                Ok((uri, origin)) => self.redirect(&uri, origin),
                Err(unknown) => End::Unknown(span, unknown),
            },
        })
    }

    /// `ngx_http_index_handler`, `ngx_http_autoindex_handler`, `ngx_http_static_handler`
    fn files(&mut self) -> End {
        match self.static_file() {
            Ok(end) | Err(end) => end,
        }
    }

    fn static_file(&mut self) -> Result<End, End> {
        let method = self.request.method.clone();
        let content = &self.settings().content;
        let is_directory = self.request.uri.ends_with(b"/");
        if is_directory && matches!(method.as_str(), "GET" | "HEAD" | "POST") {
            for index in &content.index.value.0 {
                let span = content.index.origin.span();
                let name = self.value(index).map_err(|unknown| End::Unknown(span, unknown))?;
                if name.starts_with(b"/") {
                    let origin = if index.constant().is_some() { Origin::Constant } else { Origin::Computed };
                    return Ok(self.redirect(&name, origin));
                }
                let path = [&self.path()?.1[..], &name].concat();
                if self.known_files()?.kind(&path).is_some() {
                    let uri = [&self.request.uri[..], &name].concat();
                    return Ok(self.go_inside(uri));
                }
            }
        }
        if !matches!(method.as_str(), "GET" | "HEAD" | "POST") {
            return Ok(End::Status(405, "files answer only to GET and HEAD"));
        }
        let path = self.path()?.1;
        let found = self.known_files()?.kind(&path);
        Ok(match (is_directory, found) {
            (true, None) => End::Status(404, "the directory does not exist"),
            (true, Some(_)) if content.autoindex.value && method != "POST" => End::List(path),
            (true, Some(_)) => End::Status(403, "the directory has no index file"),
            (false, None) => End::Status(404, "the file does not exist"),
            (false, Some(Kind::Directory)) => End::Slash,
            (false, Some(Kind::File)) if method == "POST" => {
                End::Status(405, "files answer only to GET and HEAD")
            }
            (false, Some(Kind::File)) => End::File(path),
        })
    }

    /// An internal redirect that keeps the arguments (`ngx_http_internal_redirect` of an index file).
    fn go_inside(&mut self, uri: Vec<u8>) -> End {
        let args = std::mem::take(&mut self.request.args);
        let target = if args.is_empty() { uri } else { [&uri[..], b"?", &args].concat() };
        self.redirect(&target, Origin::Computed)
    }

    /// `ngx_http_upstream_init`: the peer's group, and its response if that is stated.
    fn upstream(&mut self, handler: &'w Handler, directive: &str, target: &Target) -> End {
        let span = handler.span();
        let destination = match target {
            Target::Upstream(id) => {
                let host = match handler {
                    Handler::Proxy(pass) => pass.host.clone(),
                    _ => self.ground.router.config().http.upstream(*id).name.clone(),
                };
                let tls = matches!(handler, Handler::Proxy(pass) if pass.tls);
                Destination { upstream: Some(*id), host: host.into_bytes(), uri: None, tls }
            }
            Target::Value(value) => {
                let url = if self.has_fixed_host(value) { self.text(value) } else { self.value(value) };
                let url = match url {
                    Ok(url) => url,
                    Err(unknown) => return End::Unknown(Some(span), unknown),
                };
                match computed(&self.ground.router.config().http.upstreams, directive, &url) {
                    Some(destination) => destination,
                    None => return End::Status(500, "the computed address is no URL"),
                }
            }
        };
        let is_reachable = destination.upstream.is_some()
            || !self.settings().limit.resolver.value.servers.is_empty()
            || is_numeric(&destination.host);
        self.request.destination = Some(destination);
        if !is_reachable {
            return End::Status(502, "the name of the computed address needs a `resolver`");
        }
        let Some(response) = self.facts().and_then(|facts| facts.upstream.as_ref()) else {
            return End::Content(Some(span));
        };
        self.request.is_answered = true;
        let settings = self.settings();
        let (is_ignored, intercepts) = match handler {
            Handler::Pass(pass) if pass.directive == "fastcgi_pass" => {
                let own = &settings.fastcgi_proxy;
                (own.ignore_headers.value.has("X-Accel-Redirect"), own.intercept_errors.value)
            }
            _ => (
                settings.pass.ignore_headers.value.has("X-Accel-Redirect"),
                settings.reuse.proxy_intercept_errors.value,
            ),
        };
        let redirect =
            response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("X-Accel-Redirect"));
        if let Some((_, to)) = redirect.filter(|_| !is_ignored) {
            if to.starts_with(b"@") {
                return self.redirect(to, Origin::Computed);
            }
            let Some((path, args)) = uri::unsafe_uri(to) else {
                return End::Status(404, "`X-Accel-Redirect` leads out of the root");
            };
            if self.request.method != "HEAD" {
                "GET".clone_into(&mut self.request.method);
            }
            self.request.args = args;
            return self.go_inside(path);
        }
        let pages = &settings.core.error_page.value;
        let has_page = pages.iter().any(|page| page.statuses.contains(&response.status));
        let has_failed = self.facts().is_some_and(|facts| facts.has_failed);
        if response.status >= 300 && (intercepts || has_failed) && has_page {
            return End::Status(response.status, "the upstream's response is replaced");
        }
        End::Content(Some(span))
    }
}

impl RouteWalk<'_> {
    /// True if the variables of a URL are in its path and arguments.
    fn has_fixed_host(&self, value: &ComplexValue) -> bool {
        let variables = &self.ground.router.config().http.variables;
        let [Segment::Literal(text), rest @ ..] = value.segments.as_slice() else { return false };
        let Some(host) = memchr::memmem::find(text, b"://").map(|at| &text[at + 3..]) else { return false };
        let is_path = |segment: &Segment| match segment {
            Segment::Variable(id) => {
                matches!(variables.get(*id).name.as_str(), "request_uri" | "uri" | "document_uri")
            }
            Segment::Literal(_) | Segment::Capture(_) => false,
        };
        !host.is_empty() && (host.contains(&b'/') || rest.first().is_none_or(is_path))
    }
}

/// The destination that a computed URL names (`ngx_http_proxy_eval`); `None` if it is none.
fn computed(upstreams: &[Upstream], directive: &str, url: &[u8]) -> Option<Destination> {
    let scheme = |text: &[u8]| url.get(..text.len()).is_some_and(|own| own.eq_ignore_ascii_case(text));
    let (rest, tls) = match directive {
        "proxy_pass" if scheme(b"http://") => (&url[7..], false),
        "proxy_pass" if scheme(b"https://") => (&url[8..], true),
        "proxy_pass" => return None,
        "grpc_pass" if scheme(b"grpc://") => (&url[7..], false),
        "grpc_pass" if scheme(b"grpcs://") => (&url[8..], true),
        _ => (url, false),
    };
    let is_unix = rest.starts_with(b"unix:");
    let end = if is_unix {
        memchr::memchr(b':', &rest[5..]).map(|at| at + 5)
    } else {
        rest.iter().position(|b| matches!(b, b'/' | b'?'))
    };
    let end = end.unwrap_or(rest.len());
    let host = rest[..end].to_vec();
    let mut uri = rest[end..].to_vec();
    if is_unix {
        uri.drain(..uri.len().min(1));
    }
    if uri.first() == Some(&b'?') {
        uri.insert(0, b'/');
    }
    if host.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(&host).into_owned();
    let default = if tls { 443 } else { 80 };
    let upstream = upstreams.iter().position(|upstream| is_named(upstream, &text, default));
    Some(Destination {
        upstream: upstream.map(|at| UpstreamId(at as u32)),
        host,
        uri: (!uri.is_empty()).then_some(uri),
        tls,
    })
}

/// An upstream of that name, or the one that another `proxy_pass` implies.
fn is_named(upstream: &Upstream, host: &str, default: u16) -> bool {
    if !upstream.is_implicit() {
        return upstream.name.eq_ignore_ascii_case(host);
    }
    let ((name, port), (other, other_port)) = (split(host), split(&upstream.name));
    other.eq_ignore_ascii_case(name) && other_port.unwrap_or(80) == port.unwrap_or(default)
}

/// Name and port.
fn split(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':').map(|(name, port)| (name, port.parse())) {
        Some((name, Ok(port))) => (name, Some(port)),
        _ => (host, None),
    }
}

fn is_numeric(host: &[u8]) -> bool {
    let text = String::from_utf8_lossy(host);
    text.starts_with("unix:")
        || text.parse::<std::net::SocketAddr>().is_ok()
        || text.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
}
