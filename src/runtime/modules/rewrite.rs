//! `rewrite`, `return`, `set`, `if` and `break` (`ngx_http_rewrite_module.c`, `ngx_http_script.c`).

use std::rc::Rc;

use crate::eval::regex::{Captures, CompileError, MatchError, Regex};
use crate::eval::select::LocationId;
use crate::eval::uri::{escape_args, unescape_redirect};
use crate::model::log::Severity;
use crate::model::rewrite::{Condition, FileTest, Instruction, Return, Rewrite, RewriteFlag};
use crate::model::{ComplexValue, Config, Segment, VariableId};
use crate::runtime::net::log::errno;
use crate::runtime::net::path;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::content_type::content_type;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::reply::BodyPart;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::script::{Code, Script, Test};
use crate::runtime::request::state::Request;
use crate::runtime::request::{body, open_file};

impl Script {
    /// Compiles the patterns; `inner` says which location the block of an `if` is.
    pub(crate) fn new(
        instructions: &[Instruction],
        config: &Config,
        inner: impl Fn(usize) -> Option<LocationId>,
    ) -> Result<Self, CompileError> {
        let mut codes = Vec::new();
        for instruction in instructions {
            codes.push(match instruction {
                Instruction::Return(r#return) => Code::Return(r#return.clone()),
                Instruction::Set { variable, value, .. } => Code::Set(*variable, value.clone()),
                Instruction::Rewrite(rewrite) => {
                    Code::Rewrite(Regex::new(&rewrite.pattern, false, rewrite.span, config)?, rewrite.clone())
                }
                Instruction::Break(_) => Code::Break,
                Instruction::Other(..) => Code::Invalid,
                Instruction::If { inner: position, condition, span } => {
                    let Some(id) = inner(*position) else { continue };
                    let test = match condition {
                        Condition::Match { variable, pattern, caseless, negated } => {
                            let regex = Regex::new(pattern, *caseless, *span, config)?;
                            Test::Match(*variable, regex, pattern.clone(), *negated)
                        }
                        other => Test::Other(other.clone()),
                    };
                    Code::If(test, id)
                }
            });
        }
        Ok(Self(codes))
    }
}

/// The next step after an instruction.
enum Next {
    Go,
    /// No further instruction of this phase.
    Stop,
    Flow(Flow),
}

/// Executes the instructions of the request's level; `None`: none of them answers.
pub(crate) fn run(c: &Connection, r: &mut Request) -> Option<Flow> {
    let plan = Rc::clone(&r.plan);
    match execute(c, r, &plan.script) {
        Next::Flow(flow) => Some(flow),
        Next::Go | Next::Stop => None,
    }
}

fn execute(c: &Connection, r: &mut Request, script: &Script) -> Next {
    for code in &script.0 {
        let next = match code {
            Code::Set(variable, value) => {
                let mut text = Vec::new();
                c.scope(r).evaluate(value, &mut text);
                set(c, r, *variable, text);
                Next::Go
            }
            Code::Return(r#return) => Next::Flow(answer(c, r, r#return)),
            Code::Rewrite(regex, rewrite) => self::rewrite(c, r, regex, rewrite),
            Code::Break => {
                r.valid_location &= !r.uri_changed;
                r.uri_changed = false;
                Next::Stop
            }
            Code::If(test, id) => match holds(&mut c.scope(r), test) {
                Err(error) => failed(c, r, &error),
                Ok(false) => Next::Go,
                Ok(true) => {
                    if r.plan.handler.is_some() {
                        r.handled_by = r.location;
                    }
                    c.enter(r, *id);
                    let plan = Rc::clone(&r.plan);
                    execute(c, r, &plan.script)
                }
            },
            Code::Invalid => Next::Flow(Flow::Status(500)),
        };
        if !matches!(next, Next::Go) {
            return next;
        }
    }
    Next::Go
}

fn failed(c: &Connection, r: &mut Request, error: &MatchError) -> Next {
    c.scope(r).log(Severity::Alert, &error.to_string(), "");
    Next::Flow(Flow::Status(500))
}

/// `ngx_http_script_set_var_code`, and the set handlers of built-in variables.
pub(crate) fn set(c: &Connection, r: &mut Request, variable: VariableId, value: Vec<u8>) {
    match c.worker.config.http.variables.get(variable).name.as_str() {
        "args" => {
            r.args = value;
            r.valid_unparsed_uri = false;
        }
        "limit_rate" => r.limit_rate = crate::model::time::size(&value),
        _ => r.store(variable, &value),
    }
}

fn holds(scope: &mut Scope<'_>, test: &Test) -> Result<bool, MatchError> {
    let mut left = Vec::new();
    Ok(match test {
        Test::Match(variable, regex, pattern, negated) => {
            scope.variable(*variable, &mut left);
            let captures = regex.exec(&left)?;
            note(scope, pattern, &left, captures.is_some());
            let found = captures.is_some();
            capture(scope, captures);
            found != *negated
        }
        Test::Other(Condition::True(variable)) => {
            scope.variable(*variable, &mut left);
            !left.is_empty() && left != b"0"
        }
        Test::Other(Condition::Equal { variable, text, negated }) => {
            scope.variable(*variable, &mut left);
            let mut right = Vec::new();
            scope.evaluate(text, &mut right);
            (left == right) != *negated
        }
        Test::Other(Condition::File { test, path, negated }) => {
            scope.evaluate(path, &mut left);
            is_there(scope, *test, left) != *negated
        }
        Test::Other(_) => false,
    })
}

/// `ngx_http_script_file_code`
fn is_there(scope: &mut Scope<'_>, test: FileTest, path: Vec<u8>) -> bool {
    let path = scope.worker.absolute(path);
    match open_file::info(scope, &path) {
        Ok(info) => match test {
            FileTest::File => info.is_file,
            FileTest::Directory => info.is_dir,
            FileTest::Exists => true,
            FileTest::Executable => info.is_executable,
        },
        Err(error) => {
            if !path::is_missing(&error) {
                let shown = String::from_utf8_lossy(&path);
                scope.log(Severity::Crit, &format!("stat() \"{shown}\" failed{}", errno(&error)), "");
            }
            false
        }
    }
}

/// `rewrite_log`
fn note(scope: &mut Scope<'_>, pattern: &str, subject: &[u8], matches: bool) {
    if scope.request.plan.core.rewrite_log.value {
        let how = if matches { "matches" } else { "does not match" };
        let subject = String::from_utf8_lossy(subject);
        scope.log(Severity::Notice, &format!("\"{pattern}\" {how} \"{subject}\""), "");
    }
}

fn capture(scope: &mut Scope<'_>, captures: Option<Captures>) {
    match captures {
        Some(captures) => crate::eval::Request::set_captures(scope, captures),
        // `r->ncaptures = 0`
        None => scope.request.captures = Captures::default(),
    }
}

/// `ngx_http_script_regex_start_code`, `ngx_http_script_regex_end_code`
fn rewrite(c: &Connection, r: &mut Request, regex: &Regex, rewrite: &Rewrite) -> Next {
    let found = match regex.exec(&r.uri) {
        Ok(found) => found,
        Err(error) => return failed(c, r, &error),
    };
    let mut scope = c.scope(r);
    let subject =
        if scope.request.plan.core.rewrite_log.value { scope.request.uri.clone() } else { Vec::new() };
    note(&mut scope, &rewrite.pattern, &subject, found.is_some());
    let is_match = found.is_some();
    capture(&mut scope, found);
    if !is_match {
        return Next::Go;
    }
    scope.request.internal = true;
    scope.request.valid_unparsed_uri = false;
    if rewrite.flag == RewriteFlag::Break {
        scope.request.valid_location = false;
        scope.request.uri_changed = false;
    } else {
        scope.request.uri_changed = true;
    }
    if let RewriteFlag::Redirect(status) = rewrite.flag {
        let mut target = Vec::new();
        evaluate(&mut scope, &rewrite.replacement, true, &mut target);
        let mut target = unescape_redirect(&target);
        let r = scope.request;
        if rewrite.keeps_args && !r.args.is_empty() {
            target.push(if rewrite.has_args { b'&' } else { b'?' });
            target.extend_from_slice(&r.args);
        }
        r.reply.set(b"Location", &target);
        if r.plan.core.rewrite_log.value {
            let target = String::from_utf8_lossy(&target).into_owned();
            c.scope(r).log(Severity::Notice, &format!("rewritten redirect: \"{target}\""), "");
        }
        return Next::Flow(Flow::Status(status));
    }
    let mut uri = Vec::new();
    evaluate(&mut scope, &rewrite.replacement, false, &mut uri);
    if let Some(value) = &rewrite.args {
        let mut args = Vec::new();
        evaluate(&mut scope, value, true, &mut args);
        let r = &mut *scope.request;
        if rewrite.keeps_args && !r.args.is_empty() {
            args.push(b'&');
            args.extend_from_slice(&r.args);
        }
        r.args = args;
    } else if !rewrite.keeps_args {
        scope.request.args.clear();
    }
    if scope.request.plan.core.rewrite_log.value {
        let (uri, args) =
            (String::from_utf8_lossy(&uri), String::from_utf8_lossy(&scope.request.args).into_owned());
        scope.log(Severity::Notice, &format!("rewritten data: \"{uri}\", args: \"{args}\""), "");
    }
    if uri.is_empty() {
        scope.log(Severity::Error, "the rewritten URI has a zero length", "");
        return Next::Flow(Flow::Status(500));
    }
    scope.request.uri = uri;
    if rewrite.flag == RewriteFlag::Next { Next::Go } else { Next::Stop }
}

/// As any complex value, but captures are escaped again where the URI was unescaped.
fn evaluate(scope: &mut Scope<'_>, value: &ComplexValue, escapes: bool, out: &mut Vec<u8>) {
    let line = scope.request.head.line;
    if !escapes || !(line.quoted || line.plus) {
        scope.evaluate(value, out);
        return;
    }
    for segment in &value.segments {
        match segment {
            Segment::Literal(text) => out.extend_from_slice(text),
            Segment::Variable(id) => {
                scope.variable(*id, out);
            }
            Segment::Capture(n) => {
                let text = scope.request.captures.get(usize::from(*n)).unwrap_or_default().to_vec();
                escape_args(&text, out);
            }
        }
    }
}

/// `ngx_http_script_return_code`
fn answer(c: &Connection, r: &mut Request, r#return: &Return) -> Flow {
    let status = r#return.status;
    if status == 444 {
        r.status = 444;
        return Flow::Abort;
    }
    let has_text = r#return.text.as_ref().is_some_and(|t| !t.segments.is_empty());
    if status >= 400 && !has_text {
        return Flow::Status(status);
    }
    // Before the text, which may have `$status` in it.
    r.status = status;
    if r.head.chunked && !r.has_body {
        // `ngx_http_discard_request_body_filter`: the bytes that are expected next.
        r.discards = Some(if body::is_here(r) { 0 } else { r.plan.rules.line as u64 });
    }
    let mut made = Vec::new();
    let text = match &r#return.text {
        None => &[],
        Some(value) => value.constant().unwrap_or_else(|| {
            c.scope(r).evaluate(value, &mut made);
            &made
        }),
    };
    send(r, status, text)
}

/// `return`: a text, a redirection or a page (`ngx_http_send_response`).
fn send(request: &mut Request, status: u16, text: &[u8]) -> Flow {
    if matches!(status, 301 | 302 | 303 | 307 | 308) {
        request.reply.set(b"Location", text);
        return Flow::Status(status);
    }
    if body::is_broken(request) {
        return Flow::Status(400);
    }
    request.status = status;
    content_type(request);
    let reply = &mut request.reply;
    reply.clear_body();
    reply.text.extend_from_slice(text);
    reply.content_length = Some(text.len() as u64);
    reply.parts.push(BodyPart::Text(0, text.len()));
    Flow::Reply
}
