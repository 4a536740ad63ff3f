//! `ngxc explain`: why a rule exists; what a finding of doctor means; what a directive takes.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use clap::Args;

use super::declared::read_declared;
use super::settings::SettingsArgs;
use super::{Failure, Outcome};
use crate::catalog::{self, Body, DeclaredNames, Directive, Runtime, Tier};
use crate::diagnostic::names;
use crate::lint::{RULES, Rule};
use crate::ports::doctor::names as findings;

/// Arguments of `ngxc explain`.
#[derive(Args)]
pub(super) struct ExplainArgs {
    /// The name of a rule, of a finding of `ngxc doctor`, or of a directive.
    #[arg(value_name = "RULE|FINDING|DIRECTIVE")]
    name: String,

    /// Directives of modules of your own, in the format of grammar/directives; may be repeated.
    #[arg(long, value_name = "FILE", value_parser = read_declared)]
    directives: Vec<Arc<DeclaredNames>>,

    #[command(flatten)]
    settings: SettingsArgs,
}

impl ExplainArgs {
    /// The arguments that ask about a name.
    pub(super) fn of(name: &str) -> Self {
        Self { name: name.to_owned(), directives: Vec::new(), settings: SettingsArgs::default() }
    }
}

pub(super) fn run(args: &ExplainArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let name = args.name.as_str();
    if let Some(rule) = RULES.iter().find(|r| r.name == name) {
        explain_rule(rule, out)?;
        return Ok(Outcome::Clean);
    }
    if let Some((name, meaning)) = names::named(name) {
        writeln!(out, "{name}: {meaning}\n")?;
        writeln!(
            out,
            "Its level: `{name} = \"warning\"` under `[rules]` of ngxc.toml (error, warning, info, off), or"
        )?;
        writeln!(
            out,
            "`--level {name}=warning`. One line: `# ngxc: allow({name}) reason`; one file: `allow-file`."
        )?;
        return Ok(Outcome::Clean);
    }
    if let Some(finding) = findings::named().find(|finding| finding.name == name) {
        explain_finding(&finding, out)?;
        return Ok(Outcome::Clean);
    }
    let mut declared = args.directives.clone();
    // Of this directory, as for standard input.
    let found = args.settings.of(Path::new("-"))?;
    declared.extend(found.declared()?);
    let own = declared.iter().flat_map(|declared| declared.directives(name.as_bytes()));
    let directives: Vec<&Directive> = catalog::directives(name.as_bytes()).iter().chain(own).collect();
    if directives.is_empty() {
        let failure =
            Failure::new(format!("no rule, no finding of doctor and no directive is called `{name}`"));
        let own = declared.iter().flat_map(|declared| declared.names());
        let names = RULES.iter().map(|r| r.name).chain(catalog::DIRECTIVES.iter().map(|d| d.name));
        let names = names.chain(names::NAMES.iter().map(|(name, _)| *name)).chain(own);
        let names = names.chain(findings::named().map(|finding| finding.name));
        return Err(match catalog::closest(name.as_bytes(), names) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure,
        });
    }
    for (n, directive) in directives.iter().enumerate() {
        if n > 0 {
            writeln!(out)?;
        }
        explain_directive(directive, out)?;
    }
    Ok(Outcome::Clean)
}

fn explain_rule(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}\n", rule.name, rule.summary)?;
    writeln!(out, "category {}, level {}\n", rule.category.name(), rule.level.name())?;
    for line in rule.docs.lines() {
        writeln!(out, "{}", line.strip_prefix(' ').unwrap_or(line))?;
    }
    writeln!(out, "\nnginx: nginx.org{}", rule.doc)
}

/// A finding of `ngxc doctor`.
fn explain_finding(finding: &findings::NamedFinding, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}\n", finding.name, finding.summary)?;
    writeln!(out, "A finding of `ngxc doctor`, {}; it comes from: {}.\n", finding.severity, finding.seen_in)?;
    if let Some(meaning) = finding.meaning {
        writeln!(out, "  effect   {}", meaning.effect("get", false).trim_start_matches("effect: "))?;
    }
    writeln!(out, "  cause    {}", finding.cause)?;
    writeln!(out, "  remedy   {}", finding.remedy.replace("ERROR_LOG", "/var/log/nginx/error.log"))
}

/// Origin of a module, behind its name; empty for open-source nginx.
pub(super) fn origin(tier: Tier) -> &'static str {
    match tier {
        Tier::OpenSource => "",
        Tier::Plus => " (NGINX Plus)",
        Tier::External => " (built separately)",
        Tier::ThirdParty => " (third-party)",
        Tier::Declared => " (declared)",
    }
}

fn explain_directive(directive: &Directive, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}{}", directive.name, directive.module, origin(directive.tier))?;
    let end = if directive.body == Body::None { ";" } else { " { … }" };
    for form in directive.syntax {
        writeln!(out, "  {:<10} {form}{end}", "syntax")?;
    }
    let contexts: Vec<&str> = directive.contexts.iter().map(catalog::Context::name).collect();
    let mut line = |what: &str, text: String| writeln!(out, "  {what:<10} {text}");
    line("context", contexts.join(", "))?;
    if directive.syntax.is_empty() {
        line("takes", directive.arity.to_string())?;
    }
    if let Some(default) = directive.default {
        line("default", default.to_owned())?;
    }
    for old in directive.old_defaults {
        line("", format!("{} before nginx {}", old.value.unwrap_or("none"), old.until))?;
    }
    if let Some(since) = directive.since {
        line("since", format!("nginx {since}"))?;
    }
    for (word, since) in directive.words_since {
        line("", format!("`{word}` since nginx {since}"))?;
    }
    if let Some(removed) = directive.removed {
        let instead = directive.replacement.map(|r| format!("; write `{r}` instead")).unwrap_or_default();
        line("removed", format!("in nginx {removed}{instead}"))?;
    }
    line(
        "ngxc run",
        match directive.runtime {
            Runtime::Executed => "executed".to_owned(),
            Runtime::Ignored(reason) => format!("ignored: {reason}"),
            Runtime::Refused => "refused at start".to_owned(),
        },
    )?;
    if !directive.doc.is_empty() {
        line("see", format!("nginx.org{}", directive.doc))?;
    }
    Ok(())
}
