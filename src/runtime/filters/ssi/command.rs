//! The commands of SSI: `include`, `echo`, `set`, `config`, conditions and blocks.

use std::io;

use crate::eval::uri::{self, unsafe_uri};
use crate::model::log::Severity;
use crate::runtime::filters::ssi::{Conditional, Encoding, Page, error, raw, value};
use crate::runtime::net::text;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::sink::Sink;
use crate::runtime::request::state::Request;
use crate::runtime::request::subrequest;

/// Name, parameters (`!`: they must be there).
const COMMANDS: &[(&str, &[&str])] = &[
    ("include", &["virtual", "file", "wait", "set", "stub"]),
    ("echo", &["!var", "default", "encoding", "enc"]),
    ("config", &["errmsg", "timefmt"]),
    ("set", &["!var", "!value"]),
    ("if", &["!expr"]),
    ("elif", &["!expr"]),
    ("else", &[]),
    ("endif", &[]),
    ("block", &["!name"]),
    ("endblock", &[]),
];

type Parameters = Vec<(Vec<u8>, Vec<u8>)>;

fn parameter<'p>(parameters: &'p Parameters, name: &str) -> Option<&'p [u8]> {
    parameters.iter().find(|(other, _)| other == name.as_bytes()).map(|(_, value)| &value[..])
}

/// Fault of an SSI command, as nginx logs it; `None`: the command is valid.
fn fault(command: &str, known: &[&str], parameters: &Parameters) -> Option<String> {
    for (i, (name, _)) in parameters.iter().enumerate() {
        let shown = String::from_utf8_lossy(name);
        if !known.iter().any(|k| k.trim_start_matches('!').as_bytes() == &name[..]) {
            return Some(format!("invalid parameter name: \"{shown}\" in \"{command}\" SSI command"));
        }
        if parameters[..i].iter().any(|(other, _)| other == name) {
            return Some(format!("duplicate \"{shown}\" parameter in \"{command}\" SSI command"));
        }
    }
    let absent =
        |name: &&&str| name.strip_prefix('!').is_some_and(|name| parameter(parameters, name).is_none());
    let missing = known.iter().find(absent)?.trim_start_matches('!');
    Some(format!("mandatory \"{missing}\" parameter is absent in \"{command}\" SSI command"))
}

/// Does what the parser has read.
pub(super) async fn obey(page: &mut Page, c: &mut Connection, r: &mut Request) -> io::Result<()> {
    let name = String::from_utf8_lossy(&page.parser.command).into_owned();
    let parameters = std::mem::take(&mut page.parser.parameters);
    let known = COMMANDS.iter().find(|(command, _)| *command == name);
    let is_condition = matches!(name.as_str(), "elif" | "else" | "endif");
    if !page.output {
        let ends = if page.block.is_some() { name == "endblock" } else { is_condition };
        if !ends {
            if let Some(at) = page.block {
                r.ssi.append(at, &again(&name, &parameters));
            }
            return Ok(());
        }
    }
    let mut result = match known {
        None => Err(format!("invalid SSI command: \"{name}\"")),
        Some((_, parameters_known)) => match fault(&name, parameters_known, &parameters) {
            Some(message) => Err(message),
            None => Ok(()),
        },
    };
    let is_out = match name.as_str() {
        "elif" | "else" => page.conditional != Conditional::If,
        "endif" => page.conditional == Conditional::None,
        _ => false,
    };
    if is_out {
        result = Err(format!("invalid context of SSI command: \"{name}\""));
    }
    if result.is_ok() {
        result = match name.as_str() {
            "include" => match include(page, c, r, &parameters).await {
                Ok(()) => Ok(()),
                Err(Refusal::Message(message)) => Err(message),
                Err(Refusal::Failed(error)) => return Err(error),
            },
            "echo" => return echo(page, c, r, &parameters).await,
            _ => settle(page, c, r, &name, &parameters),
        };
    }
    let Err(message) = result else { return Ok(()) };
    if !message.is_empty() {
        c.scope(r).log(Severity::Error, &message, "");
    }
    error(page, c, r).await
}

/// The text of a command that is kept in a block.
fn again(name: &str, parameters: &Parameters) -> Vec<u8> {
    let mut block = [b"<!--#", name.as_bytes()].concat();
    for (name, value) in parameters {
        block.extend_from_slice(&[b" ", &name[..], b"=\"", value, b"\""].concat());
    }
    block.extend_from_slice(b" -->");
    block
}

/// Commands that write nothing.
fn settle(
    page: &mut Page,
    c: &mut Connection,
    r: &mut Request,
    name: &str,
    parameters: &Parameters,
) -> Result<(), String> {
    let get = |name| parameter(parameters, name);
    match name {
        "config" => {
            if let Some(format) = get("timefmt") {
                page.timefmt = String::from_utf8_lossy(format).into_owned();
            }
            if let Some(message) = get("errmsg") {
                page.errmsg = message.to_vec();
            }
        }
        "set" => {
            let value = get("value").unwrap_or_default();
            let value = value::evaluate(page, &mut c.scope(r), value).ok_or_else(String::new)?;
            keep(r, get("var").unwrap_or_default(), value)?;
        }
        "if" | "elif" => {
            if name == "if" && page.conditional != Conditional::None {
                return Err("the \"if\" command inside the \"if\" command".to_owned());
            }
            if page.chosen {
                page.output = false;
                return Ok(());
            }
            let expression = get("expr").unwrap_or_default();
            let holds = value::holds(page, &mut c.scope(r), expression).ok_or_else(|| {
                format!("invalid expression in \"{}\"", String::from_utf8_lossy(expression))
            })?;
            page.output = holds;
            page.chosen = holds;
            page.conditional = Conditional::If;
        }
        "else" => {
            page.output = !page.chosen;
            page.conditional = Conditional::Else;
        }
        "endif" => {
            page.output = true;
            page.chosen = false;
            page.conditional = Conditional::None;
        }
        "block" => {
            page.output = false;
            page.block = Some(r.ssi.blocks.len());
            r.ssi.blocks.push((get("name").unwrap_or_default().to_vec(), Vec::new()));
        }
        _ => {
            page.output = true;
            page.block = None;
        }
    }
    Ok(())
}

/// Sets a variable.
///
/// # Errors
/// There is no room for it.
fn keep(r: &mut Request, name: &[u8], value: Vec<u8>) -> Result<(), String> {
    let length = value.len();
    if r.ssi.set(name, value) {
        return Ok(());
    }
    let name = String::from_utf8_lossy(name);
    Err(format!("too large value of SSI variable \"{name}\": {length} bytes"))
}

async fn echo(
    page: &mut Page,
    c: &mut Connection,
    r: &mut Request,
    parameters: &Parameters,
) -> io::Result<()> {
    let get = |name| parameter(parameters, name);
    let found = value::lookup(page, &mut c.scope(r), get("var").unwrap_or_default());
    let found = found.unwrap_or_else(|| get("default").unwrap_or(b"(none)").to_vec());
    match get("encoding").or_else(|| get("enc")) {
        None => {}
        Some(b"none") => page.encoding = Encoding::None,
        Some(b"url") => page.encoding = Encoding::Url,
        Some(b"entity") => page.encoding = Encoding::Entity,
        Some(other) => {
            let other = String::from_utf8_lossy(other);
            let message = format!("unknown encoding \"{other}\" in the \"echo\" command");
            c.scope(r).log(Severity::Error, &message, "");
        }
    }
    let mut out = Vec::new();
    match page.encoding {
        Encoding::None => out = found,
        Encoding::Url => uri::escape(&found, &mut out),
        Encoding::Entity => text::escape_html(&found, &mut out),
    }
    if out.is_empty() {
        return Ok(());
    }
    c.write(&out, r.plan.core.send_timeout.value).await
}

enum Refusal {
    /// For the log, unless it is empty.
    Message(String),
    Failed(io::Error),
}

async fn include(
    page: &mut Page,
    c: &mut Connection,
    r: &mut Request,
    parameters: &Parameters,
) -> Result<(), Refusal> {
    let get = |name| parameter(parameters, name);
    let refuse = |message: &str| Err(Refusal::Message(message.to_owned()));
    let target = match (get("virtual"), get("file")) {
        (Some(_), Some(_)) => return refuse("inclusion may be either virtual=\"...\" or file=\"...\""),
        (None, None) => return refuse("no parameter in \"include\" SSI command"),
        (Some(target), None) | (None, Some(target)) => target,
    };
    if get("set").is_some() && get("stub").is_some() {
        return refuse("\"set\" and \"stub\" cannot be used together in \"include\" SSI command");
    }
    if let Some(wait) = get("wait")
        && !(wait.eq_ignore_ascii_case(b"yes") || wait.eq_ignore_ascii_case(b"no"))
    {
        return refuse("invalid value in the \"wait\" parameter");
    }
    let stub = match get("stub") {
        None => None,
        Some(name) => match r.ssi.blocks.iter().find(|(other, _)| other == name) {
            Some((_, text)) => Some(text.clone()),
            None => return refuse("\"stub\" for \"include\" not found"),
        },
    };
    let mut target = value::evaluate(page, &mut c.scope(r), target)
        .ok_or_else(|| Refusal::Message("invalid variable in \"include\" SSI command".to_owned()))?;
    if target.first() != Some(&b'/') {
        let end = memchr::memrchr(b'/', &r.uri).map_or(0, |at| at + 1);
        target.splice(0..0, r.uri[..end].iter().copied());
    }
    let Some((uri, args)) = unsafe_uri(&target) else {
        let shown = String::from_utf8_lossy(&target);
        return Err(Refusal::Message(format!("unsafe URI \"{shown}\" was detected")));
    };
    if subrequest::is_refused(c, r, &uri) {
        return refuse("");
    }
    let Some(name) = get("set") else {
        let (_, is_empty) =
            subrequest::run(c, r, uri, args, stub.is_some()).await.map_err(Refusal::Failed)?;
        return match stub.filter(|_| is_empty) {
            Some(text) => Box::pin(raw(c, r, &text)).await.map_err(Refusal::Failed),
            None => Ok(()),
        };
    };
    let size = r.plan.core.subrequest_output_buffer_size.value;
    let most = usize::try_from(size).unwrap_or(usize::MAX).clamp(64 << 10, 16 << 20);
    let outer = c.sink.replace(Sink::Memory { data: Vec::new(), most });
    let status = subrequest::run(c, r, uri, args, false).await;
    let inner = std::mem::replace(&mut c.sink, outer);
    let status = match status {
        Ok((status, _)) => status,
        Err(error) => {
            if error.kind() == io::ErrorKind::OutOfMemory {
                c.scope(r).log(Severity::Error, "too big subrequest response", "");
            }
            return Err(Refusal::Failed(error));
        }
    };
    let value = match inner {
        Some(Sink::Memory { data, .. }) if status < 300 => data,
        _ => Vec::new(),
    };
    keep(r, name, value).map_err(Refusal::Message)
}
