//! Reasons why a case cannot be asked on loopback.

use super::ports::{self, Ports};
use super::tables::ANSWERED;
use crate::behaviour::case::Case;
use crate::behaviour::outcome::{Missing, Outcome};
use crate::model::location::Handler;
use crate::simulate::facts::Fact;

/// Longest body of a request in bytes.
const MAX_BODY: u64 = 8 << 20;
/// Headers that say where the request ends: the session writes them.
const OWN: [&str; 2] = ["Content-Length", "Transfer-Encoding"];

/// Reason why a case cannot be asked, in words; `None`: the case can be asked.
pub(super) fn of(case: &Case, outcome: &Outcome<'_>, ports: &Ports) -> Option<String> {
    let asked = outcome.request.asked();
    if asked.protocol == "HTTP/2.0" {
        return Some("requests on loopback are HTTP/1".to_owned());
    }
    if let Some(name) = case.variables.keys().next() {
        return Some(format!(
            "it states `${}`, which only the simulator takes",
            name.trim_start_matches('$')
        ));
    }
    if case.client.is_some() && ports::has_own_clients(outcome.config()) {
        return Some(
            "it states a client, and `set_real_ip_from` decides whom the server believes".to_owned(),
        );
    }
    if case.body_size.is_some_and(|size| size > MAX_BODY) {
        return Some(format!("its body is longer than {} MiB", MAX_BODY >> 20));
    }
    let is_outside = |path: &String| path.split('/').any(|part| part == "..") || path.contains('\0');
    if let Some(path) = case.files.iter().flatten().find(|path| is_outside(path)) {
        return Some(format!("its file `{path}` leads out of a directory"));
    }
    if let Some(status) = case.upstream.as_ref().and_then(|u| u.status).filter(|s| !(200..600).contains(s)) {
        return Some(format!("no upstream ends a response with the status {status}"));
    }
    let is_own = |name: &str| OWN.iter().any(|own| own.eq_ignore_ascii_case(name));
    let is_broken = |value: &[u8]| value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    let bad = asked.headers.iter().find(|(name, value)| {
        is_own(name)
            || name.is_empty()
            || name.contains(|c: char| c.is_whitespace() || c == ':')
            || is_broken(value)
    });
    if let Some((name, _)) = bad {
        return Some(format!("its header `{name}` cannot be sent as it is"));
    }
    match outcome.handler() {
        Some(Handler::Pass(pass))
            if !ANSWERED.contains(&pass.directive) && outcome.destination().is_some() =>
        {
            return Some(format!("the stubs do not answer `{}`", pass.directive));
        }
        _ => {}
    }
    if let Some(to) = outcome.destination().filter(|to| to.upstream.is_none()) {
        let host = String::from_utf8_lossy(&to.host).into_owned();
        if !ports.has(&host) {
            return Some(format!("variables decide that it is passed to `{host}`, which is not on loopback"));
        }
    }
    match outcome.status() {
        Ok(_) | Err(Missing::Fact(Fact::Upstream)) => None,
        Err(missing) => Some(missing.to_string()),
    }
}
