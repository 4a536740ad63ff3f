//! Continuation of a route: error pages, internal redirects, and alternatives that depend on files.

use super::{End, Event, FileCondition, Handler, MAX_DEPTH, RouteWalk, Walk};
use crate::model::content::TryLast;
use crate::model::{ComplexValue, Segment, VariableId};
use crate::simulate::imagined::{Origin, RoutedRequest};

impl<'w> RouteWalk<'w> {
    /// Follows error pages to the end, and adds the alternatives that depend on files.
    pub(super) fn finish(mut self, mut end: End) -> (Walk, RoutedRequest<'w>) {
        loop {
            let status = match &end {
                End::Status(status, _) => Some(*status),
                // A response without a text gets an error page.
                End::Answer(_, status, Some(text)) if is_page(*status, text) => Some(*status),
                End::Answer(_, status @ (301 | 302 | 303 | 307 | 308), _) if self.facts().is_some() => {
                    Some(*status)
                }
                End::Slash if self.facts().is_some() => Some(301),
                _ => None,
            };
            match status.and_then(|status| self.error_page(status)) {
                Some(next) => end = next,
                None => break,
            }
        }
        if let (End::Answer(_, status, text), Some(other)) = (&mut end, self.err_status)
            && !matches!(status, 301 | 302 | 303 | 307 | 308)
            && !text.as_ref().is_some_and(|text| is_page(*status, text))
        {
            *status = other;
        }
        self.request.status = self.status(&end);
        let is_open = matches!(end, End::Content(_)) && self.facts().is_none();
        let otherwise = if is_open { self.otherwise() } else { Vec::new() };
        let (walk, request) = self.done(end);
        (Walk { otherwise, ..walk }, request)
    }

    /// Status of the response, if the configuration and the facts decide it.
    fn status(&self, end: &End) -> Option<u16> {
        match end {
            // 494 to 497 have pages of their own, and are sent as 400.
            End::Status(494..=497, _) => Some(400),
            End::Status(status, _) | End::Answer(_, status, _) => Some(*status),
            End::Slash => Some(301),
            End::File(_) | End::List(_) => Some(self.err_status.unwrap_or(200)),
            End::Content(_) => {
                let own = match self.content_handler() {
                    Some(handler) if handler.target().is_some() => {
                        self.facts().and_then(|facts| Some(facts.upstream.as_ref()?.status))
                    }
                    Some(Handler::StubStatus(_) | Handler::EmptyGif(_)) => Some(200),
                    _ => None,
                };
                own.map(|own| self.err_status.unwrap_or(own))
            }
            End::Unknown(..) | End::Needs(..) => None,
        }
    }

    pub(super) fn done(self, end: End) -> (Walk, RoutedRequest<'w>) {
        let walk = Walk {
            events: self.events,
            server: self.request.server,
            location: self.location,
            uri: self.request.uri.clone(),
            end,
            otherwise: Vec::new(),
        };
        (walk, self.request)
    }

    /// `ngx_http_special_response_handler`
    fn error_page(&mut self, status: u16) -> Option<End> {
        let core = &self.settings().core;
        if self.in_error_page || self.changes == 0 || core.error_page.value.is_empty() {
            return None;
        }
        self.in_error_page = !core.recursive_error_pages.value;
        let page = core.error_page.value.iter().find(|page| page.statuses.contains(&status))?;
        let sent = if matches!(status, 494..=497) { 400 } else { status };
        self.err_status = Some(page.status.unwrap_or(sent)).filter(|status| *status != 0);
        let (uri, origin) = match self.uri(&page.uri) {
            Ok(found) => found,
            Err(unknown) => return Some(End::Unknown(Some(page.span), unknown)),
        };
        self.events.push(Event::ErrorPage(page.span, status, uri.clone()));
        if uri.starts_with(b"/") && self.request.method != "HEAD" {
            "GET".clone_into(&mut self.request.method);
        }
        if uri.starts_with(b"/") || uri.starts_with(b"@") {
            return Some(self.redirect(&uri, origin));
        }
        let status = page.status.filter(|s| matches!(s, 301 | 302 | 303 | 307 | 308)).unwrap_or(302);
        Some(End::Answer(page.span, status, Some(uri)))
    }

    /// A URI that the configuration names. If its path is constant its arguments decide nothing by themselves.
    pub(super) fn uri(&mut self, value: &ComplexValue) -> Result<(Vec<u8>, Origin), Vec<VariableId>> {
        let variables = &self.ground.router.config().http.variables;
        let is_constant = match value.segments.as_slice() {
            [] | [Segment::Literal(_)] => true,
            [Segment::Literal(text), Segment::Variable(id), ..] => {
                let next = value.segments.get(2);
                let is_args = |segment: &Segment| {
                    matches!(segment, Segment::Variable(id)
                    if matches!(variables.get(*id).name.as_str(), "args" | "query_string"))
                };
                text.contains(&b'?') || variables.get(*id).name == "is_args" && next.is_none_or(is_args)
            }
            _ => false,
        };
        if is_constant {
            return Ok((self.text(value)?, Origin::Constant));
        }
        Ok((self.value(value)?, Origin::Computed))
    }

    /// `ngx_http_internal_redirect`, `ngx_http_named_location`
    pub(super) fn redirect(&mut self, uri: &[u8], origin: Origin) -> End {
        self.events.push(Event::Redirect(uri.to_vec()));
        if self.is_cycle() {
            return End::Status(500, "rewrite or internal redirection cycle");
        }
        self.request.is_internal = true;
        if uri.starts_with(b"@") {
            let name = String::from_utf8_lossy(uri);
            self.request.handled_by = None;
            return match self.ground.router.named(self.request.server, &name) {
                Some(id) => self.phases(Some(id)),
                None => End::Status(500, "there is no such named location"),
            };
        }
        let (path, args) = uri.split_at(memchr::memchr(b'?', uri).unwrap_or(uri.len()));
        self.request.uri = path.to_vec();
        self.request.origin = origin;
        self.request.args = args.get(1..).unwrap_or_default().to_vec();
        self.request.is_unchanged = false;
        self.request.is_in_location = true;
        self.request.add_uri_to_alias = false;
        self.phases(None)
    }

    /// Alternatives that depend on files: `try_files` and `index`.
    fn otherwise(&self) -> Vec<(FileCondition, Walk)> {
        let content = &self.settings().content;
        let mut ways = Vec::new();
        if self.depth >= MAX_DEPTH {
            return ways;
        }
        if let Some(tried) = &content.try_files.value {
            let span = content.try_files.origin.span();
            let mut way = self.fork();
            let end = match &tried.last {
                TryLast::Status(status) => End::Status(*status, "none of the files is there"),
                TryLast::Uri(uri) => match way.value(uri) {
                    Ok(uri) => way.redirect(&uri, Origin::Computed),
                    Err(unknown) => End::Unknown(span, unknown),
                },
            };
            if let Some(span) = span {
                ways.push((FileCondition::NothingThere(span), way.finish(end).0));
            }
        }
        if self.handler().is_none() && self.request.uri.ends_with(b"/") {
            for index in content.index.value.0.iter().take(MAX_DEPTH as usize) {
                let mut way = self.fork();
                let Ok(name) = way.value(index) else { continue };
                let uri = if name.starts_with(b"/") { name } else { [&self.request.uri[..], &name].concat() };
                let end = way.redirect(&uri, Origin::Computed);
                ways.push((FileCondition::Index(uri), way.finish(end).0));
            }
        }
        ways
    }

    fn fork(&self) -> RouteWalk<'w> {
        RouteWalk { request: self.request.clone(), events: Vec::new(), depth: self.depth + 1, ..*self }
    }
}

/// True if nginx sends its own page for a `return`: there is no text.
fn is_page(status: u16, text: &[u8]) -> bool {
    status >= 400 && status != 444 && text.is_empty()
}
