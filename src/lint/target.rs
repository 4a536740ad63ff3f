//! The target of rules: the model, the text, and facts that are worked out of them once.

use std::cell::OnceCell;

use super::names::looks_like_upstream;
use super::remedy::{LeafLacks, Remedies, host};
use super::uses::VariableUses;
use crate::diagnostic::Class;
use crate::model::{Config, Upstream};
use crate::reuse::{JudgedLeaf, Leaf, Overview};
use crate::syntax::{Configuration, UnreadPlaces};
use crate::values::View;
use crate::values::levels::Levels;

/// The target of a rule.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The compiled configuration.
    pub config: &'a Config,
    /// The source, for the places of fixes.
    pub configuration: &'a Configuration,
    /// The places of which a part was not read.
    pub unread: &'a UnreadPlaces,
    /// Every leaf with what it reaches and whether its connections are used again.
    pub reuse: &'a Overview<'a>,
    pub(super) uses: &'a OnceCell<VariableUses<'a>>,
    pub(super) levels: &'a OnceCell<Levels<'a>>,
    pub(super) remedies: &'a OnceCell<Remedies<'a>>,
}

impl<'a> Target<'a> {
    /// The places where variables are read.
    pub(super) fn uses(self) -> &'a VariableUses<'a> {
        self.uses.get_or_init(|| VariableUses::new(self.configuration))
    }

    /// The blocks as they are written.
    pub(super) fn levels(self) -> &'a Levels<'a> {
        self.levels.get_or_init(|| Levels::new(self.configuration, self.is_whole()))
    }

    /// The view in which values are judged.
    pub(super) fn view(self) -> View<'a> {
        View { config: self.config, levels: self.levels() }
    }

    /// The lacks of leaves that keep connections from being used again, and the repair of each.
    pub(super) fn remedies(self) -> &'a Remedies<'a> {
        self.remedies.get_or_init(|| Remedies::new(self))
    }

    /// True if every file that is included anywhere was read.
    pub(super) fn reads_everything(self) -> bool {
        self.configuration.diagnostics.iter().all(|d| d.class != Class::Environment)
    }

    /// True if a mask of `include` matched no file: on the machine itself it may match some.
    pub(super) fn has_empty_mask(self) -> bool {
        self.configuration.diagnostics.iter().any(|d| d.code == "include-no-match")
    }

    /// True if the configuration is all there is: not a fragment that something else includes.
    pub(super) fn is_whole(self) -> bool {
        self.config.http.span.is_some()
    }

    /// The leaves that speak HTTP/1 to an upstream that keeps connections, with that upstream; a leaf whose only
    /// purpose is to upgrade connections is none of them.
    pub(super) fn pooled_http(self) -> impl Iterator<Item = (&'a JudgedLeaf<'a>, &'a Upstream)> {
        let leaves = self.reuse.leaves.iter().filter(|j| j.leaf.is_http() && j.can_reuse());
        leaves.filter_map(|judged| Some((judged, judged.pooled()?)))
    }

    /// The leaves that speak HTTP/1 and lack something that lets their connections be used again, with what they
    /// lack and the name of the upstream or host.
    pub(super) fn lacking_http(self) -> impl Iterator<Item = (&'a JudgedLeaf<'a>, LeafLacks, &'a str)> {
        let leaves = self.reuse.leaves.iter().filter(|j| j.leaf.is_http());
        leaves.filter_map(move |judged| {
            let missing = self.remedies().missing(judged);
            let named =
                judged.pooled().or_else(|| judged.upstreams().find(|u| self.remedies().lacks_pool(u)));
            let name = named.map(|u| u.name.as_str()).or_else(|| host::bare(self, judged))?;
            (missing != LeafLacks::default()).then_some((judged, missing, name))
        })
    }

    /// True if a host may be the name of an upstream that is defined where nobody looked: around a fragment, or in a file that
    /// was not read.
    pub(super) fn may_be_upstream(self, leaf: &Leaf<'_>, host: &str) -> bool {
        looks_like_upstream(host) && (!self.is_whole() || self.unread.around(leaf.span).is_some())
    }

    /// The `upstream` blocks whose servers are those that are asked.
    pub(super) fn upstreams(self) -> impl Iterator<Item = &'a Upstream> {
        self.all_upstreams().filter(|u| !u.is_scripted)
    }

    /// The `upstream` blocks.
    pub(super) fn all_upstreams(self) -> impl Iterator<Item = &'a Upstream> {
        self.config.http.upstreams.iter().filter(|u| !u.is_implicit())
    }
}
