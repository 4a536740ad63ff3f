//! Metrics of `ngxc run --metrics`: the page, the text for Prometheus, and the same as JSON.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use super::prometheus;
use super::scrape::{self, Scrape};
use crate::cli::metrics::kernel::Kernel;
use crate::cli::metrics::server::{self, HTML, JSON, PROMETHEUS};
use crate::cli::page;
use crate::runtime::Ledger;

struct Site {
    ledger: Arc<Ledger>,
    kernel: Kernel,
    has_cliff: bool,
}

/// Serves on a socket as long as the process lives.
///
/// # Errors
/// There is no thread for it.
pub(in crate::cli) fn serve(socket: TcpListener, ledger: Arc<Ledger>, improve: bool) -> io::Result<()> {
    let has_cliff = !(improve && scrape::searches_all_ports());
    server::serve_on(socket, Site { ledger, kernel: Kernel::of(None), has_cliff })
}

impl Site {
    fn look(&self) -> Scrape {
        scrape::scrape(&self.ledger, &self.kernel, self.has_cliff)
    }
}

impl server::Site for Site {
    const PATHS: &'static str = "/, /metrics and /ledger.json";

    fn get(&self, path: &str) -> Option<(&'static str, String)> {
        Some(match path {
            "/" => (HTML, page::with_style(include_str!("page.html"))),
            "/metrics" => (PROMETHEUS, prometheus::text(&self.look())),
            "/ledger.json" => (JSON, serde_json::to_string(&self.look()).ok()?),
            _ => return None,
        })
    }
}
