//! The `include` directives of a tree, and the paths they name.

use std::path::{Path, PathBuf};

use crate::source::{Span, os_path};
use crate::syntax::ast::DirectiveId;
use crate::syntax::tree::{Terminator, Tree};

/// `include` found in a tree.
pub(crate) struct Include {
    pub(super) id: DirectiveId,
    /// Offset up to which nginx has read when it opens the file.
    pub(super) end: u32,
    pub(super) argument: Span,
    pub(crate) name: Vec<u8>,
}

/// All `include`s with one argument, in order. In the bodies of `split_clients` and `charset_map` the word is an
/// ordinary entry: their handlers have no `include`.
pub(crate) fn includes(tree: &Tree) -> Vec<Include> {
    let mut includes = Vec::new();
    let mut foreign_until = 0;
    for directive in tree.directives() {
        let name = directive.name();
        if let Some(block) = directive.block() {
            if name.is("split_clients") || name.is("charset_map") {
                foreign_until = foreign_until.max(block.span().end);
            }
            continue;
        }
        let is_include = name.is("include") && directive.terminator() != Terminator::Block;
        if !is_include || directive.args().len() != 1 || directive.head().start < foreign_until {
            continue;
        }
        if let Some(argument) = directive.arg(0) {
            includes.push(Include {
                id: directive.id(),
                end: directive.span().end,
                argument: argument.span(),
                name: argument.value().into_owned(),
            });
        }
    }
    includes
}

/// True if `include` treats a name as a pattern.
pub(crate) fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|b| b"*?[".contains(b))
}

/// `ngx_get_full_name`: adds the prefix to a name that does not start with `/`. In a dump of Windows a name may start with
/// a drive, and `/` is the root of the prefix's drive.
pub(crate) fn full_name(prefix: &Path, name: &[u8]) -> PathBuf {
    if name.is_empty() {
        return directory(prefix).to_owned();
    }
    let Some(of_prefix) = drive(prefix.as_os_str().as_encoded_bytes()) else {
        return prefix.join(os_path(name));
    };
    let name: Vec<u8> = name.iter().map(|&b| if b == b'\\' { b'/' } else { b }).collect();
    match name.as_slice() {
        _ if drive(&name).is_some() => os_path(&name),
        [b'/', ..] => os_path(&[of_prefix, &name].concat()),
        _ => prefix.join(os_path(&name)),
    }
}

/// The drive that a path of Windows starts with, as in `C:/nginx`.
pub(crate) fn drive(path: &[u8]) -> Option<&[u8]> {
    match path {
        [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic() => Some(&path[..2]),
        _ => None,
    }
}

pub(super) fn directory(prefix: &Path) -> &Path {
    if prefix.as_os_str().is_empty() { Path::new(".") } else { prefix }
}

pub(super) fn lossy(name: &[u8]) -> String {
    // A path with `\n` in it, which nginx reads as a line break, stays on one line.
    let shown = String::from_utf8_lossy(name);
    shown.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}
