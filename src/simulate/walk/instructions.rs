//! Instructions of `ngx_http_rewrite_module` on a route.

use super::{End, Event, Fact, RouteWalk};
use crate::eval::select::LocationId;
use crate::eval::{Request as _, uri};
use crate::model::rewrite::{Condition, FileTest, Instruction, Rewrite, RewriteFlag};
use crate::model::{ComplexValue, Segment, VariableId};
use crate::simulate::facts::Kind;
use crate::simulate::imagined::{Origin, RequestPart};
use crate::source::Span;

/// Patterns that every path matches which has no line feed.
const ALWAYS: [&str; 10] = ["", "^", "/", "^/", "^.*$", "^(.*)$", "^/(.*)$", "^/.*$", "(.*)", "^(.*)"];

/// Continuation after an instruction.
pub(super) enum Next {
    Go,
    Stop,
    End(End),
}

impl RouteWalk<'_> {
    /// Executes the instructions of a location, or of the server.
    pub(super) fn execute(&mut self, owner: Option<LocationId>) -> Next {
        let instructions = match owner {
            Some(id) => &self.ground.router.get(id).instructions,
            None => &self.ground.router.config().http.servers[self.request.server.0 as usize].instructions,
        };
        for instruction in instructions {
            let next = match instruction {
                Instruction::Set { variable, value, span } => {
                    let value = self.value(value).ok();
                    self.events.push(Event::Set(*span, *variable, value.clone()));
                    self.request.store(*variable, value);
                    Next::Go
                }
                Instruction::Break(span) => {
                    self.events.push(Event::Break(*span));
                    self.request.is_in_location &= !self.is_changed;
                    self.is_changed = false;
                    Next::Stop
                }
                Instruction::Return(r#return) => {
                    self.request.status = Some(r#return.status);
                    if self.facts().is_some() {
                        self.events.push(Event::Answer(r#return.span, r#return.status));
                    }
                    let text = match &r#return.text {
                        // An empty text has nginx's page of an error.
                        Some(text) if r#return.status >= 400 => self.value(text).ok(),
                        Some(text) => self.text(text).ok(),
                        None => Some(Vec::new()),
                    };
                    Next::End(End::Answer(r#return.span, r#return.status, text))
                }
                Instruction::Rewrite(rewrite) => self.rewrite(rewrite),
                Instruction::If { inner, condition, span } => {
                    let holds = self.holds(condition, *span);
                    let unknown = holds.as_ref().err().cloned().unwrap_or_default();
                    self.events.push(Event::If(*span, holds.as_ref().ok().copied(), unknown));
                    if let (Some(_), Err(unknown)) = (self.facts(), &holds) {
                        let is_file = matches!(condition, Condition::File { .. }) && unknown.is_empty();
                        let is_client = !is_file && unknown.is_empty();
                        return Next::End(match (is_file, is_client) {
                            (true, _) => End::Needs(Fact::Files, Some(*span)),
                            (_, true) => End::Needs(Fact::Client, Some(*span)),
                            _ => End::Unknown(Some(*span), unknown.clone()),
                        });
                    }
                    let block = match owner {
                        Some(outer) => self.ground.router.inner(outer, *inner),
                        None => self.ground.router.outermost(self.request.server, *inner),
                    };
                    match block.filter(|_| holds == Ok(true)) {
                        Some(block) => {
                            if self.handler().is_some() {
                                self.request.handled_by = self.location;
                            }
                            self.location = Some(block);
                            self.request.settings = self.settings();
                            self.execute(Some(block))
                        }
                        None => Next::Go,
                    }
                }
                Instruction::Other(..) => Next::End(End::Status(500, "an instruction is invalid")),
            };
            if !matches!(next, Next::Go) {
                return next;
            }
        }
        Next::Go
    }

    /// True if a condition holds; or the unknown variables, none of them for a file test.
    fn holds(&mut self, condition: &Condition, span: Span) -> Result<bool, Vec<VariableId>> {
        match condition {
            Condition::True(variable) => {
                let value = self.variable(*variable)?;
                Ok(!value.is_empty() && value != b"0")
            }
            Condition::Equal { variable, text, negated } => {
                let (left, right) = (self.variable(*variable)?, self.value(text)?);
                Ok((left == right) != *negated)
            }
            Condition::Match { variable, pattern, caseless, negated } => {
                let value = self.variable(*variable)?;
                let found = self.matches(pattern, *caseless, span, &value).ok_or_else(Vec::new)?;
                Ok(found != *negated)
            }
            Condition::File { test, path, negated } => {
                let Some(files) = self.facts().and_then(|facts| facts.files.as_ref()) else {
                    return Err(Vec::new());
                };
                if self.request.origin == Origin::Request {
                    self.request.reads.note(RequestPart::Place);
                }
                let found = files.kind(&self.text(path)?);
                let is_there = match test {
                    FileTest::File => found == Some(Kind::File),
                    FileTest::Directory => found == Some(Kind::Directory),
                    FileTest::Exists => found.is_some(),
                    // A stated file has no rights; a directory can be entered.
                    FileTest::Executable => found == Some(Kind::Directory),
                };
                Ok(is_there != *negated)
            }
            Condition::Invalid => Err(Vec::new()),
        }
    }

    /// Matches and captures; `None` if PCRE2 gave up.
    fn matches(&mut self, pattern: &str, caseless: bool, span: Span, subject: &[u8]) -> Option<bool> {
        let regex = self.ground.regex(pattern, caseless, span)?;
        let found = regex.exec(subject).ok()?;
        let is_match = found.is_some();
        // A failed match clears the numbered captures.
        self.request.forget();
        if let Some(captures) = found {
            self.request.set_captures(captures);
        }
        Some(is_match)
    }

    /// Value of a text; captures are escaped again where the client's URI had escapes.
    fn escaped(&mut self, value: &ComplexValue, escapes: bool) -> Result<Vec<u8>, Vec<VariableId>> {
        let path_end = memchr::memchr(b'?', &self.asked.target).unwrap_or(self.asked.target.len());
        let is_quoted = self.asked.target[..path_end].contains(&b'%') || self.asked.target.contains(&b'+');
        if !escapes || !is_quoted {
            return self.value(value);
        }
        let mut out = Vec::new();
        for segment in &value.segments {
            match segment {
                Segment::Capture(group) => {
                    let text = self.request.captured(*group).unwrap_or_default().to_vec();
                    uri::escape_args(&text, &mut out);
                }
                other => out.extend(self.value(&ComplexValue { segments: vec![other.clone()] })?),
            }
        }
        Ok(out)
    }

    /// `ngx_http_script_regex_start_code`, `ngx_http_script_regex_end_code`
    fn rewrite(&mut self, rewrite: &Rewrite) -> Next {
        let subject = self.request.uri.clone();
        if !ALWAYS.contains(&rewrite.pattern.as_str()) {
            self.request.read_uri();
        } else if self.request.origin == Origin::Request {
            self.request.reads.note(RequestPart::Place);
        }
        match self.matches(&rewrite.pattern, false, rewrite.span, &subject) {
            None => return Next::End(End::Status(500, "a regular expression gave up")),
            Some(false) => {
                self.events.push(Event::Rewrite(rewrite.span, None));
                return Next::Go;
            }
            Some(true) => {}
        }
        self.request.is_internal = true;
        self.request.is_unchanged = false;
        self.is_changed = rewrite.flag != RewriteFlag::Break;
        self.request.is_in_location &= self.is_changed;
        let escapes = matches!(rewrite.flag, RewriteFlag::Redirect(_));
        let (reads, known) = (self.request.reads.clone(), self.request.remembered());
        let replacement = match self.escaped(&rewrite.replacement, escapes) {
            Ok(value) => value,
            Err(unknown) => return Next::End(End::Unknown(Some(rewrite.span), unknown)),
        };
        let before = std::mem::take(&mut self.request.args);
        let keeps = rewrite.keeps_args && !before.is_empty();
        if let RewriteFlag::Redirect(status) = rewrite.flag {
            if self.request.remembered() == known {
                // The target of a redirect decides nothing.
                self.request.reads = reads;
            }
            let mut target = uri::unescape_redirect(&replacement);
            if keeps {
                target.push(if rewrite.has_args { b'&' } else { b'?' });
                target.extend_from_slice(&before);
            }
            if self.facts().is_some() {
                self.events.push(Event::Answer(rewrite.span, status));
            }
            return Next::End(End::Answer(rewrite.span, status, Some(target)));
        }
        self.request.args.clone_from(&before);
        match rewrite.args.as_ref().map(|args| self.escaped(args, true)) {
            Some(Ok(mut args)) => {
                if keeps {
                    args.push(b'&');
                    args.extend_from_slice(&before);
                }
                self.request.args = args;
            }
            Some(Err(unknown)) => return Next::End(End::Unknown(Some(rewrite.span), unknown)),
            None if !rewrite.keeps_args => self.request.args.clear(),
            None => {}
        }
        if replacement.is_empty() {
            return Next::End(End::Status(500, "the rewritten URI has a zero length"));
        }
        self.request.uri = replacement;
        let is_constant = rewrite.replacement.constant().is_some();
        self.request.origin = if is_constant { Origin::Constant } else { Origin::Computed };
        self.events
            .push(Event::Rewrite(rewrite.span, Some((self.request.uri.clone(), self.request.args.clone()))));
        if rewrite.flag == RewriteFlag::Next { Next::Go } else { Next::Stop }
    }
}
