//! Texts of a template that only its rendering decides.

use std::ops::Range;

/// Texts of a template that only its rendering decides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uncertain {
    /// Texts that are unknown, in order.
    pub(super) holes: Vec<Range<u32>>,
    /// Offsets at which directives may stand that are unknown, in order.
    pub(super) directives: Vec<u32>,
    /// Texts that only some renderings have, in the order of their starts.
    pub(super) branches: Vec<Branch>,
}

/// Text of a template that only some renderings have.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) range: Range<u32>,
    /// The statement with all of its branches, in the first of them.
    pub(super) whole: Range<u32>,
    /// Index of the first branch of the statement.
    pub(super) first: usize,
    /// The branch is the first of its statement.
    pub(super) is_first: bool,
    /// Index of the branch around the statement.
    outer: Option<usize>,
    /// A rendering may have it several times, each time with other values.
    is_loop: bool,
}

impl Branch {
    /// First branch of a statement whose tag ends at `from`; none of them has an end yet.
    pub(super) fn first(
        start: usize,
        from: usize,
        index: usize,
        outer: Option<usize>,
        is_loop: bool,
    ) -> Self {
        let (start, from) = (start as u32, from as u32);
        Self { range: from..from, whole: start..start, first: index, is_first: true, outer, is_loop }
    }

    /// The next branch of the statement.
    pub(super) fn other(&self, from: usize) -> Self {
        let from = from as u32;
        Self { range: from..from, is_first: false, is_loop: false, ..self.clone() }
    }

    /// Places of its text.
    pub(super) fn text(&self) -> Range<usize> {
        self.range.start as usize..self.range.end as usize
    }
}

impl Uncertain {
    pub(super) fn is_empty(&self) -> bool {
        self.holes.is_empty() && self.branches.is_empty()
    }

    /// True if unknown directives may stand between two offsets.
    pub(super) fn has_directives(&self, from: u32, to: u32) -> bool {
        let next = self.directives.partition_point(|&at| at < from);
        self.directives.get(next).is_some_and(|&at| at < to)
    }

    /// Innermost branch around an offset.
    fn branch(&self, at: u32) -> Option<usize> {
        let mut branch = self.branches.partition_point(|b| b.range.start <= at).checked_sub(1)?;
        while at >= self.branches[branch].range.end {
            branch = match self.branches[branch] {
                // The branch before is not around it either, but the same is.
                Branch { first, is_first: false, .. } => first,
                Branch { outer, .. } => outer?,
            };
        }
        Some(branch)
    }

    /// The branches around an offset, the innermost first.
    fn around(&self, at: u32) -> Vec<usize> {
        std::iter::successors(self.branch(at), |&branch| self.branches[branch].outer).collect()
    }

    /// True if two texts are in one rendering whenever the inner one is, and are what they seem: not one turn of a loop.
    pub(super) fn is_together(&self, one: u32, other: u32) -> bool {
        if self.branches.is_empty() {
            return true;
        }
        let (one, other) = (self.around(one), self.around(other));
        let (inner, outer) = if one.len() < other.len() { (other, one) } else { (one, other) };
        let (own, common) = inner.split_at(inner.len() - outer.len());
        common == outer && !own.iter().any(|&branch| self.branches[branch].is_loop)
    }

    /// True if some rendering may lack a text.
    pub(super) fn is_conditional(&self, at: u32) -> bool {
        self.branch(at).is_some()
    }
}
