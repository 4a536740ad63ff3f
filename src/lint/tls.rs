//! Servers that speak TLS.

use super::Target;
use super::levels::Level;
use crate::syntax::Directive;

/// Every server of `http`, `stream` and `mail` with a `listen … ssl` or `quic`, and that `listen`; those that refuse
/// every handshake are none.
pub(super) fn servers<'a>(target: Target<'a>) -> Vec<(Level<'a>, Directive<'a>)> {
    let mut found: Vec<(Level<'a>, Directive<'a>)> = Vec::new();
    for (server, listen) in target.levels().named("listen") {
        let known = found.last().is_some_and(|(last, _)| *last == server);
        if is_tls(listen) && !known && !server.is("ssl_reject_handshake", "on") {
            found.push((server, listen));
        }
    }
    found
}

/// True if a server speaks TLS on any of its sockets.
pub(super) fn speaks(server: Level<'_>) -> bool {
    server.own("listen").any(is_tls) || server.is("ssl", "on")
}

fn is_tls(listen: Directive<'_>) -> bool {
    listen.args().skip(1).any(|w| w.is("ssl") || w.is("quic"))
}
