//! The whole remedy in words, for places that are repaired by hand: the same parts as those of the fix.

use std::fmt::Write as _;

use super::host;
use super::need::{EMPTY_HEADER, HTTP11, LeafLacks, TOGETHER};
use super::patch::listed;
use crate::lint::target::Target;
use crate::model::{Origin, Segment, Upstream};
use crate::reuse::{Connection, JudgedLeaf, Leaf, upgrade_map};

/// The whole repair of a leaf, as an order.
pub(crate) fn help<'a>(target: Target<'a>, judged: &'a JudgedLeaf<'a>) -> String {
    if let Some(host) = host::bare(target, judged) {
        return of_host(target, host, &[judged]);
    }
    let missing = target.remedies().missing(judged);
    let mut here = lines(&[missing]);
    if missing.closed.is_some() || judged.leaf.proxy().http_version.origin != Origin::Default {
        // Lines that are there are changed.
        here = here.into_iter().map(|line| format!("write {line}")).collect();
    } else if let Some(first) = here.first_mut() {
        first.insert_str(0, "add ");
    }
    let place = if missing.header { beside(&judged.leaf) } else { "" };
    let pools = pools(target, judged);
    if pools.is_empty() {
        return format!("{}{place}", listed(&here));
    }
    format!("{}{place}, and {}: {TOGETHER}", listed(&here), listed(&pools))
}

/// The pools that the upstreams of a leaf lack, each as an order.
pub(crate) fn pools<'a>(target: Target<'a>, judged: &'a JudgedLeaf<'a>) -> Vec<String> {
    let without = judged.upstreams().filter(|u| target.remedies().lacks_pool(u));
    without
        .map(|u| match u.keepalive_overridden {
            Some(_) => format!("move `keepalive` of upstream `{}` behind the balancing method", u.name),
            None => format!(
                "add `keepalive {};` at the end of upstream `{}`",
                target.remedies().pool_size(u),
                u.name
            ),
        })
        .take(3)
        .collect()
}

/// The whole repair of the leaves that pass to a host: the upstream, and what the locations lack.
pub(crate) fn of_host<'a>(target: Target<'a>, host: &str, users: &[&'a JudgedLeaf<'a>]) -> String {
    let mut help = format!("define `{}` and pass to that", host::upstream(target, host, users));
    let lacks: Vec<LeafLacks> = users.iter().map(|user| target.remedies().missing(user)).collect();
    let lines = lines(&lacks);
    if !lines.is_empty() {
        let _ = write!(help, ", with {} there", listed(&lines));
    }
    let map = users.iter().find_map(|user| closing_map(target, user));
    if let Some(variable) = map {
        let _ =
            write!(help, ", and add `'' '';` to the `map` of `${variable}`, which says `close` otherwise");
    }
    if !lines.is_empty() || map.is_some() {
        let _ = write!(help, ": {TOGETHER}");
    }
    let unread =
        users.iter().filter(|user| user.leaf.is_http()).find_map(|u| target.unread.around(u.leaf.span));
    let mut kept: Vec<String> = Vec::new();
    for line in users.iter().flat_map(|user| host::implied(&user.leaf, host)) {
        let line = format!("`{line}`");
        let is_doubtful = unread.is_some() && line.contains("set_header");
        if !is_doubtful && !kept.contains(&line) {
            kept.push(line);
        }
    }
    if !kept.is_empty() {
        let verb = if kept.len() == 1 { "keeps" } else { "keep" };
        let _ = write!(help, "; {} {verb} what the backend sees", listed(&kept));
    }
    if let Some(include) = unread {
        let name = String::from_utf8_lossy(target.configuration.sources.text(include));
        let _ = write!(
            help,
            "; look into `{name}`, which was not read: what it lacks of `{HTTP11}`, `{EMPTY_HEADER}` and `Host` is needed too"
        );
    }
    let adds = lacks.iter().any(|lack| lack.header) || kept.iter().any(|line| line.contains("set_header"));
    if adds && users.iter().any(|user| is_inherited(&user.leaf)) {
        let _ = write!(help, "; {REPEAT}");
    }
    help
}

/// The whole repair of an upstream without a pool: the pool, and what the locations lack that use it.
pub(crate) fn of_upstream<'a>(
    target: Target<'a>,
    upstream: &Upstream,
    users: &[&'a JudgedLeaf<'a>],
) -> String {
    let pool =
        format!("add `keepalive {};` at the end of the upstream", target.remedies().pool_size(upstream));
    let lacks: Vec<LeafLacks> = users.iter().map(|user| target.remedies().missing(user)).collect();
    let lines = lines(&lacks);
    if lines.is_empty() {
        return pool;
    }
    let inherited = users.iter().zip(&lacks).find(|(user, lack)| lack.header && is_inherited(&user.leaf));
    let place = inherited.map_or("", |(user, _)| beside(&user.leaf));
    format!("{pool}, and {} where it is used{place}: {TOGETHER}", listed(&lines))
}

const REPEAT: &str =
    "repeat the inherited `proxy_set_header` lines there too, or put the new ones beside these";

/// The lines that leaves lack, in backticks.
pub(crate) fn lines(lacks: &[LeafLacks]) -> Vec<String> {
    let version = lacks.iter().any(|lack| lack.version).then_some(HTTP11);
    let header = lacks.iter().any(|lack| lack.header || lack.closed.is_some()).then_some(EMPTY_HEADER);
    version.into_iter().chain(header).map(|line| format!("`{line}`")).collect()
}

/// The place of a header, if one in the location would replace those of the outer level.
fn beside(leaf: &Leaf<'_>) -> &'static str {
    if is_inherited(leaf) {
        " (beside the other `proxy_set_header` lines, which one in the location would replace)"
    } else {
        ""
    }
}

fn is_inherited(leaf: &Leaf<'_>) -> bool {
    leaf.is_http() && matches!(leaf.proxy().set_header.origin, Origin::Inherited(_))
}

/// The variable of a websocket map whose value for ordinary requests closes the connection.
fn closing_map<'a>(target: Target<'a>, judged: &'a JudgedLeaf<'a>) -> Option<&'a str> {
    let closes = judged.connections.iter().any(|sent| matches!(sent, Connection::Close(_)));
    let header = judged.leaf.is_http().then(|| judged.leaf.proxy().header(b"connection"))??;
    let [Segment::Variable(id)] = header.value.segments.as_slice() else { return None };
    (closes && upgrade_map(target.config, *id).is_some())
        .then(|| target.config.http.variables.get(*id).name.as_str())
}
