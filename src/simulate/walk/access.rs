//! TLS, the reported client, limits and access: the phases before content that may refuse a request.

use std::net::SocketAddr;

use super::{End, Event, RouteWalk};
use crate::eval::forwarded::forwarded;
use crate::eval::select::AddressId;
use crate::model::access::{Addresses, RealIpHeader};
use crate::simulate::facts::Fact;
use crate::simulate::imagined::{Counted, RequestPart};

/// Verdict of one access module.
enum Verdict {
    Declined,
    Allowed,
    Refused(u16, &'static str),
}

impl RouteWalk<'_> {
    /// `ngx_http_process_request`: a request that TLS, or its absence, refuses. Only with facts.
    pub(super) fn refused_by_tls(&self) -> Option<End> {
        let facts = self.facts()?;
        let listen = |id: AddressId| &self.ground.router.listen(id).listen;
        let takes_tls = listen(self.asked.address).ssl || listen(self.asked.address).quic;
        if takes_tls && self.asked.scheme == "http" {
            return Some(End::Status(497, "a plain HTTP request was sent to an HTTPS port"));
        }
        let has_certificate = facts.variables.get("ssl_client_verify").is_some_and(|v| v == b"SUCCESS");
        if takes_tls && self.settings().tls.verify_client.value.0 == "on" && !has_certificate {
            return Some(End::Status(496, "the client sent no certificate"));
        }
        None
    }

    /// `ngx_http_realip_handler`: takes the reported address for the client's.
    pub(super) fn take_reported_client(&mut self) {
        let access = &self.settings().access;
        let believed = &access.set_real_ip_from.value;
        if self.facts().is_none() || believed.is_empty() || self.request.real.is_some() {
            return;
        }
        let (name, is_list) = match &access.real_ip_header.value {
            RealIpHeader::ForwardedFor => ("X-Forwarded-For".into(), true),
            RealIpHeader::Header(name) => (String::from_utf8_lossy(name), false),
            RealIpHeader::ProxyProtocol => return,
        };
        let values = self.request.headers(&name);
        let values = if is_list { &values[..] } else { &values[..values.len().min(1)] };
        self.request.reads.note(RequestPart::Client);
        let from = self.request.client.map(|ip| SocketAddr::new(ip, 0));
        if let Some(found) = forwarded(from, values, believed, access.real_ip_recursive.value) {
            self.request.real = Some(self.request.client);
            self.request.client = Some(found.ip());
        }
    }

    /// Zones of `limit_req` and `limit_conn` that count the request, once a request.
    pub(super) fn count(&mut self) {
        if self.request.counted.is_some() {
            return;
        }
        let limit = &self.settings().limit;
        let http = &self.ground.router.config().http;
        let req = limit.req.value.iter().map(|l| ("limit_req", &l.zone, &http.limit_req_zones));
        let conn = limit.conn.value.iter().map(|l| ("limit_conn", &l.zone, &http.limit_conn_zones));
        let mut counted = Vec::new();
        for (directive, name, zones) in req.chain(conn) {
            if let Some(zone) = zones.iter().find(|zone| zone.name == *name) {
                let key = self.text(&zone.key);
                counted.push(Counted { directive, zone: name.clone(), key });
            }
        }
        if !counted.is_empty() {
            self.request.counted = Some(counted);
        }
    }

    /// `ngx_http_core_access_phase`; `None`: the request goes on.
    pub(super) fn refused(&mut self) -> Option<End> {
        if self.facts().is_none() {
            return self.is_denied().then_some(End::Status(403, "`deny` holds for the client"));
        }
        let is_any = self.settings().access.satisfy.value.0 == "any";
        let mut refused: Option<(u16, &'static str)> = None;
        for module in [Self::by_address, Self::by_password, Self::by_subrequest] {
            match module(self) {
                Err(end) => return Some(end),
                Ok(Verdict::Declined) => {}
                Ok(Verdict::Allowed) if is_any => return None,
                Ok(Verdict::Allowed) => {}
                Ok(Verdict::Refused(status @ (401 | 403), why)) if is_any => {
                    if refused.is_none_or(|(before, _)| before != 401) {
                        refused = Some((status, why));
                    }
                }
                Ok(Verdict::Refused(status, why)) => {
                    refused = Some((status, why));
                    break;
                }
            }
        }
        refused.map(|(status, why)| End::Status(status, why))
    }

    /// `ngx_http_access_module`, as far as the client is known. A password is assumed to be right.
    fn is_denied(&self) -> bool {
        let access = &self.settings().access;
        let asks_password = access.auth_basic.value.constant() != Some(b"off");
        if access.satisfy.value.0 == "any" && asks_password {
            return false;
        }
        for rule in &access.rules.value {
            match (&rule.who, self.asked.client) {
                (Addresses::All, _) => return !rule.allow,
                (Addresses::Net(_), None) | (Addresses::Unix, _) => return false,
                (who, client) if who.contains(client) => return !rule.allow,
                _ => {}
            }
        }
        false
    }

    /// `ngx_http_access_handler`
    fn by_address(&mut self) -> Result<Verdict, End> {
        for rule in &self.settings().access.rules.value {
            if !matches!(rule.who, Addresses::All | Addresses::Unix) {
                self.request.reads.note(RequestPart::Client);
            }
            let client = self.request.client;
            let applies = match &rule.who {
                Addresses::All => true,
                Addresses::Unix => matches!(self.asked.endpoint, crate::model::Endpoint::Unix(_)),
                who if client.is_some() => who.contains(client),
                _ => return Err(End::Needs(Fact::Client, Some(rule.span))),
            };
            if applies {
                self.events.push(Event::Access(rule.span, rule.allow));
                return Ok(if rule.allow {
                    Verdict::Allowed
                } else {
                    Verdict::Refused(403, "`deny` holds for the client")
                });
            }
        }
        Ok(Verdict::Declined)
    }

    /// `ngx_http_auth_basic_handler`: the stated user is let in, a request without a name is not.
    fn by_password(&mut self) -> Result<Verdict, End> {
        let access = &self.settings().access;
        let span = access.auth_basic.origin.span();
        let has_file = access.auth_basic_user_file.value.constant() != Some(b"");
        let realm = self.value(&access.auth_basic.value).map_err(|unknown| End::Unknown(span, unknown))?;
        if realm == b"off" || !has_file {
            return Ok(Verdict::Declined);
        }
        if self.facts().is_some_and(|facts| facts.user.is_some()) {
            return Ok(Verdict::Allowed);
        }
        if !self.request.headers("authorization").is_empty() {
            return Err(End::Needs(Fact::User, span));
        }
        Ok(Verdict::Refused(401, "`auth_basic` asks for a password"))
    }

    /// `ngx_http_auth_request_handler`
    fn by_subrequest(&mut self) -> Result<Verdict, End> {
        let access = &self.settings().access;
        if access.auth_request.value == "off" {
            return Ok(Verdict::Declined);
        }
        match self.facts().and_then(|facts| facts.auth_request) {
            None => Err(End::Needs(Fact::AuthRequest, access.auth_request.origin.span())),
            Some(200..=299) => Ok(Verdict::Allowed),
            Some(status @ (401 | 403)) => Ok(Verdict::Refused(status, "`auth_request` was refused")),
            Some(_) => {
                Ok(Verdict::Refused(500, "`auth_request` got a status that is neither 2xx, 401 nor 403"))
            }
        }
    }
}
