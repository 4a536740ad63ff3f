//! An `include` of another configuration in the same YAML file: the keys of a `ConfigMap` become files of one directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::load::Load;
use super::named::{Include, is_pattern};
use crate::source::{FileId, os_path};
use crate::syntax::reading::{self, ReadFile};
use crate::syntax::yaml::Embedded;

/// The configurations by the paths that stand for them: `FILE#NAME`.
pub(super) fn by_path(main: &Path, all: Vec<Embedded>) -> BTreeMap<PathBuf, Embedded> {
    let path = |one: &Embedded| PathBuf::from(format!("{}#{}", main.display(), one.name));
    all.into_iter().map(|one| (path(&one), one)).collect()
}

impl Load<'_> {
    /// Paths of the configurations in the main file that an `include` names; `None` if it names none. A file is mounted at
    /// one place, so a second pattern does not match it again.
    pub(super) fn inside(&self, include: &Include) -> Option<Vec<PathBuf>> {
        let is_pattern = is_pattern(&os_path(&include.name));
        let mut named = self.others.iter().filter(|(_, one)| one.is_named_by(&include.name)).peekable();
        named.peek()?;
        let free = named.filter(|(path, _)| !is_pattern || !self.files.contains_key(*path));
        Some(free.map(|(path, _)| path.clone()).collect())
    }

    /// Adds the main file to the sources once more, to read another configuration of it.
    pub(super) fn read_inside(&mut self, one: Embedded) -> (FileId, ReadFile) {
        let configuration = &mut self.configuration;
        let main = configuration.sources.file(configuration.main);
        let (path, text) = (main.path.clone(), main.text.to_vec());
        let templates = self.options.templates.as_deref();
        let (file, mut read) = reading::add(&mut configuration.sources, &path, text, templates);
        read.embed(configuration.sources.file(file), one.clone(), templates);
        configuration.inside.insert(file, one);
        (file, read)
    }
}
