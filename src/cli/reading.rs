//! Finding and reading of files: the arguments of every command that reads a configuration.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::declared::read_declared;
use super::settings::{FoundSettings, SettingsArgs};
use super::{Failure, detail, is_verbose, paths, template, yaml};
use crate::catalog::DeclaredNames;
use crate::source::shipped::below_root;
use crate::source::{Disk, Loader};
use crate::syntax::{self, Configuration, LoadOptions};

/// Arguments about the places of files, and about templates.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct InputArgs {
    /// The directory that relative includes start from [default: the directory of FILE].
    #[arg(long, value_name = "DIR")]
    pub(super) prefix: Option<PathBuf>,

    /// Read the files below one directory from another: `/etc/nginx=./nginx`; may be repeated.
    #[arg(long, value_name = "FROM=TO", value_parser = parse_path_map)]
    pub(super) map_path: Vec<(PathBuf, PathBuf)>,

    /// Directives and variables of modules of your own, in the format of grammar/directives; may be repeated.
    #[arg(long, value_name = "FILE", value_parser = read_declared)]
    pub(super) directives: Vec<Arc<DeclaredNames>>,

    #[command(flatten)]
    pub(super) template: template::TemplateArgs,

    #[command(flatten)]
    pub(super) stdin: Stdin,

    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// Kind of standard input.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Stdin {
    /// Standard input (`-`) is the text of this file: findings, includes and settings are those of the file.
    #[arg(long, value_name = "FILE")]
    stdin_filename: Option<PathBuf>,

    /// Text of standard input, once it was read.
    #[arg(skip)]
    text: Option<Arc<[u8]>>,
}

impl Stdin {
    /// Reads standard input and gives it its name among the files.
    ///
    /// # Errors
    /// If no file, or more than one, is `-`, or if it cannot be read.
    pub(super) fn settle<'f>(&mut self, files: impl Iterator<Item = &'f mut PathBuf>) -> Result<(), Failure> {
        let Some(name) = self.stdin_filename.clone().filter(|_| self.text.is_none()) else { return Ok(()) };
        let mut standard: Vec<&mut PathBuf> = files.filter(|file| *file == Path::new("-")).collect();
        let [file] = standard.as_mut_slice() else {
            return Err(Failure::new("--stdin-filename says which file standard input is")
                .help("name `-` once among the files"));
        };
        let text = Disk
            .read(Path::new("-"))
            .map_err(|e| Failure::new(format!("cannot read standard input: {e}")))?;
        self.text = Some(text.into());
        **file = name;
        Ok(())
    }

    /// True if a file is standard input, by its own name or by the one that it was given.
    pub(super) fn is(&self, file: &Path) -> bool {
        let named = || self.stdin_filename.as_deref().filter(|_| self.text.is_some());
        file == Path::new("-") || named().is_some_and(|name| same(name, file))
    }

    /// A loader that has the text of standard input under its name.
    pub(super) fn over<'l>(&'l self, inner: &'l dyn Loader) -> StandardInputLoader<'l> {
        StandardInputLoader { inner, stdin: self }
    }
}

/// Files, with standard input under the name that it was given.
pub(super) struct StandardInputLoader<'l> {
    inner: &'l dyn Loader,
    stdin: &'l Stdin,
}

impl Loader for StandardInputLoader<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match (&self.stdin.stdin_filename, &self.stdin.text) {
            (Some(name), Some(text)) if same(name, path) => Ok(text.to_vec()),
            _ => self.inner.read(path),
        }
    }

    fn read_included(&self, path: &Path) -> io::Result<Vec<u8>> {
        match (&self.stdin.stdin_filename, &self.stdin.text) {
            (Some(name), Some(text)) if same(name, path) => Ok(text.to_vec()),
            _ => self.inner.read_included(path),
        }
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        self.inner.glob(pattern)
    }

    fn link_in_tree(&self, path: &Path) -> Option<PathBuf> {
        self.inner.link_in_tree(path)
    }
}

fn same(one: &Path, other: &Path) -> bool {
    one == other || one.file_name() == other.file_name() && paths::identity(one) == paths::identity(other)
}

impl InputArgs {
    /// Adds what a settings file says and the command line does not.
    ///
    /// # Errors
    /// If a file of values or of directives cannot be read.
    pub(super) fn settle(&mut self, found: &FoundSettings) -> Result<(), Failure> {
        if self.prefix.is_none() {
            self.prefix = found.file.prefix.as_ref().map(|prefix| found.directory.join(prefix));
        }
        let maps = found.file.path_map.iter();
        self.map_path.extend(maps.map(|(from, to)| (from.into(), found.directory.join(to))));
        self.directives.extend(found.declared()?);
        self.template.settle(found)
    }

    /// Reads a configuration and all it includes; with `-v` says which files.
    ///
    /// # Errors
    /// If its main file, or a file of values, cannot be read.
    pub(super) fn load(&self, file: &Path, loader: &dyn Loader) -> Result<Configuration, Failure> {
        let configuration = self.load_quietly(file, loader)?;
        if is_verbose() {
            tell(&configuration);
        }
        Ok(configuration)
    }

    /// The same without a word.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(super) fn load_quietly(&self, file: &Path, loader: &dyn Loader) -> Result<Configuration, Failure> {
        let (file, embedded) = yaml::split(file);
        let file = loader.link_in_tree(&file).unwrap_or(file);
        let file = file.as_path();
        let options = LoadOptions {
            conf_prefix: self.prefix.clone(),
            path_maps: self.map_path.clone(),
            elsewhere: self.is_elsewhere(file),
            templates: Some(self.template.templates()?),
            embedded,
            ..LoadOptions::default()
        };
        let mut configuration = syntax::load(&self.stdin.over(loader), file, &options).map_err(|error| {
            let failure = Failure::new(error.to_string());
            if file.is_dir() {
                return failure.help(format!("name a file in it: `{}`", file.join("nginx.conf").display()));
            }
            failure
        })?;
        if file == Path::new("-")
            && configuration.sources.file(configuration.main).text.trim_ascii().is_empty()
        {
            return Err(Failure::new("expected a configuration on standard input, found nothing")
                .help("the command before the pipe failed: run it alone and look at its errors"));
        }
        template::settle(&mut configuration);
        shorten(&mut configuration);
        Ok(configuration)
    }

    /// Reads one file without what it includes.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(super) fn load_one(&self, file: &Path) -> Result<Configuration, Failure> {
        let loader = self.stdin.over(&Disk);
        let templates = self.template.templates()?;
        let (file, embedded) = yaml::split(file);
        syntax::load_one(&loader, &file, embedded.as_deref(), &templates)
            .map_err(|error| Failure::new(error.to_string()))
    }

    /// True if a main file lies outside of the directories that nginx reads.
    pub(super) fn is_elsewhere(&self, file: &Path) -> bool {
        let is_below = |path: &Path| {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            below_root(&absolute).is_some() || path.canonicalize().is_ok_and(|p| below_root(&p).is_some())
        };
        !is_below(file) && !self.prefix.as_deref().is_some_and(is_below)
    }
}

/// Names files without `..` where that leads to the same file: `a/../shared/b.conf` is `shared/b.conf` to everybody else.
fn shorten(configuration: &mut Configuration) {
    let roundabout = |path: &Path| path.components().any(|part| part == Component::ParentDir);
    let sources = &mut configuration.sources;
    let long: Vec<_> =
        sources.files().filter(|(_, f)| roundabout(&f.path)).map(|(id, f)| (id, f.path.clone())).collect();
    for (id, path) in long {
        let absolute = paths::absolute(&path);
        let short = if path.is_absolute() { absolute } else { paths::relative(&absolute, Path::new(".")) };
        if short.components().count() < path.components().count()
            && paths::identity(&short) == paths::identity(&path)
        {
            sources.rename(id, short);
        }
    }
}

/// Says which files were read, and for which.
fn tell(configuration: &Configuration) {
    for (id, file) in configuration.sources.files() {
        let name = file.path.display();
        let written = configuration.instead_of(id);
        match written.map(Path::display) {
            _ if configuration.is_stand_in(id) => {
                detail(&format!("known: {name} is not there; using the built-in copy"));
            }
            Some(written) => detail(&format!("read: {name} for `{written}`")),
            None => detail(&format!("read: {name}")),
        }
    }
}

pub(super) fn parse_path_map(text: &str) -> Result<(PathBuf, PathBuf), String> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.into(), to.into())),
        _ => Err("expected two directories with `=` between: `/etc/nginx=./nginx`".to_owned()),
    }
}
