//! A value taken apart as a URL: which part can name the host.

use super::part::{Open, ValuePart};
use super::text::{self, is_name};

/// The place of a URL's host in a row: parts of the scheme, of the host, of the URI.
#[derive(Default)]
pub(crate) struct Url {
    /// Before `://`; empty for what has no scheme.
    pub(crate) scheme: Vec<ValuePart>,
    /// Host and port.
    pub(crate) host: Vec<ValuePart>,
    /// From `/` or `?` on.
    pub(crate) uri: Vec<ValuePart>,
}

impl Open {
    /// A part that is not empty begins with `/` or `?`, so that a host ends before it.
    fn ends_host(&self) -> bool {
        (0..=255_u8).all(|b| !self.first[usize::from(b)] || matches!(b, b'/' | b'?'))
    }
}

/// Takes a row apart as `ngx_parse_url` does; `schemes`: it begins with `http://` or the like.
pub(crate) fn url(row: &[ValuePart], schemes: bool) -> Url {
    let mut found = Url::default();
    let mut parts: std::collections::VecDeque<ValuePart> = row.iter().cloned().collect();
    let mut in_scheme = schemes;
    while let Some(part) = parts.pop_front() {
        match part {
            ValuePart::Text(text) if in_scheme => {
                let at = memchr::memmem::find(&text, b"://");
                let Some(at) = at else {
                    found.scheme.push(ValuePart::Text(text));
                    continue;
                };
                in_scheme = false;
                found.scheme.push(ValuePart::Text(text[..at].to_vec()));
                if text.len() > at + 3 {
                    parts.push_front(ValuePart::Text(text[at + 3..].to_vec()));
                }
            }
            ValuePart::Open(_) if in_scheme => found.scheme.push(part),
            ValuePart::Text(text) => {
                let is_unix = found.host.is_empty() && text.starts_with(b"unix:");
                let end = text.iter().position(|b| matches!(b, b'/' | b'?')).filter(|_| !is_unix);
                let end = end.unwrap_or(text.len());
                if end > 0 {
                    found.host.push(ValuePart::Text(text[..end].to_vec()));
                }
                if end < text.len() {
                    found.uri.push(ValuePart::Text(text[end..].to_vec()));
                    found.uri.extend(parts);
                    return found;
                }
            }
            ValuePart::Open(open) => {
                let ends = !found.host.is_empty() && open.ends_host();
                match (ends, open.empty) {
                    (true, false) => {
                        found.uri.push(ValuePart::Open(open));
                        found.uri.extend(parts);
                        return found;
                    }
                    // Empty, or the URI: it is no part of the host in either case.
                    (true, true) => found.uri.push(ValuePart::Open(open)),
                    (false, _) => found.host.push(ValuePart::Open(open)),
                }
            }
        }
    }
    found
}

/// The part with which a client chooses the host of a URL.
pub(crate) fn chosen_host(url: &Url) -> Option<&Open> {
    let scheme = url.scheme.iter().find_map(|part| match part {
        ValuePart::Open(open)
            if open.client && !open.unread && open.has(b'/') && open.has(b':') && !open.ends_host() =>
        {
            Some(open)
        }
        _ => None,
    });
    if scheme.is_some() {
        return scheme;
    }
    for (at, part) in url.host.iter().enumerate() {
        match part {
            // A port: what follows is no host any more. A path of a socket is none either.
            ValuePart::Text(text) if !text.starts_with(b"[") && text.contains(&b':') => return None,
            ValuePart::Text(_) => {}
            ValuePart::Open(open) => {
                let is_suffix = |part: &ValuePart| match part {
                    ValuePart::Text(text) => {
                        text.first().is_some_and(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
                    }
                    ValuePart::Open(_) => false,
                };
                let suffixed = url.host[at + 1..].first().is_some_and(is_suffix);
                let chooses =
                    if suffixed { open.has(b'/') || open.has(b'?') } else { open.has(b'.') && !open.domain };
                if open.client && chooses && !open.single && !open.unread {
                    return Some(open);
                }
            }
        }
    }
    None
}

/// The name that has to be resolved, as far as it is known; `None` for an address, a socket, or what is not known.
pub(crate) fn host_name(url: &Url) -> Option<String> {
    let mut name = String::new();
    let mut open = false;
    for part in &url.host {
        match part {
            ValuePart::Text(text) => name.push_str(&String::from_utf8_lossy(text)),
            ValuePart::Open(_) => open = true,
        }
    }
    let host = text::without_port(name.as_bytes());
    if name.starts_with("unix:") || name.starts_with('[') {
        return None;
    }
    // Beside what is open there is a label of letters, so the whole is no address.
    let has_label = host.split('.').any(|label| label.bytes().any(|b| b.is_ascii_alphabetic()));
    (!open || host.contains('.') && has_label).then_some(name).filter(|_| is_name(&host))
}
