//! `ngxc serve`: a page in the browser with what the other commands say of a configuration. It listens on the loopback
//! interface only, answers only its own page, reads and never writes, and asks nobody else.

mod answer;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use super::metrics::server::{self, HTML, JSON, Site};
use super::{Failure, Outcome, page};
use crate::source::{Disk, Loader};

/// Port if none is named.
const PORT: u16 = 9146;

/// Arguments of `ngxc serve`.
#[derive(Args)]
pub(super) struct ServeArgs {
    /// The configuration that the page begins with [default: an empty page to paste one into].
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// The port on the loopback interface; 0 is any that is free.
    #[arg(long, value_name = "PORT", default_value_t = PORT)]
    port: u16,

    /// Listen on `::1` instead of 127.0.0.1.
    #[arg(long)]
    ipv6: bool,
}

/// The page and its answers.
struct Pages {
    page: String,
    file: Option<PathBuf>,
    /// Names by which a browser on this machine asks for the page.
    hosts: Vec<String>,
}

pub(super) fn run(args: &ServeArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    if let Some(file) = &args.file {
        // A name that is none is told before a browser is opened.
        let failed = |error| Failure::new(format!("cannot read `{}`: {error}", file.display()));
        Disk.read(file).map_err(failed)?;
    }
    let ip = if args.ipv6 { std::net::Ipv6Addr::LOCALHOST.into() } else { IpAddr::V4(Ipv4Addr::LOCALHOST) };
    let place = SocketAddr::new(ip, args.port);
    let (listener, address) = server::bind(place)?;
    let names = [address.to_string(), format!("localhost:{}", address.port())];
    let pages = Pages {
        page: page::with_style(include_str!("page.html")),
        file: args.file.clone(),
        hosts: names.to_vec(),
    };
    writeln!(out, "http://{address}/")?;
    out.flush()?;
    server::serve_on(listener, pages).map_err(|e| Failure::new(format!("no thread for the server: {e}")))?;
    loop {
        std::thread::park();
    }
}

impl Site for Pages {
    const PATHS: &'static str = "/, /file and, by POST, /lint, /show, /reached, /split, /ports, /fmt";
    const MOST_BODY: usize = 8 << 20;

    fn get(&self, path: &str) -> Option<(&'static str, String)> {
        match path {
            "/" => Some((HTML, self.page.clone())),
            "/file" => Some((JSON, answer::file(self.file.as_deref()))),
            _ => None,
        }
    }

    fn post(&self, path: &str, body: &[u8]) -> Option<(&'static str, String)> {
        answer::answer(path, self.file.as_deref(), body).map(|text| (JSON, text))
    }

    /// Only the page itself asks: another site that a browser has open, or a name that is made to lead here, does not.
    fn admits(&self, host: Option<&str>, origin: Option<&str>) -> bool {
        let own = |name: &str| self.hosts.iter().any(|known| known == name);
        host.is_some_and(own) && origin.is_none_or(|origin| origin.strip_prefix("http://").is_some_and(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_itself_may_ask() {
        let hosts = vec!["127.0.0.1:1".to_owned(), "localhost:1".to_owned()];
        let pages = Pages { page: String::new(), file: None, hosts };
        assert!(pages.admits(Some("localhost:1"), None));
        assert!(pages.admits(Some("127.0.0.1:1"), Some("http://127.0.0.1:1")));
        for (host, origin) in [
            (None, None),
            (Some("evil.example:1"), None),
            (Some("127.0.0.1:1"), Some("http://evil.example")),
            (Some("127.0.0.1:1"), Some("null")),
            (Some("127.0.0.1:2"), None),
        ] {
            assert!(!pages.admits(host, origin), "{host:?} {origin:?}");
        }
    }
}
