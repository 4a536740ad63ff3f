//! The demo's cases: one configuration each.

use std::path::Path;

use super::Row;
use crate::reuse::DEFAULT_KEEPALIVE;
use crate::version::Version;

/// A configuration and what it shows.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// Directives of the upstream before nginx 1.29.7 and since; `None`: no `upstream` block.
    upstream: Option<(&'static str, &'static str)>,
    /// Directives of the location.
    location: &'static str,
    /// Directives of `http`.
    http: &'static str,
}

const OPEN: &str = "proxy_http_version 1.1; proxy_set_header Connection \"\";";

/// In the order in which they are shown.
pub(super) const CASES: [Case; 5] = [
    Case {
        name: "default",
        title: "upstream block, nothing else",
        upstream: Some(("", "")),
        location: "",
        http: "",
    },
    Case {
        name: "half-configured",
        title: "HTTP/1.1 and an empty Connection header, no keepalive",
        upstream: Some(("", "keepalive 0;")),
        location: OPEN,
        http: "",
    },
    Case {
        name: "keepalive",
        title: "the whole remedy",
        upstream: Some(("keepalive 8;", "keepalive 8;")),
        location: OPEN,
        http: "",
    },
    Case {
        name: "split",
        title: "four source addresses, no keepalive",
        upstream: Some(("", "keepalive 0;")),
        location: "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_bind $source;",
        http: "split_clients $request_id $source { 25% 10.99.0.11; 25% 10.99.0.12; 25% 10.99.0.13; * 10.99.0.14; }",
    },
    Case { name: "implicit", title: "proxy_pass to a bare host", upstream: None, location: "", http: "" },
];

/// Values of `--case`.
pub(super) const NAMES: [&str; 6] = ["default", "half-configured", "keepalive", "split", "implicit", "cliff"];

impl Case {
    /// True if the configuration says nothing of connections, so that nginx's defaults decide.
    pub(super) fn is_left_to_nginx(&self) -> bool {
        self.location.is_empty() && self.upstream.is_none_or(|both| both == ("", ""))
    }

    /// The configuration for a version.
    pub(super) fn configuration(&self, version: Version, peer: &str, socket: &Path, log: &Path) -> String {
        let (upstream, target) = match self.upstream {
            Some((before, since)) => {
                let pool = if version < DEFAULT_KEEPALIVE { before } else { since };
                (format!("upstream backend {{ server {peer} max_fails=0; {pool} }}"), "backend")
            }
            None => (String::new(), peer),
        };
        format!(
            "worker_processes 1;\nerror_log {} crit;\nevents {{}}\nhttp {{\n    access_log off;\n    {}\n    {upstream}\n    server {{\n        \
             listen unix:{};\n        location / {{ {} proxy_pass http://{target}; }}\n    }}\n}}\n",
            log.display(),
            self.http,
            socket.display(),
            self.location
        )
    }

    /// True if it came as the model says. With several sources the first to be full decides, and which request goes
    /// where is chance: a tenth may be missing. Where closing is a race a few ports more or less are in `TIME_WAIT`.
    pub(super) fn is_as_predicted(&self, row: &Row, requests: u32) -> bool {
        let least = if self.name == "split" { row.predicted - row.predicted / 10 } else { row.predicted };
        row.ok >= least && row.ok <= row.predicted && row.ok + row.failed == requests
    }
}
