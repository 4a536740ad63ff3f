//! Which configuration, for which nginx: the arguments that all commands share.

use std::path::PathBuf;
use std::sync::Once;

use clap::Args;

use super::render::{self, Report};
use super::{Failure, note};
use crate::catalog::{Context, NEWEST};
use crate::compile::fragment::{self, Place};
use crate::compile::{self, Compiled, Options};
use crate::diagnostic::Level;
use crate::model::Config;
use crate::source::Loader;
use crate::syntax::{self, Configuration, LoadOptions};
use crate::version::Version;

/// The configuration to work on.
#[derive(Args, Clone, Debug)]
pub(super) struct Input {
    /// The configuration; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,

    /// The nginx that the configuration is meant for, for example 1.28.0 [default: the newest known].
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
}

impl Input {
    /// The version that was asked for, or the newest.
    pub(super) fn version(&self) -> Version {
        self.nginx_version.unwrap_or(NEWEST)
    }

    /// Reads the configuration and all it includes.
    pub(super) fn load(&self, loader: &dyn Loader) -> Result<Configuration, Failure> {
        let options = LoadOptions {
            conf_prefix: self.prefix.clone(),
            path_maps: self.map_path.clone(),
            ..LoadOptions::default()
        };
        let configuration = syntax::load(loader, &self.file, &options).map_err(|error| {
            let failure = Failure::new(error.to_string());
            if self.file.is_dir() {
                return failure
                    .help(format!("name a file in it: `{}`", self.file.join("nginx.conf").display()));
            }
            failure
        })?;
        if let (Place::Unknown(name, span), true) = (fragment::place(&configuration), self.context.is_empty())
        {
            let place = configuration.sources.place(span);
            return Err(Failure::new(format!("{} in {place}", no_context(&name))));
        }
        Ok(configuration)
    }

    /// The blocks around the file: those of `--context`, those that it names itself, or those that its directives
    /// show; the last is said, because it may be wrong.
    fn contexts(&self, configuration: &Configuration) -> Vec<Context> {
        static SAID: Once = Once::new();
        if !self.context.is_empty() {
            return self.context.clone();
        }
        match fragment::place(configuration) {
            Place::Declared(contexts) => contexts,
            Place::Main | Place::Unknown(..) => Vec::new(),
            Place::Guessed(contexts) => {
                let names: Vec<&str> = contexts.iter().map(|c| c.name()).collect();
                let (last, all) = (names.last().copied().unwrap_or_default(), names.join(","));
                SAID.call_once(|| {
                    note(&format!(
                        "note: {} is read as a fragment of `{last}`; say `--context {all}`, or write \
                         `# ngxc: context({all})` at its top",
                        self.file.display()
                    ));
                });
                contexts
            }
        }
    }

    /// Reads and compiles it for a command that needs a configuration without errors; the errors are printed.
    pub(super) fn valid(&self, loader: &dyn Loader) -> Result<(Configuration, Config), Failure> {
        let configuration = self.load(loader)?;
        let compiled = self.compile(&configuration, self.version());
        let mut findings = configuration.diagnostics.clone();
        findings.extend(compiled.diagnostics);
        findings.retain(|d| d.level == Level::Error);
        if findings.is_empty() {
            return Ok((configuration, compiled.config));
        }
        let report = Report::new(&configuration.sources, findings, self.version(), &self.file, "");
        render::complain(&report);
        Err(Failure::new(format!("`{}` has errors", self.file.display())))
    }

    /// Compiles it for a version.
    pub(super) fn compile(&self, configuration: &Configuration, version: Version) -> Compiled {
        compile::compile(configuration, &Options { version, contexts: self.contexts(configuration) })
    }
}

fn parse_version(text: &str) -> Result<Version, String> {
    let version: Version = text.parse()?;
    if version > NEWEST {
        return Err(format!("nginx {version} is newer than this program knows; expected at most {NEWEST}"));
    }
    Ok(version)
}

fn parse_context(text: &str) -> Result<Context, String> {
    Context::ALL.into_iter().find(|c| c.name() == text).ok_or_else(|| no_context(text))
}

fn no_context(name: &str) -> String {
    let known: Vec<&str> = Context::ALL.into_iter().map(Context::name).collect();
    format!("no context is called `{name}`; expected one of {}", known.join(", "))
}

fn parse_path_map(text: &str) -> Result<(PathBuf, PathBuf), String> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.into(), to.into())),
        _ => Err("expected two directories with `=` between: `/etc/nginx=./nginx`".to_owned()),
    }
}
