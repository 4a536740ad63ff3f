//! nginx's own command line: `ngxc nginx …`, or this program called `nginx`.
//!
//! Options, texts, streams and exit status are those of nginx (`src/core/nginx.c`), so that what calls nginx can
//! call this program instead.

mod options;
mod place;

mod log;
mod version;

mod order;
mod words;

mod host;
mod read;
mod signal;
#[cfg(feature = "runtime")]
mod start;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use self::log::{Log, Severity};
use self::options::Options;
use self::order::Message;
use self::place::Places;
use self::read::TestResult;
#[cfg(feature = "runtime")]
use super::process;

/// Arguments of `ngxc nginx`.
#[derive(Args)]
#[command(disable_help_flag = true, disable_version_flag = true)]
pub(super) struct NginxArgs {
    /// nginx's options: `-t`, `-T`, `-s reload` and so on; `-h` lists them.
    #[arg(value_name = "OPTION", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) options: Vec<OsString>,
}

/// The arguments for [`run`], if the program was called `nginx`, or `ngxc nginx`.
pub(super) fn called() -> Option<Vec<OsString>> {
    #[cfg(feature = "runtime")]
    let mut args = process::arguments().into_iter();
    #[cfg(not(feature = "runtime"))]
    let mut args = std::env::args_os();
    let program = args.next()?;
    if Path::new(&program).file_name().is_some_and(|name| name == "nginx") {
        return Some(args.collect());
    }
    // Not through clap, which takes `--` and abbreviations for itself.
    (args.next()? == "nginx").then(|| args.collect())
}

/// Does what nginx would do with these arguments.
pub(super) fn run(args: Vec<OsString>) -> ExitCode {
    let args: Vec<Vec<u8>> = args.into_iter().map(OsString::into_encoded_bytes).collect();
    if let Err(error) = read::version() {
        log::stderr(error.as_bytes());
        return ExitCode::FAILURE;
    }
    match options::parse(&args) {
        Ok(options) => started(&options),
        Err(error) => {
            log::stderr(&error);
            ExitCode::FAILURE
        }
    }
}

fn started(options: &Options) -> ExitCode {
    if options.version {
        log::to_stderr(version::text(options).as_bytes());
        if !options.test {
            return ExitCode::SUCCESS;
        }
    }
    let places = place::places(options);
    let log = Log::open(&places.error_log);
    let tested = read::test(options, &places);
    let failed = said(&tested.messages, options, &places, &log);
    if failed || !options.test {
        if failed && options.test {
            about(&places, "configuration file", "test failed");
        }
        return if failed { ExitCode::FAILURE } else { go(options, &places, tested, &log) };
    }
    if host::opened(&tested, &places, &log).is_err() {
        about(&places, "configuration file", "test failed");
        return ExitCode::FAILURE;
    }
    if !options.quiet {
        about(&places, "configuration file", "test is successful");
    }
    if options.dump {
        // As nginx: a reader that closes the pipe has seen enough.
        let _ = dump(&tested);
    }
    ExitCode::SUCCESS
}

/// Logs what was found; true if there is an error among it. With `-t` says when the syntax is fine.
fn said(messages: &[Message], options: &Options, places: &Places, log: &Log) -> bool {
    let failed = |m: &Message| m.severity <= Severity::Crit;
    let (late, early): (Vec<&Message>, Vec<&Message>) = messages.iter().partition(|m| m.after_syntax);
    for message in &early {
        log.write(message.severity, &message.text);
    }
    if early.iter().any(|m| failed(m)) {
        return true;
    }
    if options.test && !options.quiet {
        about(places, "the configuration file", "syntax is ok");
    }
    for message in &late {
        log.write(message.severity, &message.text);
    }
    late.iter().any(|m| failed(m))
}

fn about(places: &Places, what: &str, outcome: &str) {
    log::stderr(&[what.as_bytes(), b" ", &places.file, b" ", outcome.as_bytes()].concat());
}

/// `-s`, or the start.
#[cfg_attr(not(feature = "runtime"), allow(clippy::needless_pass_by_value, reason = "the start takes it"))]
fn go(options: &Options, places: &Places, tested: TestResult, log: &Log) -> ExitCode {
    let Some(signal) = options.signal else {
        #[cfg(feature = "runtime")]
        return start::start(tested, options, places, log);
        #[cfg(not(feature = "runtime"))]
        {
            log.write(
                Severity::Emerg,
                b"this program was built without the feature \"runtime\": only -t, -T and -s work",
            );
            return ExitCode::FAILURE;
        }
    };
    if signal::send(signal, &host::pid_file(&tested, places), log) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// `-T`: every file once, in the order in which they were opened.
fn dump(tested: &TestResult) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let Some(read) = &tested.read else { return Ok(()) };
    for (id, file) in read.configuration.sources.files() {
        if read.command_line > 0 && id == read.configuration.main {
            continue;
        }
        out.write_all(b"# configuration file ")?;
        out.write_all(file.path.as_os_str().as_encoded_bytes())?;
        out.write_all(b":\n")?;
        out.write_all(&file.text)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
