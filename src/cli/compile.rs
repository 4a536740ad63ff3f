//! `ngxc compile`: a checked configuration in one file that needs nothing else to be executed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::input::Input;
use super::write::{self, Readers};
use super::{Failure, Outcome, model_json, note};
use crate::site;
use crate::source::{Disk, Loader};
use crate::syntax::{Configuration, Tree};

/// Arguments of `ngxc compile`.
#[derive(Args)]
pub(super) struct CompileArgs {
    #[command(flatten)]
    input: Input,

    /// File to write [default: FILE with the ending `.ngxc`].
    #[arg(short, long, value_name = "FILE", conflicts_with = "json")]
    output: Option<PathBuf>,

    /// Put what password files and keys hold into the file, which then only its owner may read.
    #[arg(long, conflicts_with = "json")]
    embed_secrets: bool,

    /// Print the model instead, as docs/json.md describes it.
    #[arg(long)]
    json: bool,

    /// With `--json`: settings that nothing sets as well.
    #[arg(long, requires = "json")]
    all: bool,
}

impl CompileArgs {
    /// The path of a file that the configuration names.
    fn path_of(&self, name: &str) -> PathBuf {
        let directory = self.input.file.parent().unwrap_or(Path::new(""));
        self.input.meaning.reading.prefix.as_deref().unwrap_or(directory).join(name)
    }
}

/// Directives whose first argument names a secret file.
const SECRETS: &[&str] = &[
    "auth_basic_user_file",
    "grpc_ssl_certificate_key",
    "proxy_ssl_certificate_key",
    "proxy_ssl_password_file",
    "ssl_certificate_key",
    "ssl_password_file",
    "ssl_session_ticket_key",
    "uwsgi_ssl_certificate_key",
];

pub(super) fn run(args: &mut CompileArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    args.input.settle()?;
    let (configuration, mut config) = args.input.whole(&Disk)?;
    if args.json {
        model_json::print(&config, &configuration.sources, args.all, out)?;
        return Ok(Outcome::Clean);
    }
    let file = &args.input.file;
    let output = match &args.output {
        Some(output) => output.clone(),
        None if file == Path::new("-") => {
            return Err(Failure::new("standard input has no name to give the compiled file")
                .help("say `-o site.ngxc`"));
        }
        None => file.with_extension("ngxc"),
    };
    let secrets = secrets(&configuration);
    if args.embed_secrets {
        config.embedded = embed(args, &secrets)?;
    }
    let bytes = site::store(&config, &configuration.sources)
        .map_err(|error| Failure::new(format!("the model cannot be stored: {error}")))?;
    let readers = if config.embedded.is_empty() { Readers::Everybody } else { Readers::Owner };
    let secret_files: Vec<PathBuf> = secrets.iter().map(|secret| args.path_of(&secret.path)).collect();
    let inputs = configuration.sources.files().map(|(_, file)| file.path.as_path());
    let inputs = inputs.chain(secret_files.iter().map(PathBuf::as_path));
    write::output(&output, &bytes, readers, inputs)
        .map_err(|error| Failure::new(format!("cannot write `{}`: {error}", output.display())))?;
    say(&configuration, &secrets, &config.embedded);
    #[cfg(feature = "runtime")]
    foretell(&config, &configuration.sources);
    let files = configuration.sources.files().len();
    let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    let servers = match config.http.servers.len() {
        1 => "1 server".to_owned(),
        n => format!("{n} servers"),
    };
    if output == Path::new("-") {
        // There the compiled file went.
        note(&format!("{servers} from {files}"));
    } else {
        writeln!(out, "{}: {servers} from {files}", output.display())?;
    }
    Ok(Outcome::Clean)
}

/// A file that a configuration names and that is secret.
struct Secret {
    path: String,
    place: crate::source::Span,
}

/// Secret files whose path is known without a request.
fn secrets(configuration: &Configuration) -> Vec<Secret> {
    let mut found: Vec<Secret> = Vec::new();
    for directive in configuration.trees.iter().flat_map(Tree::directives) {
        if !SECRETS.iter().any(|name| *directive.name().value() == *name.as_bytes()) {
            continue;
        }
        let Some(argument) = directive.arg(0) else { continue };
        let path = String::from_utf8_lossy(&argument.value()).into_owned();
        let is_file = !path.contains('$') && !path.contains(':') && path != "off" && !path.is_empty();
        if is_file && !found.iter().any(|known| known.path == path) {
            found.push(Secret { path, place: directive.head() });
        }
    }
    found
}

fn embed(args: &CompileArgs, secrets: &[Secret]) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut embedded = BTreeMap::new();
    for secret in secrets {
        let path = args.path_of(&secret.path);
        let text = Disk.read(&path).map_err(|error| {
            Failure::new(format!("cannot read `{}`: {error}", path.display()))
                .help("leave `--embed-secrets` out to have it read where the compiled file is executed")
        })?;
        embedded.insert(secret.path.clone(), text);
    }
    Ok(embedded)
}

/// Prints notes about secrets: those embedded in the compiled file, and those that it reads when it runs.
fn say(configuration: &Configuration, secrets: &[Secret], embedded: &BTreeMap<String, Vec<u8>>) {
    for secret in secrets {
        let place = configuration.sources.place(secret.place);
        if embedded.contains_key(&secret.path) {
            note(&format!("{place}: `{}` is in the file, which is as secret as it", secret.path));
        } else {
            note(&format!("{place}: `{}` is not in the file: it is read where it is executed", secret.path));
        }
    }
}

/// Says ahead that `ngxc run` will not execute the configuration, and why.
#[cfg(feature = "runtime")]
fn foretell(config: &crate::model::Config, sources: &crate::source::SourceMap) {
    let refused = crate::runtime::unsupported(config).into_iter().find(|u| u.safe_because.is_none());
    if let Some(first) = refused {
        let place = sources.place(first.span);
        let what = first.what.trim_matches('`');
        note(&format!("note: `ngxc run` will refuse it: {place}: `{what}` is not executed"));
    }
}
