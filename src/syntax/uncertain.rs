//! Texts of a template that only its rendering decides.

use std::ops::Range;

/// Texts of a template that only its rendering decides.
#[derive(Clone, Debug, Default)]
pub(super) struct Uncertain {
    pub(super) holes: Vec<Range<u32>>,
    pub(super) alternatives: Vec<Range<u32>>,
}

impl Uncertain {
    pub(super) fn is_empty(&self) -> bool {
        self.holes.is_empty() && self.alternatives.is_empty()
    }
}
