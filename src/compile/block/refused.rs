//! Errors of a directive that nginx refuses before it looks at the arguments: name, context, terminator, number.

use crate::catalog::{self, Context, Tier};
use crate::compile::scope::Compiler;
use crate::compile::wording::{abbreviate, one_of, syntax_help};
use crate::diagnostic::{Diagnostic, Level};
use crate::source::Span;
use crate::syntax;
use crate::version::Version;

/// Longest word that nginx reads, in bytes.
const LONGEST_WORD: usize = 4096;

pub(super) fn report_unknown(
    cx: &mut Compiler<'_>,
    syntax: syntax::Directive<'_>,
    name: &[u8],
    context: Context,
) {
    if name.len() >= LONGEST_WORD {
        // The parser has reported a syntax error.
        return;
    }
    let span = syntax.name().span();
    let shown = String::from_utf8_lossy(name);
    let strict = cx.options.strict_modules && !cx.loads_modules();
    let known = catalog::directives(name);
    // nginx's own entries come first.
    let own = known.iter().take_while(|d| !strict || d.tier == Tier::OpenSource).count();
    let declared = cx.options.declared.iter().flat_map(|d| d.directives(name));
    let known: Vec<&'static catalog::Directive> = known[..own].iter().chain(declared).collect();
    let version = cx.version();
    // Two modules had a `status`: the one that is meant takes so many arguments.
    let here = || known.iter().filter(|d| d.contexts.contains(context));
    let other = here().find(|d| d.arity.allows(syntax.args().len())).or_else(|| here().next());
    let diagnostic = if let Some(other) = other {
        let elsewhere = known.iter().any(|d| d.exists_in(version));
        let diagnostic = wrong_version(other, span, version, context);
        // nginx has a directive of this name in another block.
        if elsewhere {
            diagnostic.nginx(format!("\"{shown}\" directive is not allowed here"))
        } else {
            diagnostic
        }
    } else if let Some(first) = known.iter().find(|d| d.exists_in(version)).or(known.first()) {
        let places = known
            .iter()
            .filter(|d| d.tier == first.tier)
            .flat_map(|d| d.contexts.iter())
            .map(Context::phrase)
            .collect::<Vec<_>>();
        Diagnostic::error(
            "directive-not-allowed-here",
            span,
            format!("`{shown}` is not allowed in {}; it belongs in {}", context.phrase(), one_of(&places)),
        )
        .label(format!("not allowed in {}", context.phrase()))
        .nginx(if first.exists_in(version) {
            format!("\"{shown}\" directive is not allowed here")
        } else {
            format!("unknown directive \"{shown}\"")
        })
    } else {
        let diagnostic = Diagnostic::error(
            "unknown-directive",
            span,
            format!("unknown directive `{}`", abbreviate(&shown)),
        )
        .label("nginx knows no directive of this name")
        .nginx(format!("unknown directive \"{shown}\""));
        let diagnostic = if cx.loads_unknown() || is_of_known_module(cx, name) {
            of_loaded(diagnostic)
        } else {
            diagnostic
        };
        let own = cx.options.declared.iter().flat_map(|d| d.names());
        match catalog::suggest(name, context).or_else(|| catalog::closest(name, own)) {
            Some(suggestion) => {
                let whose = catalog::directives(suggestion.as_bytes()).first().map(of_module).unwrap_or_default();
                diagnostic.help(format!("did you mean `{suggestion}`{whose}?"))
            }
            None => match catalog::module_of_prefix(name) {
                Some((prefix, module)) => diagnostic.help(format!(
                    "directives that begin with `{prefix}` belong to {module}, and it has none of this name that is known; \
                     `directives = […]` in `ngxc.toml` declares it"
                )),
                None => diagnostic,
            },
        }
    };
    cx.report(diagnostic);
}

/// Words for the module of a directive that nginx itself does not have.
fn of_module(directive: &catalog::Directive) -> String {
    match directive.tier {
        catalog::Tier::OpenSource | catalog::Tier::Declared => String::new(),
        catalog::Tier::Plus => " of NGINX Plus".to_owned(),
        catalog::Tier::External | catalog::Tier::ThirdParty => format!(" of {}", directive.module),
    }
}

/// True if the name begins as those of a module outside of nginx that the configuration loads or uses: the catalog may not have
/// all of its directives.
fn is_of_known_module(cx: &Compiler<'_>, name: &[u8]) -> bool {
    let first = |name: &[u8]| memchr::memchr(b'_', name).map(|end| name[..end].to_vec());
    first(name).is_some_and(|own| {
        catalog::DIRECTIVES.iter().any(|d| {
            matches!(d.tier, Tier::ThirdParty | Tier::External)
                && cx.loaded.contains(d.module)
                && first(d.name.as_bytes()).is_some_and(|other| other == own)
        })
    })
}

/// Lowers the finding: a loaded module that the catalog does not know may bring the directive, so nginx may accept it.
fn of_loaded(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.level = Level::Info;
    diagnostic.message.push_str("; a module outside of nginx that is loaded may bring it");
    diagnostic.label("not looked into")
}

pub(super) fn wrong_version(
    directive: &'static catalog::Directive,
    span: Span,
    version: Version,
    context: Context,
) -> Diagnostic {
    let name = directive.name;
    if directive.exists_in(version) {
        let place = context.phrase();
        let since =
            directive.contexts_since.iter().find(|(other, _)| *other == context).map(|(_, since)| *since);
        let when = since.map(|since| format!("since nginx {since}")).unwrap_or_default();
        let message = format!("`{name}` is allowed in {place} {when}; this is checked for {version}");
        return Diagnostic::error("directive-of-other-version", span, message)
            .label(format!("not allowed here in nginx {version}"))
            .nginx(format!("\"{name}\" directive is not allowed here"));
    }
    let (message, help) = match (directive.since, directive.removed) {
        (Some(since), _) if version < since => {
            (format!("`{name}` exists since nginx {since}; this is checked for {version}"), None)
        }
        (_, Some(removed)) => (
            format!(
                "`{name}`{} was removed in {} {removed}; this is checked for {version}",
                of_module(directive),
                counted(directive)
            ),
            directive.replacement.map(|r| format!("write `{r}` instead")),
        ),
        _ => (format!("`{name}` does not exist in nginx {version}"), None),
    };
    let diagnostic = Diagnostic::error("directive-of-other-version", span, message)
        .label(format!("unknown to nginx {version}"))
        .nginx(format!("unknown directive \"{name}\""));
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// The program whose versions a directive's entry counts: scripts in JavaScript have versions of their own.
fn counted(directive: &catalog::Directive) -> &'static str {
    let is_js = directive.tier == Tier::External && directive.module.ends_with("_js_module");
    if is_js { "njs" } else { "nginx" }
}

pub(super) fn unexpected_block(syntax: syntax::Directive<'_>, catalog: &catalog::Directive) -> Diagnostic {
    let name = catalog.name;
    Diagnostic::error(
        "unexpected-block",
        syntax.head(),
        format!("`{name}` takes no block; expected `;` and found `{{`"),
    )
    .label("`;` is expected after this")
    .help(syntax_help(catalog))
    .nginx(format!("directive \"{name}\" is not terminated by \";\""))
}

pub(super) fn missing_block(syntax: syntax::Directive<'_>, catalog: &catalog::Directive) -> Diagnostic {
    let name = catalog.name;
    Diagnostic::error(
        "missing-block",
        syntax.head(),
        format!("`{name}` needs a block; expected `{{` and found `;`"),
    )
    .label("`{` is expected after this")
    .help(syntax_help(catalog))
    .nginx(format!("directive \"{name}\" has no opening \"{{\""))
}

pub(super) fn wrong_arity(
    syntax: syntax::Directive<'_>,
    catalog: &catalog::Directive,
    version: Version,
) -> Diagnostic {
    let name = catalog.name;
    let found = syntax.args().len();
    let span = match syntax.args().next_back() {
        Some(last) if found > 0 => syntax.name().span().to(last.span()),
        _ => syntax.name().span(),
    };
    let expected = catalog.arity_in(version).to_string();
    let number = if found == 0 { "none".to_owned() } else { found.to_string() };
    let later = catalog.old_arities.iter().rev().find(|&&(until, _)| version < until);
    if let Some(&(since, _)) = later.filter(|_| catalog.arity.allows(found)) {
        let message = format!(
            "`{name}` takes {expected}, and {} only since nginx {since}; this is checked for {version}",
            catalog.arity
        );
        return Diagnostic::error("wrong-number-of-arguments", span, message)
            .label(format!("takes {expected} in nginx {version}"))
            .nginx(format!("invalid number of arguments in \"{name}\" directive"));
    }
    Diagnostic::error("wrong-number-of-arguments", span, format!("`{name}` takes {expected}, found {number}"))
        .label(format!("takes {expected}"))
        .help(syntax_help(catalog))
        .nginx(format!("invalid number of arguments in \"{name}\" directive"))
}
