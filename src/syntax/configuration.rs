//! The syntax of a whole configuration: the trees of its files, and the files of each `include`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::ast::{Directive, DirectiveId};
use super::error::SyntaxError;
use super::tree::Tree;
use super::uncertain::Uncertain;
use super::yaml::Embedded;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, SourceMap};

/// Syntax of a whole configuration.
#[derive(Debug)]
#[non_exhaustive]
pub struct Configuration {
    /// Text of every file.
    pub sources: SourceMap,
    /// Tree of every file, by [`FileId::index`].
    pub trees: Vec<Tree>,
    /// Main file.
    pub main: FileId,
    /// Included files of each `include`; an `include` with no argument or several is not in the map.
    pub inclusions: HashMap<DirectiveId, Vec<FileId>>,
    /// Findings so far, in the order in which nginx would meet them: syntax errors and failed includes, each with the
    /// includes that lead to it.
    pub diagnostics: Vec<Diagnostic>,
    /// Syntax errors again, with nginx's messages.
    pub syntax_errors: Vec<SyntaxError>,
    /// The files come from a dump of `nginx -T`: none of them can be changed.
    pub is_dump: bool,
    /// The place of the configuration in a main file that is YAML; what is around it is blank in the tree.
    pub embedded: Option<Embedded>,
    /// Configurations of the same YAML file that an `include` reads, by the file they are in the sources.
    pub(super) inside: HashMap<FileId, Embedded>,
    /// Missing files that every nginx ships: known texts replace them.
    pub stand_ins: Vec<FileId>,
    /// Files that were read from another path than the configuration names, with the path for nginx.
    pub(super) instead_of: HashMap<FileId, PathBuf>,
    /// Texts that only the rendering of a template decides.
    pub(super) uncertain: HashMap<FileId, Uncertain>,
}

impl Configuration {
    /// Configuration of one file without its includes.
    pub fn of_one(sources: SourceMap, tree: Tree, syntax_errors: Vec<SyntaxError>) -> Self {
        let empty = Self::empty(sources, tree.file());
        Self { trees: vec![tree], syntax_errors, ..empty }
    }

    /// Configuration whose main file is not parsed yet.
    pub(super) fn empty(sources: SourceMap, main: FileId) -> Self {
        Self {
            sources,
            main,
            trees: Vec::new(),
            inclusions: HashMap::new(),
            diagnostics: Vec::new(),
            syntax_errors: Vec::new(),
            is_dump: false,
            embedded: None,
            inside: HashMap::new(),
            stand_ins: Vec::new(),
            instead_of: HashMap::new(),
            uncertain: HashMap::new(),
        }
    }

    /// Path of a file: of a configuration in YAML `FILE#NAME`.
    pub fn name_of(&self, file: FileId) -> PathBuf {
        let path = &self.sources.file(file).path;
        let own = self.embedded.as_ref().filter(|_| file == self.main);
        match self.inside.get(&file).or(own) {
            Some(one) => PathBuf::from(format!("{}#{}", path.display(), one.name)),
            None => path.clone(),
        }
    }

    /// Configurations of the same YAML file that this configuration includes.
    pub fn inside(&self) -> impl Iterator<Item = &Embedded> {
        self.inside.values()
    }

    /// Tree of a file.
    pub fn tree(&self, file: FileId) -> &Tree {
        &self.trees[file.index()]
    }

    /// Directive of an id.
    pub fn directive(&self, id: DirectiveId) -> Option<Directive<'_>> {
        self.tree(id.file).directive(id.index)
    }

    /// True if a known text replaces a missing file.
    pub fn is_stand_in(&self, file: FileId) -> bool {
        self.stand_ins.contains(&file)
    }

    /// Path that an `include` names, for a file that was read from another place on this machine.
    pub fn instead_of(&self, file: FileId) -> Option<&Path> {
        self.instead_of.get(&file).map(PathBuf::as_path)
    }

    /// Files of an `include`, in order.
    pub fn included(&self, include: Directive<'_>) -> &[FileId] {
        self.inclusions.get(&include.id()).map_or(&[], Vec::as_slice)
    }
}
