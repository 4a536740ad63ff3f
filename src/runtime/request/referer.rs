//! The referers that `valid_referers` of a level allows.

use crate::eval::names::Names;
use crate::eval::regex::Regex;

/// The referers of a level in the form requests need them.
#[derive(Debug)]
pub(crate) struct RefererPlan {
    pub(crate) none: bool,
    pub(crate) blocked: bool,
    /// With how the path begins; empty: any.
    pub(crate) names: Names<usize>,
    pub(crate) paths: Vec<Box<[u8]>>,
    pub(crate) server_patterns: Vec<Regex>,
    pub(crate) patterns: Vec<Regex>,
}
