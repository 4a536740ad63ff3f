//! The scope in which variables are evaluated, and lines of the error log about a request.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use crate::eval::{Captures, Failure, forwarded};
use crate::model::access::Addresses;
use crate::model::log::Severity;
use crate::model::{ComplexValue, Variable, VariableId, VariableSource};
use crate::runtime::net::http1::piece::Piece;
use crate::runtime::request::plan::Plan;
use crate::runtime::request::state::{Client, Request};
use crate::runtime::request::worker::Worker;

/// The scope in which variables are evaluated: the request, its connection, its worker.
pub(crate) struct Scope<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) client: &'a Client,
    pub(crate) request: &'a mut Request,
}

impl crate::eval::Request for Scope<'_> {
    fn variable(&mut self, id: VariableId, variable: &Variable, out: &mut Vec<u8>) -> bool {
        if let Some((_, value)) = self.request.stored.iter().find(|(other, _)| *other == id) {
            out.extend_from_slice(value);
            return true;
        }
        if matches!(variable.source, VariableSource::Set | VariableSource::Capture) {
            if variable.source == VariableSource::Set
                && self.request.plan.core.uninitialized_variable_warn.value
            {
                let message = format!("using uninitialized \"{}\" variable", variable.name);
                self.log(Severity::Warn, &message, "");
            }
            return false;
        }
        match self.worker.getters.get(id.0 as usize) {
            Some(Some(getter)) => getter.get(self, &variable.name, out),
            _ => false,
        }
    }

    fn address(&mut self) -> Option<IpAddr> {
        self.client.remote.map(|a| a.ip())
    }

    fn forwarded(&mut self, address: IpAddr, believed: &[Addresses], recursive: bool) -> IpAddr {
        let r = &*self.request;
        let buffer = r.buffer.all();
        let fields = r.head.fields.iter();
        let fields = fields.filter(|f| f.name.of(buffer).eq_ignore_ascii_case(b"X-Forwarded-For"));
        let values: Vec<&[u8]> = fields.map(|f| f.value.of(buffer)).collect();
        let from = Some(SocketAddr::new(address, 0));
        forwarded::forwarded(from, &values, believed, recursive).map_or(address, |a| a.ip())
    }

    fn capture(&mut self, group: u8, out: &mut Vec<u8>) -> bool {
        let Some(text) = self.request.captures.get(usize::from(group)) else { return false };
        out.extend_from_slice(text);
        true
    }

    fn set_captures(&mut self, captures: Captures) {
        for (id, value) in captures.named() {
            self.request.store(id, value);
        }
        self.request.captures = captures;
    }

    fn known(&mut self, id: VariableId, out: &mut Vec<u8>) -> Option<bool> {
        if let Some((_, value)) = self.request.stored.iter().find(|(other, _)| *other == id) {
            out.extend_from_slice(value);
            return Some(true);
        }
        let (_, piece) = self.request.memo.iter().find(|(other, _)| *other == id)?;
        out.extend_from_slice(piece.of(&self.request.memo_text));
        Some(true)
    }

    fn remember(&mut self, id: VariableId, value: &[u8]) {
        let start = self.request.memo_text.len();
        self.request.memo_text.extend_from_slice(value);
        self.request.memo.push((id, Piece::new(start, start + value.len())));
    }

    fn failed(&mut self, failure: &Failure) {
        let name = |id: VariableId| &self.worker.config.http.variables.get(id).name;
        let message = match failure {
            Failure::Cycle(id) => format!("cycle while evaluating variable \"{}\"", name(*id)),
            Failure::TooLarge(id) => format!("too much to evaluate for variable \"{}\"", name(*id)),
            Failure::Regex(error) => {
                format!("pcre2_match() failed: {} using \"{}\"", error.message, error.pattern)
            }
        };
        self.log(Severity::Error, &message, "");
    }
}

impl Scope<'_> {
    /// Appends a text with its variables replaced.
    pub(crate) fn evaluate(&mut self, value: &ComplexValue, out: &mut Vec<u8>) {
        match value.constant() {
            Some(text) => out.extend_from_slice(text),
            None => self.worker.program.evaluate(value, self, out),
        }
    }

    /// `$limit_rate`: set by the request, else by the configuration.
    pub(crate) fn limit_rate(&mut self) -> u64 {
        if let Some(rate) = self.request.limit_rate {
            return rate;
        }
        let plan = Rc::clone(&self.request.plan);
        self.size(&plan.core.limit_rate.value)
    }

    pub(crate) fn limit_rate_after(&mut self) -> u64 {
        let plan = Rc::clone(&self.request.plan);
        self.size(&plan.core.limit_rate_after.value)
    }

    fn size(&mut self, value: &ComplexValue) -> u64 {
        if value.constant() == Some(b"0") {
            return 0;
        }
        let mut text = Vec::new();
        self.evaluate(value, &mut text);
        crate::model::time::size(&text).unwrap_or(0)
    }

    /// Appends the value of a variable; false if it has none.
    pub(crate) fn variable(&mut self, id: VariableId, out: &mut Vec<u8>) -> bool {
        self.worker.program.variable(id, self, out)
    }

    /// Writes a line to the error log of the request's level (`ngx_http_log_error_handler`); `action` is what the
    /// worker was doing, with ` while `.
    pub(crate) fn log(&self, severity: Severity, message: &str, action: &str) {
        let logs = &self.request.plan.error_log;
        if logs.takes(severity) {
            let line = format!("{message}{action}{}", self.place());
            logs.write(severity, Some(self.client.number), &line);
        }
    }

    /// The place of a message, for those that come while the request waits.
    pub(crate) fn log_place(&self) -> LogPlace {
        let (plan, number) = (Rc::clone(&self.request.plan), self.client.number);
        LogPlace { plan, number, text: self.place() }
    }

    /// Client, server, request and upstream of the request, as they end a line of the error log.
    fn place(&self) -> String {
        use crate::runtime::net::http1::field::KnownHeader;
        use std::fmt::Write;
        let r = &*self.request;
        if let Some(session) = &r.session {
            let listen = &self.worker.router.listen(self.client.address).listen.endpoint;
            return session.describe(self.client.remote, listen);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let client = self.client.remote.map_or_else(|| "unix:".to_owned(), |a| a.ip().to_string());
        let mut line = format!(", client: {client}, server: {}", self.worker.server_name(r.server));
        let buffer = r.buffer.all();
        if !r.head.line.line.is_empty() {
            let _ = write!(line, ", request: \"{}\"", text(r.head.line.line.of(buffer)));
        }
        if let Some(last) = r.tries.last().filter(|t| !t.peer.is_empty()) {
            let colon = if r.upstream_is_unix { ":" } else { "" };
            let uri = text(r.upstream_uri.of(&r.upstream_out));
            let cgi = r.plan.proxy.as_ref().and_then(|plan| plan.cgi.as_ref());
            let scheme = match (cgi, r.upstream_is_tls) {
                (Some(cgi), _) => cgi.protocol.scheme(),
                (None, true) => "https",
                (None, false) => "http",
            };
            let _ = write!(line, ", upstream: \"{scheme}://{}{colon}{uri}\"", last.peer);
        }
        for (known, name) in [(KnownHeader::Host, "host"), (KnownHeader::Referer, "referrer")] {
            if let Some(value) = r.head.value(known, buffer) {
                let _ = write!(line, ", {name}: \"{}\"", text(value));
            }
        }
        line
    }
}

/// The place of messages about a request that waits.
pub(crate) struct LogPlace {
    plan: Rc<Plan>,
    number: u64,
    text: String,
}

impl LogPlace {
    /// As [`Scope::log`].
    pub(crate) fn write(&self, severity: Severity, message: &str, action: &str) {
        let logs = &self.plan.error_log;
        if logs.takes(severity) {
            logs.write(severity, Some(self.number), &format!("{message}{action}{}", self.text));
        }
    }
}
