//! The way of a request in words: each step with its candidates, and how it ends.

use serde::Serialize;

use super::ModelNames;
use crate::eval::names::{Name, NameMatchKind, Names};
use crate::eval::select::{LocationId, LocationStep, ServerId, ServerStep};
use crate::model::content::Alias;
use crate::model::server::ServerName;
use crate::model::{Server, VariableId};
use crate::simulate::imagined::DescribedRequest;
use crate::simulate::walk::{End, Event, FileCondition, RoutingConfiguration, Walk};
use crate::source::Span;

/// A way.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct ShownRoute {
    /// Steps in their order.
    pub(in crate::cli) steps: Vec<Step>,
    /// The server in the end.
    pub(in crate::cli) server: Block,
    /// The location in the end; `None`: the server itself.
    pub(in crate::cli) location: Option<Block>,
    /// `$uri` in the end.
    pub(in crate::cli) uri: String,
    /// The directive or file that answers, in words.
    pub(in crate::cli) answer: String,
    /// Text of the answer, or target of a redirection, if known.
    pub(in crate::cli) value: Option<String>,
    /// The status, if the configuration decides it.
    pub(in crate::cli) status: Option<u16>,
    /// The directive that answers.
    pub(in crate::cli) answer_place: Option<String>,
    /// Other ways, which files decide.
    pub(in crate::cli) otherwise: Vec<ConditionalWay>,
}

/// A block.
#[derive(Clone, Debug, Serialize)]
pub(in crate::cli) struct Block {
    /// As written; of a server its names.
    pub(in crate::cli) name: String,
    /// File and line.
    pub(in crate::cli) place: String,
}

/// Something that happened.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Step {
    /// `server`, `location`, `set`, `if` …
    pub(in crate::cli) kind: &'static str,
    /// In words.
    pub(in crate::cli) text: String,
    /// The directive.
    pub(in crate::cli) place: Option<String>,
    /// Servers or locations that were considered, the chosen one included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) candidates: Vec<Candidate>,
}

/// A server or location that could have been chosen.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Candidate {
    #[serde(flatten)]
    pub(in crate::cli) block: Block,
    /// `chosen`, `kept`, `passed`, `no`
    pub(in crate::cli) result: &'static str,
    /// Reason for the result.
    pub(in crate::cli) why: String,
}

/// A way that files decide.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct ConditionalWay {
    /// Condition of the way.
    pub(in crate::cli) when: String,
    #[serde(flatten)]
    pub(in crate::cli) way: ShownRoute,
}

/// Servers that are listed beside the chosen one.
const MOST: usize = 12;
const NO_REGEX: &str = ", and `^~`: no regular expression is tried";

pub(in crate::cli) fn way(
    book: ModelNames<'_>,
    ground: &RoutingConfiguration,
    asked: &DescribedRequest,
    walk: &Walk,
) -> ShownRoute {
    let view = View { book, ground, asked };
    let server = view.server(walk.server);
    let (answer, status, place) = view.end(&walk.end, walk);
    ShownRoute {
        steps: walk.events.iter().map(|event| view.step(event)).collect(),
        server,
        location: walk.location.map(|id| view.location(id)),
        uri: text(&walk.uri),
        answer,
        value: match &walk.end {
            End::Answer(_, _, value) => value.as_deref().map(text),
            _ => None,
        },
        status,
        answer_place: place.map(|span| book.place(span)),
        otherwise: walk
            .otherwise
            .iter()
            .map(|(when, walk)| ConditionalWay {
                when: match when {
                    FileCondition::NothingThere(span) => {
                        format!("no file of `{}` is there", book.text(*span))
                    }
                    FileCondition::Index(uri) => format!("the file of `{}` is there", text(uri)),
                },
                way: way(book, ground, asked, walk),
            })
            .collect(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The names of a server, as written.
pub(in crate::cli) fn names(server: &Server) -> String {
    let names = server.names.iter().map(|name| match name {
        ServerName::Exact(name) if name.is_empty() => "\"\"".to_owned(),
        name => name.to_string(),
    });
    names.collect::<Vec<_>>().join(" ")
}

/// Kind of the server name that matches the host, as if this server were the only one.
fn how(server: &Server, name: &[u8]) -> Option<NameMatchKind> {
    let mut table = Names::default();
    for own in &server.names {
        let own = match own {
            ServerName::Exact(own) => Name::Exact(own.as_bytes()),
            ServerName::WildcardHead(own) => Name::Head(own.as_bytes()),
            ServerName::DotHead(own) => Name::Dot(own.as_bytes()),
            ServerName::WildcardTail(own) => Name::Tail(own.as_bytes()),
            ServerName::Regex(_) => continue,
        };
        table.add(own, ());
    }
    table.find_how(name).map(|((), how)| how)
}

fn word(how: NameMatchKind) -> &'static str {
    match how {
        NameMatchKind::Exact => "the name itself",
        NameMatchKind::Head => "a wildcard at the beginning",
        NameMatchKind::Tail => "a wildcard at the end",
    }
}

struct View<'v> {
    book: ModelNames<'v>,
    ground: &'v RoutingConfiguration,
    asked: &'v DescribedRequest,
}

impl View<'_> {
    fn model(&self, id: ServerId) -> &Server {
        &self.book.config.http.servers[id.0 as usize]
    }

    fn server(&self, id: ServerId) -> Block {
        let server = self.model(id);
        Block { name: names(server), place: self.book.place(server.span) }
    }

    fn location(&self, id: LocationId) -> Block {
        let span = self.ground.router.get(id).span;
        Block { name: self.book.text(span), place: self.book.place(span) }
    }

    fn variables(&self, ids: &[VariableId]) -> String {
        let variables = &self.book.config.http.variables;
        let names: Vec<String> = ids.iter().map(|id| format!("`${}`", variables.get(*id).name)).collect();
        if names.is_empty() { "the client's address".to_owned() } else { names.join(", ") }
    }

    fn step(&self, event: &Event) -> Step {
        let simple = |kind: &'static str, text: String, span: Option<Span>| Step {
            kind,
            text,
            place: span.map(|span| self.book.place(span)),
            candidates: Vec::new(),
        };
        match event {
            Event::Server(id, steps) => {
                let server = self.server(*id);
                let candidates = self.servers(*id, steps);
                Step { kind: "server", text: server.name, place: Some(server.place), candidates }
            }
            Event::Location(_, id, steps) => {
                let block = id.map(|id| self.location(id));
                let candidates = self.candidates(steps, *id);
                let text =
                    block.as_ref().map_or("no location fits: the server itself", |b| &b.name).to_owned();
                Step { kind: "location", text, place: block.map(|b| b.place), candidates }
            }
            Event::Limited(id) => {
                let block = self.location(*id);
                let text = format!("`{}` does not have {}: its block holds", block.name, self.asked.method);
                Step { kind: "limit_except", text, place: Some(block.place), candidates: Vec::new() }
            }
            Event::Set(span, id, value) => {
                let name = self.variables(&[*id]);
                let value = value.as_ref().map_or("not known".to_owned(), |v| format!("`{}`", text(v)));
                simple("set", format!("{name} is {value}"), Some(*span))
            }
            Event::If(span, holds, unknown) => {
                let head = self.book.text(*span);
                let what = match (holds, unknown.is_empty()) {
                    (Some(true), _) => "holds: its block is the location".to_owned(),
                    (Some(false), _) => "does not hold".to_owned(),
                    (None, true) => "is decided by files, or by the client: taken not to hold".to_owned(),
                    (None, false) => {
                        format!("depends on {}: taken not to hold", self.variables(unknown))
                    }
                };
                simple("if", format!("`{head}` {what}"), Some(*span))
            }
            Event::Rewrite(span, result) => {
                let head = self.book.text(*span);
                let what = match result {
                    None => "does not match".to_owned(),
                    Some((uri, args)) if args.is_empty() => format!("matches: `{}`", text(uri)),
                    Some((uri, args)) => format!("matches: `{}`, arguments `{}`", text(uri), text(args)),
                };
                simple("rewrite", format!("`{head}` {what}"), Some(*span))
            }
            Event::Break(span) => simple("break", "no further instruction here".to_owned(), Some(*span)),
            Event::ErrorPage(span, status, uri) => {
                simple("error_page", format!("the page of {status} is `{}`", text(uri)), Some(*span))
            }
            Event::Redirect(uri) => simple("redirect", format!("inside, to `{}`", text(uri)), None),
            Event::Access(span, true) => simple("allow", "lets the client in".to_owned(), Some(*span)),
            Event::Access(span, false) => simple("deny", "keeps the client out".to_owned(), Some(*span)),
            Event::Answer(span, status) => {
                simple("answer", format!("`{}`: {status}", self.book.text(*span)), Some(*span))
            }
            Event::Tried(span, Some(path)) => {
                simple("try_files", format!("`{}` is there", text(path)), *span)
            }
            Event::Tried(span, None) => simple("try_files", "no file is there".to_owned(), *span),
        }
    }

    fn servers(&self, chosen: ServerId, steps: &[ServerStep]) -> Vec<Candidate> {
        let address = self.ground.router.listen(self.asked.address);
        let mut found = Vec::new();
        let mut others = 0;
        for &id in &address.servers {
            let tried: Vec<(&str, bool)> = steps
                .iter()
                .filter_map(|step| match step {
                    ServerStep::Regex(own, pattern, matches) if *own == id => {
                        Some((pattern.as_str(), *matches))
                    }
                    _ => None,
                })
                .collect();
            let fits = how(self.model(id), &self.asked.name);
            let (result, why) = if id == chosen {
                ("chosen", self.why(steps))
            } else if let Some(fits) = fits {
                ("passed", format!("{} fits too, but not as well, or stands further down", word(fits)))
            } else if let Some((pattern, _)) = tried.last() {
                ("no", format!("`~{pattern}` does not match"))
            } else {
                others += 1;
                continue;
            };
            if found.len() < MOST || id == chosen {
                found.push(Candidate { block: self.server(id), result, why });
            } else {
                others += 1;
            }
        }
        if others > 0 {
            let what =
                if others == 1 { "1 other server".to_owned() } else { format!("{others} other servers") };
            let block = Block { name: what, place: String::new() };
            let why = format!("on `{}`, with other names", address.listen.endpoint);
            found.push(Candidate { block, result: "no", why });
        }
        found
    }

    /// Reason for the chosen server, in the words of the last step.
    fn why(&self, steps: &[ServerStep]) -> String {
        let address = self.ground.router.listen(self.asked.address);
        match steps.last() {
            Some(ServerStep::Name(_, how)) => word(*how).to_owned(),
            Some(ServerStep::Regex(_, pattern, _)) => {
                format!("`~{pattern}` is the first expression to match")
            }
            Some(ServerStep::Default(_)) | None if address.servers.len() == 1 => {
                format!("the only server on `{}`", address.listen.endpoint)
            }
            Some(ServerStep::Default(_)) | None => {
                let which = if address.listen.default_server { "`default_server`" } else { "the first" };
                format!("no name fits: {which} on `{}`", address.listen.endpoint)
            }
        }
    }

    fn candidates(&self, steps: &[LocationStep], chosen: Option<LocationId>) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        for step in steps {
            let candidate = self.candidate(*step, chosen);
            match found.iter_mut().find(|known| known.block.place == candidate.block.place) {
                // Said of a location that is there already.
                Some(known) if matches!(step, LocationStep::NoRegex(_)) => known.why.push_str(NO_REGEX),
                _ => found.push(candidate),
            }
        }
        found
    }

    fn candidate(&self, step: LocationStep, chosen: Option<LocationId>) -> Candidate {
        let (id, result, why) = match step {
            LocationStep::Inside(id) => (id, "kept", "looking inside"),
            LocationStep::Shorter(id) => (id, "passed", "fits, but is not the longest"),
            LocationStep::Longest(id) if chosen == Some(id) => (id, "chosen", "the longest prefix"),
            LocationStep::Longest(id) => {
                (id, "kept", "the longest prefix, until a regular expression matches")
            }
            LocationStep::Exact(id) => (id, "chosen", "`=`: nothing else is looked at"),
            LocationStep::Redirect(id) => {
                (id, "chosen", "the URI with a slash, and it passes on: nginx answers 301")
            }
            LocationStep::NoRegex(id) => (id, "kept", NO_REGEX),
            LocationStep::Regex(id, true) if chosen == Some(id) => {
                (id, "chosen", "the first expression to match")
            }
            LocationStep::Regex(id, true) => (id, "kept", "the first expression to match"),
            LocationStep::Regex(id, false) => (id, "no", "does not match"),
            LocationStep::Untried(id) => (id, "no", "not tried"),
        };
        Candidate { block: self.location(id), result, why: why.to_owned() }
    }

    fn end(&self, end: &End, walk: &Walk) -> (String, Option<u16>, Option<Span>) {
        match end {
            End::Content(Some(span)) => (format!("`{}`", self.book.text(*span)), None, Some(*span)),
            End::Content(None) => self.files(walk),
            End::Answer(span, status, value) => {
                let what = self.book.text(*span);
                let value = match value {
                    Some(value) if matches!(status, 301 | 302 | 303 | 307 | 308) => {
                        format!(": to `{}`", text(value))
                    }
                    Some(value) if value.is_empty() => String::new(),
                    Some(value) => format!(": `{}`", text(value).escape_debug()),
                    None => String::new(),
                };
                (format!("`{what}`{value}"), Some(*status), Some(*span))
            }
            End::Status(status, why) => (format!("{status}: {why}"), Some(*status), None),
            End::Slash => (format!("301: to `{}/`", text(&walk.uri)), Some(301), None),
            End::File(path) => (format!("the file `{}`", text(path)), Some(200), None),
            End::List(path) => (format!("the list of the directory `{}`", text(path)), Some(200), None),
            End::Needs(fact, span) => (format!("not known here: it depends on {}", fact.name()), None, *span),
            End::Unknown(span, unknown) => {
                (format!("not known here: it depends on {}", self.variables(unknown)), None, *span)
            }
        }
    }

    /// Files answer.
    fn files(&self, walk: &Walk) -> (String, Option<u16>, Option<Span>) {
        let settings = match walk.location {
            Some(id) => &self.ground.router.get(id).settings,
            None => &self.model(walk.server).settings,
        };
        let root = &settings.content.root;
        let path = root.value.path.display(&self.book.config.http.variables);
        let what = if root.value.alias.is_some() { "alias" } else { "root" };
        let file = match (root.value.path.constant(), root.value.alias) {
            (Some(path), None) => Some([path, &walk.uri].concat()),
            (Some(path), Some(Alias::Prefix(n))) => walk.uri.get(n..).map(|rest| [path, rest].concat()),
            _ => None,
        };
        let file = file.map(|file| format!(": `{}`", text(&file))).unwrap_or_default();
        (format!("files, `{what} {path}`{file}"), None, root.origin.span())
    }
}
