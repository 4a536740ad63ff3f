//! Continuation of a route: error pages, internal redirects, and alternatives that depend on files.

use super::{End, Event, MAX_DEPTH, Walk, Way, When};
use crate::model::content::TryLast;

impl<'w> Way<'w> {
    /// Follows error pages to the end, and adds the alternatives that depend on files.
    pub(super) fn finish(mut self, mut end: End) -> Walk {
        loop {
            let status = match &end {
                End::Status(status, _) => Some(*status),
                // A response without a text gets an error page.
                End::Answer(_, status, Some(text)) if *status >= 400 && *status != 444 && text.is_empty() => {
                    Some(*status)
                }
                _ => None,
            };
            match status.and_then(|status| self.error_page(status)) {
                Some(next) => end = next,
                None => break,
            }
        }
        if let (End::Answer(_, status, _), Some(other)) = (&mut end, self.err_status)
            && !matches!(status, 301 | 302 | 303 | 307 | 308)
        {
            *status = other;
        }
        let otherwise = if matches!(end, End::Content(_)) { self.otherwise() } else { Vec::new() };
        Walk { otherwise, ..self.done(end) }
    }

    pub(super) fn done(self, end: End) -> Walk {
        Walk {
            events: self.events,
            server: self.request.server,
            location: self.location,
            uri: self.request.uri,
            end,
            otherwise: Vec::new(),
        }
    }

    /// `ngx_http_special_response_handler`
    fn error_page(&mut self, status: u16) -> Option<End> {
        let core = &self.settings().core;
        if self.in_error_page || self.changes == 0 || core.error_page.value.is_empty() {
            return None;
        }
        self.in_error_page = !core.recursive_error_pages.value;
        let page = core.error_page.value.iter().find(|page| page.statuses.contains(&status))?;
        self.err_status = Some(page.status.unwrap_or(status)).filter(|status| *status != 0);
        let uri = match self.value(&page.uri) {
            Ok(uri) => uri,
            Err(unknown) => return Some(End::Unknown(Some(page.span), unknown)),
        };
        self.events.push(Event::ErrorPage(page.span, status, uri.clone()));
        if uri.starts_with(b"/") || uri.starts_with(b"@") {
            return Some(self.redirect(&uri));
        }
        let status = page.status.filter(|s| matches!(s, 301 | 302 | 303 | 307 | 308)).unwrap_or(302);
        Some(End::Answer(page.span, status, Some(uri)))
    }

    /// `ngx_http_internal_redirect`, `ngx_http_named_location`
    fn redirect(&mut self, uri: &[u8]) -> End {
        self.events.push(Event::Redirect(uri.to_vec()));
        if self.is_cycle() {
            return End::Status(500, "rewrite or internal redirection cycle");
        }
        self.is_internal = true;
        if uri.starts_with(b"@") {
            let name = String::from_utf8_lossy(uri);
            return match self.ground.router.named(self.request.server, &name) {
                Some(id) => self.phases(Some(id)),
                None => End::Status(500, "there is no such named location"),
            };
        }
        let (path, args) = uri.split_at(memchr::memchr(b'?', uri).unwrap_or(uri.len()));
        self.request.uri = path.to_vec();
        self.request.args = args.get(1..).unwrap_or_default().to_vec();
        self.phases(None)
    }

    /// Alternatives that depend on files: `try_files` and `index`.
    fn otherwise(&self) -> Vec<(When, Walk)> {
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
                    Ok(uri) => way.redirect(&uri),
                    Err(unknown) => End::Unknown(span, unknown),
                },
            };
            if let Some(span) = span {
                ways.push((When::NothingThere(span), way.finish(end)));
            }
        }
        if self.handler().is_none() && self.request.uri.ends_with(b"/") {
            for index in content.index.value.0.iter().take(MAX_DEPTH as usize) {
                let mut way = self.fork();
                let Ok(name) = way.value(index) else { continue };
                let uri = if name.starts_with(b"/") { name } else { [&self.request.uri[..], &name].concat() };
                let end = way.redirect(&uri);
                ways.push((When::Index(uri), way.finish(end)));
            }
        }
        ways
    }

    fn fork(&self) -> Way<'w> {
        Way { request: self.request.clone(), events: Vec::new(), depth: self.depth + 1, ..*self }
    }
}
