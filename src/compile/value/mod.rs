//! Complex values: `$name`, `${name}` and captures, resolved to the variables they name
//! (`ngx_http_script_compile`).

mod pieces;

use super::directive::Directive;
use super::scope::Compiler;
use crate::catalog::{self, Subsystem, Tier};
use crate::diagnostic::{Diagnostic, FaultPhase, Level, Place};
use crate::model::value::{Variable, VariableSource};
use crate::model::{ComplexValue, Segment, VariableId};
use crate::source::Span;
use pieces::name_length;
pub(super) use pieces::{Fault, Piece, pieces};

/// Compiles an argument; undefined variables are reported at the end.
pub(super) fn argument(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize) -> ComplexValue {
    text(cx, &directive.arg(n), directive.arg_span(n))
}

/// Compiles the text of a value at `span`.
pub(super) fn text(cx: &mut Compiler<'_>, text: &[u8], span: Span) -> ComplexValue {
    if memchr::memchr(b'$', text).is_none() {
        return ComplexValue::literal(text);
    }
    match pieces(text) {
        Ok(pieces) => {
            let mut segments: Vec<Segment> = pieces
                .into_iter()
                .map(|piece| match piece {
                    Piece::Literal(text) => Segment::Literal(text.into()),
                    Piece::Capture(n) => Segment::Capture(n),
                    Piece::Variable(name) => Segment::Variable(reference(cx, name, span)),
                })
                .collect();
            segments.shrink_to_fit();
            ComplexValue { segments }
        }
        Err(fault) => {
            let shown = String::from_utf8_lossy(text).into_owned();
            cx.report(fault.diagnostic(&shown, span));
            ComplexValue::literal(text)
        }
    }
}

/// Compiles an argument of `log_format`, in which digits are part of a variable's name (`ngx_http_log_compile_format`).
pub(super) fn log_text(cx: &mut Compiler<'_>, text: &[u8], span: Span) -> ComplexValue {
    let mut segments = Vec::new();
    let mut rest = text;
    while let Some(dollar) = memchr::memchr(b'$', rest) {
        if dollar > 0 {
            segments.push(Segment::Literal(rest[..dollar].into()));
        }
        let from = &rest[dollar..];
        let bracket = from.get(1) == Some(&b'{');
        let start = if bracket { 2 } else { 1 };
        let end = start + name_length(&from[start..]);
        let name = &from[start..end];
        let closed = !bracket || from.get(end) == Some(&b'}');
        if from.len() > start && !closed {
            let shown = String::from_utf8_lossy(text).into_owned();
            cx.report(Fault::Unclosed(name).diagnostic(&shown, span));
            return ComplexValue::literal(text);
        }
        if name.is_empty() {
            let shown = String::from_utf8_lossy(text).into_owned();
            let parameter = format!("invalid parameter \"{}\"", String::from_utf8_lossy(from));
            cx.report(Fault::NoName.diagnostic(&shown, span).nginx(parameter));
            return ComplexValue::literal(text);
        }
        segments.push(Segment::Variable(reference(cx, name, span)));
        rest = &from[end + usize::from(bracket)..];
    }
    if !rest.is_empty() {
        segments.push(Segment::Literal(rest.into()));
    }
    ComplexValue { segments }
}

/// Variable of a name that is used at `span`.
pub(super) fn reference(cx: &mut Compiler<'_>, name: &[u8], span: Span) -> VariableId {
    let subsystem = cx.subsystem;
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let late = cx.late;
    let table = cx.table();
    if late && table.list.find(&name).is_none_or(|id| table.undefined.contains_key(&id.0)) {
        table.late.insert(span);
    }
    if let Some(id) = table.list.find(&name) {
        if let Some(places) = table.undefined.get_mut(&id.0) {
            places.push(span);
        }
        return id;
    }
    let builtin = catalog::variable(subsystem, name.as_bytes()).is_some_and(|v| exists(cx, v))
        || cx.options.declared.iter().any(|d| d.variable(subsystem, name.as_bytes()).is_some());
    let table = cx.table();
    let id = table.list.add(Variable { name, source: VariableSource::Builtin, defined: None });
    if !builtin {
        table.undefined.insert(id.0, vec![span]);
    }
    id
}

/// True if a version has a built-in variable.
fn exists(cx: &Compiler<'_>, variable: &catalog::Variable) -> bool {
    // `$memcached_key` is set by the configuration, not by nginx.
    let own = variable.name != "memcached_key";
    own && (variable.tier != Tier::OpenSource || variable.since.is_none_or(|since| cx.is_since(since)))
}

/// Defines the variable of an argument like `$name`; `None` if the argument is not a variable's name, which is
/// reported.
pub(super) fn define(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    n: usize,
    source: VariableSource,
) -> Option<VariableId> {
    let text = directive.arg(n);
    let Some(name) = text.strip_prefix(b"$").filter(|name| !name.is_empty()) else {
        let shown = directive.text(n);
        let message = format!(
            "`{}` defines a variable, but `{shown}` is none; expected `$` and a name",
            directive.name()
        );
        cx.report(
            Diagnostic::error("invalid-variable", directive.arg_span(n), message)
                .label("expected `$` and a name")
                .help(format!("write `${}`", shown.trim_start_matches('$')))
                .nginx(format!("invalid variable name \"{shown}\"")),
        );
        return None;
    };
    Some(define_name(cx, name, source, directive.span()))
}

/// Defines a variable by name: `set`, `map`, a named capture.
pub(super) fn define_name(
    cx: &mut Compiler<'_>,
    name: &[u8],
    source: VariableSource,
    span: Span,
) -> VariableId {
    let subsystem = cx.subsystem;
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let builtin = catalog::variable(subsystem, name.as_bytes()).filter(|v| exists(cx, v));
    if let Some(builtin) = builtin.filter(|v| !v.settable && !v.prefix) {
        let name = builtin.name;
        cx.report(
            Diagnostic::error(
                "variable-not-changeable",
                span,
                format!("`${name}` is nginx's own variable and cannot be redefined"),
            )
            .label("redefined here")
            .help("choose another name")
            .nginx(format!("the duplicate \"{name}\" variable")),
        );
    }
    let table = cx.table();
    let id = table.list.add(Variable { name, source: source.clone(), defined: Some(span) });
    table.undefined.remove(&id.0);
    let variable = table.list.get_mut(id);
    let stores = matches!(
        variable.source,
        VariableSource::Set | VariableSource::Capture | VariableSource::Other("auth_request_set")
    );
    // `set` and captures store a value; a variable that is computed stays computed.
    if matches!(variable.source, VariableSource::Builtin) && builtin.is_none() || computes(&source) {
        variable.source = source;
    } else if builtin.is_some() && stores {
        // Until a `set`, the variable has nginx's own value.
        variable.source = VariableSource::Builtin;
    }
    variable.defined.get_or_insert(span);
    id
}

fn computes(source: &VariableSource) -> bool {
    matches!(source, VariableSource::Map(_) | VariableSource::SplitClients(_) | VariableSource::Geo(_))
}

/// Position of the variable that a third-party module's directive defines: the first argument, as in `set_by_lua $name
/// …`, unless the directive evaluates it; 0 if there is none.
fn defined_by_module(directive: &Directive<'_>) -> usize {
    let is_foreign = matches!(directive.catalog.tier, Tier::ThirdParty | Tier::External | Tier::Declared);
    let first = directive.arg(1);
    let is_name = first.strip_prefix(b"$").is_some_and(|n| !n.is_empty() && name_length(n) == n.len());
    let sets = directive.name().starts_with("set_") || directive.name().contains("_set");
    usize::from(is_foreign && sets && is_name)
}

/// Records the variables that the arguments of an unmodelled directive use or define.
pub(super) fn check_arguments(cx: &mut Compiler<'_>, directive: &Directive<'_>) {
    if !matches!(cx.subsystem, Subsystem::Http | Subsystem::Stream) {
        return;
    }
    let mut defined = defined_by_module(directive);
    if defined > 0 {
        define(cx, directive, defined, VariableSource::Other(directive.name()));
    }
    if let Some(n) = directive.catalog.defines {
        // `geo $variable` has the variable as its only argument.
        defined = usize::from(n).min(directive.len());
        if defined > 0 && directive.arg(defined).starts_with(b"$") {
            define(cx, directive, defined, VariableSource::Other(directive.catalog.name));
        }
    }
    for (n, text) in directive.args_from(1) {
        if let Some(pattern) = text.strip_prefix(b"~") {
            define_captures(cx, pattern, directive.arg_span(n));
            continue;
        }
        let positions = directive.catalog.variables;
        let evaluated = positions.is_some_and(|p| p.is_empty() || p.contains(&(n as u8)));
        if n != defined && evaluated && text.contains(&b'$') {
            let read = if directive.name() == "log_format" { log_text } else { self::text };
            read(cx, &text, directive.arg_span(n));
        }
    }
}

/// Records the named captures of a regular expression: they are variables.
pub(super) fn define_captures(cx: &mut Compiler<'_>, pattern: &[u8], span: Span) {
    let mut rest = pattern;
    while let Some(at) = memchr::memmem::find(rest, b"(?") {
        rest = &rest[at + 2..];
        let after = rest.strip_prefix(b"P").unwrap_or(rest);
        let (after, close) = match after.first() {
            Some(b'<') => (&after[1..], b'>'),
            Some(b'\'') => (&after[1..], b'\''),
            _ => continue,
        };
        let name = &after[..name_length(after)];
        // `(?<=` and `(?<!` are look-behind assertions.
        if !name.is_empty() && after.get(name.len()) == Some(&close) {
            define_name(cx, name, VariableSource::Capture, span);
        }
    }
}

/// Reports variables that are used but not defined.
pub(super) fn report_undefined(cx: &mut Compiler<'_>) {
    let mut found = Vec::new();
    for (table, subsystem) in cx.variables.iter_mut().zip([Subsystem::Http, Subsystem::Stream]) {
        for (id, mut places) in std::mem::take(&mut table.undefined) {
            // The built-in log format stands nowhere; an old nginx has another text there.
            places.retain(|place| place.start < place.end);
            if places.is_empty() {
                continue;
            }
            found.push((table.list.get(VariableId(id)).name.clone(), places, subsystem));
        }
    }
    found.sort_by_key(|(_, places, _)| places[0]);
    // Values that no server inherits are never compiled.
    let unused = cx.http.span.is_some() && cx.http.servers.is_empty() && cx.options.strict_modules;
    for (name, mut places, subsystem) in found {
        // One word may name the variable twice, and some words are read twice.
        let mut seen = std::collections::HashSet::new();
        places.retain(|place| seen.insert(*place));
        let late = places.iter().all(|place| cx.variables[subsystem as usize].late.contains(place));
        if late && unused {
            continue;
        }
        let step = if late { 301 } else { 300 };
        let diagnostic = undefined(cx, &name, &places, subsystem)
            .when(FaultPhase::EndOfSubsystem { step, place: Place::None });
        cx.includes = std::rc::Rc::from([]);
        cx.report(diagnostic);
    }
}

fn undefined(cx: &Compiler<'_>, name: &str, places: &[Span], subsystem: Subsystem) -> Diagnostic {
    let message = match places.len() {
        1 => format!("unknown variable `${name}`"),
        n => format!("unknown variable `${name}`, used in {n} places"),
    };
    // Variables have no case: the name that stands in the file is the one to look for.
    let text = String::from_utf8_lossy(cx.configuration.sources.text(places[0]));
    let upper = name.to_ascii_uppercase();
    let capital =
        [format!("${upper}"), format!("${{{upper}}}")].iter().any(|name| text.contains(name.as_str()));
    let message =
        if capital { message.replacen(&format!("${name}"), &format!("${upper}"), 1) } else { message };
    let mut diagnostic = Diagnostic::error("unknown-variable", places[0], message)
        .label("nothing defines it")
        .nginx(format!("unknown \"{name}\" variable"));
    for &place in places.iter().skip(1).take(3) {
        diagnostic = diagnostic.related(place, "used here too");
    }
    let may_be_defined =
        cx.is_incomplete() || cx.loaded.iter().any(|m| catalog::may_define(m, name.as_bytes()));
    if may_be_defined {
        // A module that the catalog knows only by its directives may define the variable.
        diagnostic.level = Level::Info;
        return diagnostic.help(if capital {
            "a third-party or loaded module may define it; or it is a variable of the environment, which a script has to fill in"
        } else if cx.is_incomplete() {
            "a file that was not read, or a module, may define it"
        } else {
            "a third-party or loaded module may define it"
        });
    }
    let later = catalog::variable(subsystem, name.as_bytes()).and_then(|v| v.since);
    if let Some(since) = later {
        diagnostic.message =
            format!("`${name}` exists since nginx {since}; this is checked for {}", cx.version());
        return diagnostic;
    }
    let own = cx.variables[subsystem as usize]
        .list
        .iter()
        .filter(|(_, v)| v.defined.is_some())
        .map(|(_, v)| v.name.as_str())
        .min_by_key(|other| strsim::osa_distance(other, name))
        .filter(|other| strsim::osa_distance(other, name) <= 2);
    let near = catalog::suggest_variable(subsystem, name.as_bytes()).filter(|near| *near != name);
    match own.or(near) {
        Some(near) => diagnostic.help(format!("did you mean `${near}`?")),
        None if capital => diagnostic.help(format!(
            "define it with `set` or `map`; a variable of the environment has to be filled in before nginx reads the file, as `envsubst '${upper}'` does"
        )),
        None => diagnostic.help(format!("define it with `set ${name} …;` or `map … ${name} {{ … }}`")),
    }
}
