//! `listen` (`ngx_http_core_listen`).

use std::net::{Ipv4Addr, SocketAddr};

use super::address::{self, Form};
use super::directive::Directive;
use super::scope::Compiler;
use super::socket::{self, SocketSubsystem, Sockets};
use crate::catalog::Subsystem;
use crate::diagnostic::Diagnostic;
use crate::model::{Endpoint, Listen};
use crate::version::Version;

/// Implied socket of a server without `listen`.
pub(super) fn implied() -> Listen {
    Listen::new(Endpoint::Inet(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80))), None)
}

/// Adds the sockets of one `listen`: several for a range of ports.
pub(super) fn listen(cx: &mut Compiler<'_>, directive: &Directive<'_>, server: &mut Vec<Listen>) {
    let (whose, port) = match cx.subsystem {
        Subsystem::Stream => (SocketSubsystem::Stream, 0),
        _ => (SocketSubsystem::Http, 80),
    };
    let url = match address::parse_resolved(&directive.arg(1), port, Form::Listen) {
        Ok(url) => url,
        Err(fault) => {
            socket::refuse_address(cx, directive, fault);
            return;
        }
    };
    let Some(options) = socket::options(cx, directive) else { return };
    if options.http2 && cx.is_since(HTTP2_DIRECTIVE) {
        cx.report(
            Diagnostic::warning(
                "deprecated-parameter",
                directive.span(),
                "`listen … http2` is deprecated since nginx 1.25.1",
            )
            .label("deprecated")
            .help("write `http2 on;` in the `server`")
            .nginx("the \"listen ... http2\" directive is deprecated, use the \"http2\" directive instead"),
        );
    }
    let number = cx.states.of::<Sockets>().servers.len();
    for endpoint in socket::endpoints(&url) {
        if !socket::add(cx, Some(directive.span()), &endpoint, &options, (whose, number)) {
            return;
        }
        server.push(Listen {
            default_server: options.default_server,
            ssl: options.ssl,
            http2: options.http2,
            quic: options.quic,
            udp: options.udp,
            proxy_protocol: options.proxy_protocol,
            reuseport: options.reuseport,
            backlog: options.backlog,
            ipv6only: options.ipv6only,
            ..Listen::new(endpoint, Some(directive.span()))
        });
    }
}

/// First version in which the directive `http2` replaces the parameter.
const HTTP2_DIRECTIVE: Version = Version::new(1, 25, 1);
