//! The configuration as the analysis sees it.

use super::levels::Levels;
use crate::model::Config;

/// A configuration: the model, and the blocks as they are written.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) config: &'a Config,
    pub(crate) levels: &'a Levels<'a>,
}
