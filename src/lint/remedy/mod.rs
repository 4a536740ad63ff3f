//! Cures that let the connections of a place be used again: a pool, HTTP/1.1 and a `Connection` header that does not close.
//!
//! One without the others helps nothing, and HTTP/1.1 without a pool is worse than nothing: the proxy keeps every
//! `TIME_WAIT`. So each missing cure is a finding of its own, and the fix of each is the whole remedy.

pub(super) mod connection;
pub(super) mod host;
pub(super) mod limits;
mod need;
mod patch;
mod sets;
mod words;

use std::cell::{Cell, OnceCell};
use std::collections::{HashMap, HashSet};

use super::place;
use super::target::Target;
use crate::edit::Fix;
use crate::model::proxy::HttpVersion;
use crate::model::{Origin, Upstream};
use crate::reuse::{JudgedLeaf, ReachedTarget};
use crate::source::Span;
use need::{lacks_pool, least};
use patch::Remedy;
use sets::{Key, Sets};

pub(super) use need::{EMPTY_HEADER, HTTP11, LeafLacks, TOGETHER, is_local, level, missing};
pub(super) use patch::listed;
pub(super) use words::{help, lines, of_host, of_upstream, pools};

/// Findings of one group that carry its fix, which is the same for all.
const MOST_FIXES: usize = 20;
/// Edits in the fixes of all findings: beyond, only the first findings of a group carry the fix.
const MOST_EDITS: usize = 20_000;
/// A leaf that lacks something.
struct LackingLeaf {
    missing: LeafLacks,
    group: usize,
}

/// Leaves and upstreams that are repaired together.
#[derive(Default)]
struct Group<'a> {
    leaves: Vec<&'a JudgedLeaf<'a>>,
    upstreams: Vec<&'a Upstream>,
    hosts: Vec<String>,
    fix: OnceCell<Option<Fix>>,
    given: Cell<usize>,
}

/// The lacks of all leaves, and their repair.
pub(super) struct Remedies<'a> {
    lacks: HashMap<*const JudgedLeaf<'a>, LackingLeaf>,
    upstreams: HashMap<*const Upstream, usize>,
    hosts: HashMap<String, usize>,
    groups: Vec<Group<'a>>,
    /// The leaves that inherit their headers from a line.
    heirs: HashMap<Span, Vec<&'a JudgedLeaf<'a>>>,
    /// Connections that a new pool keeps at least.
    least: usize,
    given: Cell<usize>,
}

impl<'a> Remedies<'a> {
    /// Looks at every leaf.
    pub(super) fn new(target: Target<'a>) -> Self {
        let unpooled: HashSet<*const Upstream> =
            target.upstreams().filter(|u| lacks_pool(target, u)).map(std::ptr::from_ref).collect();
        let mut this = Self {
            lacks: HashMap::new(),
            upstreams: HashMap::new(),
            hosts: HashMap::new(),
            groups: Vec::new(),
            heirs: HashMap::new(),
            least: least(target, &unpooled),
            given: Cell::new(0),
        };
        let mut sets = Sets::default();
        let mut found: Vec<(&'a JudgedLeaf<'a>, LeafLacks, Vec<&'a Upstream>, Option<&'a str>)> = Vec::new();
        for judged in &target.reuse.leaves {
            if let Origin::Inherited(_) = judged.leaf.proxy().set_header.origin
                && let Some(last) = judged.leaf.proxy().set_header.value.last()
            {
                this.heirs.entry(last.span).or_default().push(judged);
            }
            if !judged.can_reuse() {
                continue;
            }
            let without: Vec<&Upstream> =
                judged.upstreams().filter(|u| unpooled.contains(&std::ptr::from_ref(*u))).collect();
            let bare = self::host::bare(target, judged);
            if without.is_empty() && bare.is_none() && judged.pooled().is_none() {
                continue;
            }
            let missing = missing(target, judged, !without.is_empty() || bare.is_some());
            if missing == LeafLacks::default() {
                continue;
            }
            let number = found.len();
            sets.add(number);
            for upstream in &without {
                sets.join(number, Key::Upstream(std::ptr::from_ref(*upstream)));
            }
            if let Some(host) = bare {
                sets.join(number, Key::Host(host.to_lowercase()));
            }
            if let (true, Some(line)) = (missing.version, judged.leaf.proxy().http_version.origin.span()) {
                sets.join(number, Key::Line(line));
            }
            // A line beside inherited headers lets all that inherit it keep connections: they need their pools too.
            let heirs = judged.leaf.proxy().set_header.value.last().filter(|_| {
                missing.header
                    && bare.is_none()
                    && judged.leaf.proxy().http_version.value == HttpVersion::Http11
                    && connection::is_inherited(target, &judged.leaf)
            });
            if let Some(last) = heirs {
                sets.join(number, Key::Line(last.span));
            }
            for line in missing.closed.into_iter().chain([judged.leaf.span]) {
                sets.join(number, Key::Line(line));
            }
            found.push((judged, missing, without, bare));
        }
        let mut names: HashMap<usize, usize> = HashMap::new();
        for (number, (judged, missing, without, bare)) in found.into_iter().enumerate() {
            let group = *names.entry(sets.root(number)).or_insert_with(|| {
                this.groups.push(Group::default());
                this.groups.len() - 1
            });
            let members = &mut this.groups[group];
            members.leaves.push(judged);
            for upstream in without {
                if this.upstreams.insert(std::ptr::from_ref(upstream), group).is_none() {
                    members.upstreams.push(upstream);
                }
            }
            if let Some(host) = bare.map(str::to_lowercase)
                && this.hosts.insert(host.clone(), group).is_none()
            {
                members.hosts.push(host);
            }
            this.lacks.insert(std::ptr::from_ref(judged), LackingLeaf { missing, group });
        }
        this
    }

    /// The lacks of a leaf; none if its connections are used again, or if that cannot be had.
    pub(super) fn missing(&self, judged: &JudgedLeaf<'a>) -> LeafLacks {
        self.lacks.get(&std::ptr::from_ref(judged)).map_or_else(LeafLacks::default, |lack| lack.missing)
    }

    /// True if a pool is missing in an upstream that could have one.
    pub(super) fn lacks_pool(&self, upstream: &Upstream) -> bool {
        self.upstreams.contains_key(&std::ptr::from_ref(upstream))
    }

    /// The size of the pool that an upstream should get: twice the number of peers, so that round robin finds a
    /// connection to each, and at least 16, or less where `worker_connections` has no room for that many.
    pub(super) fn pool_size(&self, upstream: &Upstream) -> usize {
        (2 * upstream.peers.len()).max(self.least)
    }

    /// The whole remedy for a leaf.
    pub(super) fn of_leaf(&self, target: Target<'a>, judged: &JudgedLeaf<'a>) -> Option<Fix> {
        self.fix(target, self.lacks.get(&std::ptr::from_ref(judged))?.group)
    }

    /// The whole remedy for an upstream without a pool.
    pub(super) fn of_upstream(&self, target: Target<'a>, upstream: &Upstream) -> Option<Fix> {
        self.fix(target, *self.upstreams.get(&std::ptr::from_ref(upstream))?)
    }

    /// The whole remedy for a host without an upstream.
    pub(super) fn of_host(&self, target: Target<'a>, host: &str) -> Option<Fix> {
        self.fix(target, *self.hosts.get(host)?)
    }

    fn fix(&self, target: Target<'a>, group: usize) -> Option<Fix> {
        let group = &self.groups[group];
        let fix = group.fix.get_or_init(|| self.build(target, group)).as_ref()?;
        let (of_group, of_all) = (group.given.get() + 1, self.given.get() + fix.edits.len());
        if of_group > MOST_FIXES && of_all > MOST_EDITS {
            return None;
        }
        group.given.set(of_group);
        self.given.set(of_all);
        Some(fix.clone())
    }

    fn build(&self, target: Target<'a>, group: &Group<'a>) -> Option<Fix> {
        let mut remedy = Remedy::default();
        for upstream in &group.upstreams {
            self.add_pool(target, upstream, &mut remedy)?;
        }
        for host in &group.hosts {
            let users: Vec<&JudgedLeaf<'_>> = (group.leaves.iter().copied())
                .filter(|j| self::host::bare(target, j).is_some_and(|own| own.eq_ignore_ascii_case(host)))
                .collect();
            let (name, edits) = self::host::edits(target, host, &users)?;
            remedy.title(format!("upstream {name}"));
            remedy.add(edits)?;
            remedy.needs_eyes = true;
        }
        let members: HashSet<*const JudgedLeaf<'_>> =
            group.leaves.iter().map(|j| std::ptr::from_ref(*j)).collect();
        let mut lines: HashSet<Span> = HashSet::new();
        for judged in &group.leaves {
            let missing = self.missing(judged);
            if missing.version {
                remedy.title(HTTP11.to_owned());
                remedy.add([connection::speak_http11(target, &judged.leaf)?])?;
            }
            if let Some(line) = missing.closed {
                // Somebody may have meant it: a person has to look.
                remedy.needs_eyes = true;
                remedy.title(EMPTY_HEADER.to_owned());
                remedy.add([place::argument(target.configuration, line, 1, "\"\"")?])?;
            } else if missing.header {
                remedy.title(EMPTY_HEADER.to_owned());
                remedy.add(connection::empty_header(target, &judged.leaf)?)?;
                if connection::is_inherited(target, &judged.leaf)
                    && let Some(last) = judged.leaf.proxy().set_header.value.last()
                    && lines.insert(last.span)
                {
                    remedy.needs_eyes |= self.harms(last.span, &members);
                }
            }
            let elsewhere = |reached: &ReachedTarget<'_>| match reached {
                ReachedTarget::Upstream(_) | ReachedTarget::Unix(_) => false,
                ReachedTarget::Bare(..) => group.hosts.is_empty(),
                ReachedTarget::Unknown => true,
            };
            let half = missing.version || missing.header || missing.closed.is_some();
            remedy.needs_eyes |= half && judged.reached.iter().any(|(reached, _)| elsewhere(reached));
        }
        remedy.fix()
    }

    /// True if a new line beside a header that others inherit would leave one of them, which is no member of the group,
    /// with HTTP/1.1 and open connections, but no pool.
    fn harms(&self, line: Span, members: &HashSet<*const JudgedLeaf<'a>>) -> bool {
        let heirs = self.heirs.get(&line).map_or(&[][..], Vec::as_slice);
        let speaks =
            |j: &JudgedLeaf<'_>| j.leaf.is_http() && j.leaf.proxy().http_version.value == HttpVersion::Http11;
        heirs.iter().any(|j| speaks(j) && j.pooled().is_none() && !members.contains(&std::ptr::from_ref(*j)))
    }

    fn add_pool(&self, target: Target<'a>, upstream: &Upstream, remedy: &mut Remedy) -> Option<()> {
        if let (Some(keepalive), Some(method)) =
            (upstream.keepalive_overridden, upstream.balancer.origin.span())
        {
            remedy.moves = true;
            return remedy.add(place::move_behind(target.configuration, keepalive, method)?);
        }
        let directive = format!("keepalive {};", self.pool_size(upstream));
        let edit = if let Origin::Set(span) = upstream.keepalive.size.origin {
            // `keepalive 0;` was written on purpose: a person has to look.
            remedy.needs_eyes = true;
            place::replace(target.configuration, span, &directive)?
        } else {
            place::at_end_of_block(target.configuration, upstream.span, &directive)?
        };
        remedy.title(directive);
        remedy.add([edit])
    }
}
