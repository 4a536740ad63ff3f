//! Directives that the runtime does not execute: said at start, with name and place.

use std::collections::HashSet;

use crate::model::location::Handler;
use crate::model::log::{AccessLogs, LogTarget};
use crate::model::proxy::HttpVersion;
use crate::model::rewrite::Instruction;
use crate::model::upstream::Balancer;
use crate::model::{Config, Unsupported, VariableSource};
use crate::runtime::server::{tls_unsupported, variable};
use crate::runtime::stream;
use crate::source::Span;

/// Everything that is not executed, what the compiler noted included. The runtime starts only if each entry is safe.
pub fn unsupported(config: &Config) -> Vec<Unsupported> {
    let mut found = config.unsupported.clone();
    let mut refuse = |what: String, span: Span| found.push(Unsupported { what, span, safe_because: None });
    of_stream(config, &mut refuse);
    let Some(http) = config.http.span else {
        session_id(config, &mut found);
        tls_unsupported::unsupported(config, &mut found);
        return found;
    };
    for (_, variable) in config.http.variables.iter() {
        let is_known = match variable.source {
            VariableSource::Builtin => variable::find(&variable.name).is_some(),
            VariableSource::Other(by) => by == "auth_request_set",
            _ => true,
        };
        if !is_known {
            refuse(format!("the variable `${}`", variable.name), variable.defined.unwrap_or(http));
        }
    }
    for server in &config.http.servers {
        for listen in &server.listen {
            if listen.quic {
                refuse("`listen … quic`".to_owned(), listen.span.unwrap_or(server.span));
            }
        }
        instructions(&server.instructions, &mut refuse);
    }
    let mut logs = HashSet::new();
    let mut memory = Vec::new();
    for (_, location) in config.http.locations() {
        instructions(&location.instructions, &mut refuse);
        let proxy = &location.settings.proxy;
        match &location.handler {
            Some(Handler::Other(name, span)) => refuse(format!("`{name}`"), *span),
            Some(Handler::Pass(pass)) if pass.tls => refuse("`suwsgi://`".to_owned(), pass.span),
            Some(Handler::Pass(pass))
                if matches!(pass.directive, "fastcgi_pass" | "scgi_pass" | "uwsgi_pass") => {}
            Some(Handler::Pass(pass)) => refuse(format!("`{}`", pass.directive), pass.span),
            Some(Handler::Proxy(pass)) => {
                if proxy.http_version.value == HttpVersion::Http2 {
                    refuse(
                        "`proxy_http_version 2`".to_owned(),
                        proxy.http_version.origin.span().unwrap_or(pass.span),
                    );
                }
            }
            Some(Handler::StubStatus(_) | Handler::EmptyGif(_)) | None => {}
        }
        if let AccessLogs::To(list) = &location.settings.core.access_log.value {
            let span = location.settings.core.access_log.origin.span().unwrap_or(location.span);
            for log in list.iter().filter(|l| matches!(l.target, LogTarget::Memory(_))) {
                if logs.insert((span, format!("{:?}", log.target))) {
                    refuse("`access_log` to memory".to_owned(), span);
                }
            }
        }
    }
    let levels = config.http.locations().map(|(_, l)| &l.settings.core.error_log.value);
    for log in levels.flatten().chain(&config.core.error_log.value) {
        if let (LogTarget::Memory(_), Some(span)) = (&log.target, log.span)
            && logs.insert((span, String::new()))
        {
            let what = "`error_log` to memory".to_owned();
            let safe_because = Some("only a debugger could read it");
            memory.push(Unsupported { what, span, safe_because });
        }
    }
    for upstream in &config.http.upstreams {
        if let Balancer::Other(name) = upstream.balancer.value {
            refuse(format!("`{name}`"), upstream.balancer.origin.span().unwrap_or(upstream.span));
        }
    }
    found.extend(memory);
    session_id(config, &mut found);
    tls_unsupported::unsupported(config, &mut found);
    found
}

/// `$ssl_session_id` of `stream`.
fn session_id(config: &Config, found: &mut Vec<Unsupported>) {
    let Some(stream) = &config.stream else { return };
    if stream.shared.variables.find("ssl_session_id").is_some() {
        let what = "`$ssl_session_id`".to_owned();
        let safe_because =
            Some("rustls does not tell the id: the variable is empty, as nginx's for a new session");
        found.push(Unsupported { what, span: stream.span, safe_because });
    }
}

/// Variables, methods and logs of `stream` that are not executed.
fn of_stream(config: &Config, refuse: &mut impl FnMut(String, Span)) {
    let Some(stream) = &config.stream else { return };
    for (_, variable) in stream.shared.variables.iter() {
        let name = &variable.name;
        let is_known = match variable.source {
            VariableSource::Builtin => {
                stream::variable::find(name).is_some() || variable::find(name).is_some()
            }
            VariableSource::Other(_) => false,
            _ => true,
        };
        if !is_known {
            refuse(format!("the variable `${name}` of `stream`"), variable.defined.unwrap_or(stream.span));
        }
    }
    for upstream in &stream.shared.upstreams {
        if let Balancer::Other(name) = upstream.balancer.value {
            refuse(format!("`{name}`"), upstream.balancer.origin.span().unwrap_or(upstream.span));
        }
    }
    for server in &stream.shared.servers {
        if let AccessLogs::To(list) = &server.settings.core.access_log.value
            && list.iter().any(|log| matches!(log.target, LogTarget::Memory(_)))
        {
            let span = server.settings.core.access_log.origin.span().unwrap_or(server.span);
            refuse("`access_log` to memory".to_owned(), span);
        }
    }
}

fn instructions(list: &[Instruction], refuse: &mut impl FnMut(String, Span)) {
    for instruction in list {
        match instruction {
            Instruction::Other(name, span) => refuse(format!("`{name}`"), *span),
            Instruction::Return(_)
            | Instruction::Set { .. }
            | Instruction::If { .. }
            | Instruction::Rewrite(_)
            | Instruction::Break(_) => {}
        }
    }
}
