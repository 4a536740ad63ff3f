//! Writes the checked entries as Rust tables. Fields at their default are left out, equal lists are written once.

use std::collections::HashMap;
use std::fmt::{Debug, Write};

use super::check::{Body, CheckedDirective, CheckedVariable};
use super::context::Context;
use super::entry::{Change, Kind, Runtime};
use super::read::Facts;
use super::version::Version;

/// The text of `catalog.rs`.
pub fn catalog(facts: &Facts) -> String {
    let mut lists = Lists::default();
    let mut text = String::from("// Made by grammar/build.rs.\n\n");

    table(
        &mut text,
        "DIRECTIVES",
        "Directive",
        "every directive, by name, then tier, then module",
        &facts.directives.iter().enumerate().map(|(id, d)| directive(id, d, &mut lists)).collect::<Vec<_>>(),
    );
    names(&mut text, "DIRECTIVE_NAMES", facts.directives.iter().map(|d| d.entry.name.as_str()));
    table(
        &mut text,
        "VARIABLES",
        "Variable",
        "every variable, by name, then subsystem",
        &facts.variables.iter().map(variable).collect::<Vec<_>>(),
    );
    names(&mut text, "VARIABLE_NAMES", facts.variables.iter().map(|v| v.entry.name.as_str()));
    let families = facts.variables.iter().enumerate().filter(|(_, v)| v.entry.prefix);
    table(
        &mut text,
        "FAMILIES",
        "u16",
        "positions of the prefix families in [`VARIABLES`]",
        &families.map(|(position, _)| position.to_string()).collect::<Vec<_>>(),
    );
    if let Some(versions) = &facts.versions {
        table(
            &mut text,
            "RELEASES",
            "Version",
            "every release, oldest first",
            &versions.releases.iter().map(|&v| version(v)).collect::<Vec<_>>(),
        );
        table(
            &mut text,
            "CHANGES",
            "Change",
            "what changed for configurations, oldest first",
            &versions.changes.iter().map(|c| change(c, &mut lists)).collect::<Vec<_>>(),
        );
        let newest = version(versions.newest);
        let _ =
            writeln!(text, "/// The newest version the facts cover.\npub const NEWEST: Version = {newest};");
        let _ = writeln!(
            text,
            "/// When the list of releases was collected, as `YYYY-MM-DD`.\npub const RELEASES_DATE: &str = {:?};",
            versions.date
        );
    }
    text.push_str(&lists.text);
    text
}

/// Lists that entries share.
#[derive(Default)]
struct Lists {
    names: HashMap<String, String>,
    text: String,
}

impl Lists {
    /// A reference to a static with these items.
    fn list(&mut self, kind: &str, items: impl Iterator<Item = String>) -> String {
        let items: Vec<_> = items.collect();
        if items.is_empty() {
            return "&[]".to_owned();
        }
        let value = format!("[{kind}; {}] = [{}]", items.len(), items.join(", "));
        let next = format!("LIST_{}", self.names.len());
        let text = &mut self.text;
        let name = self.names.entry(value).or_insert_with_key(|value| {
            let _ = writeln!(text, "static {next}: {value};");
            next
        });
        format!("&{name}")
    }
}

/// The fields of an entry that differ from the default.
struct Fields(String);

impl Fields {
    fn set(&mut self, name: &str, value: impl AsRef<str>) {
        let _ = write!(self.0, "{name}: {}, ", value.as_ref());
    }

    fn list(&mut self, name: &str, value: String) {
        if value != "&[]" {
            self.set(name, value);
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.set(name, quoted(value));
        }
    }

    fn some(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.set(name, format!("Some({value})"));
        }
    }

    fn flag(&mut self, name: &str, value: bool) {
        if value {
            self.set(name, "true");
        }
    }
}

fn directive(id: usize, directive: &CheckedDirective, lists: &mut Lists) -> String {
    let entry = &directive.entry;
    let mut fields = Fields(String::new());
    fields.set("id", id.to_string());
    fields.text("name", &entry.name);
    fields.text("module", &directive.module);
    fields.text("project", &directive.project);
    fields.set("tier", format!("Tier::{:?}", directive.tier));
    fields.set("contexts", format!("Contexts({:#x})", directive.contexts.0));
    let by_context =
        |&(context, since): &(Context, Version)| format!("({}, {})", path(context), version(since));
    let list = lists.list("(Context, Version)", directive.contexts_since.iter().map(by_context));
    fields.list("contexts_since", list);
    let list = lists.list("(Context, Version)", directive.contexts_until.iter().map(by_context));
    fields.list("contexts_until", list);
    fields.set("arity", arity(directive.arity));
    fields.some("plus_arity", directive.plus_arity.map(arity));
    let old = directive.old_arities.iter().map(|&(until, n)| format!("({}, {})", version(until), arity(n)));
    fields.list("old_arities", lists.list("(Version, Arity)", old));
    match directive.body {
        Body::None => {}
        Body::Directives(context) => fields.set("body", format!("Body::Directives({})", path(context))),
        body => fields.set("body", format!("Body::{body:?}")),
    }
    match (&entry.grammar, entry.kind) {
        (Some(grammar), _) => fields.set("kind", format!("Kind::Custom({})", quoted(grammar))),
        (None, kind) => fields.set("kind", self::kind(kind.unwrap_or(Kind::Unknown))),
    }
    let old = entry.old_kinds.iter().map(|old| format!("({}, {})", parsed(&old.until), kind(old.kind)));
    fields.list("old_kinds", lists.list("(Version, Kind)", old));
    fields.list("words", lists.list("&str", entry.words.iter().map(quoted)));
    let since =
        entry.words_since.iter().map(|(word, since)| format!("({}, {})", quoted(word), parsed(since)));
    fields.list("words_since", lists.list("(&str, Version)", since));
    let obsolete = entry.words_obsolete.iter().map(|old| {
        let (word, since, new) = (quoted(&old.word), parsed(&old.since), option(old.replacement.as_ref()));
        format!("ObsoleteWord {{ word: {word}, since: {since}, replacement: {new} }}")
    });
    fields.list("words_obsolete", lists.list("ObsoleteWord", obsolete));
    fields.some("bounds", entry.bounds.map(|bounds| format!("{bounds:?}")));
    let positions = entry.variables.as_ref().map(|list| lists.list("u8", list.iter().map(u8::to_string)));
    fields.some("variables", positions);
    fields.some("defines", entry.defines.map(|n| n.to_string()));
    fields.some("default", entry.default.as_ref().map(quoted));
    let old = entry.old_defaults.iter().map(|old| {
        format!("OldDefault {{ until: {}, value: {} }}", parsed(&old.until), option(old.value.as_ref()))
    });
    fields.list("old_defaults", lists.list("OldDefault", old));
    fields.set("duplicate", format!("Duplicate::{:?}", directive.duplicate));
    fields.set("inheritance", format!("Inheritance::{:?}", directive.inheritance));
    fields.some("inheritance_group", entry.inherit_group.as_ref().map(quoted));
    fields.flag("inherited_by_if", entry.if_inherit);
    fields.flag("content_handler", entry.content_handler);
    for (name, version) in [
        ("since", &entry.since),
        ("backported", &entry.backported),
        ("plus_only_before", &entry.plus_only_before),
        ("obsolete", &entry.obsolete),
        ("removed", &entry.removed),
    ] {
        fields.some(name, version.as_deref().map(parsed));
    }
    fields.some("replacement", entry.replacement.as_ref().map(quoted));
    fields.some("platform", entry.platform.as_ref().map(quoted));
    match &entry.runtime {
        None => {}
        Some(Runtime::Executed) => fields.set("runtime", "Runtime::Executed"),
        Some(Runtime::Ignored(reason)) => {
            fields.set("runtime", format!("Runtime::Ignored({})", quoted(reason)));
        }
    }
    fields.list("syntax", lists.list("&str", entry.syntax.iter().map(quoted)));
    fields.some("sample", entry.sample.as_ref().map(quoted));
    fields.text("doc", &directive.doc);
    format!("Directive {{ {}..Directive::EMPTY }}", fields.0)
}

fn variable(variable: &CheckedVariable) -> String {
    let entry = &variable.entry;
    let mut fields = Fields(String::new());
    fields.text("name", &entry.name);
    fields.set("subsystem", format!("Subsystem::{:?}", entry.subsystem));
    fields.text("module", &entry.module);
    fields.set("tier", format!("Tier::{:?}", variable.tier));
    fields.flag("prefix", entry.prefix);
    fields.flag("settable", entry.settable);
    fields.flag("nocacheable", entry.nocacheable);
    fields.flag("deprecated", entry.deprecated);
    fields.flag("internal", entry.internal);
    fields.flag("log_only", entry.log_only);
    fields.some("since", entry.since.as_deref().map(parsed));
    fields.text("doc", &entry.doc);
    format!("Variable {{ {}..Variable::EMPTY }}", fields.0)
}

fn change(change: &Change, lists: &mut Lists) -> String {
    format!(
        "Change {{ version: {}, kind: ChangeKind::{:?}, directives: {}, old: {}, new: {}, cve: {} }}",
        parsed(&change.version),
        change.kind,
        lists.list("&str", change.directives.iter().map(quoted)),
        option(change.old.as_ref()),
        option(change.new.as_ref()),
        option(change.cve.as_ref()),
    )
}

fn table(text: &mut String, name: &str, kind: &str, what: &str, rows: &[String]) {
    let _ = writeln!(text, "/// {}{}.", what[..1].to_uppercase(), &what[1..]);
    let _ = writeln!(text, "pub static {name}: [{kind}; {}] = [\n{}\n];", rows.len(), rows.join(",\n"));
}

/// A perfect hash from each name to its range in a table that is sorted by name.
fn names<'a>(text: &mut String, name: &str, sorted: impl Iterator<Item = &'a str>) {
    let mut ranges: Vec<(&str, usize, usize)> = Vec::new();
    for (position, name) in sorted.enumerate() {
        match ranges.last_mut() {
            Some((last, _, end)) if *last == name => *end = position + 1,
            _ => ranges.push((name, position, position + 1)),
        }
    }
    let mut map = phf_codegen::Map::<&[u8]>::new();
    for &(name, start, end) in &ranges {
        map.entry(name.as_bytes(), format!("({start}, {end})"));
    }
    let map = map.build();
    let _ = writeln!(text, "pub static {name}: phf::Map<&'static [u8], (u16, u16)> = {map};");
}

fn kind(kind: Kind) -> String {
    format!("Kind::{kind:?}")
}

fn path(context: Context) -> String {
    format!("Context::{context:?}")
}

fn arity(bits: u16) -> String {
    format!("Arity({bits:#06x})")
}

fn version(version: Version) -> String {
    format!("Version::new({}, {}, {})", version.major, version.minor, version.patch)
}

/// A version that was checked before.
fn parsed(text: impl AsRef<str>) -> String {
    text.as_ref().parse().map(version).unwrap_or_default()
}

fn quoted(text: impl Debug) -> String {
    format!("{text:?}")
}

fn option(text: Option<&String>) -> String {
    format!("{text:?}")
}
