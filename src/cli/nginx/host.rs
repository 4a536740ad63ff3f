//! Needs of nginx from the host when it tests a configuration: users, host names, certificates while it reads,
//! then the pid file, the logs and the listening sockets (`ngx_init_cycle`).

use std::fs::File;
use std::io;

use super::log::{self, Log, Severity};
use super::place::{self, Places};
use super::read::{TestResult, offline};
use crate::compile::{self, Compiled};
use crate::diagnostic::Diagnostic;
use crate::model::Endpoint;
use crate::syntax::{Configuration, Tree};

/// Things that the configuration names and that are missing.
pub(super) fn asked(configuration: &Configuration, compiled: &Compiled, places: &Places) -> Vec<Diagnostic> {
    let mut found = compile::host::check(configuration, compiled, Some(&place::path(&places.prefix)));
    if !is_root() {
        // In this case nginx does not look the user up.
        for diagnostic in found.iter_mut().filter(|d| d.code == "unknown-user") {
            diagnostic.level = crate::diagnostic::Level::Info;
        }
        let trees = configuration.trees.iter();
        for directive in trees.flat_map(Tree::directives).filter(|d| d.name().is("user")) {
            found.push(
                Diagnostic::warning("user-without-root", directive.head(), "only root can change the user").nginx(
                    "the \"user\" directive makes sense only if the master process runs with super-user privileges, \
                     ignored",
                ),
            );
        }
    }
    found
}

/// The `pid` of the configuration.
pub(super) fn pid_file(tested: &TestResult, places: &Places) -> Vec<u8> {
    // The text decides: the model does not distinguish a default from the same name written.
    let read = tested.read.as_ref();
    let written = read.and_then(|read| {
        let trees = read.configuration.trees.iter();
        let mut pids = trees.flat_map(|tree| tree.root().directives()).filter(|d| d.name().is("pid"));
        pids.find_map(|d| Some(d.arg(0)?.value().into_owned()))
    });
    place::full_name(&places.prefix, written.as_deref().unwrap_or(place::PID_PATH.as_bytes()))
}

/// Opens what nginx opens at the end of a test; the error has been logged.
pub(super) fn opened(tested: &TestResult, places: &Places, log: &Log) -> Result<(), ()> {
    if offline() {
        return Ok(());
    }
    let pid = pid_file(tested, places);
    for name in std::iter::once(pid).chain(logs(tested, places)) {
        // Appending, so that a file that is there stays as it is.
        let file = File::options().create(true).append(true).open(place::path(&name));
        file.map_err(|error| log.write(Severity::Emerg, &log::failed("open", &name, &error)))?;
    }
    let Some(config) = &tested.config else { return Ok(()) };
    let mut seen = std::collections::HashSet::new();
    for listen in config.http.servers.iter().flat_map(|server| &server.listen) {
        // A server without `listen` takes port 8000 if it may not have 80 (`ngx_http_core_server`).
        let implied = listen.span.is_none() && !is_root();
        let endpoint =
            if implied { Endpoint::Inet(([0, 0, 0, 0], 8000).into()) } else { listen.endpoint.clone() };
        if !listen.quic && seen.insert(endpoint.clone()) {
            bound(&endpoint).map_err(|error| {
                let message = format!("bind() to {endpoint} failed{}", log::reason(&error));
                log.write(Severity::Emerg, message.as_bytes());
            })?;
        }
    }
    Ok(())
}

/// The files of `error_log` and `access_log`; `off`, `stderr`, `syslog:` and names with variables are none.
fn logs(tested: &TestResult, places: &Places) -> Vec<Vec<u8>> {
    let trees = tested.read.iter().flat_map(|read| &read.configuration.trees);
    let directives = trees.flat_map(Tree::directives);
    let names = directives.filter_map(|d| {
        let is_access_log = d.name().is("access_log");
        let name = d.arg(0).filter(|_| is_access_log || d.name().is("error_log"))?.value();
        let special = if is_access_log { *name == *b"off" } else { *name == *b"stderr" };
        let file = !special
            && !name.contains(&b'$')
            && !name.starts_with(b"syslog:")
            && !name.starts_with(b"memory:");
        file.then(|| place::full_name(&places.prefix, &name))
    });
    names.collect()
}

/// Bind of an address as a test; another nginx may listen on it.
fn bound(endpoint: &Endpoint) -> io::Result<()> {
    let Endpoint::Inet(address) = endpoint else { return Ok(()) };
    match std::net::TcpListener::bind(address) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => Err(error),
        _ => Ok(()),
    }
}

fn is_root() -> bool {
    #[cfg(unix)]
    return nix::unistd::geteuid().is_root();
    #[cfg(not(unix))]
    true
}
