//! Overview of all leaves of a configuration: targets, `Connection` headers, verdicts, and the users of each upstream.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::connection::{Connection, sent};
use super::fold::{Scope, Sets, Values};
use super::leaf::{Leaf, leaves};
use super::target::{ReachedTarget, reached};
use super::verdict::{Cause, Verdict, distinct_peers, judge};
use crate::model::{ComplexValue, Config, LocationKind, Server, Upstream, VariableId};

/// Leaf with its verdicts.
#[derive(Debug)]
pub struct JudgedLeaf<'a> {
    /// The leaf.
    pub leaf: Leaf<'a>,
    /// Targets that the leaf can reach, each with the verdict.
    pub reached: Vec<(ReachedTarget<'a>, Verdict)>,
    /// Values of the `Connection` header that the leaf can send with an ordinary request.
    pub connections: Vec<Connection>,
    can_reuse: bool,
}

impl<'a> JudgedLeaf<'a> {
    /// `upstream` blocks that the leaf can reach.
    pub fn upstreams(&self) -> impl Iterator<Item = &'a Upstream> + '_ {
        self.reached.iter().filter_map(|(reached, _)| match reached {
            ReachedTarget::Upstream(upstream) => Some(*upstream),
            _ => None,
        })
    }

    /// First upstream that the leaf can reach and that keeps connections.
    pub fn pooled(&self) -> Option<&'a Upstream> {
        self.upstreams().find(|upstream| upstream.pool().is_some())
    }

    /// True if protocol and purpose of the leaf allow reuse at all: uwsgi and SCGI close the connection, an upgraded
    /// connection never returns.
    pub fn can_reuse(&self) -> bool {
        self.can_reuse
    }
}

/// All leaves of a configuration.
pub struct Overview<'a> {
    /// Leaves in source order.
    pub leaves: Vec<JudgedLeaf<'a>>,
    config: &'a Config,
    users: HashMap<*const Upstream, Vec<usize>>,
    sets: HashMap<*const Server, OnceCell<Sets<'a>>>,
}

impl<'a> Overview<'a> {
    /// Judges all leaves.
    pub fn new(config: &'a Config) -> Self {
        let sets = config.http.servers.iter().map(|s| (std::ptr::from_ref(s), OnceCell::new())).collect();
        let mut overview = Self { leaves: Vec::new(), config, users: HashMap::new(), sets };
        for leaf in leaves(config) {
            let scope = overview.scope(&leaf);
            let connections = if leaf.is_http() { sent(&scope, &leaf) } else { Vec::new() };
            let reached = reached(&scope, &leaf);
            drop(scope);
            let reached: Vec<_> = reached
                .into_iter()
                .map(|reached| {
                    let verdict = judge(&leaf, &reached, &connections);
                    (reached, verdict)
                })
                .collect();
            for (reached, _) in &reached {
                if let ReachedTarget::Upstream(upstream) = reached {
                    overview.users.entry(*upstream).or_default().push(overview.leaves.len());
                }
            }
            let closes = matches!(leaf.directive, "uwsgi_pass" | "scgi_pass");
            let can_reuse = !closes && !leaf.is_websocket_only();
            overview.leaves.push(JudgedLeaf { leaf, reached, connections, can_reuse });
        }
        overview.judge_fragments();
        overview
    }

    /// Measured: 40 locations in turn over a pool of 32 that is kept per location opened 120 connections for 120
    /// requests.
    fn judge_fragments(&mut self) {
        let fragmented: Vec<*const Upstream> = (self.config.http.upstreams.iter())
            .filter(|u| u.pool().is_some_and(|pool| pool.local && pool.size as usize >= distinct_peers(u)))
            .filter(|u| self.parts(u) > u.pool().map_or(0, |pool| pool.size as usize))
            .map(std::ptr::from_ref)
            .collect();
        for (reached, verdict) in self.leaves.iter_mut().flat_map(|judged| &mut judged.reached) {
            if let ReachedTarget::Upstream(upstream) = reached
                && *verdict == Verdict::Reused
                && fragmented.contains(&std::ptr::from_ref(*upstream))
            {
                *verdict = Verdict::Partly(Cause::Fragmented);
            }
        }
    }

    /// Connections that a pool with `local` would need: one for each location and peer. An `if` that only repeats its
    /// location is a location of its own to nginx.
    pub fn parts(&self, upstream: &Upstream) -> usize {
        let locations = self.users(upstream).filter(|user| user.can_reuse());
        let of = |user: &JudgedLeaf<'_>| {
            let repeats = user.leaf.location.inner.iter().filter(|inner| {
                inner.kind == LocationKind::If
                    && inner.handler.as_ref() == user.leaf.location.handler.as_ref()
            });
            1 + repeats.count()
        };
        locations.map(of).sum::<usize>() * distinct_peers(upstream)
    }

    /// Leaves that can reach an upstream.
    pub fn users(&self, upstream: &Upstream) -> impl Iterator<Item = &JudgedLeaf<'a>> + Clone {
        let users = self.users.get(&std::ptr::from_ref(upstream)).map_or(&[][..], Vec::as_slice);
        users.iter().map(|&n| &self.leaves[n])
    }

    /// Values of `value` in a leaf.
    pub fn fold(&self, leaf: &Leaf<'a>, value: &ComplexValue) -> Values {
        self.scope(leaf).fold(value)
    }

    /// All variables that a value in a leaf depends on, through maps and `set`.
    pub fn behind(&self, leaf: &Leaf<'a>, value: &ComplexValue) -> Vec<VariableId> {
        self.scope(leaf).behind(value)
    }

    fn scope<'s>(&'s self, leaf: &'s Leaf<'a>) -> Scope<'s, 'a> {
        Scope::new(self.config, Some(leaf), &self.sets[&std::ptr::from_ref(leaf.server)])
    }
}
