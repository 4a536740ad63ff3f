//! Clients that nginx knows by name (`ngx_http_process_user_agent`, `ngx_http_browser_module.c`).

use memchr::memmem::find;

use crate::model::client::{Browser, ClientSettings, version};
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::state::Request;

fn agent(r: &Request) -> &[u8] {
    r.head.value(KnownHeader::UserAgent, r.buffer.all()).unwrap_or_default()
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

/// True if a page of an error is made longer, so that it is shown (`msie_padding`).
pub(crate) fn is_padded(r: &Request, status: u16) -> bool {
    status >= 400
        && r.plan.core.msie_padding.value
        && r.head.line.version >= 1000
        && (is_msie(r) || is_chrome(r))
}

/// A line of the padding, which has six (`ngx_http_msie_padding`).
pub(crate) const PADDING: &[u8] = b"<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n";

/// The text before the version in the name of a browser, from which byte on it is looked for, and how far the
/// version is behind its beginning.
fn mask(browser: Browser) -> (usize, &'static [u8], usize) {
    let mozilla = b"Mozilla/5.0 (".len();
    let compatible = b"Mozilla/5.0 (compatible; ".len();
    match browser {
        Browser::Opera => (0, b"Opera", b"Opera ".len()),
        Browser::Msie => (compatible, b"MSIE ", b"MSIE ".len()),
        Browser::Gecko => (mozilla, b"rv:", b"rv:".len()),
        Browser::Safari => (mozilla, b"Safari/", b"Safari/".len()),
        Browser::Konqueror => (compatible, b"Konqueror/", b"Konqueror/".len()),
    }
}

/// `ngx_http_browser`
fn is_modern(agent: Option<&[u8]>, settings: &ClientSettings) -> bool {
    let modern = &settings.modern_browser.value;
    let Some(agent) = agent else { return modern.unlisted };
    if !modern.browsers.is_empty() {
        for browser in Browser::ALL {
            let mut since: Vec<u64> =
                modern.browsers.iter().filter(|(other, _)| *other == browser).map(|(_, v)| *v).collect();
            if since.is_empty() && browser == Browser::Opera {
                // Opera also calls itself MSIE: without a configured version every Opera is ancient.
                since.push(u64::MAX);
            }
            let (skip, name, add) = mask(browser);
            let found = agent.get(skip..).and_then(|rest| Some(&rest[find(rest, name)?..]));
            let after = found.and_then(|found| found.get(add..)).filter(|after| !after.is_empty());
            if let (Some(after), Some(since)) = (after, since.first()) {
                return version(after).0 >= *since;
            }
        }
        if !modern.unlisted {
            return false;
        }
    }
    let is_ancient = settings.ancient_browser.value.iter().any(|text| match text.as_str() {
        "netscape4" => {
            agent.len() > b"Mozilla/4.72 ".len()
                && agent.starts_with(b"Mozilla/")
                && matches!(agent[8], b'1'..=b'4')
        }
        text => find(agent, text.as_bytes()).is_some(),
    });
    !is_ancient && modern.unlisted
}

/// `$modern_browser`, `$ancient_browser`
pub(crate) fn variable(s: &mut Scope<'_>, modern: bool, out: &mut Vec<u8>) -> bool {
    let r = &*s.request;
    let settings = &r.plan.client;
    if is_modern(r.head.value(KnownHeader::UserAgent, r.buffer.all()), settings) == modern {
        let value = if modern { &settings.modern_browser_value } else { &settings.ancient_browser_value };
        out.extend_from_slice(value.value.as_bytes());
    }
    true
}
