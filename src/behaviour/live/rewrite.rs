//! The configuration with listeners, upstreams, files and logs of a session; includes are expanded.

use std::fmt::Write as _;
use std::io;
use std::net::TcpListener;
use std::path::Path;

use super::ports::{self, Ports};
use super::tables::{BLOCKS, CACHES, ENTRIES, PASSES, PATHS, is_left_out};
use super::word::{authority, quoted};
use crate::eval::select::Router;
use crate::model::LocationKind;
use crate::source::Span;
use crate::syntax::{Block, Configuration, Directive, IncludeChain};

/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 64;
/// Variable that says which server answered. Subrequests set it too, but to the same value.
const SERVER: &str = "ngxc_live_server";
/// Log format of requests that end outside of a location; the numbers of locations are added to it for theirs.
const FORMAT: &str = "ngxc_live";
/// Location that stands for those of `auth_request`.
const AUTH: &str = "/ngxc-live-auth";

/// Places of a session.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The session's directory.
    pub(super) directory: String,
    /// Absolute paths of files begin with it.
    pub(super) files: String,
    /// Relative paths of files are below it: nginx's prefix.
    pub(super) prefix: String,
    /// Log of the session: a list of JSON a line.
    pub(super) log: String,
    /// Users and passwords of `auth_basic`.
    pub(super) users: String,
}

impl Places {
    pub(super) fn new(directory: &Path) -> Self {
        let below = |name: &str| directory.join(name).display().to_string();
        Self {
            directory: directory.display().to_string(),
            files: below("files"),
            prefix: below("prefix"),
            log: below("live.log"),
            users: below("users"),
        }
    }
}

/// Rewritten texts and their replacements.
pub(super) struct Writer<'w> {
    pub(super) configuration: &'w Configuration,
    pub(super) router: &'w Router,
    pub(super) places: &'w Places,
    pub(super) ports: &'w mut Ports,
    /// Starts the stub of an upstream.
    pub(super) open: &'w mut dyn FnMut(usize, TcpListener),
    /// Port of the stub that answers for `auth_request`, if there is one.
    pub(super) auth: Option<u16>,
    /// Listeners take the PROXY protocol, whose client is believed.
    pub(super) announces: bool,
    /// Variables that are logged.
    pub(super) variables: &'w [String],
    /// Names of servers, by the number that the log has.
    pub(super) servers: Vec<Vec<String>>,
    /// Locations as written, by the number that the log has.
    pub(super) locations: Vec<String>,
    /// The server that is written listens on default ports, so redirects name none.
    hides_port: bool,
    out: Vec<u8>,
}

/// A rewritten configuration.
pub(super) struct RewrittenConfiguration {
    pub(super) text: Vec<u8>,
    /// Names of servers, by the number that the log has.
    pub(super) servers: Vec<Vec<String>>,
    /// Locations as written, by the number that the log has.
    pub(super) locations: Vec<String>,
}

/// Directives of a block with the includes that lead to them.
type Listed<'c> = Vec<(Directive<'c>, IncludeChain)>;

impl<'w> Writer<'w> {
    #[expect(clippy::too_many_arguments, reason = "the fields of the writer")]
    pub(super) fn new(
        configuration: &'w Configuration,
        router: &'w Router,
        places: &'w Places,
        ports: &'w mut Ports,
        open: &'w mut dyn FnMut(usize, TcpListener),
        auth: Option<u16>,
        announces: bool,
        variables: &'w [String],
    ) -> Self {
        let (servers, locations, out) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            configuration,
            router,
            places,
            ports,
            open,
            auth,
            announces,
            variables,
            servers,
            locations,
            hides_port: false,
            out,
        }
    }

    /// The whole text.
    ///
    /// # Errors
    /// If the kernel has no port for a stub.
    pub(super) fn write(mut self, is_root: bool) -> io::Result<RewrittenConfiguration> {
        let configuration = self.configuration;
        self.destinations()?;
        let directory = self.places.directory.clone();
        if is_root {
            self.line("user root;");
        }
        self.line(&format!("daemon off;\nmaster_process off;\nworker_processes 1;\npid {directory}/pid;"));
        self.line(&format!("error_log {directory}/error.log;\nevents {{\n    worker_connections 512;\n}}"));
        let root: Listed<'_> = configuration.expanded_root().collect();
        for (directive, chain) in root {
            let name = name(directive);
            match directive.block() {
                Some(block) if name == "http" => {
                    self.line("http {");
                    let formats = self.out.len();
                    let first = self.locations.len();
                    self.head();
                    self.block(block, &chain, &name, 1);
                    // A format stands before the locations that log with it.
                    let formats_of = self.formats(first);
                    self.out.splice(formats..formats, formats_of.into_bytes());
                    self.line("}");
                }
                _ if BLOCKS.contains(&&*name) => {}
                _ => self.directive(directive, &chain, "main", 0),
            }
        }
        Ok(RewrittenConfiguration { text: self.out, servers: self.servers, locations: self.locations })
    }

    fn line(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'\n');
    }

    /// Lines that a session needs in `http`.
    fn head(&mut self) {
        let Places { directory, log, .. } = self.places.clone();
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            self.line(&format!("    {kind}_temp_path {directory}/{kind};"));
        }
        self.line(&format!("    access_log {log} {FORMAT};"));
        if self.router.addresses().any(|(_, address)| address.listen.ssl) {
            self.line(&format!("    ssl_certificate {directory}/cert.pem;"));
            self.line(&format!("    ssl_certificate_key {directory}/key.pem;"));
        }
        if self.announces {
            self.line("    set_real_ip_from 127.0.0.1;\n    real_ip_header proxy_protocol;");
        }
        for kind in ["proxy", "fastcgi"] {
            if self.has(&format!("{kind}_cache_path")) {
                self.line(&format!("    {kind}_cache_bypass 1;\n    {kind}_no_cache 1;"));
            }
        }
    }

    /// Log formats of the session: a list of status, server, location and variables; no location without a number.
    fn formats(&self, first: usize) -> String {
        let mut variables = String::new();
        for name in self.variables {
            let _ = write!(variables, ",\"${name}\"");
        }
        let format = |name: &str, location: &str| {
            let values = format!("\"$status\",\"${SERVER}\",\"{location}\"{variables}");
            format!("    log_format {name} escape=json '[{values}]';\n")
        };
        let of_locations =
            (first..self.locations.len()).map(|at| format(&format!("{FORMAT}{at}"), &at.to_string()));
        std::iter::once(format(FORMAT, "")).chain(of_locations).collect()
    }

    /// True if the configuration has a directive.
    fn has(&self, name: &str) -> bool {
        self.configuration.trees.iter().any(|tree| tree.directives().any(|d| d.name().is(name)))
    }

    /// Opens a stub for each destination, before texts that name one are written.
    fn destinations(&mut self) -> io::Result<()> {
        for upstream in &self.router.config().http.upstreams {
            if !upstream.is_implicit() {
                self.ports.upstream(&upstream.name, true, self.open)?;
            }
        }
        for tree in &self.configuration.trees {
            for directive in tree.directives() {
                let pass = PASSES.iter().find(|(pass, _)| directive.name().is(pass));
                let (Some((_, has_scheme)), Some(arg)) = (pass, directive.arg(0)) else { continue };
                let value = String::from_utf8_lossy(&arg.value()).into_owned();
                if let Some((authority, _)) = authority(&value, *has_scheme) {
                    self.ports.upstream(&authority, false, self.open)?;
                }
            }
        }
        Ok(())
    }

    fn block(&mut self, block: Block<'_>, chain: &IncludeChain, owner: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let configuration = self.configuration;
        let all: Vec<(Span, IncludeChain)> =
            configuration.expanded_within(block, chain).map(|(d, chain)| (d.head(), chain)).collect();
        for (head, chain) in all {
            let directive = configuration.tree(head.file).directive_at(head.start);
            if let Some(directive) = directive {
                self.directive(directive, &chain, owner, depth);
            }
        }
    }

    fn directive(&mut self, directive: Directive<'_>, chain: &IncludeChain, owner: &str, depth: usize) {
        let name = name(directive);
        let is_entry = ENTRIES.contains(&owner);
        let is_own = || name == "include" || self.hides_port && name == "port_in_redirect";
        if !is_entry && (is_left_out(&name) || is_own()) {
            return;
        }
        let indent = "    ".repeat(depth);
        self.out.extend_from_slice(indent.as_bytes());
        if is_entry {
            self.words(directive, &[]);
        } else if name == "upstream" && owner == "http" {
            return self.upstream(directive);
        } else {
            let replaced = if name == "proxy_redirect" {
                directive.args().map(|arg| self.ports.live(&String::from_utf8_lossy(&arg.value()))).collect()
            } else {
                Vec::from_iter(self.replaced(directive, &name))
            };
            self.words(directive, &replaced);
        }
        if let Some(lua) = directive.lua() {
            self.out.extend([b" {", lua, b"}\n"].concat());
            return;
        }
        let Some(block) = directive.block() else { return self.out.extend_from_slice(b";\n") };
        self.out.extend_from_slice(b" {\n");
        match name.as_str() {
            "server" if owner == "http" => self.server(directive, depth + 1),
            "location" => self.location(directive, depth + 1),
            _ => {}
        }
        self.block(block, chain, &name, depth + 1);
        self.hides_port &= owner != "http";
        self.line(&format!("{indent}}}"));
    }

    /// Words as written; texts replace the first arguments.
    fn words(&mut self, directive: Directive<'_>, replaced: &[String]) {
        for (at, word) in directive.words().enumerate() {
            if at > 0 {
                self.out.push(b' ');
            }
            match at.checked_sub(1).and_then(|at| replaced.get(at)) {
                Some(text) => self.out.extend_from_slice(quoted(text).as_bytes()),
                None => self.out.extend_from_slice(word.raw()),
            }
        }
    }

    /// First argument of a directive that means something else on loopback.
    fn replaced(&mut self, directive: Directive<'_>, name: &str) -> Option<String> {
        let value = String::from_utf8_lossy(&directive.arg(0)?.value()).into_owned();
        let Places { directory, files, prefix, users, .. } = self.places;
        if PATHS.contains(&name) {
            let is_absolute = value.starts_with(['/', '$']);
            return Some(if is_absolute { format!("{files}{value}") } else { format!("{prefix}/{value}") });
        }
        if CACHES.contains(&name) {
            return Some(format!("{directory}/cache{}", directive.span().start));
        }
        match name {
            "auth_basic_user_file" => return Some(users.clone()),
            "auth_request" if value != "off" => return Some(AUTH.to_owned()),
            _ => {}
        }
        let (_, has_scheme) = PASSES.iter().find(|(pass, _)| *pass == name)?;
        let (authority, rest) = authority(&value, *has_scheme)?;
        let at = self.ports.upstreams.iter().find(|upstream| upstream.name == authority)?;
        let host = if at.is_block { authority } else { format!("127.0.0.1:{}", at.port) };
        let scheme = if *has_scheme { &value[..value.find("://")? + 3] } else { "" };
        Some(if *has_scheme { format!("{scheme}{host}{rest}") } else { host })
    }

    fn upstream(&mut self, directive: Directive<'_>) {
        let Some(name) = directive.arg(0) else { return };
        let value = String::from_utf8_lossy(&name.value()).into_owned();
        // Opened before.
        let Some(at) = self.ports.upstreams.iter().find(|upstream| upstream.name == value) else { return };
        let server = format!(" {{\n        server 127.0.0.1:{} max_fails=0;\n    }}", at.port);
        self.out.extend_from_slice(b"upstream ");
        self.out.extend_from_slice(name.raw());
        self.line(&server);
    }

    fn server(&mut self, directive: Directive<'_>, depth: usize) {
        let indent = "    ".repeat(depth);
        let config = self.router.config();
        let Some(server) = config.http.servers.iter().find(|server| contains(directive, server.span)) else {
            return;
        };
        self.line(&format!("{indent}set ${SERVER} {};", self.servers.len()));
        self.servers.push(server.names.iter().map(ToString::to_string).collect());
        let mut done = Vec::new();
        self.hides_port = true;
        for listen in server.listen.iter().filter(|listen| !listen.quic) {
            let Some(id) = ports::address(self.router, &listen.endpoint, false) else { continue };
            if done.contains(&id) {
                continue;
            }
            done.push(id);
            let in_force = &self.router.listen(id).listen;
            self.hides_port &= ports::is_default(in_force);
            let mut line = format!("{indent}listen 127.0.0.1:{}", self.ports.listen[id.0 as usize]);
            for (is_set, word) in [
                (listen.default_server, " default_server"),
                (in_force.ssl, " ssl"),
                (in_force.proxy_protocol || self.announces, " proxy_protocol"),
            ] {
                if is_set {
                    line += word;
                }
            }
            self.line(&(line + ";"));
        }
        if self.hides_port {
            self.line(&format!("{indent}port_in_redirect off;"));
        }
        if let Some(port) = self.auth {
            self.line(&format!(
                "{indent}location = {AUTH} {{\n{indent}    internal;\n{indent}    proxy_pass http://127.0.0.1:{port}/;\n\
                 {indent}    proxy_pass_request_body off;\n{indent}    proxy_set_header Content-Length '';\n{indent}}}"
            ));
        }
    }

    fn location(&mut self, directive: Directive<'_>, depth: usize) {
        let config = self.router.config();
        let found = config.http.locations().find(|(_, location)| {
            !matches!(location.kind, LocationKind::If | LocationKind::LimitExcept(_))
                && contains(directive, location.span)
        });
        let name = found.map(|(_, location)| location.kind.to_string()).unwrap_or_default();
        let (log, indent) = (&self.places.log, "    ".repeat(depth));
        self.line(&format!("{indent}access_log {log} {FORMAT}{};", self.locations.len()));
        self.locations.push(name.trim_start_matches("location ").to_owned());
    }
}

fn name(directive: Directive<'_>) -> String {
    String::from_utf8_lossy(&directive.name().value()).into_owned()
}

/// True if the block of the model is this directive.
fn contains(directive: Directive<'_>, span: Span) -> bool {
    let own = directive.span();
    own.file == span.file && own.start == span.start
}
