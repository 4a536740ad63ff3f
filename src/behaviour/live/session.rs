//! One rewritten configuration with its stubs, and the requests to the server that executes it.

use std::fs;
use std::io::{self, Read as _, Seek as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::back::OriginalTexts;
use super::observed::{ObservedTreatment, Request, StubRequest, UNSEEN};
use super::ports::{self, Ports};
use super::rewrite::{Places, RewrittenConfiguration, Writer};
use super::stub::{self, Stubs};
use super::{client, hindrance, tls};
use crate::behaviour::case::Case;
use crate::behaviour::expect::{Difference, FoundValue};
use crate::behaviour::outcome::{Missing, Outcome};
use crate::catalog::{self, Subsystem};
use crate::eval::select::Router;
use crate::simulate::facts::{Files, Response};
use crate::simulate::walk::{End, RoutingConfiguration};
use crate::syntax::Configuration;

/// Longest wait for the log line of a request.
const LIMIT: Duration = Duration::from_secs(10);
/// Password of each user that a case states.
const PASSWORD: &str = "ngxc";

/// A rewritten configuration with its stubs. The stubs answer until the program ends.
#[derive(Debug)]
pub struct Session {
    text: Vec<u8>,
    places: Places,
    ports: Ports,
    stubs: Stubs,
    auth: Stubs,
    back: OriginalTexts,
    announces: bool,
    variables: Vec<String>,
    servers: Vec<Vec<String>>,
    locations: Vec<String>,
    /// Files that lie below the places now.
    files: Files,
    /// Length of the log that has been read.
    read: u64,
}

/// True if a difference is none: the value has no counterpart outside of the simulator.
pub fn is_unseen(difference: &Difference) -> bool {
    matches!(difference.found, FoundValue::Unknown(Missing::Outside(why)) if why == UNSEEN)
}

impl Session {
    /// Rewrites a configuration for the cases that will be asked, in a directory of its own, and starts the stubs.
    ///
    /// # Errors
    /// If the kernel has no port, or if the directory cannot be written to.
    pub fn new(
        configuration: &Configuration,
        ground: &RoutingConfiguration,
        directory: &Path,
        cases: &[&Case],
    ) -> io::Result<Self> {
        let router: &Router = &ground.router;
        let places = Places::new(directory);
        let mut ports = Ports::new(router)?;
        let (stubs, auth) = (Stubs::with_tls(tls::Acceptor::new()?), Stubs::default());
        let own =
            |name: &str| configuration.trees.iter().any(|tree| tree.directives().any(|d| d.name().is(name)));
        let auth_port = if own("auth_request") {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = listener.local_addr()?.port();
            auth.serve(0, listener);
            Some(port)
        } else {
            None
        };
        let announces =
            !ports::has_own_clients(router.config()) && cases.iter().any(|case| case.client.is_some());
        let mut variables: Vec<String> = cases
            .iter()
            .flat_map(|case| case.expect.variables.keys())
            .map(|name| name.trim_start_matches('$').to_ascii_lowercase())
            .filter(|name| is_known(router, name))
            .collect();
        variables.sort();
        variables.dedup();
        for directory in [&places.files, &places.prefix] {
            fs::create_dir_all(directory)?;
        }
        let users: String =
            cases.iter().filter_map(|case| case.user.as_deref()).fold(String::new(), |all, user| {
                if all.lines().any(|line| line.split(':').next() == Some(user)) {
                    return all;
                }
                all + user + ":{PLAIN}" + PASSWORD + "\n"
            });
        fs::write(&places.users, users)?;
        if router.addresses().any(|(_, address)| address.listen.ssl) {
            let (certificate, key) = tls::certificate()?;
            fs::write(directory.join("cert.pem"), certificate)?;
            fs::write(directory.join("key.pem"), key)?;
        }
        let is_root = fs::metadata(directory)?.uid() == 0;
        let mut open = |at: usize, listener: TcpListener| stubs.serve(at, listener);
        let writer = Writer::new(
            configuration,
            router,
            &places,
            &mut ports,
            &mut open,
            auth_port,
            announces,
            &variables,
        );
        let RewrittenConfiguration { text, servers, locations } = writer.write(is_root)?;
        let back = OriginalTexts::new(&ports, router, &places.files, &places.prefix);
        let files = Files::default();
        Ok(Self {
            text,
            places,
            ports,
            stubs,
            auth,
            back,
            announces,
            variables,
            servers,
            locations,
            files,
            read: 0,
        })
    }

    /// The rewritten configuration.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Directory that is nginx's prefix.
    pub fn prefix(&self) -> &Path {
        Path::new(&self.places.prefix)
    }

    /// Ports that the server listens on.
    pub fn listens_on(&self) -> &[u16] {
        &self.ports.listen
    }

    /// Reason why a case cannot be asked on loopback, in words; `None`: the case can be asked.
    pub fn hindrance(&self, case: &Case, outcome: &Outcome<'_>) -> Option<String> {
        hindrance::of(case, outcome, &self.ports)
    }

    /// Asks what a case asks, with the files and responses that it states.
    ///
    /// # Errors
    /// If the server does not answer, or does not write its log.
    pub fn ask(&mut self, case: &Case, outcome: &Outcome<'_>) -> io::Result<ObservedTreatment> {
        let asked = outcome.request.asked();
        let facts = case.facts();
        self.lay(&facts.files.unwrap_or_default())?;
        let mut answer = facts.upstream.unwrap_or(Response { status: 200, headers: Vec::new() });
        for (_, value) in &mut answer.headers {
            *value = self.back.live(value);
        }
        self.stubs.answer(answer);
        self.auth.answer(Response { status: facts.auth_request.unwrap_or(200), headers: Vec::new() });
        let port = self.ports.listen[asked.address.0 as usize];
        let is_announced =
            self.announces || outcome.ground.router.listen(asked.address).listen.proxy_protocol;
        let client = case.client.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let authorization =
            case.user.as_deref().map(|user| format!("Basic {}", base64(&format!("{user}:{PASSWORD}"))));
        let response = client::ask(asked, port, is_announced.then_some(client), authorization.as_deref())?;
        let logged = self.logged()?;
        let number = |at: usize| logged.get(at).and_then(|text| text.parse::<usize>().ok());
        let names = number(1).and_then(|at| self.servers.get(at)).cloned();
        let location = number(2).and_then(|at| self.locations.get(at)).cloned();
        // A response before the rewrite phase does not say for which location it was.
        let is_early = matches!(outcome.walk.end, End::Slash | End::Status(..));
        let location = location.or_else(|| (names.is_some() && !is_early).then(String::new));
        let back = |value: &[u8]| self.back.text(value);
        let named = |(name, value): (&[u8], &[u8])| (String::from_utf8_lossy(name).into_owned(), back(value));
        let body = back(&response.body);
        let clean = |path: &[u8]| crate::simulate::facts::clean(path);
        let has_body = asked.method != "HEAD" && !response.head.is_empty();
        Ok(ObservedTreatment {
            names,
            location,
            status: logged.first().and_then(|text| text.parse().ok()).unwrap_or_default(),
            headers: stub::lines(&response.head).map(named).collect(),
            file: self.files.paths().find(|path| *path == clean(&body)).map(<[u8]>::to_vec),
            body: has_body.then_some(body),
            passed: self.stubs.got().map(|(at, head)| self.passed(at, &head)),
            variables: self
                .variables
                .iter()
                .cloned()
                .zip(logged.iter().skip(3).map(|v| back(v.as_bytes())))
                .collect(),
        })
    }

    fn passed(&self, at: usize, head: &[u8]) -> StubRequest {
        let upstream = self.ports.upstreams.get(at).map(|upstream| upstream.name.clone()).unwrap_or_default();
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let mut words = line.split(|byte| *byte == b' ').map(<[u8]>::to_vec);
        let request = words.next().zip(words.next()).map(|(method, uri)| {
            let lines = stub::lines(head)
                .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), self.back.text(value)));
            Request { method, uri: self.back.text(&uri), headers: lines.collect() }
        });
        StubRequest { upstream, request: request.filter(|_| !head.is_empty()) }
    }

    /// Makes the files that a case states, and only these.
    fn lay(&mut self, files: &Files) -> io::Result<()> {
        if *files == self.files {
            return Ok(());
        }
        let place = |path: &[u8]| {
            let path = String::from_utf8_lossy(path).into_owned();
            match path.strip_prefix('/') {
                Some(rest) => PathBuf::from(&self.places.files).join(rest),
                None => PathBuf::from(&self.places.prefix).join(path),
            }
        };
        for root in [&self.places.files, &self.places.prefix] {
            for entry in fs::read_dir(root)? {
                let path = entry?.path();
                if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
            }
        }
        for directory in files.directories() {
            fs::create_dir_all(place(directory))?;
        }
        for path in files.paths() {
            let file = place(path);
            file.parent().map(fs::create_dir_all).transpose()?;
            // A file is its own name, so that the response says which one was served.
            fs::write(file, path)?;
        }
        self.files = files.clone();
        Ok(())
    }

    /// The values of the next line of the log.
    fn logged(&mut self) -> io::Result<Vec<String>> {
        let end = Instant::now() + LIMIT;
        loop {
            let mut text = Vec::new();
            if let Ok(mut file) = fs::File::open(&self.places.log) {
                file.seek(io::SeekFrom::Start(self.read))?;
                file.read_to_end(&mut text)?;
            }
            if let Some(line) = memchr::memchr(b'\n', &text) {
                self.read += line as u64 + 1;
                let line = String::from_utf8_lossy(&text[..line]).into_owned();
                return serde_json::from_str(&line).map_err(io::Error::other);
            }
            if Instant::now() > end {
                return Err(io::Error::other("the request is not in the log"));
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    }
}

/// True if nginx can log a variable.
fn is_known(router: &Router, name: &str) -> bool {
    router.config().http.variables.find(name).is_some()
        || catalog::variable(Subsystem::Http, name.as_bytes()).is_some()
}

/// Base64 of a text.
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bytes = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = u32::from(bytes[0]) << 16 | u32::from(bytes[1]) << 8 | u32::from(bytes[2]);
        for digit in 0..4 {
            let is_there = digit <= chunk.len();
            let at = (bits >> (18 - 6 * digit)) as usize & 63;
            out.push(if is_there { char::from(DIGITS[at]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_of_all_lengths() {
        for (text, expected) in [("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("joe:ngxc", "am9lOm5neGM=")]
        {
            assert_eq!(super::base64(text), expected);
        }
    }
}
