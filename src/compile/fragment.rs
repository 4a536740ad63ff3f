//! Fragments: the block that an included file belongs in.
//!
//! nginx has no such notion. The file may name its block in a comment before its first directive, `# ngxc:
//! context(http,server)`; otherwise the directives at its top level decide, if the file cannot be a main file.

use std::fmt::Write as _;

use crate::catalog::{self, Body, Context};
use crate::diagnostic::{Diagnostic, Level};
use crate::source::Span;
use crate::syntax::{Block, Configuration, Directive, Item, Terminator};

/// Place of a file in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The file is a whole configuration, or at least can be one.
    Main,
    /// The file's comment names these blocks, outermost first.
    Declared(Vec<Context>),
    /// The file's comment names an unknown block.
    Unknown(String, Span),
    /// The file's directives belong in these blocks, outermost first.
    Guessed(Vec<Context>),
}

/// Blocks that a fragment may belong in; the first of several equally good ones is chosen.
const CANDIDATES: &[&[Context]] = &[
    &[Context::Http],
    &[Context::Http, Context::Server],
    &[Context::Http, Context::Server, Context::Location],
    &[Context::Http, Context::Upstream],
    &[Context::Stream],
    &[Context::Stream, Context::StreamServer],
    &[Context::Stream, Context::StreamUpstream],
    &[Context::Mail],
    &[Context::Mail, Context::MailServer],
    &[Context::Events],
];

/// Names that the file around a fragment may define: zones, log formats, caches, upstreams, variables, certificates.
const FROM_ELSEWHERE: [&str; 10] = [
    "missing-certificate",
    "missing-certificate-key",
    "missing-charset-map",
    "missing-client-certificate",
    "no-port",
    "resolve-without-resolver",
    "undefined-thread-pool",
    "undefined-zone",
    "unknown-log-format",
    "unknown-variable",
];

/// Lowers a finding to a note if the fragment may be right in its including file.
pub(super) fn soften(diagnostic: &mut Diagnostic) {
    if diagnostic.level == Level::Error && SIZES.contains(&diagnostic.code) {
        diagnostic.level = Level::Info;
        diagnostic.message.push_str(", unless the files around this fragment set other sizes");
    }
    if diagnostic.level == Level::Error && FROM_ELSEWHERE.contains(&diagnostic.code) {
        diagnostic.level = Level::Info;
        diagnostic.message.push_str(" in this fragment; the files around it may");
        // A second definition would be refused.
        if let Some(help) = &mut diagnostic.help {
            *help = format!("if none of them does: {help}");
        }
    }
}

/// Sizes that are compared with those of the file around a fragment, or of its hash tables.
const SIZES: [&str; 2] = ["conflicting-buffers", "hash-bucket-size"];

/// Lacks of a block, and names that two servers share, which a file that was not read may mend.
const ABSENT: [&str; 7] = [
    "conflicting-server-name",
    "missing-directive",
    "missing-listen",
    "missing-trusted-certificate",
    "no-valid-referer",
    "resolve-without-zone",
    "upstream-without-servers",
];

/// Names that only a file outside of all servers can define.
const OUTSIDE_OF_SERVERS: [&str; 5] =
    ["missing-charset-map", "no-port", "undefined-thread-pool", "undefined-zone", "unknown-log-format"];

/// Lowers a finding to a note if a file that was not read may say what it misses; `is_in_server` tells of the `include`.
pub(super) fn hedge(diagnostic: &mut Diagnostic, include: &str, is_in_server: bool) {
    if diagnostic.level > Level::Info
        && !(is_in_server && OUTSIDE_OF_SERVERS.contains(&diagnostic.code))
        && (FROM_ELSEWHERE.contains(&diagnostic.code) || ABSENT.contains(&diagnostic.code))
    {
        diagnostic.level = Level::Info;
        let _ = write!(diagnostic.message, "; `{include}`, which was not read, may");
    }
}

/// Blocks of a main file.
const MAIN_BLOCKS: [&str; 4] = ["events", "http", "stream", "mail"];

/// Number of directives that are examined: more make no difference, and a file may have a million.
const LOOKED_AT: usize = 1000;

/// Place of a file in a configuration, declared or guessed.
pub fn place(configuration: &Configuration) -> Place {
    let root = configuration.tree(configuration.main).root();
    declared(root).unwrap_or_else(|| guessed(configuration))
}

/// `# ngxc: context(http,server)` before the first directive.
fn declared(root: Block<'_>) -> Option<Place> {
    let comments = root.items().map_while(|item| match item {
        Item::Comment(comment) => Some(comment),
        Item::Directive(_) | Item::Skipped(_) => None,
    });
    for comment in comments {
        let text = String::from_utf8_lossy(comment.raw());
        let names = text.trim_start_matches('#').trim().strip_prefix("ngxc:").map(str::trim_start);
        let names = names.and_then(|text| text.strip_prefix("context(")?.split_once(')'));
        let Some((names, _)) = names else { continue };
        let mut contexts = Vec::new();
        for name in names.split(',').map(str::trim) {
            match Context::named(name) {
                Some(context) => contexts.push(context),
                None => return Some(Place::Unknown(name.to_owned(), comment.span())),
            }
        }
        return Some(Place::Declared(contexts));
    }
    None
}

/// True if a file of the main context has no `events`: the file is a part of a main file, or an excerpt.
pub fn is_part_of_main(configuration: &Configuration) -> bool {
    let is_events = |d: Directive<'_>| d.block().is_some() && d.name().is("events");
    !configuration.expanded_root().any(|(d, _)| is_events(d))
}

fn guessed(configuration: &Configuration) -> Place {
    let directives: Vec<Directive<'_>> =
        configuration.expanded_root().map(|(directive, _)| directive).take(LOOKED_AT).collect();
    let is_main_block = |d: &Directive<'_>| d.block().is_some() && MAIN_BLOCKS.iter().any(|n| d.name().is(n));
    if directives.iter().any(is_main_block) {
        return Place::Main;
    }
    let fit = |context| directives.iter().map(|&d| fits(d, context, 1)).sum::<i32>();
    let mut best = (Place::Main, fit(Context::Main));
    for contexts in CANDIDATES {
        let fit = contexts.last().map_or(0, |&context| fit(context));
        if fit > best.1 && fit > 0 {
            best = (Place::Guessed(contexts.to_vec()), fit);
        }
    }
    // `proxy` in the body of a `geo` is a directive of `mail` too.
    let is_doubtful = best.1 <= 1 && directives.len() > 1;
    if (best.1 <= 0 || is_doubtful)
        && let Some(context) = entries(&directives)
    {
        return Place::Guessed(vec![Context::Http, context]);
    }
    best.0
}

/// Test for the entries of a block: the key and the number of the words after it.
type Looks = fn(&[u8], usize) -> bool;

/// Blocks of entries, those with the stricter test first.
const ENTRIES: [(Context, Looks); 5] = [
    (Context::Types, |key, words| {
        let parts: Vec<&[u8]> = key.split(|&b| b == b'/').collect();
        words > 0
            && parts.len() == 2
            && parts.iter().all(|part| part.first().is_some_and(u8::is_ascii_lowercase))
    }),
    (Context::CharsetMap, |key, words| words == 1 && key.len() == 2 && key.iter().all(u8::is_ascii_hexdigit)),
    (Context::SplitClients, |key, words| {
        let number = key.strip_suffix(b"%");
        words == 1
            && (key == b"*" || number.is_some_and(|n| n.iter().all(|b| b.is_ascii_digit() || *b == b'.')))
    }),
    (Context::Geo, |key, words| {
        let address = String::from_utf8_lossy(key);
        let address = address.split(['/', '-']).next().unwrap_or_default();
        words == 1
            && (matches!(key, b"default" | b"proxy" | b"delete")
                || address.parse::<std::net::IpAddr>().is_ok())
            || words == 0 && key == b"ranges"
    }),
    (Context::Map, |key, words| {
        words == 1 && (key == b"default" || key.iter().any(|b| b"~./*?^:%@= ".contains(b)))
            || words == 0 && matches!(key, b"hostnames" | b"volatile")
    }),
];

/// True for the body of a `map` whose keys are plain words (`GET 1; default 0;`): pairs of which none is a directive, and
/// none may be meant for one.
fn are_pairs(directives: &[Directive<'_>]) -> bool {
    /// Keys that are compared with every directive.
    const COMPARED: usize = 20;
    let is_pair = |d: &Directive<'_>| {
        let is_flag = d.args().len() == 0 && (d.name().is("hostnames") || d.name().is("volatile"));
        d.terminator() == Terminator::Semicolon
            && (d.args().len() == 1 || is_flag)
            && catalog::directives(&d.name().value()).is_empty()
    };
    let is_near = |d: &Directive<'_>| {
        let name = d.name().value();
        // Short words are near to something always, and nginx's names are in lower case.
        name.len() > 3
            && name.iter().all(|b| b.is_ascii_lowercase() || *b == b'_')
            && catalog::closest(&name, catalog::DIRECTIVES.iter().map(|known| known.name)).is_some()
    };
    directives.len() > 1 && directives.iter().all(is_pair) && !directives.iter().take(COMPARED).any(is_near)
}

/// Block of the entries, if all pass its test.
fn entries(directives: &[Directive<'_>]) -> Option<Context> {
    let looks_like = |looks: Looks| {
        directives
            .iter()
            .all(|d| d.terminator() == Terminator::Semicolon && looks(&d.name().value(), d.args().len()))
    };
    ENTRIES
        .iter()
        .find(|(_, looks)| !directives.is_empty() && looks_like(*looks))
        .map(|(context, _)| *context)
        .or_else(|| are_pairs(directives).then_some(Context::Map))
}

/// Score of a directive and its content in a context: plus one for each directive that the context allows, minus one
/// for each that it does not, nothing for unknown directives.
fn fits(directive: Directive<'_>, context: Context, levels: usize) -> i32 {
    let name = directive.name().value();
    let known = catalog::directives(&name);
    let has_block = directive.terminator() == Terminator::Block;
    let Some(entry) =
        known.iter().find(|d| d.contexts.contains(context) && (d.body != Body::None) == has_block)
    else {
        return -i32::from(!known.is_empty());
    };
    let (Some(block), Some(inner), true) = (directive.block(), entry.inner(context), levels > 0) else {
        return 1;
    };
    1 + block.directives().take(LOOKED_AT).map(|d| fits(d, inner, levels - 1)).sum::<i32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Memory;
    use crate::syntax::{self, LoadOptions};

    fn place_of(text: &str) -> Place {
        let files = Memory::default().with("a.conf", text);
        place(&syntax::load(&files, "a.conf".as_ref(), &LoadOptions::default()).unwrap())
    }

    #[test]
    fn directives_show_the_block() {
        let cases: &[(&str, &[Context])] = &[
            ("server { listen 80; location / { } }", &[Context::Http]),
            ("upstream a { server b; }\nserver { listen 80; location / { } }", &[Context::Http]),
            ("map $a $b { }", &[Context::Http]),
            ("server { listen 1; proxy_pass a; ssl_preread on; }", &[Context::Stream]),
            ("listen 80;\nserver_name a;\nlocation / { }", &[Context::Http, Context::Server]),
            ("location / { }", &[Context::Http, Context::Server]),
            (
                "proxy_pass http://a;\nproxy_set_header Host b;",
                &[Context::Http, Context::Server, Context::Location],
            ),
            ("proxy_set_header Host b;", &[Context::Http]),
            ("server 10.0.0.1;\nserver 10.0.0.2;\nkeepalive 8;", &[Context::Http, Context::Upstream]),
        ];
        for (text, contexts) in cases {
            assert_eq!(place_of(text), Place::Guessed(contexts.to_vec()), "{text}");
        }
    }

    #[test]
    fn entries_show_the_block() {
        for (text, context) in [
            ("default upgrade;\n\"\" close;", Context::Map),
            ("GET \"\";\ndefault $binary_remote_addr;", Context::Map),
            ("US yes;\nDE no;", Context::Map),
            ("0 \"\";\n1 $x;", Context::Map),
            ("\\default x;\ndefault y;", Context::Map),
            ("~^/a 1;", Context::Map),
            ("default 0;\n10.0.0.0/8 1;\ndelete 10.1.0.0/16;", Context::Geo),
            ("proxy 10.0.0.0/8;\n192.168.0.0/16 1;", Context::Geo),
            ("text/x y;\ntext/z z;", Context::Types),
        ] {
            assert_eq!(place_of(text), Place::Guessed(vec![Context::Http, context]), "{text}");
        }
        // Words that may be meant for directives are none.
        for text in ["lissen 80;\nserver_nme a;", "foo bar;", "prxy_pass a;\nrot /srv;"] {
            assert_eq!(place_of(text), Place::Main, "{text}");
        }
    }

    #[test]
    fn main_files_stay_main() {
        for text in
            ["", "events { }", "http { server { } }", "user a;", "foo;", "server { }\nevents { }", "pid a;"]
        {
            assert_eq!(place_of(text), Place::Main, "{text}");
        }
    }

    #[test]
    fn what_has_no_events_is_a_part_of_a_main_file() {
        for (text, expected) in [
            ("http { }", true),
            ("user a;\nstream { }\nhttp { }", true),
            ("http { } events { }", false),
            ("user a;", true),
            ("load_module a.so;", true),
            ("events;", true),
            ("", true),
        ] {
            let files = Memory::default().with("a.conf", text);
            let configuration = syntax::load(&files, "a.conf".as_ref(), &LoadOptions::default()).unwrap();
            assert_eq!(is_part_of_main(&configuration), expected, "{text}");
        }
    }

    #[test]
    fn a_comment_decides() {
        let cases = [
            ("# ngxc: context(http,server)\nfoo;", Place::Declared(vec![Context::Http, Context::Server])),
            ("# a\n\n#ngxc: context( upstream )\nserver a;", Place::Declared(vec![Context::Upstream])),
            ("pid a; # ngxc: context(http)", Place::Main),
        ];
        for (text, place) in cases {
            assert_eq!(place_of(text), place, "{text}");
        }
        assert!(matches!(place_of("# ngxc: context(htpp)"), Place::Unknown(name, _) if name == "htpp"));
    }

    #[test]
    fn public_fragments_are_told_apart() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
        let Ok(index) = std::fs::read_to_string(corpus.join("index.tsv")) else {
            println!("SKIPPED: no corpus at {}", corpus.display());
            return;
        };
        let (mut right, mut all) = (0, 0);
        for line in index.lines().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            let Ok(text) = std::fs::read(corpus.join("dev").join(format!("{}.conf", fields[0]))) else {
                continue;
            };
            let found = match place_of(&String::from_utf8_lossy(&text)) {
                Place::Guessed(contexts) => contexts.last().map_or("", |c| c.name()),
                _ => "main",
            };
            let expected = fields[2].trim_end_matches("+events");
            right += usize::from(found == expected);
            all += 1;
            if found != expected {
                println!("{} {expected}, guessed {found}", fields[0]);
            }
        }
        println!("{right} of {all}");
        assert!(right * 100 > all * 95, "{right} of {all}");
    }
}
