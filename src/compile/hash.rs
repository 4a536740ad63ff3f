//! Hash tables that nginx builds at load; nginx refuses a name that is too long for a bucket (`ngx_hash_init`).

use std::collections::HashMap;

use super::directive::Directive;
use super::scope::{Check, Compiler};
use crate::catalog::Subsystem;
use crate::diagnostic::{Diagnostic, FaultPhase, Place};
use crate::model::time::{digits, size};
use crate::source::Span;

/// Checks of the size directives of `http` and `stream`.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("map_hash_bucket_size", note),
    ("map_hash_max_size", note),
    ("server_names_hash_bucket_size", note),
    ("server_names_hash_max_size", note),
    ("variables_hash_bucket_size", note),
    ("variables_hash_max_size", note),
];

/// Sizes by subsystem and directive.
#[derive(Default)]
struct Sizes(HashMap<(Subsystem, &'static str), (u64, Span)>);

fn note<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    let text = directive.arg(1);
    if let Some(bytes) = size(&text).or_else(|| digits(&text)) {
        cx.states.of::<Sizes>().0.insert((cx.subsystem, directive.name()), (bytes, directive.span()));
    }
    true
}

/// Reports a `map_hash` size after a `map`: nginx fixes the size at the first `map`.
pub(super) fn settled(cx: &mut Compiler<'_>, map: Span) {
    for name in ["map_hash_bucket_size", "map_hash_max_size"] {
        let late = |(_, span): &&(u64, Span)| span.file == map.file && span.start > map.start;
        let Some(&(_, span)) = cx.states.of::<Sizes>().0.get(&(cx.subsystem, name)).filter(late) else {
            continue;
        };
        cx.states.of::<Sizes>().0.remove(&(cx.subsystem, name));
        cx.report(
            Diagnostic::error("duplicate-directive", span, format!("`{name}` stands behind a `map`"))
                .label("too late: the first `map` has settled it")
                .related(map, "the `map`")
                .help("move it before the first `map`")
                .nginx(format!("\"{name}\" directive is duplicate")),
        );
    }
}

/// Input for the construction of a table.
pub(super) struct Table<'n> {
    /// Name in nginx's messages: `map_hash`.
    pub(super) name: &'static str,
    /// Place of the names.
    pub(super) place: Span,
    /// Largest number of buckets, unless a directive sets it.
    pub(super) max_size: u64,
    /// Names in lower case.
    pub(super) names: &'n [&'n [u8]],
    /// Moment at which nginx builds the table.
    pub(super) when: FaultPhase,
}

/// Line of the processor's cache; bucket sizes are multiples of it.
const CACHE_LINE: u64 = 64;
const POINTER: u64 = 8;

/// Reason why a table cannot be built, or not well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The number of buckets is zero.
    Empty,
    /// The bucket size exceeds nginx's limit.
    Large,
    /// A name does not fit in a bucket.
    Bucket,
    /// Every allowed number of buckets leaves a bucket too large.
    NotOptimal,
}

/// Largest bucket size.
const MAX_BUCKET: u64 = 65_536 - CACHE_LINE;

/// Checks the names of variables that the configuration defines, in http and in stream.
///
/// The other variables depend on the build of nginx: a table that is only not optimal is not reported.
pub(super) fn variables(cx: &mut Compiler<'_>) {
    for subsystem in [Subsystem::Http, Subsystem::Stream] {
        let defined = cx.variables[subsystem as usize].list.iter();
        let longest = defined
            .filter_map(|(_, v)| Some((v.name.clone(), v.defined?)))
            .max_by_key(|(name, _)| name.len());
        let sizes = |name| Some(cx.states.get::<Sizes>()?.0.get(&(subsystem, name))?.1);
        let place = sizes("variables_hash_bucket_size").or_else(|| sizes("variables_hash_max_size"));
        let Some(place) = longest.as_ref().map(|(_, span)| *span).or(place) else { continue };
        let names = [longest.as_ref().map_or(&b"host"[..], |(name, _)| name.as_bytes())];
        let when = FaultPhase::EndOfSubsystem { step: 302, place: Place::None };
        cx.subsystem = subsystem;
        let table = Table { name: "variables_hash", place, max_size: 1024, names: &names, when };
        let sizes = sizes_of(cx, &table);
        if let Some(fault) = impossible(&names, &sizes) {
            report(cx, &table, &sizes, fault);
        }
    }
}

/// Reports a table that cannot be built, or not well.
pub(super) fn check(cx: &mut Compiler<'_>, table: &Table<'_>) {
    let sizes = sizes_of(cx, table);
    let fault = impossible(table.names, &sizes)
        .or_else(|| (!fits(table.names, sizes.max, sizes.bucket)).then_some(Fault::NotOptimal));
    if let Some(fault) = fault {
        report(cx, table, &sizes, fault);
    }
}

/// Sizes in force, and the places of their directives.
struct Effective {
    bucket: u64,
    bucket_set: Option<Span>,
    max: u64,
    max_set: Option<Span>,
}

fn sizes_of(cx: &Compiler<'_>, table: &Table<'_>) -> Effective {
    let set = |what: &str| {
        let found = cx.states.get::<Sizes>()?.0.iter().find(|((subsystem, directive), _)| {
            *subsystem == cx.subsystem && directive.strip_prefix(table.name) == Some(what)
        });
        found.map(|(_, set)| *set)
    };
    let (bucket, max) = (set("_bucket_size"), set("_max_size"));
    Effective {
        bucket: bucket.map_or(CACHE_LINE, |(size, _)| size).saturating_add(CACHE_LINE - 1) / CACHE_LINE
            * CACHE_LINE,
        bucket_set: bucket.map(|(_, span)| span),
        max: max.map_or(table.max_size, |(size, _)| size),
        max_set: max.map(|(_, span)| span),
    }
}

/// Reason for a failure of `ngx_hash_init`.
fn impossible(names: &[&[u8]], sizes: &Effective) -> Option<Fault> {
    let is_small = |name: &&[u8]| sizes.bucket < element(name.len()) + POINTER;
    match sizes {
        Effective { max: 0, .. } => Some(Fault::Empty),
        Effective { bucket, .. } if *bucket > MAX_BUCKET => Some(Fault::Large),
        _ => names.iter().any(is_small).then_some(Fault::Bucket),
    }
}

fn report(cx: &mut Compiler<'_>, table: &Table<'_>, sizes: &Effective, fault: Fault) {
    let &Table { name, place, .. } = table;
    let &Effective { bucket, max, .. } = sizes;
    let longest = table.names.iter().max_by_key(|name| name.len()).copied().unwrap_or_default();
    let shown = String::from_utf8_lossy(longest);
    let needed = (POINTER + element(longest.len())).next_multiple_of(CACHE_LINE);
    let increase = format!("could not build {name}, you should increase {name}");
    let diagnostic = match fault {
        Fault::Empty => {
            Diagnostic::error("hash-max-size", place, format!("`{name}` may have no bucket at all"))
                .help(format!("set `{name}_max_size {};`", table.max_size))
                .nginx(format!("{increase}_max_size: 0"))
        }
        Fault::Large => {
            Diagnostic::error("hash-bucket-size", place, format!("a bucket of `{name}` has {bucket} bytes"))
                .label(format!("at most {MAX_BUCKET}"))
                .help(format!("set `{name}_bucket_size {needed};`"))
                .nginx(format!("could not build {name}, too large {name}_bucket_size: {bucket}"))
        }
        Fault::Bucket => Diagnostic::error(
            "hash-bucket-size",
            place,
            format!("`{shown}` does not fit in a bucket of `{name}`, which has {bucket} bytes"),
        )
        .label(format!("a bucket of {needed} bytes is needed"))
        .help(match crate::catalog::directives(format!("{name}_bucket_size").as_bytes()) {
            [] => "leave it out: nginx has no directive for the size of this table".to_owned(),
            _ => format!("set `{name}_bucket_size {needed};`"),
        })
        .nginx(format!("{increase}_bucket_size: {bucket}")),
        Fault::NotOptimal => Diagnostic::warning(
            "hash-max-size",
            place,
            format!("`{name}` is too small for {} names", table.names.len()),
        )
        .label("looking up takes longer")
        .help(format!("set `{name}_max_size {};`", (2 * max).max(1024)))
        .nginx(format!(
            "could not build optimal {name}, you should increase either {name}_max_size: {max} or \
             {name}_bucket_size: {bucket}; ignoring {name}_bucket_size"
        )),
    };
    let set = match fault {
        Fault::Bucket | Fault::Large => sizes.bucket_set,
        Fault::Empty | Fault::NotOptimal => sizes.max_set,
    };
    let diagnostic = match set.filter(|set| *set != place) {
        Some(set) => diagnostic.related(set, "its size is set here"),
        None => diagnostic,
    };
    cx.report(diagnostic.when(table.when));
}

/// Size of a name's bucket entry in bytes (`NGX_HASH_ELT_SIZE`).
fn element(length: usize) -> u64 {
    POINTER + (length as u64 + 2).next_multiple_of(POINTER)
}

/// True if some number of buckets keeps all of them small enough.
fn fits(names: &[&[u8]], max_size: u64, bucket_size: u64) -> bool {
    let room = bucket_size - POINTER;
    let number = names.len() as u64;
    let start = if max_size > 10_000 && number > 0 && max_size / number < 100 {
        max_size - 1000
    } else {
        (number / (room / (2 * POINTER))).max(1)
    };
    let keys: Vec<(u64, u16)> = names.iter().map(|name| (key(name), element(name.len()) as u16)).collect();
    let mut filled = vec![0_u16; max_size.min(1 << 20) as usize];
    (start..=max_size.min(1 << 20)).any(|size| {
        let filled = &mut filled[..size as usize];
        filled.fill(0);
        keys.iter().all(|(key, length)| {
            let bucket = &mut filled[(key % size) as usize];
            *bucket = bucket.saturating_add(*length);
            u64::from(*bucket) <= room
        })
    })
}

/// `ngx_hash_key`
fn key(name: &[u8]) -> u64 {
    name.iter().fold(0, |key: u64, byte| key.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(names: &[&[u8]], max: u64, bucket: u64) -> Option<Fault> {
        let sizes = Effective { bucket, bucket_set: None, max, max_set: None };
        impossible(names, &sizes).or_else(|| (!fits(names, max, bucket)).then_some(Fault::NotOptimal))
    }

    #[test]
    fn a_name_needs_room_for_itself_and_two_pointers() {
        let name = |length| vec![b'a'; length];
        // 8 for the end, 8 for the value, 2 for the length.
        assert_eq!(fault(&[&name(46)], 512, 64), None);
        assert_eq!(fault(&[&name(47)], 512, 64), Some(Fault::Bucket));
        assert_eq!(fault(&[&name(110)], 512, 128), None);
        assert_eq!(fault(&[&name(111)], 512, 128), Some(Fault::Bucket));
    }

    #[test]
    fn a_table_has_buckets_of_less_than_64_kib() {
        assert_eq!(fault(&[b"a"], 0, 64), Some(Fault::Empty));
        assert_eq!(fault(&[b"a"], 1, 0), Some(Fault::Bucket));
        assert_eq!(fault(&[b"a"], 1, MAX_BUCKET), None);
        assert_eq!(fault(&[b"a"], 1, MAX_BUCKET + CACHE_LINE), Some(Fault::Large));
    }

    #[test]
    fn a_full_table_is_not_optimal() {
        let names: Vec<Vec<u8>> = (0..50).map(|n| format!("a{n}").into_bytes()).collect();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        assert_eq!(fault(&names, 1, 64), Some(Fault::NotOptimal));
        assert_eq!(fault(&names, 2048, 64), None);
        assert_eq!(fault(&[], 1, 64), None);
    }
}
