//! The diff that repairs the flows at fault: a whole remedy or none.

use super::super::input::Input;
use crate::edit::{self, Applicability, Edit, Fix};
use crate::lint::{Category, RULES, lint};
use crate::model::location::Handler;
use crate::model::{Config, Target};
use crate::ports::Flow;
use crate::reuse::Leaf;
use crate::source::Memory;
use crate::syntax::Configuration;

/// More rounds than this mean that fixes undo each other.
const MAX_ROUNDS: usize = 10;

/// Unified diff of the configuration with the flows repaired; `None` if nothing can be said.
///
/// A bare host gets an `upstream` block; what is left is what `ngxc lint --fix` does for connection reuse.
pub(super) fn diff(
    input: &Input,
    configuration: &Configuration,
    config: &Config,
    flows: &[Flow<'_>],
    at_fault: &[usize],
) -> Option<String> {
    if at_fault.is_empty() {
        return None;
    }
    let leaves = crate::reuse::leaves(config);
    let mut names = Vec::new();
    let fixes: Vec<Fix> = at_fault
        .iter()
        .map(|position| &flows[*position])
        .filter(|flow| flow.upstream.is_none() && !flow.destinations.is_empty())
        .flat_map(|flow| bare(config, configuration, flow, &leaves, &mut names))
        .collect();
    let mut files = apply(configuration, &edit::select(&fixes));
    for _ in 0..MAX_ROUNDS {
        let next = input.meaning.load(&input.file, &files).ok()?;
        let compiled = input.meaning.compile(&next, input.meaning.version());
        if !compiled.is_valid() {
            return None;
        }
        let found = lint(&next, &compiled.config, RULES);
        let reuse =
            found.iter().filter(|d| RULES.iter().any(|r| r.name == d.code && r.category == Category::Reuse));
        let safe = reuse.filter_map(|d| d.fix.as_ref()).filter(|f| f.applicability <= Applicability::Safe);
        let fixes = edit::select(safe);
        if fixes.is_empty() {
            return unified(configuration, &next);
        }
        files = apply(&next, &fixes);
    }
    None
}

/// An `upstream` block before the server of the first `proxy_pass`, and its name in every one that names the host.
fn bare(
    config: &Config,
    configuration: &Configuration,
    flow: &Flow<'_>,
    leaves: &[Leaf<'_>],
    names: &mut Vec<String>,
) -> Vec<Fix> {
    let users: Vec<&Leaf<'_>> =
        leaves.iter().filter(|l| flow.passes.iter().any(|(_, span)| *span == l.span)).collect();
    // A host that comes out of a variable is written elsewhere: a person has to look.
    let written = |leaf: &&Leaf<'_>| {
        matches!(leaf.target, Target::Upstream(_))
            && matches!(&leaf.location.handler, Some(Handler::Proxy(pass)) if pass.host == flow.name)
    };
    let users: Vec<&Leaf<'_>> = users.into_iter().filter(written).collect();
    let Some(first) = users.first() else { return Vec::new() };
    let taken = |name: &String| {
        names.contains(name) || config.http.upstreams.iter().any(|u| !u.is_implicit() && u.name == *name)
    };
    let mut name = "backend".to_owned();
    let mut number = 1;
    while taken(&name) {
        number += 1;
        name = format!("backend{number}");
    }
    names.push(name.clone());
    let source = configuration.sources.file(first.server.span.file);
    let start = first.server.span.start as usize;
    let line = memchr::memrchr(b'\n', &source.text[..start]).map_or(0, |n| n + 1);
    let indent = String::from_utf8_lossy(&source.text[line..start]).into_owned();
    let indent = if indent.trim().is_empty() { indent } else { String::new() };
    let server = flow.destinations.first().map_or(String::new(), |d| d.endpoint.to_string());
    let block = format!(
        "upstream {name} {{\n{indent}    server {server};\n{indent}    keepalive 32;\n{indent}}}\n\n{indent}"
    );
    let mut edits = vec![Edit::insert(first.server.span, block)];
    for leaf in users {
        let text = configuration.sources.text(leaf.span);
        let at = memchr::memmem::find(text, format!("://{}", flow.name).as_bytes());
        let Some(at) = at.map(|at| at + 3 + leaf.span.start as usize) else { return Vec::new() };
        let span = crate::source::Span::new(leaf.span.file, at, at + flow.name.len());
        edits.push(Edit::replace(span, name.clone()));
    }
    vec![Fix::unsafe_("put the host into an upstream", edits)]
}

fn apply(configuration: &Configuration, fixes: &[&Fix]) -> Memory {
    configuration.sources.files().fold(Memory::default(), |files, (id, file)| {
        files.with(file.path.clone(), edit::apply(id, &file.text, fixes))
    })
}

fn unified(before: &Configuration, after: &Configuration) -> Option<String> {
    let mut out = Vec::new();
    for (_, file) in before.sources.files() {
        let Some((_, new)) = after.sources.files().find(|(_, f)| f.path == file.path) else { continue };
        if new.text == file.text {
            continue;
        }
        let name = file.name();
        let diff = similar::TextDiff::from_lines(&file.text[..], &new.text[..]);
        let mut diff = diff.unified_diff();
        diff.context_radius(1).header(&format!("a/{name}"), &format!("b/{name}")).to_writer(&mut out).ok()?;
    }
    (!out.is_empty()).then(|| String::from_utf8_lossy(&out).into_owned())
}
