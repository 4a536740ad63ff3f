//! The configuration and the nginx it is for: the arguments that all commands share.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::meaning::Meaning;
use super::render::{self, Report};
use super::{Failure, note, settings, surroundings, told};
use crate::compile::Compiled;
use crate::diagnostic::{Diagnostic, Level};
use crate::model::Config;
use crate::simulate::walk::RoutingConfiguration;
use crate::site::{self, Site};
use crate::source::{Disk, Loader, SourceMap};
use crate::syntax::Configuration;
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

impl Input {
    /// Looks for the settings that hold for it, and reads standard input if that has a name.
    ///
    /// # Errors
    /// If either cannot be read.
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
        self.meaning.reading.stdin.settle(std::iter::once(&mut self.file))?;
        self.meaning = self.meaning.of(&self.file)?;
        Ok(())
    }

    /// The same with the settings as they are now: a file of settings may have changed since it was read.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn anew(&self) -> Result<Self, Failure> {
        settings::forget();
        Ok(Self { meaning: self.meaning.of(&self.file)?, ..self.clone() })
    }

    /// Reads and compiles it for a command that needs a configuration without errors; the errors are printed. A part of
    /// a main file, without `events`, will do.
    pub(super) fn valid(&self, loader: &dyn Loader) -> Result<(Configuration, Config), Failure> {
        self.without_errors(self.meaning.load(&self.file, loader)?, Meaning::compile, true)
    }

    /// The same for a command that does what nginx does: nginx demands `events`, and what it refuses is not executed,
    /// whatever settings and comments say.
    pub(super) fn whole(&self, loader: &dyn Loader) -> Result<(Configuration, Config), Failure> {
        let mut configuration = self.meaning.load(&self.file, loader)?;
        surroundings::demand_includes(&mut configuration);
        if let Some((place, _)) = configuration.templates().next() {
            let text = String::from_utf8_lossy(configuration.sources.text(place)).into_owned();
            let place = configuration.sources.place(place);
            return Err(Failure::new(format!(
                "`{text}` in {place} has no value, and what is executed has to be known"
            ))
            .help("say `--define NAME=value` or `--env-file FILE`, or render the template first"));
        }
        let compile = |meaning: &Meaning, configuration: &Configuration, version| {
            meaning.compile_with(configuration, version, false)
        };
        self.without_errors(configuration, compile, false)
    }

    fn without_errors(
        &self,
        configuration: Configuration,
        compile: impl Fn(&Meaning, &Configuration, Version) -> Compiled,
        may_be_lowered: bool,
    ) -> Result<(Configuration, Config), Failure> {
        let compiled = compile(&self.meaning, &configuration, self.meaning.version());
        let mut findings = configuration.diagnostics.clone();
        findings.extend(compiled.diagnostics);
        told::explain(&configuration, &mut findings);
        let found = self.meaning.found.clone().unwrap_or_default();
        let mut settings = found.file.settings(None).map_err(Failure::new)?;
        self.meaning.level.set(&mut settings)?;
        let refused: Vec<Diagnostic> = findings.iter().filter(|d| d.level == Level::Error).cloned().collect();
        let hidden;
        (findings, hidden) = told::tell(&configuration, &settings, &found, findings, &[]);
        let lowered = hidden + findings.iter().filter(|d| d.lowered).count();
        findings.retain(|d| d.level == Level::Error);
        if !may_be_lowered {
            findings.retain(|d| !refused.iter().any(|r| r.span == d.span && r.code == d.code));
            findings.extend(refused);
        } else if lowered > 0 {
            note(&format!("note: {}", render::lowered(lowered)));
        }
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

    /// Content of a compiled file, which is recognised by its first bytes; `None` if it is none.
    pub(super) fn compiled(&self) -> Result<Option<Site>, Failure> {
        let Some(bytes) = compiled(&self.file) else { return Ok(None) };
        let bytes = bytes.map_err(|e| Failure::new(format!("`{}`: {e}", self.file.display())))?;
        let site = site::load(&bytes).map_err(|refused| {
            Failure::new(format!("`{}` is {refused}", self.file.display())).help(refused.help())
        })?;
        Ok(Some(site))
    }
}

/// Prepares a configuration for requests.
///
/// # Errors
/// If a regular expression does not compile.
pub(super) fn ground(config: Arc<Config>, sources: &SourceMap) -> Result<RoutingConfiguration, Failure> {
    RoutingConfiguration::new(config)
        .map_err(|error| Failure::new(format!("{error} in {}", sources.place(error.span))))
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
