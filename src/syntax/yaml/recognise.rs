//! The texts in YAML that are configurations, and those that are scripts and commands.

use std::path::Path;

use crate::source::SourceMap;
use crate::syntax::ast::Directive;
use crate::syntax::parser::parse;
use crate::syntax::tree::Terminator;

/// A text that reads like a configuration.
pub(super) struct Like {
    /// Nothing else can be meant.
    pub(super) is_certain: bool,
    /// It has `events`.
    pub(super) is_main: bool,
}

/// `None` for a text that is no configuration. In a configuration something ends as directives do, and more names than not
/// are known; of a key that says what it holds half of them are enough.
pub(super) fn reads_like_one(name: &str, text: &str, is_directive: fn(&[u8]) -> bool) -> Option<Like> {
    /// Blocks that no other language has.
    const BLOCKS: [&str; 6] = ["events", "http", "server", "upstream", "location", "stream"];
    /// Directives that are looked at.
    const MOST: usize = 200;
    if !text.contains([';', '{']) || COMMANDS.contains(&name) || is_program(name, text) {
        return None;
    }
    let mut sources = SourceMap::default();
    let masked = text.contains("{{") || ["{%", "<%", "%{"].iter().any(|mark| text.contains(mark));
    let masked = masked.then(|| crate::syntax::template::looked_through(text.as_bytes())).flatten();
    let file = sources.add("", masked.unwrap_or_else(|| text.as_bytes().to_vec()));
    let (tree, errors) = parse(file, sources.file(file).text.clone());
    let (mut all, mut known, mut ended, mut telling, mut has_block) = (0, 0, 0, 0, false);
    let mut is_main = false;
    let says_so = says_so(name);
    // A key that says so may hold a block with a misspelt name.
    let inner = tree.directives().filter(|_| says_so && errors.is_empty());
    let known_inside = inner.take(MOST).filter(|d| is_directive(&d.name().value())).count();
    for directive in tree.root().directives().take(MOST) {
        all += 1;
        let is_known = is_directive(&directive.name().value());
        known += usize::from(is_known);
        let is_ended = is_known && directive.terminator() != Terminator::Missing;
        ended += usize::from(is_ended);
        telling += usize::from(is_ended && is_telling(directive));
        is_main |= directive.block().is_some() && directive.name().is("events");
        has_block |= directive.block().is_some() && BLOCKS.iter().any(|block| directive.name().is(block));
    }
    let is_one = ended > 0 && (says_so || telling > 0) && known * 2 + usize::from(says_so) > all
        || known_inside > 0 && known_inside >= all;
    is_one.then_some(Like { is_certain: says_so || has_block && errors.is_empty(), is_main })
}

/// True unless other languages have such a line too: `set -e;` and `echo a;` of a shell, `if (a) {` and `return 1;` of many.
fn is_telling(directive: Directive<'_>) -> bool {
    const SHARED: [&str; 15] = [
        "if",
        "return",
        "set",
        "break",
        "echo",
        "env",
        "user",
        "eval",
        "include",
        "internal",
        "types",
        "map",
        "lock",
        "master_process",
        "default",
    ];
    let name = directive.name();
    !SHARED.iter().any(|shared| name.is(shared))
        || directive.args().any(|word| word.value().starts_with(b"$") || word.value().starts_with(b"($"))
            && !name.is("echo")
            && !name.is("eval")
}

/// True for a text in a programming language: its name says so, or its first line.
fn is_program(name: &str, text: &str) -> bool {
    const ENDINGS: [&str; 19] = [
        "sh",
        "bash",
        "js",
        "mjs",
        "ts",
        "py",
        "lua",
        "rb",
        "pl",
        "php",
        "sql",
        "html",
        "css",
        "json",
        "toml",
        "ini",
        "properties",
        "xml",
        "vcl",
    ];
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.contains(&ending)) || text.trim_start().starts_with("#!")
        // A script that writes a file.
        || text.lines().any(|line| line.contains("<<") && line.trim_start().starts_with("cat"))
}

/// True for the key of a configuration: a file's name, or a snippet of an ingress.
fn says_so(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "conf")
        || name.contains("nginx")
        || name.ends_with("-snippet")
        || name.ends_with("-snippets")
}

/// Keys of what a container runs: `nginx -g "daemon off;"` is no configuration, nor is a script that writes one.
const COMMANDS: [&str; 4] = ["command", "args", "entrypoint", "cmd"];
