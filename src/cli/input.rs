//! Which configuration, for which nginx: the arguments that all commands share.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

use clap::Args;

use super::render::{self, Report};
use super::{Failure, note, surroundings, template};
use crate::catalog::{self, Context, NEWEST, Release};
use crate::compile::fragment::{self, Place};
use crate::compile::{self, Compiled, Options};
use crate::diagnostic::Level;
use crate::model::Config;
use crate::site::{self, Site};
use crate::source::shipped::below_root;
use crate::source::{Disk, Loader};
use crate::syntax::{self, Configuration, LoadOptions};
use crate::version::Version;

/// The configuration to work on.
#[derive(Args, Clone, Debug)]
pub(super) struct Input {
    /// The configuration; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,

    #[command(flatten)]
    pub(super) meaning: Meaning,
}

/// How files are to be understood.
#[derive(Args, Clone, Debug)]
pub(super) struct Meaning {
    /// The nginx that the configuration is meant for, for example 1.28.0, or 1.28 for the newest 1.28.x [default: the newest known].
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    pub(super) nginx_version: Option<Version>,

    /// The blocks that a fragment is included in, outermost first, for example `http,server`.
    #[arg(long, value_name = "CONTEXT", value_delimiter = ',', value_parser = parse_context)]
    pub(super) context: Vec<Context>,

    /// What relative includes are relative to [default: the directory of FILE].
    #[arg(long, value_name = "DIR")]
    pub(super) prefix: Option<PathBuf>,

    /// Read the files below one directory from another: `/etc/nginx=./nginx`; may be repeated.
    #[arg(long, value_name = "FROM=TO", value_parser = parse_path_map)]
    pub(super) map_path: Vec<(PathBuf, PathBuf)>,

    #[command(flatten)]
    pub(super) template: template::TemplateArgs,
}

impl Input {
    /// Reads and compiles it for a command that needs a configuration without errors; the errors are printed. A part of
    /// a main file, without `events`, will do.
    pub(super) fn valid(&self, loader: &dyn Loader) -> Result<(Configuration, Config), Failure> {
        self.without_errors(self.meaning.load(&self.file, loader)?, Meaning::compile)
    }

    /// The same for a command that does what nginx does: nginx demands `events`.
    pub(super) fn whole(&self, loader: &dyn Loader) -> Result<(Configuration, Config), Failure> {
        let mut configuration = self.meaning.load(&self.file, loader)?;
        surroundings::demand_includes(&mut configuration);
        self.without_errors(configuration, |meaning, configuration, version| {
            meaning.compile_with(configuration, version, false)
        })
    }

    fn without_errors(
        &self,
        configuration: Configuration,
        compile: impl Fn(&Meaning, &Configuration, Version) -> Compiled,
    ) -> Result<(Configuration, Config), Failure> {
        let compiled = compile(&self.meaning, &configuration, self.meaning.version());
        let mut findings = configuration.diagnostics.clone();
        findings.extend(compiled.diagnostics);
        findings.retain(|d| d.level == Level::Error);
        if findings.is_empty() {
            return Ok((configuration, compiled.config));
        }
        render::complain(&Report::one(&configuration.sources, findings, self.meaning.version(), &self.file));
        Err(Failure::new(format!("`{}` has errors", self.file.display())))
    }
}

impl Input {
    /// The same for a command that takes compiled files as well.
    pub(super) fn ready(&self, loader: &dyn Loader) -> Result<Site, Failure> {
        if let Some(site) = self.compiled()? {
            return Ok(site);
        }
        let (configuration, config) = self.whole(loader)?;
        Ok(Site { config, sources: configuration.sources })
    }

    /// What is in a compiled file, which is recognised by its first bytes; `None` if it is none.
    pub(super) fn compiled(&self) -> Result<Option<Site>, Failure> {
        let Some(bytes) = compiled(&self.file) else { return Ok(None) };
        let bytes = bytes.map_err(|e| Failure::new(format!("`{}`: {e}", self.file.display())))?;
        let site = site::load(&bytes).map_err(|refused| {
            Failure::new(format!("`{}` is {refused}", self.file.display())).help(refused.help())
        })?;
        Ok(Some(site))
    }
}

/// A file that is, or by its name should be, a compiled one.
fn compiled(path: &Path) -> Option<std::io::Result<Vec<u8>>> {
    let is_magic = || {
        let mut begin = [0; site::MAGIC.len()];
        File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && site::is_site(&begin)
    };
    let is_named = path.extension().is_some_and(|e| e == "ngxc") && path.is_file();
    // Not from standard input or a pipe, of which the first bytes would be gone.
    (is_named || path.is_file() && is_magic()).then(|| Disk.read(path))
}

impl Meaning {
    /// The version that was asked for, or the newest.
    pub(super) fn version(&self) -> Version {
        self.nginx_version.unwrap_or(NEWEST)
    }

    /// Reads a configuration and all it includes.
    pub(super) fn load(&self, file: &Path, loader: &dyn Loader) -> Result<Configuration, Failure> {
        let options = LoadOptions {
            conf_prefix: self.prefix.clone(),
            path_maps: self.map_path.clone(),
            elsewhere: self.is_elsewhere(file),
            templates: Some(self.template.templates()?),
            ..LoadOptions::default()
        };
        let mut configuration = syntax::load(loader, file, &options).map_err(|error| {
            let failure = Failure::new(error.to_string());
            if file.is_dir() {
                return failure.help(format!("name a file in it: `{}`", file.join("nginx.conf").display()));
            }
            failure
        })?;
        template::settle(&mut configuration);
        match fragment::place(&configuration) {
            _ if !self.context.is_empty() => {}
            Place::Unknown(name, span) => {
                let place = configuration.sources.place(span);
                return Err(Failure::new(format!("{} in {place}", no_context(&name))));
            }
            Place::Guessed(contexts) => say_guess(file, &contexts),
            Place::Declared(_) | Place::Main => {}
        }
        if self.contexts(&configuration).is_empty() {
            surroundings::settle_missing(self, &mut configuration, loader);
        } else {
            // What a fragment includes lies where its main file is.
            let missing = configuration.diagnostics.iter_mut().filter(|d| d.code == "include-not-found");
            missing.for_each(|d| d.level = Level::Info);
        }
        Ok(configuration)
    }

    /// Whether a main file lies outside of the directories that nginx reads.
    pub(super) fn is_elsewhere(&self, file: &Path) -> bool {
        let is_below = |path: &Path| {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            below_root(&absolute).is_some() || path.canonicalize().is_ok_and(|p| below_root(&p).is_some())
        };
        !is_below(file) && !self.prefix.as_deref().is_some_and(is_below)
    }

    /// The blocks around a file: those of `--context`, those that it names itself, or those that its directives show.
    fn contexts(&self, configuration: &Configuration) -> Vec<Context> {
        if !self.context.is_empty() {
            return self.context.clone();
        }
        match fragment::place(configuration) {
            Place::Declared(contexts) | Place::Guessed(contexts) => contexts,
            Place::Main | Place::Unknown(..) => Vec::new(),
        }
    }

    /// Compiles it for a version. A file with `http` and without `events` is taken as a part of a main file, as articles
    /// print it: what nginx would refuse is a note.
    pub(super) fn compile(&self, configuration: &Configuration, version: Version) -> Compiled {
        let mut compiled = self.compile_with(configuration, version, false);
        surroundings::soften(configuration, &mut compiled, false);
        compiled
    }

    /// Compiles it as nginx would, perhaps for an nginx that has only its own modules.
    pub(super) fn compile_with(
        &self,
        configuration: &Configuration,
        version: Version,
        strict_modules: bool,
    ) -> Compiled {
        let mut compiled = compile::compile(
            configuration,
            &Options { version, contexts: self.contexts(configuration), strict_modules },
        );
        compiled.diagnostics.retain(|d| !configuration.is_uncertain(d));
        compiled
    }
}

/// Says how a file is read, because a guess may be wrong: once a file, and only of the first few.
fn say_guess(file: &Path, contexts: &[Context]) {
    const MOST: usize = 3;
    static SAID: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    let said = said.get_or_insert_default();
    if said.len() > MOST || !said.insert(file.to_owned()) {
        return;
    }
    if said.len() > MOST {
        return note("note: more files are read as fragments");
    }
    let names: Vec<&str> = contexts.iter().map(|c| c.name()).collect();
    let (last, all) = (names.last().copied().unwrap_or_default(), names.join(","));
    note(&format!(
        "note: {} is read as a fragment of `{last}`; say `--context {all}`, or write `# ngxc: context({all})` at its \
         top",
        file.display()
    ));
}

pub(super) fn parse_version(text: &str) -> Result<Version, String> {
    let release = catalog::release(text)?;
    say_newer(release);
    Ok(release.version)
}

/// Warns of a release that is newer than the data, once a run.
pub(super) fn say_newer(release: Release) {
    static SAID: Once = Once::new();
    if let Some(warning) = release.warning() {
        SAID.call_once(|| note(&format!("warning: {warning}")));
    }
}

fn parse_context(text: &str) -> Result<Context, String> {
    Context::ALL
        .into_iter()
        .chain(Context::ENTRIES)
        .find(|c| c.name() == text)
        .ok_or_else(|| no_context(text))
}

fn no_context(name: &str) -> String {
    let known: Vec<&str> = Context::ALL.into_iter().chain(Context::ENTRIES).map(Context::name).collect();
    format!("no context is called `{name}`; expected one of {}", known.join(", "))
}

pub(super) fn parse_path_map(text: &str) -> Result<(PathBuf, PathBuf), String> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.into(), to.into())),
        _ => Err("expected two directories with `=` between: `/etc/nginx=./nginx`".to_owned()),
    }
}
