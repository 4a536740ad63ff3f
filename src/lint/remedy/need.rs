//! Lacks of leaves and upstreams that keep connections from being used again, and the words of findings for them.

use std::collections::HashSet;

use super::host;
use super::limits::{budget, is_client_source, listening};
use crate::diagnostic::Level;
use crate::lint::target::Target;
use crate::model::proxy::HttpVersion;
use crate::model::{Endpoint, Origin, Upstream};
use crate::reuse::{Connection, JudgedLeaf};
use crate::source::Span;

/// Connections that a pool keeps at least, if `worker_connections` has room.
const POOL: usize = 16;

/// The lacks of a leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeafLacks {
    /// An upstream with a pool.
    pub(crate) pool: bool,
    /// HTTP/1.1.
    pub(crate) version: bool,
    /// A `Connection` header: nginx sends `close`.
    pub(crate) header: bool,
    /// The line that sends `close` on purpose.
    pub(crate) closed: Option<Span>,
}

/// The lacks of a leaf that could use connections again; whether there is a pool is known. What a file that was not read may
/// set is not missing.
pub(crate) fn missing(target: Target<'_>, judged: &JudgedLeaf<'_>, pool: bool) -> LeafLacks {
    if !judged.leaf.is_http() || judged.leaf.proxy().http_version.value == HttpVersion::Http2 {
        return LeafLacks { pool, ..LeafLacks::default() };
    }
    let header = judged.leaf.proxy().header(b"connection");
    let closes = header.filter(|h| h.value.constant().is_some_and(|v| v.eq_ignore_ascii_case(b"close")));
    let unread = target.unread.around(judged.leaf.span).is_some();
    let version = &judged.leaf.proxy().http_version;
    LeafLacks {
        pool,
        version: version.value == HttpVersion::Http10
            && (!unread || matches!(version.origin, Origin::Set(_)))
            && !judged.connections.contains(&Connection::KeepAlive),
        header: !unread && judged.connections == [Connection::CloseByDefault],
        closed: closes.map(|header| header.span),
    }
}

/// True if an upstream that is used keeps no connections although it could.
pub(super) fn lacks_pool(target: Target<'_>, upstream: &Upstream) -> bool {
    if upstream.pool().is_some() {
        return false;
    }
    let mut users = target.reuse.users(upstream).filter(|user| user.can_reuse()).peekable();
    // Connections that bear a client's address must not be shared.
    users.peek().is_some() && !users.any(|user| is_client_source(target, &user.leaf))
}

/// True if an upstream has only unix sockets: no ports are used, only the cost of connecting remains.
pub(crate) fn is_local(upstream: &Upstream) -> bool {
    upstream.peers.iter().all(|p| matches!(p.endpoint, Endpoint::Unix(_)))
}

/// The most connections from 16 down to 2 for each new pool that leave half of `worker_connections` to others.
pub(super) fn least(target: Target<'_>, unpooled: &HashSet<*const Upstream>) -> usize {
    let Some(http) = target.config.http.span else { return POOL };
    let (_, limit, _) = budget(target, http);
    let needed = |least: usize| -> u64 {
        let sizes = target.upstreams().map(|upstream| match upstream.pool() {
            Some(pool) => u64::from(pool.size),
            None if unpooled.contains(&std::ptr::from_ref(upstream)) => {
                (2 * upstream.peers.len()).max(least) as u64
            }
            None => 0,
        });
        sizes.sum::<u64>() + listening(target)
    };
    [POOL, POOL / 2, POOL / 4].into_iter().find(|least| needed(*least) * 2 < limit).unwrap_or(POOL / 8)
}

/// The line that keeps connections open.
pub(crate) const EMPTY_HEADER: &str = "proxy_set_header Connection \"\";";
/// The line that does not let the peer close.
pub(crate) const HTTP11: &str = "proxy_http_version 1.1;";

/// Reason for repairs of several parts.
pub(crate) const TOGETHER: &str = "one without the others helps nothing";

/// The level of a leaf's lack: without ports, or where only nginx itself asks, it costs little.
pub(crate) fn level<'a>(target: Target<'a>, judged: &'a JudgedLeaf<'a>) -> Level {
    let mut without = judged.upstreams().filter(|u| target.remedies().lacks_pool(u)).peekable();
    let local = judged.pooled().is_none() && without.peek().is_some() && without.all(is_local);
    let control =
        host::bare(target, judged).is_some_and(|host| host::is_control_endpoint(target, &judged.leaf, host));
    if local || control { Level::Info } else { Level::Warning }
}
