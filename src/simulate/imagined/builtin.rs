//! Built-in variables of a described request.

use std::net::IpAddr;

use super::{RequestPart, RoutedRequest};
use crate::eval::inet::{write_ip, write_number};
use crate::eval::select::host;
use crate::model::Endpoint;
use crate::model::content::Alias;

impl RoutedRequest<'_> {
    /// Built-in variable; `None`: unknown, `Some(false)`: no value.
    pub(super) fn builtin(&self, name: &str, out: &mut Vec<u8>) -> Option<bool> {
        let family = |prefix: &str| name.strip_prefix(prefix);
        let found = if let Some(header) = family("http_") {
            self.header(header)
        } else if let Some(argument) = family("arg_") {
            self.argument(argument).map(<[u8]>::to_vec)
        } else if let Some(cookie) = family("cookie_") {
            self.cookie(cookie)
        } else if let Some(header) = family("upstream_http_") {
            return self.answered(header, out);
        } else {
            return self.plain(name, out);
        };
        out.extend_from_slice(found.as_deref().unwrap_or_default());
        Some(found.is_some())
    }

    /// The client's address, which decides from now on.
    fn read_client(&self) -> Option<IpAddr> {
        self.reads.note(RequestPart::Client);
        self.client
    }

    /// Notes that path and arguments decide, as they came in.
    fn read_target(&self) {
        self.reads.note(RequestPart::Path);
        self.reads.note(RequestPart::Args);
    }

    fn cookie(&self, name: &str) -> Option<Vec<u8>> {
        let text = self.header("cookie")?;
        let cookies = text.split(|b| *b == b';').map(<[u8]>::trim_ascii);
        let mut values = cookies
            .filter_map(|cookie| cookie.split_at_checked(name.len()))
            .filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()));
        values.find_map(|(_, rest)| rest.strip_prefix(b"=")).map(<[u8]>::to_vec)
    }

    fn argument(&self, name: &str) -> Option<&[u8]> {
        self.read_args();
        let args = self.args.split(|b| *b == b'&');
        args.filter_map(|arg| arg.split_at_checked(name.len()))
            .filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()))
            .find_map(|(_, rest)| rest.strip_prefix(b"="))
    }

    /// `$upstream_http_name`: empty before the upstream has answered.
    fn answered(&self, name: &str, out: &mut Vec<u8>) -> Option<bool> {
        let facts = self.asked.facts.as_ref()?;
        if !self.is_answered {
            return Some(false);
        }
        let response = facts.upstream.as_ref()?;
        let dashes = |text: &str| text.replace('-', "_").to_ascii_lowercase();
        let lines = response.headers.iter().filter(|(own, _)| dashes(own) == dashes(name));
        let values: Vec<&[u8]> = lines.map(|(_, value)| value.as_slice()).collect();
        out.extend(values.join(&b", "[..]));
        Some(!values.is_empty())
    }

    fn plain(&self, name: &str, out: &mut Vec<u8>) -> Option<bool> {
        let asked = self.asked;
        match name {
            "host" if asked.name.is_empty() => out.extend(self.server_name().bytes()),
            "host" => out.extend_from_slice(&asked.name),
            "uri" | "document_uri" => {
                self.read_uri();
                out.extend_from_slice(&self.uri);
            }
            "request_uri" => {
                self.read_target();
                out.extend_from_slice(&asked.target);
            }
            "args" | "query_string" => {
                self.read_args();
                out.extend_from_slice(&self.args);
                return Some(!self.args.is_empty());
            }
            "is_args" => {
                self.read_args();
                out.extend(if self.args.is_empty() { "" } else { "?" }.bytes());
            }
            "scheme" => out.extend(asked.scheme.bytes()),
            "https" if asked.scheme == "https" => out.extend(b"on"),
            "https" => {}
            "request_method" => out.extend(asked.method.bytes()),
            "request" => {
                self.read_target();
                out.extend(asked.method.bytes());
                out.push(b' ');
                out.extend_from_slice(&asked.target);
                out.push(b' ');
                out.extend(asked.protocol.bytes());
            }
            "server_protocol" => out.extend(asked.protocol.bytes()),
            "http2" => out.extend(if asked.protocol == "HTTP/2.0" { "h2" } else { "" }.bytes()),
            "http3" => return Some(false),
            "server_name" => out.extend(self.server_name().bytes()),
            "nginx_version" => out.extend(self.config.version.to_string().bytes()),
            "content_type" => {
                let found = self.header(name);
                out.extend_from_slice(found.as_deref().unwrap_or_default());
                return Some(found.is_some());
            }
            "content_length" => {
                if let Some(length) = asked.facts.as_ref().and_then(|facts| facts.body) {
                    out.extend(length.to_string().bytes());
                } else {
                    let found = self.header(name);
                    out.extend_from_slice(found.as_deref().unwrap_or_default());
                    return Some(found.is_some());
                }
            }
            "server_port" => match &asked.endpoint {
                Endpoint::Inet(address) => write_number(u32::from(address.port()), out),
                Endpoint::Name(_, port) => write_number(u32::from(*port), out),
                Endpoint::Unix(_) => {}
            },
            "server_addr" => match &asked.endpoint {
                Endpoint::Inet(address) if !address.ip().is_unspecified() => write_ip(address.ip(), out),
                Endpoint::Unix(path) => out.extend(format!("unix:{path}").bytes()),
                _ => return None,
            },
            "request_port" | "is_request_port" => return Some(self.request_port(name, out)),
            "remote_addr" => write_ip(self.read_client()?, out),
            "realip_remote_addr" => {
                self.read_client();
                write_ip(self.real.unwrap_or(self.client)?, out);
            }
            "binary_remote_addr" => match self.read_client()? {
                IpAddr::V4(ip) => out.extend(ip.octets()),
                IpAddr::V6(ip) => out.extend(ip.octets()),
            },
            "proxy_add_x_forwarded_for" => {
                let before = self.header("x-forwarded-for");
                let client = self.read_client()?;
                if let Some(before) = before {
                    out.extend(before);
                    out.extend(b", ");
                }
                write_ip(client, out);
            }
            "remote_user" => match asked.facts.as_ref().and_then(|facts| facts.user.as_ref()) {
                Some(user) => {
                    self.reads.note_name("remote_user");
                    out.extend(user.bytes());
                }
                None if self.headers("authorization").is_empty() => return Some(false),
                None => return None,
            },
            "document_root" | "request_filename" => return self.path(name == "document_root", out),
            "status" => out.extend(format!("{:03}", self.status?).bytes()),
            "proxy_host" | "proxy_port" => return Some(self.proxied(name, out)),
            _ => return None,
        }
        Some(true)
    }

    fn request_port(&self, name: &str, out: &mut Vec<u8>) -> bool {
        self.reads.note_name("http_host");
        let port = host::normalize(&self.asked.host, &mut Vec::new()).ok().flatten().filter(|p| *p != 0);
        match (name, port) {
            ("request_port", Some(port)) => write_number(u32::from(port), out),
            ("request_port", None) => return false,
            (_, Some(_)) => out.push(b':'),
            (_, None) => {}
        }
        true
    }

    /// `$document_root` and `$request_filename`, if `root` has no variables and is absolute.
    fn path(&self, is_root: bool, out: &mut Vec<u8>) -> Option<bool> {
        let root = &self.settings.content.root.value;
        let path = root.path.constant().filter(|path| path.starts_with(b"/"))?;
        out.extend_from_slice(path);
        if !is_root {
            self.read_uri();
            let skip = match root.alias {
                None => 0,
                Some(Alias::Prefix(n)) => n.min(self.uri.len()),
                Some(Alias::All) if self.add_uri_to_alias => 0,
                Some(Alias::All) => self.uri.len(),
            };
            out.extend_from_slice(&self.uri[skip..]);
        }
        Some(true)
    }

    fn proxied(&self, name: &str, out: &mut Vec<u8>) -> bool {
        let Some(destination) = self.destination.as_ref().filter(|d| !d.host.is_empty()) else {
            return false;
        };
        let text = String::from_utf8_lossy(&destination.host);
        let port = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => port,
            _ if destination.tls => "443",
            _ => "80",
        };
        out.extend(if name == "proxy_host" { text.bytes() } else { port.bytes() });
        true
    }
}
