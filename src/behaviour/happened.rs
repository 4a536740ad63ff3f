//! Questions about a request that has been answered, by the simulator or by a server.

use super::outcome::{Knowable, Outcome};
use super::response::Lines;
use super::{passed, response};
use crate::source::Span;

/// A request that has been answered. What cannot be known is a [`Missing`](super::outcome::Missing).
#[expect(clippy::missing_errors_doc, reason = "each has the same error, which the trait names")]
pub trait AnsweredRequest {
    /// Names of the server that answered.
    fn names(&mut self) -> Knowable<Vec<String>>;
    /// Location as written, without the word `location`; empty: the server itself.
    fn location(&mut self) -> Knowable<String>;
    /// Status of the response.
    fn status(&mut self) -> Knowable<u16>;
    /// `Location` of the response.
    fn redirect(&mut self) -> Knowable<Option<Vec<u8>>>;
    /// Path of the file that was served.
    fn file(&mut self) -> Knowable<Option<Vec<u8>>>;
    /// Text of `return`; `None`: another body.
    fn body(&mut self) -> Knowable<Option<Vec<u8>>>;
    /// Header lines of the response.
    fn headers(&mut self) -> Knowable<Lines>;
    /// Name of the upstream, or host and port as written; `None`: the request was not passed on.
    fn upstream(&mut self) -> Knowable<Option<String>>;
    /// Method that the upstream got.
    fn upstream_method(&mut self) -> Knowable<Vec<u8>>;
    /// URI that the upstream got.
    fn upstream_uri(&mut self) -> Knowable<Vec<u8>>;
    /// Header lines that the upstream got.
    fn upstream_headers(&mut self) -> Knowable<Lines>;
    /// Source address of the upstream's connection; empty: the kernel's choice.
    fn source(&mut self) -> Knowable<Vec<u8>>;
    /// The `allow` or `deny` that decided, and true if the client was let in; `None`: none did.
    fn access(&mut self) -> Knowable<Option<(Span, bool)>>;
    /// Zone of the cache.
    fn cache(&mut self) -> Knowable<Option<String>>;
    /// Key in the cache.
    fn cache_key(&mut self) -> Knowable<Vec<u8>>;
    /// Value of a variable at the end.
    fn variable(&mut self, name: &str) -> Knowable<Vec<u8>>;
    /// Zones of `limit_req` or `limit_conn` with the request's keys.
    fn zones(&mut self, directive: &str) -> Knowable<Vec<(String, Vec<u8>)>>;
}

impl AnsweredRequest for Outcome<'_> {
    fn names(&mut self) -> Knowable<Vec<String>> {
        Ok(self.server_names().collect())
    }

    fn location(&mut self) -> Knowable<String> {
        Ok(self.location_text())
    }

    fn status(&mut self) -> Knowable<u16> {
        Outcome::status(self)
    }

    fn redirect(&mut self) -> Knowable<Option<Vec<u8>>> {
        response::location(self)
    }

    fn file(&mut self) -> Knowable<Option<Vec<u8>>> {
        Ok(Outcome::file(self)?.map(<[u8]>::to_vec))
    }

    fn body(&mut self) -> Knowable<Option<Vec<u8>>> {
        response::body(self)
    }

    fn headers(&mut self) -> Knowable<Lines> {
        response::headers(self)
    }

    fn upstream(&mut self) -> Knowable<Option<String>> {
        Outcome::upstream(self)
    }

    fn upstream_method(&mut self) -> Knowable<Vec<u8>> {
        passed::method(self)
    }

    fn upstream_uri(&mut self) -> Knowable<Vec<u8>> {
        passed::uri(self)
    }

    fn upstream_headers(&mut self) -> Knowable<Lines> {
        passed::headers(self)
    }

    fn source(&mut self) -> Knowable<Vec<u8>> {
        Outcome::source(self)
    }

    fn access(&mut self) -> Knowable<Option<(Span, bool)>> {
        match (self.needs_client(), Outcome::access(self)) {
            (Some(missing), None) => Err(missing),
            (_, decided) => Ok(decided),
        }
    }

    fn cache(&mut self) -> Knowable<Option<String>> {
        Outcome::cache(self)
    }

    fn cache_key(&mut self) -> Knowable<Vec<u8>> {
        passed::cache_key(self)
    }

    fn variable(&mut self, name: &str) -> Knowable<Vec<u8>> {
        Outcome::variable(self, name)
    }

    fn zones(&mut self, directive: &str) -> Knowable<Vec<(String, Vec<u8>)>> {
        Outcome::zones(self, directive)
    }
}
