//! Treatment of a request by a server, as far as it can be seen from outside.

use crate::behaviour::happened::AnsweredRequest;
use crate::behaviour::outcome::{Knowable, Missing};
use crate::behaviour::response::Lines;
use crate::source::Span;

/// Reason why a value has no counterpart outside of the simulator.
pub(super) const UNSEEN: &str = "only the simulator decides it";

/// Treatment of a request by a server, in the words of the original configuration.
#[derive(Debug, Default)]
pub struct ObservedTreatment {
    /// Names of the server; `None`: the request ended before one was chosen.
    pub(super) names: Option<Vec<String>>,
    pub(super) location: Option<String>,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    /// `None`: a response without a body.
    pub(super) body: Option<Vec<u8>>,
    /// The file whose text is the body.
    pub(super) file: Option<Vec<u8>>,
    pub(super) passed: Option<StubRequest>,
    pub(super) variables: Vec<(String, Vec<u8>)>,
}

/// A request as a stub got it.
#[derive(Debug)]
pub(super) struct StubRequest {
    pub(super) upstream: String,
    /// `None`: not HTTP.
    pub(super) request: Option<Request>,
}

/// Head of a request that a stub got.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Vec<u8>,
    pub(super) uri: Vec<u8>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

/// Beginning of nginx's own pages.
const OWN_PAGE: &[u8] = b"<html>\r\n<head><title>";

fn unseen<T>() -> Knowable<T> {
    Err(Missing::Outside(UNSEEN))
}

fn lines(lines: &[(String, Vec<u8>)]) -> Lines {
    lines.iter().map(|(name, value)| (name.clone(), Ok(value.clone()))).collect()
}

impl ObservedTreatment {
    fn request(&self) -> Knowable<&Request> {
        match &self.passed {
            Some(StubRequest { request: Some(request), .. }) => Ok(request),
            Some(_) => unseen(),
            None => Err(Missing::Outside("the request was not passed on")),
        }
    }
}

impl AnsweredRequest for ObservedTreatment {
    fn names(&mut self) -> Knowable<Vec<String>> {
        self.names.clone().map_or_else(unseen, Ok)
    }

    fn location(&mut self) -> Knowable<String> {
        self.location.clone().map_or_else(unseen, Ok)
    }

    fn status(&mut self) -> Knowable<u16> {
        Ok(self.status)
    }

    fn redirect(&mut self) -> Knowable<Option<Vec<u8>>> {
        let line = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Location"));
        Ok(line.map(|(_, value)| value.clone()))
    }

    fn file(&mut self) -> Knowable<Option<Vec<u8>>> {
        if self.body.is_none() { unseen() } else { Ok(self.file.clone()) }
    }

    fn body(&mut self) -> Knowable<Option<Vec<u8>>> {
        let Some(body) = &self.body else { return unseen() };
        let is_text = self.file.is_none() && !body.starts_with(OWN_PAGE);
        Ok(is_text.then(|| body.clone()))
    }

    fn headers(&mut self) -> Knowable<Lines> {
        Ok(lines(&self.headers))
    }

    fn upstream(&mut self) -> Knowable<Option<String>> {
        Ok(self.passed.as_ref().map(|passed| passed.upstream.clone()))
    }

    fn upstream_method(&mut self) -> Knowable<Vec<u8>> {
        self.request().map(|request| request.method.clone())
    }

    fn upstream_uri(&mut self) -> Knowable<Vec<u8>> {
        self.request().map(|request| request.uri.clone())
    }

    fn upstream_headers(&mut self) -> Knowable<Lines> {
        self.request().map(|request| lines(&request.headers))
    }

    fn source(&mut self) -> Knowable<Vec<u8>> {
        unseen()
    }

    fn access(&mut self) -> Knowable<Option<(Span, bool)>> {
        unseen()
    }

    fn cache(&mut self) -> Knowable<Option<String>> {
        unseen()
    }

    fn cache_key(&mut self) -> Knowable<Vec<u8>> {
        unseen()
    }

    fn variable(&mut self, name: &str) -> Knowable<Vec<u8>> {
        let name = name.trim_start_matches('$');
        let value = self.variables.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        value.map_or_else(unseen, |(_, value)| Ok(value.clone()))
    }

    fn zones(&mut self, _: &str) -> Knowable<Vec<(String, Vec<u8>)>> {
        unseen()
    }
}
