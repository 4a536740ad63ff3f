//! A side of the comparison: a configuration with all that is made of it.

use std::sync::Arc;

use crate::behaviour::diff::Side;
use crate::behaviour::diff::node::{Node, nodes};
use crate::behaviour::diff::reverted::Made;
use crate::cli::Failure;
use crate::cli::input::{self, Input};
use crate::cli::show::ModelNames;
use crate::model::Config;
use crate::simulate::walk::RoutingConfiguration;
use crate::source::{Loader, Memory};
use crate::syntax::Configuration;

/// A configuration with all that is made of it.
pub(super) struct LoadedSide {
    pub(super) configuration: Configuration,
    pub(super) config: Arc<Config>,
    pub(super) ground: RoutingConfiguration,
    pub(super) nodes: Vec<Node>,
}

impl LoadedSide {
    pub(super) fn new(input: &Input, loader: &dyn Loader) -> Result<Self, Failure> {
        let (configuration, config) = input.valid(loader)?;
        Self::of(configuration, config)
    }

    pub(super) fn of(configuration: Configuration, config: Config) -> Result<Self, Failure> {
        let config = Arc::new(config);
        let ground = input::ground(Arc::clone(&config), &configuration.sources)?;
        let nodes = nodes(&configuration);
        Ok(Self { configuration, config, ground, nodes })
    }

    pub(super) fn side(&self) -> Side<'_> {
        Side { ground: &self.ground, sources: &self.configuration.sources, nodes: &self.nodes }
    }

    pub(super) fn book(&self) -> ModelNames<'_> {
        ModelNames { config: &self.config, sources: &self.configuration.sources }
    }
}

/// The configuration of a text, for the nginx that an input is for; `None` if the text has errors.
pub(super) fn made(input: &Input, text: String) -> Option<Made> {
    let files = Memory::default().with(input.file.clone(), text);
    let configuration = input.meaning.load(&input.file, &files).ok()?;
    let compiled = input.meaning.compile(&configuration, input.meaning.version());
    if !compiled.is_valid() {
        return None;
    }
    let ground = RoutingConfiguration::new(Arc::new(compiled.config)).ok()?;
    Some(Made { ground, sources: configuration.sources })
}

/// Compared inputs, in words: in the order old, new.
pub(super) struct ComparedInputs<'s> {
    pub(super) old: &'s LoadedSide,
    pub(super) new: &'s LoadedSide,
    pub(super) names: [String; 2],
}
