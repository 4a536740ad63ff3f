//! Settings that the model does not hold, as they are written: what stands on the way to a location, inherited as the
//! catalog says.

use super::ModelNames;
use super::settings::ShownSetting;
use crate::catalog::{self, Context, Directive, Duplicate, Inheritance, Tier};
use crate::cli::Failure;
use crate::source::shipped::ROOTS;
use crate::source::{Memory, SourceMap, Span};
use crate::syntax::{self, Block, Configuration, IncludeChain, LoadOptions};

/// The trees of a compiled file, made anew of the texts that it holds.
pub(super) fn trees(sources: &SourceMap, prefix: Option<&std::path::Path>) -> Result<Configuration, Failure> {
    let files = sources.files().fold(Memory::default(), |all, (_, f)| all.with(&f.path, f.text.to_vec()));
    let Some((_, main)) = sources.files().next() else { return Err(Failure::new("the file has no text")) };
    let options = LoadOptions {
        conf_prefix: prefix.map(std::path::Path::to_owned),
        // All files are here: as they were found, whether in place or beside the main file.
        path_maps: ROOTS.iter().map(|root| (root.into(), root.into())).collect(),
        elsewhere: true,
        ..LoadOptions::default()
    };
    let loaded = syntax::load(&files, &main.path, &options).map_err(|e| Failure::new(e.to_string()))?;
    let same = loaded.sources.files().map(|(_, f)| &f.path).eq(sources.files().map(|(_, f)| &f.path));
    if same {
        return Ok(loaded);
    }
    Err(Failure::new("the includes of the compiled file cannot be followed")
        .help("say `--prefix`, as when it was compiled"))
}

/// A block on the way to a location, outer before inner.
pub(super) struct Level<'c> {
    /// Name of the block.
    name: String,
    /// Directives directly in the block, includes expanded.
    directives: Vec<syntax::Directive<'c>>,
}

/// The blocks with these heads and names, each inside the one before. A file that is a fragment begins in one of them.
pub(super) fn levels<'c>(configuration: &'c Configuration, heads: &[(Span, String)]) -> Vec<Level<'c>> {
    let root = configuration.tree(configuration.main).root();
    let mut place: (Block<'c>, IncludeChain) = (root, IncludeChain::default());
    let mut levels: Vec<Level<'c>> = Vec::new();
    for (head, name) in heads {
        let mut inside = configuration.expanded_within(place.0, &place.1);
        match inside.find_map(|(d, chain)| Some((d.block().filter(|_| d.head() == *head)?, chain))) {
            Some(found) => place = found,
            // A fragment begins inside of its first block, whose head is not in the file.
            None if levels.is_empty() => {}
            None => continue,
        }
        let directives = configuration.expanded_within(place.0, &place.1).map(|(d, _)| d).collect();
        levels.push(Level { name: name.clone(), directives });
    }
    levels
}

const CONTEXTS: [Context; 5] =
    [Context::Location, Context::IfInLocation, Context::LimitExcept, Context::Server, Context::Http];

/// Directives that are executed in order, that choose a server, or that name files: parts of the way, not settings.
const NO_SETTINGS: [&str; 7] = ["include", "set", "rewrite", "return", "break", "listen", "server_name"];

/// The catalog's entry of a setting of http.
pub(super) fn entry(name: &str) -> Option<&'static Directive> {
    let entry = CONTEXTS.iter().find_map(|context| catalog::in_context(name.as_bytes(), *context))?;
    let defines = entry.inheritance == Inheritance::Global
        && matches!(entry.duplicate, Duplicate::Accumulate | Duplicate::Unique);
    let is_block = entry.body != catalog::Body::None;
    (!is_block && !defines && !NO_SETTINGS.contains(&name)).then_some(entry)
}

/// Names of all settings of http that the version has.
pub(super) fn names(book: ModelNames<'_>) -> impl Iterator<Item = &'static str> {
    let version = book.config.version;
    let own = catalog::DIRECTIVES.iter().filter(move |d| d.tier == Tier::OpenSource && d.exists_in(version));
    let mut last = "";
    own.filter_map(move |d| {
        // Of several modules' directives of one name one is enough.
        let is_new = std::mem::replace(&mut last, d.name) != d.name;
        (is_new && entry(d.name).is_some_and(|e| e.tier == Tier::OpenSource)).then_some(d.name)
    })
}

/// The setting where the levels end; `None` if nothing says anything and it has no default.
pub(super) fn setting(book: ModelNames<'_>, levels: &[Level<'_>], name: &str) -> ShownSetting {
    let entry = entry(name);
    let inheritance = entry.map_or(Inheritance::Unknown, |e| e.inheritance);
    let group = entry.and_then(|e| e.inheritance_group);
    let is_same = |d: &syntax::Directive<'_>| {
        let found = d.name().content();
        found == name.as_bytes()
            || group.is_some()
                && std::str::from_utf8(found).ok().and_then(self::entry).and_then(|e| e.inheritance_group)
                    == group
    };
    let own = own(levels, entry);
    for (at, level) in levels.iter().enumerate().take(own + 1).rev() {
        if at != own && inheritance == Inheritance::None {
            break;
        }
        let mut found: Vec<_> = level.directives.iter().filter(|d| is_same(d)).collect();
        if found.is_empty() {
            continue;
        }
        let is_list = group.is_some() || matches!(inheritance, Inheritance::Array);
        let accumulates =
            entry.is_some_and(|e| matches!(e.duplicate, Duplicate::Accumulate | Duplicate::Unique));
        if !is_list && !accumulates {
            // Of several the last counts, unless the first does.
            let is_first =
                entry.is_some_and(|e| matches!(e.duplicate, Duplicate::First | Duplicate::Idempotent));
            let keep = if is_first { 0 } else { found.len() - 1 };
            found = vec![found[keep]];
        }
        // The name that was asked for is said even if another of its group is all there is.
        found.retain(|d| group.is_none() || d.name().is(name) || inheritance == Inheritance::Array);
        return ShownSetting {
            name: name.to_owned(),
            text: found.iter().map(|d| book.text(d.head())).collect(),
            origin: if at == levels.len() - 1 { "set" } else { "inherited" },
            from: Some(level.name.clone()),
            places: found.iter().map(|d| book.place(d.head())).collect(),
        };
    }
    let text = default(book, entry);
    ShownSetting { name: name.to_owned(), text, origin: "default", from: None, places: Vec::new() }
}

/// The innermost level that has the setting: of `merge_slashes` that is the server, wherever a location is.
fn own(levels: &[Level<'_>], entry: Option<&Directive>) -> usize {
    let may = |context| entry.is_none_or(|entry| entry.contexts.contains(context));
    let block = match [Context::Location, Context::Server].map(may) {
        [false, true] => levels.iter().position(|level| level.name == "server"),
        [false, false] => levels.iter().position(|level| level.name == "http"),
        _ => None,
    };
    block.unwrap_or(levels.len().saturating_sub(1))
}

/// Defaults, one line per directive.
pub(super) fn default(book: ModelNames<'_>, entry: Option<&Directive>) -> Vec<String> {
    let text = entry.and_then(|entry| entry.default_in(book.config.version)).unwrap_or_default();
    text.split(';').map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Names that stand anywhere on the way.
pub(super) fn written(levels: &[Level<'_>]) -> Vec<String> {
    let all = levels.iter().flat_map(|level| &level.directives);
    let mut names: Vec<String> =
        all.map(|d| String::from_utf8_lossy(d.name().content()).into_owned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
