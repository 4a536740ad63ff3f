//! Templates on the command line: the values of `${NAME}`, and the language of files that are rendered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::settings::FoundSettings;
use super::{Failure, yaml};
use crate::catalog::{self, Subsystem};
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::source::{Disk, Loader, Span};
use crate::syntax::{Configuration, Language, Templates};

/// Arguments about templates.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct TemplateArgs {
    /// Put a value in the place of `$NAME` and `${NAME}`, as `envsubst` does; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_definition)]
    define: Vec<(String, String)>,

    /// The same for each line `NAME=value` of a file; --define comes first.
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,

    /// Look through templates in this language: statements are left out, what expressions stand for is unknown.
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    template: Option<LanguageName>,

    /// Values and language of the settings file.
    #[arg(skip)]
    settled: TemplateSettings,
}

/// Values and language of a settings file; the command line comes before them.
#[derive(Clone, Debug, Default)]
struct TemplateSettings {
    values: BTreeMap<String, String>,
    language: Option<Language>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LanguageName {
    /// `${NAME}`, in files of any name.
    Envsubst,
    /// `{{ name }}` and `{% if … %}`.
    Jinja,
    /// `{{ .Values.name }}`: Helm, confd, consul-template.
    Go,
    /// `<%= @name %>`.
    Erb,
    /// `${name}` and `%{ if … }`.
    Terraform,
}

impl TemplateArgs {
    /// The same with what a settings file says.
    ///
    /// # Errors
    /// If a file that it names cannot be read, or is no list of values.
    pub(super) fn settle(&mut self, found: &FoundSettings) -> Result<(), Failure> {
        let mut values = BTreeMap::new();
        for name in &found.file.env_file {
            read(&found.directory.join(name), &mut values)?;
        }
        values.extend(found.file.define.0.clone());
        self.settled = TemplateSettings { values, language: found.file.template.map(|language| language.0) };
        Ok(())
    }

    /// The values and the language.
    pub(super) fn templates(&self) -> Result<Arc<Templates>, Failure> {
        let mut values = self.settled.values.clone();
        for path in &self.env_file {
            read(path, &mut values)?;
        }
        values.extend(self.define.iter().cloned());
        let language = self.template.map(|name| match name {
            LanguageName::Envsubst => Language::Envsubst,
            LanguageName::Jinja => Language::Jinja,
            LanguageName::Go => Language::Go,
            LanguageName::Erb => Language::Erb,
            LanguageName::Terraform => Language::Terraform,
        });
        let language = language.or(self.settled.language);
        Ok(Arc::new(Templates {
            values,
            language,
            is_variable: Some(is_variable),
            is_directive: Some(yaml::is_directive),
        }))
    }
}

/// Adds the values of an environment file.
fn read(path: &Path, values: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    let name = path.display();
    let text = Disk.read(path).map_err(|e| Failure::new(format!("cannot read `{name}`: {e}")))?;
    for (n, line) in String::from_utf8_lossy(&text).lines().enumerate() {
        let found = environment(line).map_err(|e| Failure::new(format!("{name}:{}: {e}", n + 1)))?;
        values.extend(found);
    }
    Ok(())
}

/// True if nginx has a variable of this name, in any of its subsystems.
fn is_variable(name: &[u8]) -> bool {
    [Subsystem::Http, Subsystem::Stream].into_iter().any(|s| catalog::variable(s, name).is_some())
}

fn parse_definition(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected a name, `=` and a value: `PORT=8080`")?;
    if Templates::is_name(name) {
        return Ok((name.to_owned(), value.to_owned()));
    }
    Err(format!("`{name}` is no name: expected letters, digits and `_`, not beginning with a digit"))
}

/// A line of an environment file: `NAME=value`, with `export` and quotes as a shell has them; `None` for an empty line, a
/// comment, and a name without a value, which Docker takes from its own environment.
fn environment(line: &str) -> Result<Option<(String, String)>, String> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    if line.is_empty() || line.starts_with('#') || Templates::is_name(line) {
        return Ok(None);
    }
    let (name, value) = parse_definition(line)?;
    let value = value.trim();
    let unquoted = ['"', '\''].iter().find_map(|&q| value.strip_prefix(q)?.strip_suffix(q));
    Ok(Some((name, unquoted.unwrap_or(value).to_owned())))
}

/// Refuses a configuration in which a template decides about a directive that `decides` names: an answer would be made of
/// stand-ins. Directives inside of a block that it names count too.
///
/// # Errors
/// If there is such a place.
pub(super) fn demand(configuration: &Configuration, decides: fn(&[u8]) -> bool) -> Result<(), Failure> {
    let text = |hole: Span| String::from_utf8_lossy(configuration.sources.text(hole)).into_owned();
    let matters = |hole: &Span| {
        let around = configuration.tree(hole.file).enclosing(hole.start);
        let of_block = |name: &[u8]| BODIES.contains(&name);
        around.iter().enumerate().any(|(n, directive)| {
            let name = directive.name().value();
            decides(&name) && (n + 1 == around.len() || of_block(&name) || hole.end <= directive.head().end)
        })
    };
    let mut unknown: Vec<Span> = configuration.holes().filter(matters).collect();
    let Some(&first) = unknown.first() else { return Ok(()) };
    let place = configuration.sources.place(first);
    let failure =
        Failure::new(format!("`{}` in {place} has no value, and the answer depends on it", text(first)));
    unknown.dedup_by_key(|hole| text(*hole));
    let mut names: Vec<String> = unknown.iter().filter_map(|hole| envsubst_name(&text(*hole))).collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(failure.help("render the template first, and name what it is rendered to"));
    }
    let all: Vec<String> = names.iter().map(|name| format!("--define {name}=…")).collect();
    Err(failure.help(format!("say {}, or `--env-file FILE`", all.join(" "))))
}

/// Blocks whose entries are parts of the directive itself.
const BODIES: [&[u8]; 5] = [b"split_clients", b"map", b"geo", b"upstream", b"if"];

/// The name in `$NAME` or `${NAME}`.
fn envsubst_name(text: &str) -> Option<String> {
    let name = text.strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(name);
    Templates::is_name(name).then(|| name.to_owned())
}

/// Directives that decide how a request is treated.
pub(super) fn routes(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 15] = [
        b"listen",
        b"server_name",
        b"location",
        b"if",
        b"set",
        b"rewrite",
        b"return",
        b"try_files",
        b"map",
        b"geo",
        b"split_clients",
        b"error_page",
        b"upstream",
        b"index",
        b"merge_slashes",
    ];
    NAMES.contains(&name) || name.ends_with(b"_pass")
}

/// Directives that decide how many ports are used.
pub(super) fn opens(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 8] = [
        b"server",
        b"upstream",
        b"split_clients",
        b"proxy_bind",
        b"proxy_http_version",
        b"map",
        b"worker_processes",
        b"worker_connections",
    ];
    NAMES.contains(&name) || name.ends_with(b"_pass")
}

/// Directives that decide which value a client gets.
pub(super) fn splits(name: &[u8]) -> bool {
    name == b"split_clients"
}

/// Leaves out what only the rendering of a template decides, and says once that there is such a thing.
pub(super) fn settle(configuration: &mut Configuration) {
    let mut found = std::mem::take(&mut configuration.diagnostics);
    configuration.certain(&mut found);
    let mut first = None;
    let (mut places, mut files) = (0, 0);
    for (span, count) in configuration.templates() {
        first.get_or_insert(span);
        (places, files) = (places + count, files + 1);
    }
    if let Some(span) = first {
        let noun = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
        let files = if files > 1 { format!(" of {files} files") } else { String::new() };
        let message = format!(
            "what stands in {}{files} is not known before the template is rendered",
            noun(places, "place")
        );
        found.push(
            Diagnostic::new("template-unknown", Class::Configuration, Level::Info, span, message)
                .label("the first one")
                .help("everything that depends on it is left out; `--define NAME=value` or `--env-file FILE` says what `${NAME}` is"),
        );
    }
    configuration.diagnostics = found;
}
