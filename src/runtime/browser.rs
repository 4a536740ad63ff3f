//! Clients that nginx knows by name (`ngx_http_process_user_agent`).

use memchr::memmem::find;

use super::http1::field::Known;
use super::request::Request;

fn agent(r: &Request) -> &[u8] {
    r.head.value(Known::UserAgent, r.buffer.all()).unwrap_or_default()
}

/// `MSIE ` and a version, unless it is an Opera.
pub(crate) fn is_msie(r: &Request) -> bool {
    let agent = agent(r);
    find(agent, b"MSIE ").is_some_and(|at| at + 7 < agent.len()) && find(agent, b"Opera").is_none()
}

/// Chrome, and what says that it is one.
fn is_chrome(r: &Request) -> bool {
    let agent = agent(r);
    let has = |name: &[u8]| find(agent, name).is_some();
    has(b"Chrome/") && !has(b"Opera") && !has(b"Gecko/") && !is_msie(r)
}

/// Whether a page of an error is made longer, so that it is shown (`msie_padding`).
pub(crate) fn is_padded(r: &Request, status: u16) -> bool {
    status >= 400
        && r.plan.core.msie_padding.value
        && r.head.line.version >= 1000
        && (is_msie(r) || is_chrome(r))
}

/// One of the six lines that do it (`ngx_http_msie_padding`).
pub(crate) const PADDING: &[u8] = b"<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n";
