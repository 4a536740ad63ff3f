//! What `ngxc run --metrics` serves: the page, the text for Prometheus, and the same as JSON.

use std::net::SocketAddr;
use std::sync::Arc;

use super::prometheus;
use super::scrape::{self, Scrape};
use crate::cli::metrics::kernel::Kernel;
use crate::cli::metrics::server::{self, HTML, JSON, PROMETHEUS};
use crate::cli::{Failure, page};
use crate::runtime::Ledger;

struct Site {
    ledger: Arc<Ledger>,
    kernel: Kernel,
    has_cliff: bool,
}

/// Listens and serves as long as the process lives; where it does.
pub(super) fn serve(place: SocketAddr, ledger: Arc<Ledger>, improve: bool) -> Result<SocketAddr, Failure> {
    let has_cliff = !(improve && scrape::searches_all_ports());
    server::serve(place, Site { ledger, kernel: Kernel::of(None), has_cliff })
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
