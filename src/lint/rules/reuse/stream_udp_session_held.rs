//! UDP sessions that do not end.

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::syntax::{Block, Configuration, Directive};

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `server` of `stream` that listens with `udp` and proxies without `proxy_responses`, with a
    /// `proxy_timeout` of a minute or more (the default is ten minutes).
    ///
    /// ## Why is this bad
    ///
    /// nginx cannot see the end of a UDP conversation. Unless it knows how many answers come, every client holds a
    /// socket and a source port until the timeout.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// stream {
    ///     server { listen 53 udp; proxy_pass 10.0.0.1:53; }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// events { }
    /// stream {
    ///     server { listen 53 udp; proxy_pass 10.0.0.1:53; proxy_responses 1; proxy_timeout 5s; }
    /// }
    /// ```
    STREAM_UDP_SESSION_HELD {
        name: "stream-udp-session-held",
        category: Reuse,
        level: Warning,
        summary: "each UDP client holds a source port for minutes",
        doc: "/en/docs/stream/ngx_stream_proxy_module.html#proxy_responses",
    }
}

/// Ports whose protocols do not answer.
const NO_ANSWER: &[&str] = &["161", "162", "514"];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let configuration = target.configuration;
    for (stream, _) in configuration.expanded_root().filter(|(d, _)| d.name().is("stream")) {
        let Some(block) = stream.block() else { continue };
        let outer = Level::of(configuration, block);
        for (server, _) in configuration.expanded(block).filter(|(d, _)| d.name().is("server")) {
            let Some(inner) = server.block().map(|block| Level::of(configuration, block)) else { continue };
            found.extend(finding(target, &inner, &outer));
        }
    }
}

/// The directives of a level that matter.
#[derive(Default)]
struct Level<'a> {
    udp: Option<Directive<'a>>,
    pass: Option<Directive<'a>>,
    responses: Option<Directive<'a>>,
    timeout: Option<Directive<'a>>,
}

impl<'a> Level<'a> {
    fn of(configuration: &'a Configuration, block: Block<'a>) -> Self {
        let mut level = Self::default();
        for (directive, _) in configuration.expanded(block) {
            let name = directive.name();
            let place = match name.content() {
                b"listen" if directive.args().any(|arg| arg.is("udp")) => &mut level.udp,
                b"proxy_pass" => &mut level.pass,
                b"proxy_responses" => &mut level.responses,
                b"proxy_timeout" => &mut level.timeout,
                _ => continue,
            };
            *place = Some(directive);
        }
        level
    }
}

fn finding(target: Target<'_>, server: &Level<'_>, stream: &Level<'_>) -> Option<Diagnostic> {
    let (listen, pass) = (server.udp?, server.pass?);
    if server.responses.or(stream.responses).is_some() {
        return None;
    }
    let set = server.timeout.or(stream.timeout);
    let timeout = match set {
        Some(directive) => time(directive.arg(0)?.content())?,
        None => Duration::from_secs(600),
    };
    if timeout < Duration::from_secs(60) {
        return None;
    }
    let message = format!(
        "every UDP client holds a source port for {} seconds after its last packet",
        timeout.as_secs()
    );
    let finding = STREAM_UDP_SESSION_HELD
        .finding(pass.head(), message)
        .label("nginx does not know when an exchange is over")
        .related(listen.head(), "UDP");
    let address = listen.arg(0)?.to_string();
    let port = address.rsplit(':').next().unwrap_or_default();
    let responses = u8::from(!NO_ANSWER.contains(&port));
    let finding = finding
        .help(format!("add `proxy_responses {responses}; proxy_timeout 5s;` if that many answers come"));
    let known = port == "53" || port == "123" || responses == 0;
    let directive = format!("proxy_responses {responses};");
    let mut edits = vec![place::after(target.configuration, pass.head(), &directive)?];
    match server.timeout {
        Some(timeout) => edits.push(place::argument(target.configuration, timeout.head(), 0, "5s")?),
        None => edits[0].text.push_str(" proxy_timeout 5s;"),
    }
    Some(if known { finding.fix(Fix::unsafe_("end the session with the answer", edits)) } else { finding })
}

/// As `ngx_parse_time` reads it, for the units that are used here.
fn time(text: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(text).ok()?;
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "ms" => Duration::from_millis(number),
        "" | "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(3600)?),
        "d" => Duration::from_secs(number.checked_mul(86_400)?),
        // Weeks and composed times are long enough.
        _ => Duration::from_secs(86_400),
    })
}
