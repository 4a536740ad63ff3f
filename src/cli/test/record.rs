//! `--record`: cases of the requests of a list or of an access log, with what holds today.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::path::Path;

use super::execute::asked;
use super::init::written;
use crate::behaviour::case::{Case, Values};
use crate::behaviour::logged::{Logged, Reader};
use crate::behaviour::outcome::{Missing, Outcome};
use crate::behaviour::write::expected;
use crate::cli::{Failure, log_file, log_format, note, requests};
use crate::model::log::LogFormat;
use crate::simulate::facts::{Fact, Files};
use crate::simulate::lines;
use crate::simulate::walk::RoutingConfiguration;

/// Most different requests that are recorded.
const MOST: usize = 10_000;
/// Most bytes of which the first line decides if a file is a list or a log.
const FIRST: usize = 64 << 10;
/// Most facts that one request depends on.
const MOST_FACTS: usize = 6;

/// Method, URL, host and headers of a request.
type Key = (Option<String>, Option<String>, Option<String>, Vec<(String, Values)>);

/// Requests that have been written, and lines that are none.
#[derive(Default)]
struct RecordedRequests {
    seen: HashSet<Key>,
    text: String,
    failed: usize,
}

impl RecordedRequests {
    /// Writes a case unless the same request has been written.
    fn add(&mut self, ground: &RoutingConfiguration, case: Option<Case>) {
        let Some(case) = case else {
            self.failed += 1;
            return;
        };
        let headers = case.headers.iter().map(|(name, values)| (name.clone(), values.clone())).collect();
        let key = (case.method.clone(), case.url.clone(), case.host.clone(), headers);
        if self.seen.len() >= MOST || !self.seen.insert(key) {
            return;
        }
        match written(ground, case) {
            Some(written) => {
                let _ = writeln!(self.text, "{written}");
            }
            None => self.failed += 1,
        }
    }
}

/// Writes a case for each request of a list or of a log, the same request once.
pub(super) fn record(
    ground: &RoutingConfiguration,
    path: &Path,
    format: Option<&str>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot read `{}`: {error}", path.display()));
    let mut input = BufReader::with_capacity(FIRST, log_file::open(path).map_err(failed)?);
    let first = input.fill_buf().map_err(failed)?;
    let first = first.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = first.filter(|line| !line.is_empty() && !line.starts_with(b"#")).map(<[u8]>::to_vec).next();
    let is_list = format.is_none() && first.as_ref().is_none_or(|line| requests::request(line).is_some());
    let mut recorded = RecordedRequests::default();
    if is_list {
        requests::each(input, |request| recorded.add(ground, request)).map_err(failed)?;
    } else {
        let format = log_format::of_line(ground.router.config(), format, &first.unwrap_or_default())?;
        of_log(ground, input, format, &mut recorded)?.map_err(failed)?;
    }
    if recorded.failed > 0 {
        let lines = if recorded.failed == 1 {
            "1 line is".to_owned()
        } else {
            format!("{} lines are", recorded.failed)
        };
        note(&format!("note: {lines} no request that a server of the configuration takes"));
    }
    if recorded.seen.len() >= MOST {
        note(&format!("note: the first {MOST} different requests are recorded"));
    }
    writeln!(out, "{}", recorded.text.trim_end())?;
    Ok(())
}

/// The requests of a log.
fn of_log(
    ground: &RoutingConfiguration,
    input: impl Read,
    format: &LogFormat,
    recorded: &mut RecordedRequests,
) -> Result<std::io::Result<()>, Failure> {
    let reader = Reader::new(ground, format).map_err(Failure::new)?;
    reader.assumptions().iter().for_each(|missing| note(&format!("note: {missing}")));
    let (mut fields, mut targets) = (Vec::new(), HashSet::new());
    let (mut foreign, mut first) = (0_usize, None);
    let read = lines::each(input, |line| match line.map(|line| reader.read(line, &mut fields)) {
        Some(Ok(logged)) => {
            // A request that a client repeats is not looked at again.
            let asked = &logged.asked;
            let key = (asked.address, asked.method.clone(), asked.name.clone(), asked.target.clone());
            let is_new = targets.len() < MOST && targets.insert((key, asked.headers.clone()));
            if is_new {
                recorded.add(ground, case(ground, &logged));
            }
        }
        Some(Err(_)) if line == Some(b"") => {}
        Some(Err(why)) => {
            foreign += 1;
            first.get_or_insert(why);
        }
        None => foreign += 1,
    });
    if let Some(why) = first.filter(|_| recorded.text.is_empty()) {
        return Err(Failure::new(format!("no line fits the log_format `{}`: {why}", format.name))
            .help("`--log-format NAME` says which log_format of the configuration the log has; a list of requests has `METHOD URL` a line"));
    }
    if foreign > 0 {
        let lines = if foreign == 1 { "1 line does".to_owned() } else { format!("{foreign} lines do") };
        note(&format!("note: {lines} not fit the log_format `{}`", format.name));
    }
    Ok(read)
}

/// A case for a logged request: with the headers that matter, and the facts that it depends on.
fn case(ground: &RoutingConfiguration, logged: &Logged) -> Option<Case> {
    let asked = &logged.asked;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let (host, target) = (text(&asked.host)?, text(&asked.target)?);
    let listen = &ground.router.listen(asked.address).listen;
    let mut case = Case { method: Some(asked.method.clone()), ..Case::default() };
    let endpoint = &listen.endpoint;
    let default = if listen.ssl { 443 } else { 80 };
    match endpoint {
        crate::model::Endpoint::Inet(address) if address.ip().is_unspecified() => {
            case.port = Some(address.port());
        }
        crate::model::Endpoint::Inet(address) => case.address = Some(address.to_string()),
        crate::model::Endpoint::Name(_, port) => case.port = Some(*port),
        crate::model::Endpoint::Unix(path) => case.address = Some(format!("unix:{path}")),
    }
    case.url = Some(if host.is_empty() { target } else { format!("{}://{host}{target}", asked.scheme) });
    if !host.is_empty() && !host.contains(':') && case.port == Some(default) {
        case.port = None;
    }
    let bare = settled(ground, case.clone(), logged);
    for (name, value) in &asked.headers {
        case.headers.insert(name.clone(), Values::One(text(value)?));
    }
    if case.headers.is_empty() {
        return bare;
    }
    let full = settled(ground, case, logged);
    // Headers that decide nothing would only make more cases.
    let holds = |case: &Case| today(ground, case);
    match (bare, full) {
        (Some(bare), Some(full)) if holds(&bare) == holds(&full) => Some(bare),
        (bare, full) => full.or(bare),
    }
}

/// The case with the facts of the log that its route depends on.
fn settled(ground: &RoutingConfiguration, mut case: Case, logged: &Logged) -> Option<Case> {
    let facts = logged.asked.facts.as_ref()?;
    for _ in 0..MOST_FACTS {
        let request = asked(ground, &case).ok()?;
        let outcome = Outcome::of(ground, &request).ok()?;
        match outcome.status() {
            Err(Missing::Fact(Fact::Client)) if case.client.is_none() => case.client = Some(logged.client?),
            Err(Missing::Fact(Fact::Files)) if case.files.is_none() => {
                let file = facts.files.as_ref().and_then(|files| file_of(ground, &case, files));
                case.files = Some(file.into_iter().collect());
            }
            Err(Missing::Fact(Fact::User)) if case.user.is_none() => case.user = Some(facts.user.clone()?),
            Err(Missing::Fact(Fact::AuthRequest)) if case.auth_request.is_none() => {
                case.auth_request = facts.auth_request;
            }
            _ => break,
        }
    }
    Some(case)
}

/// The file that answers if each file exists.
fn file_of(ground: &RoutingConfiguration, case: &Case, files: &Files) -> Option<String> {
    let mut request = asked(ground, case).ok()?;
    request.facts.as_mut()?.files = Some(files.clone());
    let outcome = Outcome::of(ground, &request).ok()?;
    let file = outcome.file().ok().flatten()?.to_vec();
    String::from_utf8(crate::simulate::facts::clean(&file)).ok()
}

/// All that is known of a case.
fn today(ground: &RoutingConfiguration, case: &Case) -> Option<Vec<(String, String)>> {
    let request = asked(ground, case).ok()?;
    let mut outcome = Outcome::of(ground, &request).ok()?;
    Some(expected(&mut outcome))
}
