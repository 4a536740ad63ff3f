//! Reads and tests the configuration: `-g` first, then the file, as `ngx_init_cycle` does.

use std::io;
use std::path::{Path, PathBuf};

use super::super::meaning;
use super::log::{self, Severity};
use super::options::Options;
use super::order::{self, Message, ReadConfiguration};
use super::place::{self, Places};
use crate::catalog::NEWEST;
use crate::compile;
use crate::diagnostic::Diagnostic;
use crate::model::Config;
use crate::source::{Disk, Loader};
use crate::syntax::{self, LoadOptions};
use crate::version::Version;

/// Result of a test.
pub(super) struct TestResult {
    /// Messages that nginx would log.
    pub(super) messages: Vec<Message>,
    /// `None` if the main file could not be opened.
    pub(super) read: Option<ReadConfiguration>,
    /// Complete if no message is an error.
    pub(super) config: Option<Config>,
}

/// Stands for the main file where the text of `-g` includes it: its real name may be relative to another directory.
const MAIN: &str = "\u{1}main";

/// Reads, compiles, and asks the host unless `NGXC_OFFLINE` is set.
pub(super) fn test(options: &Options, places: &Places) -> TestResult {
    let text = options.directives.as_deref().unwrap_or_default();
    if text.is_empty() {
        return whole(places, None);
    }
    // Alone first: what is open at its end would swallow the file.
    let alone = tested(places, text.to_vec(), text.len());
    let failed = alone.messages.iter().any(|m| m.severity <= Severity::Crit && !m.after_syntax);
    if failed { alone } else { whole(places, Some(text)) }
}

fn whole(places: &Places, text: Option<&[u8]>) -> TestResult {
    let file = place::path(&places.file);
    if let Err(error) = Disk.read(&file) {
        // nginx opens a directory and then fails to read it.
        let message = match error.kind() {
            io::ErrorKind::IsADirectory => {
                let error = io::Error::from_raw_os_error(21);
                (Severity::Crit, log::failed("pread", &places.file, &error))
            }
            _ => (Severity::Emerg, log::failed("open", &places.file, &error)),
        };
        let message = Message { severity: message.0, text: message.1, after_syntax: false };
        return TestResult { messages: vec![message], read: None, config: None };
    }
    match text {
        None => loaded(&Disk, places, &file, 0),
        Some(text) => {
            let include = [b"\ninclude ".as_slice(), MAIN.as_bytes(), b";\n"].concat();
            tested(places, [text, &include].concat(), text.len())
        }
    }
}

/// `-g` as a file of its own that includes the main file.
fn tested(places: &Places, text: Vec<u8>, command_line: usize) -> TestResult {
    let name = place::path(&places.conf_prefix).join("\u{1}command line");
    let loader = CommandLine { name: name.clone(), text };
    loaded(&loader, places, &name, command_line)
}

fn loaded(loader: &dyn Loader, places: &Places, file: &Path, command_line: usize) -> TestResult {
    let options = LoadOptions {
        conf_prefix: Some(place::path(&places.conf_prefix)),
        path_maps: vec![(place::path(&places.conf_prefix).join(MAIN), place::path(&places.file))],
        dumps: false,
        ..LoadOptions::default()
    };
    let configuration = match syntax::load(loader, file, &options) {
        Ok(configuration) => configuration,
        Err(error) => {
            let text = log::failed("open", &places.file, &error.error);
            let message = Message { severity: Severity::Emerg, text, after_syntax: false };
            return TestResult { messages: vec![message], read: None, config: None };
        }
    };
    let compiled = compile::compile(
        &configuration,
        &compile::Options { strict_modules: true, ..compile::Options::new(version().unwrap_or(NEWEST)) },
    );
    let asked = if offline() { Vec::new() } else { super::host::asked(&configuration, &compiled, places) };
    let found: Vec<Diagnostic> = compiled.diagnostics.into_iter().chain(asked).collect();
    let read = ReadConfiguration {
        configuration,
        command_line,
        prefix: places.prefix.clone(),
        conf_prefix: places.conf_prefix.clone(),
    };
    let messages = order::messages(&read, &found);
    TestResult { messages, read: Some(read), config: Some(compiled.config) }
}

/// Version of nginx that this program acts as: `NGXC_NGINX_VERSION`, else the newest; nginx has no option for it.
pub(super) fn version() -> Result<Version, String> {
    match std::env::var("NGXC_NGINX_VERSION") {
        Ok(text) if !text.is_empty() => {
            meaning::parse_version(&text).map_err(|error| format!("NGXC_NGINX_VERSION: {error}"))
        }
        _ => Ok(NEWEST),
    }
}

/// True if the host is not to be asked: for a test of a configuration that is meant for another host.
pub(super) fn offline() -> bool {
    std::env::var_os("NGXC_OFFLINE").is_some_and(|v| v == "1")
}

/// The disk, and one file that is not on it.
struct CommandLine {
    name: PathBuf,
    text: Vec<u8>,
}

impl Loader for CommandLine {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == self.name { Ok(self.text.clone()) } else { Disk.read(path) }
    }

    fn read_included(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read_included(path)
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        Disk.glob(pattern)
    }
}
