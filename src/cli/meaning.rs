//! Arguments about the meaning of a configuration: the nginx version, the blocks around a fragment, and settings.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError};

use clap::Args;

use super::reading::InputArgs;
use super::settings::FoundSettings;
use super::told::LevelArgs;
use super::{Failure, note, surroundings};
use crate::catalog::{self, Context, NEWEST, Release};
use crate::compile::fragment::{self, Place};
use crate::compile::{self, Compiled, Options};
use crate::diagnostic::Level;
use crate::source::Loader;
use crate::syntax::Configuration;
use crate::version::Version;

/// Version, context and settings that files are read with.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Meaning {
    /// The nginx that the configuration is meant for, for example 1.28.0, or 1.28 for the newest 1.28.x [default: the newest that the data describe].
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    pub(super) nginx_version: Option<Version>,

    /// The blocks that a fragment is included in, outermost first, for example `http,server`.
    #[arg(long, value_name = "CONTEXT", value_delimiter = ',', value_parser = parse_context)]
    pub(super) context: Vec<Context>,

    #[command(flatten)]
    pub(super) level: LevelArgs,

    #[command(flatten)]
    pub(super) reading: InputArgs,

    /// The settings that hold, once they were looked for.
    #[arg(skip)]
    pub(super) found: Option<Arc<FoundSettings>>,

    /// Arguments of the command line, before the settings were added.
    #[arg(skip)]
    pub(super) asked: Option<Box<Meaning>>,

    /// The version comes from the settings file.
    #[arg(skip)]
    pub(super) version_is_settled: bool,
}

impl Meaning {
    /// The version that was asked for, or the newest.
    pub(super) fn version(&self) -> Version {
        self.nginx_version.unwrap_or(NEWEST)
    }

    /// The same with what the settings file of a configuration says; the command line comes before it.
    ///
    /// # Errors
    /// If a settings file, or a file that it names, cannot be read or says what there is not.
    pub(super) fn of(&self, file: &Path) -> Result<Meaning, Failure> {
        let asked = self.asked.as_deref().unwrap_or(self);
        let found = asked.reading.settings.of(file)?;
        let mut meaning = Meaning { asked: Some(Box::new(asked.clone())), ..asked.clone() };
        meaning.reading.settle(&found)?;
        if meaning.nginx_version.is_none()
            && let Some(release) = found.file.release()
        {
            say_newer(release);
            meaning.nginx_version = Some(release.version);
            meaning.version_is_settled = true;
        }
        meaning.found = Some(found);
        Ok(meaning)
    }

    /// The version that the settings file names, if it holds, and that file.
    pub(super) fn settled_version(&self) -> Option<(Version, &Path)> {
        let path = self.found.as_deref()?.path.as_deref()?;
        self.nginx_version.filter(|_| self.version_is_settled).map(|version| (version, path))
    }

    /// Reads a configuration and all it includes, and says as what it is read if that was guessed.
    ///
    /// # Errors
    /// If its main file cannot be read, or names a context that there is not.
    pub(super) fn load(&self, file: &Path, loader: &dyn Loader) -> Result<Configuration, Failure> {
        let mut configuration = self.reading.load(file, loader)?;
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
            // Files that a fragment includes lie beside its main file, which is not known: their absence is no error.
            let missing = configuration.diagnostics.iter_mut().filter(|d| d.code == "include-not-found");
            missing.for_each(|d| d.level = Level::Info);
        }
        Ok(configuration)
    }

    /// The blocks around a file: those of `--context`, those that it names itself, or those that its directives show.
    pub(super) fn contexts(&self, configuration: &Configuration) -> Vec<Context> {
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
            &Options {
                version,
                contexts: self.contexts(configuration),
                strict_modules,
                declared: self.reading.directives.clone(),
            },
        );
        configuration.certain(&mut compiled.diagnostics);
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
    Context::named(text).ok_or_else(|| no_context(text))
}

fn no_context(name: &str) -> String {
    let known: Vec<&str> = Context::ALL.into_iter().chain(Context::ENTRIES).map(Context::name).collect();
    format!("no context is called `{name}`; expected one of {}", known.join(", "))
}
