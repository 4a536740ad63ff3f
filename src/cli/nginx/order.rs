//! Findings as nginx would print them: in the order in which it meets them, in its words, up to the first error.
//!
//! nginx reads directive after directive and stops at the first error. Some checks wait until a block, the whole
//! `http` block or the whole file has been read: [`LATE`] lists them.

use super::log::Severity;
use super::words;
use crate::diagnostic::{self, Class, Diagnostic, Place};
use crate::source::{FileId, Span};
use crate::syntax::{Configuration, Directive, SyntaxError};

/// A message for the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) severity: Severity,
    pub(super) text: Vec<u8>,
    /// nginx has said "syntax is ok" before.
    pub(super) after_syntax: bool,
}

/// A configuration, and how many bytes of its main file are the value of `-g`.
pub(super) struct ReadConfiguration {
    pub(super) configuration: Configuration,
    pub(super) command_line: usize,
    /// Directory that modules and logs are relative to.
    pub(super) prefix: Vec<u8>,
    /// Directory that includes and certificates are relative to.
    pub(super) conf_prefix: Vec<u8>,
}

/// Time at which nginx finds an error that it does not find while it reads the directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultTime {
    /// At the `;` or `{` of the directive.
    Directive,
    /// There, but the message names no place.
    NoPlace,
    /// At the `}` of the directive.
    EndOfBlock,
    /// There, but the message names its `{`.
    OfBlock,
    /// After the block was read; the message names no place.
    AfterBlock,
    /// After `http { … }` was read: its steps in the order of `ngx_http_block`.
    EndOfHttp { step: u32, place: Place },
    /// After the whole file was read.
    EndOfFile,
    /// After the whole file was read; the message names the directive.
    EndOfFileAt,
}

/// Checks that wait.
const LATE: &[(&str, FaultTime)] = &[
    ("upstream-without-servers", FaultTime::EndOfBlock),
    ("percent-total", FaultTime::EndOfBlock),
    ("file-not-readable", FaultTime::EndOfHttp { step: 1, place: Place::None }),
    ("duplicate-location", FaultTime::EndOfHttp { step: 200, place: Place::Directive }),
    ("unknown-variable", FaultTime::EndOfHttp { step: 300, place: Place::None }),
    ("conflicting-server-name", FaultTime::EndOfHttp { step: 400, place: Place::None }),
    ("invalid-server-name", FaultTime::EndOfHttp { step: 400, place: Place::None }),
    ("no-events", FaultTime::EndOfFile),
];

/// Syntax errors, then what the compiler and the host say; only what nginx would still come to say.
pub(super) fn messages(read: &ReadConfiguration, found: &[Diagnostic]) -> Vec<Message> {
    let order = Order::new(read);
    let syntax = read.configuration.syntax_errors.iter().map(|e| order.syntax_error(e));
    let blocks = order.command_line_block();
    let others = read.configuration.diagnostics.iter().filter(|d| d.class == Class::Environment).chain(found);
    let mut all: Vec<Placed> = syntax.chain(blocks).chain(others.filter_map(|d| order.finding(d))).collect();
    // Stable: of two findings about one directive the one that was found first.
    all.sort_by(|a, b| (a.after_syntax, &a.key).cmp(&(b.after_syntax, &b.key)));
    let end = all.iter().position(|p| p.severity <= Severity::Crit).map_or(all.len(), |fatal| fatal + 1);
    all.truncate(end);
    all.dedup_by(|a, b| a.key == b.key && a.text == b.text);
    let message = |p: Placed| Message { severity: p.severity, text: p.text, after_syntax: p.after_syntax };
    all.into_iter().map(message).collect()
}

struct Placed {
    after_syntax: bool,
    key: Key,
    severity: Severity,
    text: Vec<u8>,
}

/// Position in the expanded configuration: for each file on the way the offset, and which file of an `include`
/// (from 1) or which step after a block.
type Key = Vec<(u32, u32)>;

struct Order<'a> {
    read: &'a ReadConfiguration,
    /// By file: where each directive starts, with its index.
    starts: Vec<Vec<(u32, u32)>>,
}

impl<'a> Order<'a> {
    fn new(read: &'a ReadConfiguration) -> Self {
        let starts = read.configuration.trees.iter();
        let starts = starts.map(|tree| tree.directives().map(|d| (d.head().start, d.id().index)).collect());
        Self { read, starts: starts.collect() }
    }

    fn syntax_error(&self, error: &SyntaxError) -> Placed {
        let place = error.nginx_place();
        let found = error.diagnostic.span;
        // Between the mistake and the place where nginx stumbles over it our tree is a guess.
        let at = if error.diagnostic.code == "unclosed-block" { place } else { found };
        let mut message = error.nginx_message();
        if self.is_command_line(place) {
            message =
                message.replace("end of file, expecting \";\" or \"}\"", "end of parameter, expecting \";\"");
        }
        let mut key = self.chain(&error.diagnostic.includes, found.file);
        key.push((at.start.min(place.start), 0));
        Placed { after_syntax: false, key, severity: Severity::Emerg, text: self.at(&message, place) }
    }

    /// `ngx_conf_parse` refuses any block in `-g`.
    fn command_line_block(&self) -> Option<Placed> {
        let main = self.read.configuration.tree(self.read.configuration.main);
        let open = main.root().directives().find_map(|d| d.block()?.open())?;
        let text = "block directives are not supported in -g option in command line".into();
        self.is_command_line(open).then(|| Placed {
            after_syntax: false,
            key: vec![(open.start, 0)],
            severity: Severity::Emerg,
            text,
        })
    }

    fn finding(&self, diagnostic: &Diagnostic) -> Option<Placed> {
        let directive = self.directive_at(diagnostic.span);
        let (severity, text) = words::of(self.read, diagnostic, directive)?;
        let when = when(diagnostic, directive, &text);
        let mut key = self.chain(&diagnostic.includes, diagnostic.span.file);
        let end = directive.map_or(diagnostic.span, Directive::terminator_span);
        // An entry that is one too many is found when its block has been read.
        let owner = directive.filter(|d| d.block().is_some());
        let owner = owner.or_else(|| self.directive_at(diagnostic.related.first()?.span));
        let close = owner.and_then(|d| d.block()?.close());
        let (offset, step, place) = match when {
            FaultTime::EndOfFile => (0, 0, None),
            FaultTime::EndOfFileAt => (0, 0, Some(end)),
            FaultTime::Directive => (end.start, 0, Some(end)),
            FaultTime::NoPlace => (end.start, 0, None),
            FaultTime::AfterBlock => (close.unwrap_or(end).start, 0, None),
            FaultTime::OfBlock => (close.unwrap_or(end).start, 0, Some(end)),
            FaultTime::EndOfBlock => (close.unwrap_or(end).start, 0, Some(close.unwrap_or(end))),
            FaultTime::EndOfHttp { step, place } => {
                let (level, close) = self.end_of_subsystem(diagnostic).unwrap_or((key.len(), end));
                key.truncate(level);
                let place = match place {
                    Place::None => None,
                    Place::Directive => Some(end),
                    Place::Close => Some(close),
                };
                (close.start, step, place)
            }
        };
        key.push((offset, step));
        let text = place.map_or_else(|| text.clone().into_bytes(), |place| self.at(&text, place));
        Some(Placed {
            after_syntax: matches!(when, FaultTime::EndOfFile | FaultTime::EndOfFileAt),
            key,
            severity,
            text,
        })
    }

    /// The way from the main file to `file`.
    fn chain(&self, includes: &[Span], file: FileId) -> Key {
        let targets = includes.iter().skip(1).map(|span| span.file).chain([file]);
        let step = |(include, target): (&Span, FileId)| {
            let directive = self.directive_at(*include);
            let files = directive.map_or(&[][..], |d| self.read.configuration.included(d));
            let nth = files.iter().position(|&f| f == target).map_or(0, |n| n as u32 + 1);
            (directive.map_or(include.start, |d| d.terminator_span().start), nth)
        };
        includes.iter().zip(targets).map(step).collect()
    }

    /// The `}` of the `http`, `stream` or `mail` block around a finding, and how many includes lead to it.
    fn end_of_subsystem(&self, diagnostic: &Diagnostic) -> Option<(usize, Span)> {
        diagnostic.includes.iter().chain([&diagnostic.span]).enumerate().find_map(|(level, span)| {
            let tree = self.read.configuration.tree(span.file);
            let around = tree.root().directives().find(|d| {
                ["http", "stream", "mail"].iter().any(|name| d.name().is(name))
                    && (d.span().start..d.span().end).contains(&span.start)
            })?;
            Some((level, around.block()?.close()?))
        })
    }

    /// The directive whose words a span belongs to, or the one before it.
    fn directive_at(&self, span: Span) -> Option<Directive<'a>> {
        let starts = &self.starts[span.file.index()];
        let (_, index) =
            starts.partition_point(|&(start, _)| start <= span.start).checked_sub(1).map(|i| starts[i])?;
        self.read.configuration.tree(span.file).directive(index)
    }

    fn is_command_line(&self, place: Span) -> bool {
        self.read.command_line > 0
            && place.file == self.read.configuration.main
            && place.start as usize <= self.read.command_line
    }

    /// A message with its place, as `ngx_conf_log_error` appends it.
    fn at(&self, message: &str, place: Span) -> Vec<u8> {
        /// `NGX_MAX_CONF_ERRSTR`
        const MAX: usize = 1024;
        let mut text = message.as_bytes()[..message.len().min(MAX)].to_vec();
        if self.is_command_line(place) {
            text.extend_from_slice(b" in command line");
        } else {
            let sources = &self.read.configuration.sources;
            text.extend_from_slice(b" in ");
            text.extend_from_slice(sources.file(place.file).path.as_os_str().as_encoded_bytes());
            text.extend_from_slice(format!(":{}", sources.position(place).line).as_bytes());
        }
        text
    }
}

fn when(diagnostic: &Diagnostic, directive: Option<Directive<'_>>, text: &str) -> FaultTime {
    match diagnostic.when {
        diagnostic::FaultPhase::Directive => {}
        diagnostic::FaultPhase::EndOfBlock => return FaultTime::EndOfBlock,
        diagnostic::FaultPhase::OfBlock => return FaultTime::OfBlock,
        diagnostic::FaultPhase::AfterBlock => return FaultTime::AfterBlock,
        diagnostic::FaultPhase::EndOfSubsystem { step, place } => {
            return FaultTime::EndOfHttp { step: step.into(), place };
        }
        diagnostic::FaultPhase::EndOfFile => return FaultTime::EndOfFile,
        diagnostic::FaultPhase::EndOfFileAt => return FaultTime::EndOfFileAt,
    }
    // Names of peers are resolved when they are read, those of `proxy_pass` and the like later.
    if diagnostic.code == "host-not-found" && !words::is_read_at_once(directive) {
        return FaultTime::EndOfHttp { step: 0, place: Place::Directive };
    }
    // Modules are loaded at once, certificates when `http` has been read.
    if diagnostic.code == "file-not-readable" && directive.is_some_and(|d| d.name().is("load_module")) {
        return FaultTime::Directive;
    }
    // A directory can be opened but not read: the file in which that happens has no lines yet.
    if text.starts_with("pread()") {
        return FaultTime::NoPlace;
    }
    // Of the wrong names only the wildcards wait for the hash.
    if diagnostic.code == "invalid-server-name" && !text.starts_with("invalid server name or wildcard") {
        return FaultTime::Directive;
    }
    LATE.iter().find(|(code, _)| *code == diagnostic.code).map_or(FaultTime::Directive, |&(_, when)| when)
}
