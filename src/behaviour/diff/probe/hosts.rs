//! Hosts that tell servers apart.

use std::collections::BTreeSet;

use crate::behaviour::witness::{Kind, Questions};
use crate::model::Server;
use crate::model::server::ServerName;

/// Hosts that tell servers apart: written names, wildcards with a label, one for each set of answers of expressions, and a
/// host that none of them fits.
pub fn hosts<'s>(servers: impl Iterator<Item = &'s Server>) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    let mut questions = Questions::default();
    for name in servers.flat_map(|server| &server.names) {
        match name {
            ServerName::Exact(name) => hosts.push(name.clone()),
            ServerName::DotHead(name) => hosts.extend([name.clone(), format!("any.{name}")]),
            ServerName::WildcardHead(suffix) => hosts.push(format!("any{suffix}")),
            ServerName::WildcardTail(prefix) => hosts.push(format!("{prefix}any")),
            ServerName::Regex(pattern) => {
                let caseless = pattern.bytes().any(|byte| byte.is_ascii_uppercase());
                questions.patterns.push((pattern.clone(), caseless));
            }
        }
    }
    // Where expressions meet wildcards, the wildcards win: each is tried alone.
    let texts = questions.witnesses(Kind::Host).texts;
    hosts.extend(texts.into_iter().filter_map(|text| String::from_utf8(text).ok()));
    hosts.push("no-such-name.invalid".to_owned());
    hosts.push(String::new());
    // Written names come first: a reader knows them.
    let mut seen = BTreeSet::new();
    hosts.retain(|host| seen.insert(host.clone()));
    hosts
}
