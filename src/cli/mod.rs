//! The command line: the only layer that prints, exits or reads the environment.
#![cfg_attr(not(feature = "runtime"), allow(dead_code, reason = "`run` and `demo` use the rest"))]

mod audit;
mod baseline;
mod build;
mod check;
mod common;
mod compile;
mod completions;
mod coverage;
mod declared;
#[cfg(feature = "runtime")]
mod demo;
mod diff;
mod doctor;
mod estate;
mod exit;
mod explain;
mod extract;
mod fix;
mod fmt;
mod input;
mod lint;
mod log_file;
mod log_format;
mod lsp;
mod man;
mod master;
mod meaning;
mod metrics;
mod model_json;
mod namespace;
mod nginx;
mod page;
mod parse;
mod paths;
mod payload;
mod placeholder;
mod ports;
mod preview;
#[cfg(feature = "runtime")]
mod process;
mod reading;
mod render;
mod requests;
#[cfg(test)]
mod round_trip;
mod route;
mod rules;
#[cfg(feature = "runtime")]
mod run;
mod selection;
mod serve;
mod settings;
mod show;
pub mod split;
pub mod sql;
mod surroundings;
mod template;
mod test;
mod told;
mod unified;
mod which;
mod write;
mod yaml;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use common::{CommandContext, is_quiet, is_verbose};

/// The nginx configuration compiler: check, lint, preview, plan and run nginx.conf.
#[derive(Parser)]
#[command(name = "ngxc", version, max_term_width = 110, after_help = exit::table())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say whether nginx would accept a configuration; needs no nginx, root, DNS or certificates.
    Check(CommandContext<check::CheckArgs>),
    /// Check a configuration and apply the rules to it.
    Lint(CommandContext<lint::LintArgs>),
    /// Show which server and location take a URL and why, and where each setting comes from.
    Show(CommandContext<show::ShowArgs>),
    /// Test what a configuration does with requests, without network.
    Test(CommandContext<test::TestArgs>),
    /// Compare configurations: what requests they treat differently, and which settings differ.
    Diff(CommandContext<diff::DiffArgs>),
    /// Count which parts of a configuration the requests of access logs reached.
    Coverage(CommandContext<coverage::LogArgs>),
    /// Route requests: a request a line in, its server, location, upstream, status and source address out.
    Route(CommandContext<route::RouteArgs>),
    /// Report known vulnerabilities of a version of nginx that a configuration is exposed to.
    Audit(CommandContext<audit::AuditArgs>),
    /// Preview which value each client gets from `split_clients`.
    Split(CommandContext<preview::PreviewArgs>),
    /// Plan source ports: how many connections can be opened, and what each remedy buys.
    Ports(CommandContext<ports::PortsArgs>),
    /// Diagnose ports on this host: logs, sockets and kernel settings against the configuration.
    Doctor(CommandContext<doctor::DoctorArgs>),
    #[cfg(feature = "runtime")]
    /// Show port exhaustion and its cures, in a network namespace of its own.
    Demo(CommandContext<demo::DemoArgs>),
    /// Write a checked configuration into one file that can be executed without the original ones.
    Compile(CommandContext<compile::CompileArgs>),
    #[cfg(feature = "runtime")]
    /// Execute a configuration, or a compiled one.
    Run(CommandContext<run::RunArgs>),
    /// List the rules.
    Rules(CommandContext<rules::RulesArgs>),
    /// Explain a rule or a directive.
    Explain(CommandContext<explain::ExplainArgs>),
    /// Format configuration files.
    Fmt(CommandContext<fmt::FmtArgs>),
    /// Print the syntax of a configuration as JSON, in crossplane's format.
    Parse(CommandContext<parse::ParseArgs>),
    /// Write configuration files from such JSON.
    Build(CommandContext<build::BuildArgs>),
    /// Show a configuration on a page in the browser: findings with fixes, ways, splits, ports; on this machine only.
    Serve(CommandContext<serve::ServeArgs>),
    /// Answer an editor: a language server over standard input and output.
    Lsp(CommandContext<lsp::LspArgs>),
    /// Print a script that completes commands and options in a shell.
    Completions(CommandContext<completions::CompletionsArgs>),
    /// Print a manual page, or write all of them into a directory.
    Man(CommandContext<man::ManArgs>),
    /// Accept nginx's command line (also when invoked as `nginx`).
    Nginx(nginx::NginxArgs),
}

/// Outcome of a command that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing to report: exit status 0.
    Clean,
    /// Findings: exit status 1.
    Findings,
}

/// Error of a command that could not do its work: exit status 2.
struct Failure {
    message: String,
    help: Option<String>,
    /// The reader of the output closed it (EPIPE): the program ends without a message.
    is_unread: bool,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, is_unread: false }
    }

    fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let is_unread = error.kind() == io::ErrorKind::BrokenPipe;
        Self { is_unread, ..Self::new(format!("cannot write the output: {error}")) }
    }
}

/// 128 and the number of SIGPIPE.
const UNREAD: u8 = 141;

/// Runs the program.
pub fn main() -> ExitCode {
    #[cfg(feature = "runtime")]
    if process::is_worker() {
        return process::work();
    }
    if let Some(args) = nginx::called() {
        return nginx::run(args);
    }
    let cli = Cli::parse();
    if let Command::Nginx(args) = cli.command {
        return nginx::run(args.options);
    }
    let result = match cli.command {
        // Its messages are written by a thread of its own.
        Command::Lsp(args) => lsp::run(&held(args)),
        command => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            let result = dispatch(command, &mut out);
            result.and_then(|outcome| Ok(out.flush().map(|()| outcome)?))
        }
    };
    match result {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        // A reader that closed the pipe (`ngxc … | head`) has seen what it wanted. The status is that of a program
        // which SIGPIPE ended, so that an output that is not whole is never taken for a clean one.
        Err(failure) if failure.is_unread => ExitCode::from(UNREAD),
        Err(failure) => {
            complain(&failure);
            ExitCode::from(2)
        }
    }
}

/// Makes the options that every command has hold.
fn held<A: clap::Args>(with: CommandContext<A>) -> A {
    with.common.hold();
    with.args
}

/// Runs a command that is not nginx's own.
fn dispatch(command: Command, out: &mut dyn Write) -> Result<Outcome, Failure> {
    match command {
        Command::Check(args) => check::run(&mut held(args), out),
        Command::Lint(args) => lint::run(&mut held(args), out),
        Command::Show(args) => show::run(&mut held(args), out),
        Command::Test(args) => test::run(&mut held(args), out),
        Command::Diff(args) => diff::run(&mut held(args), out),
        Command::Coverage(args) => coverage::run(&mut held(args), out),
        Command::Route(args) => route::run(&mut held(args), out),
        Command::Audit(args) => audit::run(&mut held(args), out),
        Command::Split(args) => preview::run(&mut held(args), out),
        Command::Ports(args) => ports::run(&mut held(args), out),
        Command::Compile(args) => compile::run(&mut held(args), out),
        Command::Doctor(args) => doctor::run(&held(args), out),
        #[cfg(feature = "runtime")]
        Command::Demo(args) => demo::run(&held(args), out),
        #[cfg(feature = "runtime")]
        Command::Run(args) => run::run(&mut held(args), out),
        Command::Rules(args) => rules::run(&held(args), out),
        Command::Explain(args) => explain::run(&held(args), out),
        Command::Fmt(args) => fmt::run(&mut held(args), out),
        Command::Serve(args) => serve::run(&held(args), out),
        Command::Parse(args) => parse::run(&mut held(args), out),
        Command::Build(args) => build::run(&held(args), out),
        Command::Completions(args) => completions::run(&held(args), out),
        Command::Man(args) => man::run(&held(args), out),
        // `main` runs these itself.
        Command::Nginx(_) | Command::Lsp(_) => Ok(Outcome::Clean),
    }
}

fn complain(failure: &Failure) {
    tell(&format!("error: {}", failure.message));
    if let Some(help) = &failure.help {
        tell(&format!("help: {help}"));
    }
}

/// Writes a line to standard error, which may be closed.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Notes for a person that are not data; `--quiet` leaves them out.
fn note(text: &str) {
    if !is_quiet() {
        tell(text);
    }
}

/// Prints a note that only `--verbose` shows.
fn detail(text: &str) {
    if is_verbose() {
        note(text);
    }
}
