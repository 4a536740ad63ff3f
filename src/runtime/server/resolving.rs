//! The tasks that ask for the names of peers again and again (`ngx_http_upstream_zone_module.c`): the first worker runs
//! them for all.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::model::limit::Resolver;
use crate::model::log::Severity;
use crate::model::{Config, Upstream};
use crate::runtime::request::worker::Worker;
use crate::runtime::upstream::dns::Failure;
use crate::runtime::upstream::live::{ResolvingUpstream, is_live, name};
use crate::runtime::upstream::names::Names;

/// Starts to ask for the names of all upstreams; the tasks end with the worker.
pub(crate) fn watch(worker: &Rc<Worker>) {
    let config = Arc::clone(&worker.config);
    for (i, upstream) in config.http.upstreams.iter().enumerate().filter(|(_, u)| is_live(u)) {
        for (at, _) in upstream.peers.iter().enumerate().filter(|(_, peer)| name(peer).is_some()) {
            tokio::task::spawn_local(ask(Rc::clone(worker), i, at));
        }
    }
}

/// Asks for one name for ever (`ngx_http_upstream_zone_resolve_timer`).
async fn ask(worker: Rc<Worker>, upstream: usize, at: usize) {
    let config = Arc::clone(&worker.config);
    let Some(live) = worker.upstreams.live(upstream) else { return };
    let upstream = &config.http.upstreams[upstream];
    let Some((host, port)) = name(&upstream.peers[at]) else { return };
    let (settings, timeout) = resolver(&config, upstream);
    let resolver = worker.resolver(&settings);
    loop {
        let found = tokio::time::timeout(timeout, resolver.resolve(host)).await;
        let wait = match found.unwrap_or(Err(Failure::TIMED_OUT)) {
            Ok(addresses) => {
                take(&worker, &live, upstream, at, (host, port), &addresses);
                // A second more than it holds: then the answer is not taken from what is kept.
                resolver.holds(host) + Duration::from_secs(1)
            }
            Err(failure) => {
                let message = format!("{host} could not be resolved ({})", failure.text());
                worker.error_log.write(Severity::Error, None, &message);
                if failure == Failure::NO_NAME {
                    take(&worker, &live, upstream, at, (host, port), &[]);
                    Duration::from_secs(1)
                } else {
                    timeout.max(Duration::from_secs(1))
                }
            }
        };
        tokio::time::sleep(wait).await;
    }
}

fn take(
    worker: &Worker,
    live: &ResolvingUpstream,
    upstream: &Upstream,
    at: usize,
    (host, port): (&str, u16),
    addresses: &[IpAddr],
) {
    let with_port: Vec<_> = addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    live.update(upstream, at, &with_port);
    Names::of(&worker.counters.shared).learn(&upstream.name, host, addresses);
}

/// The upstream's own resolver, or that of `http`.
fn resolver(config: &Config, upstream: &Upstream) -> (Resolver, Duration) {
    let outer = config.http.settings.as_ref().map(|settings| &settings.limit);
    let settings = upstream.resolver.clone().or_else(|| Some(outer?.resolver.value.clone()));
    let timeout = upstream.resolver_timeout.or_else(|| Some(outer?.resolver_timeout.value));
    (settings.unwrap_or_default(), timeout.unwrap_or(Duration::from_secs(30)))
}
