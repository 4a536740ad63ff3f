//! A configuration as `diff` compares it.

use super::node::Node;
use crate::eval::select::{Router, ServerId};
use crate::model::{Config, Server};
use crate::simulate::walk::RoutingConfiguration;
use crate::source::SourceMap;

/// One of the configurations.
#[derive(Clone, Copy, Debug)]
pub struct Side<'s> {
    /// The prepared configuration.
    pub ground: &'s RoutingConfiguration,
    /// Its texts.
    pub sources: &'s SourceMap,
    /// Its directives.
    pub nodes: &'s [Node],
}

impl<'s> Side<'s> {
    pub(super) fn config(self) -> &'s Config {
        self.ground.router.config()
    }

    pub(super) fn server(self, id: ServerId) -> &'s Server {
        &self.config().http.servers[id.0 as usize]
    }

    pub(super) fn router(self) -> &'s Router {
        &self.ground.router
    }
}
