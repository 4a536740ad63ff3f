//! The configuration files in a directory, by their names and where those say nothing by what is in them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::super::reading::InputArgs;
use super::super::{Failure, detail, note, paths, yaml};
use crate::catalog;
use crate::source::shipped::shipped;
use crate::source::{Disk, Loader, SourceMap};
use crate::syntax::{self, FRAGMENT_DIRECTORIES, Terminator};

/// Entries of directories that are looked at: a link may lead to a whole file system.
const MAX_ENTRIES: usize = 200_000;

/// Largest file that is recognised by what is in it, in bytes.
const MAX_RECOGNISED: u64 = 1 << 20;

/// Endings of the names of copies and leftovers: files that other programs made of a configuration.
const COPIES: [&str; 12] = [
    "~",
    ".bak",
    ".backup",
    ".old",
    ".orig",
    ".save",
    ".swp",
    ".disabled",
    ".default",
    ".rpmnew",
    ".rpmsave",
    ".example",
];

/// Endings of names of templates.
const TEMPLATES: [&str; 14] = [
    ".template",
    ".tmpl",
    ".tpl",
    ".stpl",
    ".envsubst",
    ".in",
    ".j2",
    ".jinja",
    ".jinja2",
    ".gotmpl",
    ".ctmpl",
    ".erb",
    ".tftpl",
    ".tfpl",
];

/// The configuration files of a directory and of those in it, each once; hidden ones and those that settings exclude are
/// left out. Says which links lead nowhere.
pub(super) fn files(directory: &Path, reading: &InputArgs) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let top = paths::identity(directory);
    // Targets of links come last: a target may lie in the directory under its own name.
    let (mut open, mut linked) = (vec![directory.to_owned()], Vec::new());
    let mut visited = HashSet::new();
    let mut seen = 0;
    while let Some(directory) = open.pop().or_else(|| linked.pop()) {
        // A link may lead round in circles.
        if !visited.insert(paths::identity(&directory)) {
            continue;
        }
        let entries = std::fs::read_dir(&directory)
            .map_err(|e| Failure::new(format!("cannot read `{}`: {e}", directory.display())))?;
        let settings = reading.settings.of(&directory)?;
        for entry in entries.filter_map(Result::ok) {
            seen += 1;
            if seen > MAX_ENTRIES {
                return Err(Failure::new(format!(
                    "`{}` holds more than {MAX_ENTRIES} files",
                    directory.display()
                ))
                .help("name the directory of the configuration"));
            }
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") || settings.excludes(&path) {
                continue;
            }
            if path.is_dir() {
                if !path.is_symlink() {
                    open.push(path);
                } else if !top.starts_with(paths::identity(&path)) {
                    linked.push(path);
                }
            } else if is_configuration(&path) {
                found.push(path);
            }
        }
    }
    if found.is_empty() {
        return Err(Failure::new(format!("`{}` holds no configuration", directory.display()))
            .help("a directory is searched for files that end in `.conf`, for templates, for YAML with configurations in it, and for files without ending that hold directives"));
    }
    // A file comes before the links to it.
    found.sort_by_cached_key(|path| (path.is_symlink(), path.clone()));
    let mut identities = HashSet::new();
    found.retain(|path| identities.insert(paths::identity(path)));
    found.sort();
    Ok(found)
}

/// Kind of a file by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileNameKind {
    Configuration,
    /// The content of the file decides.
    Perhaps,
    /// A configuration in it decides.
    Yaml,
    Other,
}

fn is_configuration(path: &Path) -> bool {
    let named = named(path);
    if named == FileNameKind::Other {
        return false;
    }
    if !path.exists() {
        // The file that a link into `/etc/nginx` leads to in this tree is found by its own name.
        if Disk.link_in_tree(path).is_some() {
            return false;
        }
        let to = std::fs::read_link(path).unwrap_or_default();
        note(&format!("note: {} is a link to `{}`, where nothing is", path.display(), to.display()));
        return false;
    }
    path.is_file()
        && match named {
            FileNameKind::Configuration => !is_of_another_program(path),
            FileNameKind::Perhaps => holds_directives(path),
            FileNameKind::Yaml => {
                text(path).is_some_and(|text| syntax::holds_configuration(&text, yaml::is_directive))
            }
            FileNameKind::Other => false,
        }
}

fn named(path: &Path) -> FileNameKind {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if let Some(rest) = TEMPLATES.iter().find_map(|ending| name.strip_suffix(ending)) {
        return if is_conf(Path::new(rest)) { FileNameKind::Configuration } else { FileNameKind::Perhaps };
    }
    if is_conf(path) {
        return FileNameKind::Configuration;
    }
    // Configurations in JSON are rare, and directories of JSON large.
    if yaml::is_named(path) && path.extension().is_none_or(|ending| ending != "json") {
        return FileNameKind::Yaml;
    }
    let directory = path.parent().and_then(Path::file_name).unwrap_or_default();
    let is_of_fragments = FRAGMENT_DIRECTORIES.iter().any(|known| directory == *known);
    let is_copy = COPIES.iter().any(|ending| name.ends_with(ending)) || name.contains(".dpkg-");
    if is_copy || shipped(path).is_some() || name.contains('.') && !is_of_fragments {
        return FileNameKind::Other;
    }
    FileNameKind::Perhaps
}

fn is_conf(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "conf")
}

/// Text of a file that is small enough to be recognised.
fn text(path: &Path) -> Option<Vec<u8>> {
    path.metadata().is_ok_and(|meta| meta.len() <= MAX_RECOGNISED).then(|| Disk.read(path).ok())?
}

/// A text without the statements of a template, if it is one.
fn looked_through(text: Vec<u8>) -> Vec<u8> {
    syntax::looked_through(&text).unwrap_or(text)
}

/// True for a file of another program that ends in `.conf` too: nginx cannot read it, it has none of nginx's blocks, and
/// most of its names are none of nginx's.
fn is_of_another_program(path: &Path) -> bool {
    let Some(text) = text(path) else { return false };
    let finder = memchr::memmem::find_iter(&text, b"server");
    let has_server = finder.map(|at| &text[at + 6..]).any(|rest| rest.trim_ascii_start().starts_with(b"{"));
    if has_server {
        return false;
    }
    let (known, unknown, blocks, is_whole) = directives(path, looked_through(text));
    let is_other = !is_whole && blocks == 0 && unknown >= known;
    if is_other {
        detail(&format!("left out: {} is no configuration of nginx", path.display()));
    }
    is_other
}

/// Known directives that end as they should, other directives, and known blocks at the top of a file; the last is true if
/// the file has no syntax error.
fn directives(path: &Path, text: Vec<u8>) -> (usize, usize, usize, bool) {
    let mut sources = SourceMap::default();
    let file = sources.add(path, text);
    let (tree, errors) = syntax::parse(file, sources.file(file).text.clone());
    let (mut known, mut unknown, mut blocks) = (0, 0, 0);
    for directive in tree.root().directives() {
        let is_known = !catalog::directives(&directive.name().value()).is_empty();
        if is_known && directive.terminator() != Terminator::Missing {
            known += 1;
            blocks += usize::from(directive.block().is_some());
        } else {
            unknown += 1;
        }
    }
    (known, unknown, blocks, errors.is_empty())
}

/// True if the text of a file looks like a configuration: most of its directives are known. With syntax errors one of them
/// has to be a block.
fn holds_directives(path: &Path) -> bool {
    let Some(text) = text(path) else { return false };
    if text.starts_with(b"#!") || text.contains(&0) {
        return false;
    }
    let (known, unknown, blocks, is_whole) = directives(path, looked_through(text));
    known > unknown && (is_whole || blocks > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_file_is() {
        for (path, expected) in [
            ("conf.d/a.conf", FileNameKind::Configuration),
            ("default.conf.template", FileNameKind::Configuration),
            ("templates/site.template", FileNameKind::Perhaps),
            ("sites-available/default", FileNameKind::Perhaps),
            ("sites-enabled/www.example.com", FileNameKind::Perhaps),
            ("docs/www.example.com", FileNameKind::Other),
            ("sites-available/default.bak", FileNameKind::Other),
            ("sites-available/default.dpkg-dist", FileNameKind::Other),
            ("README.md", FileNameKind::Other),
            ("nginx/fastcgi_params", FileNameKind::Other),
            ("a.conf.j2", FileNameKind::Configuration),
            ("vhost.j2", FileNameKind::Perhaps),
            ("site.conf.tftpl", FileNameKind::Configuration),
            ("k8s/web.yaml", FileNameKind::Yaml),
            ("docker-compose.yml", FileNameKind::Yaml),
        ] {
            assert_eq!(named(Path::new(path)), expected, "{path}");
        }
    }
}
