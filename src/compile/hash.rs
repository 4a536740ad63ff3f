//! Hash tables that nginx builds at load, and refuses to if a name is too long for a bucket (`ngx_hash_init`).

use super::checks::Check;
use super::directive::Directive;
use super::scope::Compiler;
use crate::catalog::Subsystem;
use crate::diagnostic::{Diagnostic, When};
use crate::model::time::{digits, size};
use crate::source::Span;

/// Sizes of the tables of all of `http` or `stream`.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("map_hash_bucket_size", note),
    ("map_hash_max_size", note),
    ("server_names_hash_bucket_size", note),
    ("server_names_hash_max_size", note),
    ("variables_hash_bucket_size", note),
    ("variables_hash_max_size", note),
];

/// By subsystem and directive.
pub(super) type Sizes = std::collections::HashMap<(Subsystem, &'static str), (u64, Span)>;

fn note<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    if let Some(bytes) = size(&text).or_else(|| digits(&text)) {
        cx.names.hash_sizes.insert((cx.subsystem, directive.name()), (bytes, directive.span()));
    }
    true
}

/// Reports a size of `map_hash` that comes after a `map`, which has settled it.
pub(super) fn settled(cx: &mut Compiler<'_>, map: Span) {
    for name in ["map_hash_bucket_size", "map_hash_max_size"] {
        let late = |(_, span): &&(u64, Span)| span.file == map.file && span.start > map.start;
        let Some(&(_, span)) = cx.names.hash_sizes.get(&(cx.subsystem, name)).filter(late) else { continue };
        cx.names.hash_sizes.remove(&(cx.subsystem, name));
        cx.report(
            Diagnostic::error("duplicate-directive", span, format!("`{name}` stands behind a `map`"))
                .label("too late: the first `map` has settled it")
                .related(map, "the `map`")
                .help("move it before the first `map`")
                .nginx(format!("\"{name}\" directive is duplicate")),
        );
    }
}

/// What a table is built with.
pub(super) struct Table<'n> {
    /// As nginx names it: `map_hash`.
    pub(super) name: &'static str,
    /// What brings the names.
    pub(super) place: Span,
    /// The most buckets if no directive sets it.
    pub(super) max_size: u64,
    /// In lower case.
    pub(super) names: &'n [&'n [u8]],
    /// When nginx builds it.
    pub(super) when: When,
}

/// A line of the processor's cache, of which buckets are a multiple.
const CACHE_LINE: u64 = 64;
const POINTER: u64 = 8;

/// What stands in the way of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A name does not fit in a bucket.
    Bucket,
    /// No number of buckets up to the largest keeps all of them small enough.
    NotOptimal,
}

/// Reports a table that cannot be built, or not well.
pub(super) fn check(cx: &mut Compiler<'_>, table: &Table<'_>) {
    let name = table.name;
    let set = |what: &str| {
        let found = cx.names.hash_sizes.iter().find(|((subsystem, directive), _)| {
            *subsystem == cx.subsystem && directive.strip_prefix(name) == Some(what)
        });
        found.map(|(_, set)| *set)
    };
    let (bucket, max) = (set("_bucket_size"), set("_max_size"));
    let max_size = max.map_or(table.max_size, |(size, _)| size);
    let bucket_size = bucket.map_or(CACHE_LINE, |(size, _)| size).next_multiple_of(CACHE_LINE);
    let Some(fault) = build(table.names, max_size, bucket_size) else { return };
    let longest = table.names.iter().max_by_key(|name| name.len()).copied().unwrap_or_default();
    let shown = String::from_utf8_lossy(longest);
    let needed = (POINTER + element(longest.len())).next_multiple_of(CACHE_LINE);
    let diagnostic = match fault {
        Fault::Bucket => Diagnostic::error(
            "hash-bucket-size",
            table.place,
            format!("`{shown}` does not fit in a bucket of `{name}`, which has {bucket_size} bytes"),
        )
        .label(format!("a bucket of {needed} bytes is needed"))
        .help(match crate::catalog::directives(format!("{name}_bucket_size").as_bytes()) {
            [] => "leave it out: nginx has no directive for the size of this table".to_owned(),
            _ => format!("set `{name}_bucket_size {needed};`"),
        })
        .nginx(format!("could not build {name}, you should increase {name}_bucket_size: {bucket_size}")),
        Fault::NotOptimal => Diagnostic::warning(
            "hash-max-size",
            table.place,
            format!("`{name}` is too small for {} names", table.names.len()),
        )
        .label("looking up takes longer")
        .help(format!("set `{name}_max_size {};`", (2 * max_size).max(1024)))
        .nginx(format!(
            "could not build optimal {name}, you should increase either {name}_max_size: {max_size} or \
             {name}_bucket_size: {bucket_size}; ignoring {name}_bucket_size"
        )),
    };
    let size = if fault == Fault::Bucket { bucket } else { max };
    let diagnostic = match size {
        Some((_, place)) => diagnostic.related(place, "its size is set here"),
        None => diagnostic,
    };
    cx.report(diagnostic.when(table.when));
}

/// Bytes of a name in a bucket (`NGX_HASH_ELT_SIZE`).
fn element(length: usize) -> u64 {
    POINTER + (length as u64 + 2).next_multiple_of(POINTER)
}

fn build(names: &[&[u8]], max_size: u64, bucket_size: u64) -> Option<Fault> {
    if names.iter().any(|name| bucket_size < element(name.len()) + POINTER) {
        return Some(Fault::Bucket);
    }
    let room = bucket_size - POINTER;
    let number = names.len() as u64;
    let start = if max_size > 10_000 && number > 0 && max_size / number < 100 {
        max_size - 1000
    } else {
        (number / (room / (2 * POINTER))).max(1)
    };
    let keys: Vec<(u64, u16)> = names.iter().map(|name| (key(name), element(name.len()) as u16)).collect();
    let mut filled = vec![0_u16; max_size.min(1 << 20) as usize];
    let fits = (start..=max_size.min(1 << 20)).any(|size| {
        let filled = &mut filled[..size as usize];
        filled.fill(0);
        keys.iter().all(|(key, length)| {
            let bucket = &mut filled[(key % size) as usize];
            *bucket = bucket.saturating_add(*length);
            u64::from(*bucket) <= room
        })
    });
    (!fits).then_some(Fault::NotOptimal)
}

/// `ngx_hash_key`
fn key(name: &[u8]) -> u64 {
    name.iter().fold(0, |key: u64, byte| key.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_needs_room_for_itself_and_two_pointers() {
        let name = |length| vec![b'a'; length];
        // 8 for the end, 8 for the value, 2 for the length.
        assert_eq!(build(&[&name(46)], 512, 64), None);
        assert_eq!(build(&[&name(47)], 512, 64), Some(Fault::Bucket));
        assert_eq!(build(&[&name(110)], 512, 128), None);
        assert_eq!(build(&[&name(111)], 512, 128), Some(Fault::Bucket));
    }

    #[test]
    fn a_full_table_is_not_optimal() {
        let names: Vec<Vec<u8>> = (0..50).map(|n| format!("a{n}").into_bytes()).collect();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        assert_eq!(build(&names, 1, 64), Some(Fault::NotOptimal));
        assert_eq!(build(&names, 2048, 64), None);
        assert_eq!(build(&[], 1, 64), None);
    }
}
