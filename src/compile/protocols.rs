//! Warnings about `listen`s that disagree on the protocols of one socket (`ngx_http_add_addresses`).

use super::scope::Compiler;
use super::socket::{Options, SocketSubsystem};
use crate::diagnostic::Diagnostic;
use crate::model::Endpoint;
use crate::source::Span;
use crate::version::Version;

/// First versions with the warnings, by the block that owns the socket.
const SINCE: [(SocketSubsystem, Version); 2] =
    [(SocketSubsystem::Http, Version::new(1, 23, 4)), (SocketSubsystem::Stream, Version::new(1, 25, 5))];

/// Warns about a `listen` that redefines the protocols of its socket.
pub(super) fn warn(
    cx: &mut Compiler<'_>,
    whose: SocketSubsystem,
    span: Span,
    first: Option<Span>,
    socket: &Endpoint,
) {
    if !SINCE.iter().any(|(of, since)| *of == whose && cx.is_since(*since)) {
        return;
    }
    let message = format!("the `listen`s of `{socket}` differ in `ssl`, `http2` or `proxy_protocol`");
    let mut diagnostic = Diagnostic::warning("redefined-protocols", span, message)
        .label("holds for all servers of the socket")
        .help("give all of them the same parameters")
        .nginx(format!("protocol options redefined for {socket}"));
    if let Some(first) = first {
        diagnostic = diagnostic.related(first, "the first");
    }
    cx.report(diagnostic);
}

/// Protocols that the `listen`s of a socket have set so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Protocols {
    all: u8,
    /// Protocols of the last `listen`, without its additions; `None` after the first `listen`.
    expected: Option<u8>,
    /// Two `listen`s differed.
    changed: bool,
    /// The socket's options are set.
    set: bool,
}

impl Protocols {
    /// Protocols of the first `listen`.
    pub(super) fn new(options: &Options) -> Self {
        Self { all: bits(options), set: options.set, ..Self::default() }
    }

    /// Adds another `listen`; true if it redefines the protocols.
    pub(super) fn redefines(&mut self, options: &Options) -> bool {
        let (new, old) = (bits(options), self.all);
        let changed = self.changed;
        self.set |= options.set;
        self.all |= new;
        if new & !old != 0 {
            // The new `listen` adds protocols.
            let redefined = self.set && !options.set || changed || old & !new != 0;
            (self.expected, self.changed) = (Some(old), true);
            redefined
        } else if old & !new != 0 {
            // The new `listen` lacks protocols.
            let redefined = options.set || self.expected.is_some_and(|expected| expected != new);
            (self.expected, self.changed) = (Some(new), true);
            redefined
        } else {
            let expected = self.expected.replace(new);
            options.set && changed || expected.is_some_and(|expected| expected != new)
        }
    }
}

fn bits(options: &Options) -> u8 {
    u8::from(options.proxy_protocol) | u8::from(options.ssl) << 1 | u8::from(options.http2) << 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Options {
        let mut options = Options::default();
        options.set = text.contains('s');
        options.proxy_protocol = text.contains('p');
        options.ssl = text.contains('t');
        options.http2 = text.contains('2');
        options
    }

    #[test]
    fn as_nginx_warns() {
        // Letters: s: options of the socket, t: ssl, 2: http2, p: proxy_protocol. The warnings are those of nginx
        // 1.31.5.
        for (listens, warned) in [
            (&["t", "t", "t"][..], &[false, false][..]),
            (&["", "t"], &[false]),
            (&["t", ""], &[false]),
            (&["t", "", "t"], &[false, true]),
            (&["", "t", "2t"], &[false, true]),
            (&["2", "t"], &[true]),
            (&["st", "2t"], &[true]),
            (&["t", "s"], &[true]),
        ] {
            let mut protocols = Protocols::new(&options(listens[0]));
            let found: Vec<bool> = listens[1..].iter().map(|l| protocols.redefines(&options(l))).collect();
            assert_eq!(found, warned, "{listens:?}");
        }
    }
}
