//! `--live` and `--nginx`: the same cases through servers on loopback.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::execute::{self, LiveResult, LiveServer, Result as Tested, Verdict};
use crate::behaviour::expect;
use crate::behaviour::live::{Session, is_unseen};
use crate::behaviour::outcome::Outcome;
use crate::cli::{Failure, note};
use crate::compile::{Options, compile};
use crate::diagnostic::Level;
use crate::runtime::{self, RunOptions, Stop};
use crate::simulate::walk::RoutingConfiguration;
use crate::source::Disk;
use crate::syntax::{Configuration, LoadOptions, load};
use crate::version::Version;

/// Longest wait for nginx's start.
const START: Duration = Duration::from_secs(20);

/// A server that executes the rewritten configuration.
enum Server {
    Ngxc(Option<Box<runtime::Running>>),
    Nginx(Child),
}

impl Drop for Server {
    fn drop(&mut self) {
        match self {
            Server::Ngxc(running) => {
                if let Some(running) = running.take() {
                    running.stop(Stop::Fast);
                }
            }
            Server::Nginx(child) => {
                // It may have ended.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// Starts of a server, each with other ports.
const TRIES: u32 = 5;

/// Asks a server what the cases ask; `nginx` is its program, `None` stands for `ngxc run`.
///
/// # Errors
/// If the server does not start.
pub(super) fn run(
    nginx: Option<&Path>,
    configuration: &Configuration,
    ground: &RoutingConfiguration,
    results: &mut [Tested],
) -> Result<String, Failure> {
    let configured = ground.router.config().version;
    let engine = match nginx {
        None => "ngxc run".to_owned(),
        Some(program) => {
            let version = version(program)?;
            if version != configured {
                note(&format!(
                    "note: the cases are decided for nginx {configured}, `{}` is nginx {version}; \
                     `--nginx-version {version}` decides them for it",
                    program.display()
                ));
            }
            format!("nginx {version}")
        }
    };
    let failed = |why: String| Failure::new(format!("{engine}: {why}"));
    let cases: Vec<_> = results.iter().map(|result| &result.found.case).collect();
    let mut tries = 1..=TRIES;
    let (_directory, mut session, _server) = loop {
        let directory = tempfile::Builder::new().prefix("ngxc-test-").tempdir();
        let directory = directory.map_err(|error| failed(format!("no temporary directory: {error}")))?;
        let session = Session::new(configuration, ground, directory.path(), &cases)
            .map_err(|error| failed(format!("its directory cannot be made: {error}")))?;
        let file = directory.path().join("nginx.conf");
        std::fs::write(&file, session.text()).map_err(|error| failed(error.to_string()))?;
        let server = match nginx {
            None => start_own(&file, configured, directory.path()),
            Some(program) => start(program, &file, session.prefix(), directory.path()),
        };
        match server {
            Ok(server) => break (directory, session, server),
            // Another program took a port between the search for it and the start of the server.
            Err(why) if why.contains("Address already in use") && tries.next() != Some(TRIES) => {}
            Err(why) => return Err(failed(why)),
        }
    };
    for result in results {
        let seen = one(&mut session, ground, configuration, result);
        result.live.push(LiveServer { engine: engine.clone(), seen });
    }
    Ok(engine)
}

fn one(
    session: &mut Session,
    ground: &RoutingConfiguration,
    configuration: &Configuration,
    result: &Tested,
) -> LiveResult {
    let case = &result.found.case;
    if matches!(result.verdict, Verdict::Broken(_)) {
        return LiveResult::NotAsked("the request cannot be made".to_owned());
    }
    let asked = match execute::asked(ground, case) {
        Ok(asked) => asked,
        Err(why) => return LiveResult::NotAsked(why),
    };
    let outcome = match Outcome::of(ground, &asked) {
        Ok(outcome) => outcome,
        Err(why) => return LiveResult::NotAsked(why),
    };
    if let Some(why) = session.hindrance(case, &outcome) {
        return LiveResult::NotAsked(why);
    }
    let mut observed = match session.ask(case, &outcome) {
        Ok(observed) => observed,
        Err(error) => return LiveResult::Failed(error.to_string()),
    };
    let mut differences = expect::compare(&case.expect, &mut observed, &configuration.sources);
    differences.retain(|difference| !is_unseen(difference));
    if differences.is_empty() {
        return LiveResult::Agreed;
    }
    let walk = outcome.walk;
    LiveResult::Differs(differences, Box::new((asked, walk)))
}

/// `ngxc run` inside of this program.
fn start_own(file: &Path, version: Version, directory: &Path) -> Result<Server, String> {
    let loaded = load(&Disk, file, &LoadOptions::default()).map_err(|error| error.to_string())?;
    let compiled = compile(&loaded, &Options::new(version));
    let all = loaded.diagnostics.iter().chain(&compiled.diagnostics);
    if let Some(error) = all.into_iter().find(|finding| finding.level == Level::Error) {
        let text = String::from_utf8_lossy(loaded.sources.text(error.span)).into_owned();
        return Err(format!("the configuration on loopback is refused: {}: `{text}`", error.message));
    }
    let options = RunOptions { prefix: directory.to_owned(), ..RunOptions::default() };
    let running = runtime::start(Arc::new(compiled.config), &options).map_err(|error| error.to_string())?;
    Ok(Server::Ngxc(Some(Box::new(running))))
}

/// nginx with a prefix of its own.
fn start(program: &Path, file: &Path, prefix: &Path, directory: &Path) -> Result<Server, String> {
    let words = |error: std::io::Error| error.to_string();
    let errors = directory.join("start.log");
    let stderr = std::fs::File::create(&errors).map_err(words)?;
    let mut child = Command::new(program)
        .arg("-p")
        .arg(prefix)
        .arg("-c")
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .map_err(|error| format!("`{}` cannot be started: {error}", program.display()))?;
    let end = Instant::now() + START;
    let pid = directory.join("pid");
    // nginx writes its pid after it has bound its sockets.
    while std::fs::read_to_string(&pid).unwrap_or_default().trim() != child.id().to_string() {
        if child.try_wait().map_err(words)?.is_some() || Instant::now() > end {
            drop(Server::Nginx(child));
            let text = std::fs::read_to_string(&errors).unwrap_or_default();
            let line = text.lines().find(|line| line.contains("[emerg]")).or(text.lines().next());
            let line = line.unwrap_or("without a message");
            let words = line.split_once("[emerg] ").map_or(line, |(_, rest)| rest);
            let words = words.split_once(": ").map_or(words, |(_, rest)| rest);
            // The place is in a file that is gone.
            let words = words.split(&format!(" in {}", file.display())).next().unwrap_or(words);
            return Err(format!("it does not start: {words}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(Server::Nginx(child))
}

/// Version of a program.
fn version(program: &Path) -> Result<Version, Failure> {
    let name = PathBuf::from(program);
    let failed = |why: String| {
        Failure::new(format!("`--nginx {}`: {why}", name.display()))
            .help("expected the path of an nginx program, such as /usr/sbin/nginx")
    };
    let output =
        Command::new(program).arg("-v").stdin(Stdio::null()).output().map_err(|e| failed(e.to_string()))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let number = text.split("nginx/").nth(1).and_then(|text| text.split_whitespace().next());
    let version = number.and_then(|text| text.parse().ok());
    version.ok_or_else(|| {
        failed(format!("it does not say its version: {}", text.lines().next().unwrap_or_default()))
    })
}
