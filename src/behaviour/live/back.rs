//! Values of the rewritten configuration in the words of the original.

use super::ports::{self, Ports};
use crate::eval::select::{AddressId, Router};
use crate::model::{Endpoint, Server};

/// Texts of a session, and what stands in their place in the original.
#[derive(Debug, Default)]
pub(super) struct OriginalTexts {
    /// Longer texts come first.
    replaced: Vec<(Vec<u8>, Vec<u8>)>,
    /// Ports of listeners: of the session, of the original, and true if a redirect adds the one where the original
    /// adds none: a server of the address listens on other ports too.
    ports: Vec<(Vec<u8>, Vec<u8>, bool)>,
}

impl OriginalTexts {
    pub(super) fn new(ports: &Ports, router: &Router, files: &str, relative: &str) -> Self {
        let mut replaced =
            vec![(format!("{relative}/").into_bytes(), Vec::new()), (files.as_bytes().to_vec(), Vec::new())];
        for upstream in ports.upstreams.iter().filter(|upstream| !upstream.is_block) {
            // `$proxy_host` of a socket in the file system.
            let name = if upstream.name.starts_with("unix:") { "localhost" } else { &upstream.name };
            replaced.push((format!("127.0.0.1:{}", upstream.port).into_bytes(), name.as_bytes().to_vec()));
        }
        replaced.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        let config = router.config();
        let is_default = |id: AddressId| ports::is_default(&router.listen(id).listen);
        let ids = |server: &Server| {
            server
                .listen
                .iter()
                .filter_map(|l| ports::address(router, &l.endpoint, l.quic))
                .collect::<Vec<_>>()
        };
        let mixed: Vec<AddressId> = config
            .http
            .servers
            .iter()
            .map(ids)
            .filter(|ids| ids.iter().any(|id| is_default(*id)) && !ids.iter().all(|id| is_default(*id)))
            .flatten()
            .collect();
        let listen = router.addresses().zip(&ports.listen).filter_map(|((id, address), live)| {
            let own = match &address.listen.endpoint {
                Endpoint::Inet(address) => address.port(),
                Endpoint::Name(_, port) => *port,
                Endpoint::Unix(_) => return None,
            };
            let is_added = is_default(id) && mixed.contains(&id);
            Some((live.to_string().into_bytes(), own.to_string().into_bytes(), is_added))
        });
        Self { replaced, ports: listen.collect() }
    }

    /// A value as the original would have it.
    pub(super) fn text(&self, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(value.len());
        let mut at = 0;
        while at < value.len() {
            let rest = &value[at..];
            if let Some((live, own)) = self.replaced.iter().find(|(live, _)| rest.starts_with(live)) {
                out.extend_from_slice(own);
                at += live.len();
                continue;
            }
            let begins = at == 0 || !value[at - 1].is_ascii_digit();
            let port = self.ports.iter().find(|(live, _, _)| {
                begins && rest.starts_with(live) && !rest.get(live.len()).is_some_and(u8::is_ascii_digit)
            });
            if let Some((live, own, is_added)) = port {
                if *is_added && out.last() == Some(&b':') {
                    out.pop();
                } else {
                    out.extend_from_slice(own);
                }
                at += live.len();
                continue;
            }
            out.push(value[at]);
            at += 1;
        }
        out
    }

    /// A text of the original as the session has it: of a stated response's header.
    pub(super) fn live(&self, value: &[u8]) -> Vec<u8> {
        let out = value.to_vec();
        let stubs = self.replaced.iter().filter(|(live, own)| live.starts_with(b"127.") && !own.is_empty());
        for (live, own) in stubs {
            for scheme in [&b"http://"[..], b"https://"] {
                let rest = out.strip_prefix(scheme).and_then(|rest| rest.strip_prefix(&own[..]));
                if let Some(rest) = rest.filter(|rest| matches!(rest.first(), None | Some(b'/' | b'?'))) {
                    return [scheme, live, rest].concat();
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_paths_and_upstreams_become_those_of_the_original() {
        let text = |text: &str| text.as_bytes().to_vec();
        let back = OriginalTexts {
            replaced: vec![
                (text("127.0.0.1:40001"), text("10.0.0.1:3000")),
                (text("/tmp/x/prefix/"), text("")),
                (text("/tmp/x/files"), text("")),
            ],
            ports: vec![(text("50000"), text("80"), true), (text("50001"), text("8080"), false)],
        };
        for (live, own) in [
            ("http://a.test:50000/x", "http://a.test/x"),
            ("http://a.test:50001/x", "http://a.test:8080/x"),
            ("50000", "80"),
            ("150000 500001", "150000 500001"),
            ("/tmp/x/files/var/www/a", "/var/www/a"),
            ("/tmp/x/prefix/html/a", "html/a"),
            ("http://127.0.0.1:40001/v1", "http://10.0.0.1:3000/v1"),
        ] {
            assert_eq!(String::from_utf8_lossy(&back.text(live.as_bytes())), own, "{live}");
        }
        assert_eq!(back.live(b"https://10.0.0.1:3000/v1"), b"https://127.0.0.1:40001/v1");
        assert_eq!(back.live(b"http://10.0.0.1:30001/v1"), b"http://10.0.0.1:30001/v1");
        assert_eq!(back.live(b"/v1"), b"/v1");
    }
}
