//! The facts under `grammar/`, the tables made from them, and the look-ups; `sentences` compares grammar and parser.

#![allow(unreachable_pub, reason = "the build script's files are included")]

#[allow(dead_code, reason = "part of the build script")]
#[path = "../grammar/build/check.rs"]
mod check;
#[allow(dead_code, reason = "part of the build script")]
#[path = "../src/catalog/context.rs"]
mod context;
#[path = "grammar/ebnf.rs"]
mod ebnf;
#[allow(dead_code, reason = "part of the build script")]
#[path = "../grammar/build/entry.rs"]
mod entry;
#[allow(dead_code, reason = "part of the build script")]
#[path = "../grammar/build/read.rs"]
mod read;
#[path = "grammar/sentences.rs"]
mod sentences;
#[allow(dead_code, reason = "part of the build script")]
#[path = "../src/version.rs"]
mod version;

use std::collections::BTreeSet;
use std::path::Path;

use ngxc::catalog::{
    self, Body, CHANGES, Context, DIRECTIVES, Directive, Duplicate, Inheritance, Kind, NEWEST, RELEASES,
    Runtime, Subsystem, Tier, VARIABLES,
};
use ngxc::version::Version;

fn directive(name: &str, context: Context) -> &'static Directive {
    catalog::in_context(name.as_bytes(), context)
        .unwrap_or_else(|| panic!("no `{name}` in {}", context.phrase()))
}

// --- the tables

#[test]
fn directives_are_sorted_and_ids_are_positions() {
    assert!(DIRECTIVES.is_sorted_by_key(|d| (d.name, d.tier, d.module)));
    for (position, directive) in DIRECTIVES.iter().enumerate() {
        assert_eq!(usize::from(directive.id), position);
        assert!(std::ptr::eq(catalog::by_id(directive.id).unwrap(), directive));
    }
    assert!(catalog::by_id(u16::MAX).is_none());
}

#[test]
fn nothing_was_lost() {
    let of = |tier| DIRECTIVES.iter().filter(|d| d.tier == tier).count();
    // `if` is two entries here.
    assert_eq!([of(Tier::OpenSource), of(Tier::Plus), of(Tier::External)], [854, 148, 83]);
    assert!(of(Tier::ThirdParty) > 1500);
    assert_eq!(VARIABLES.len(), 270);
    assert_eq!(RELEASES.len(), 602);
}

#[test]
fn every_name_is_found() {
    for directive in &DIRECTIVES {
        let found = catalog::directives(directive.name.as_bytes());
        assert!(found.iter().all(|d| d.name == directive.name));
        assert!(found.iter().any(|d| d.id == directive.id), "{}", directive.name);
        assert_eq!(DIRECTIVES.iter().filter(|d| d.name == directive.name).count(), found.len());
        assert_ne!(directive.contexts.iter().count(), 0, "{}", directive.name);
        assert_ne!(directive.arity.0, 0, "{}", directive.name);
    }
    for unknown in [&b""[..], b"Listen", b"listen ", b"\xff", b"\xef\xbb\xbfuser"] {
        assert!(catalog::directives(unknown).is_empty());
    }
}

#[test]
fn samples_begin_with_the_name_and_end_as_the_body_says() {
    let mut count = 0;
    for directive in &DIRECTIVES {
        let Some(sample) = directive.sample else { continue };
        count += 1;
        assert_eq!(sample.split([' ', ';']).next(), Some(directive.name));
        let end = if directive.body == Body::None { ';' } else { '}' };
        assert!(sample.ends_with(end), "{sample}");
    }
    assert!(count > 700, "{count}");
}

#[test]
fn versions_are_known_and_in_order() {
    for d in &DIRECTIVES {
        let all = [d.since, d.backported, d.obsolete, d.removed, d.plus_only_before];
        assert!(all.into_iter().flatten().all(|version| version <= NEWEST), "{}", d.name);
        assert!(d.since.is_none_or(|since| d.removed.is_none_or(|removed| since < removed)), "{}", d.name);
        for old in d.old_defaults {
            assert!(d.since.is_none_or(|since| since < old.until), "{}: {}", d.name, old.until);
            assert_ne!(old.value, d.default, "{}", d.name);
        }
    }
    assert!(RELEASES.is_sorted() && CHANGES.is_sorted_by_key(|change| change.version));
    assert!(RELEASES.contains(&Version::new(1, 29, 7)) && !RELEASES.contains(&Version::new(1, 2, 1)));
    assert_eq!(NEWEST, Version::new(1, 31, 5));
}

#[test]
fn blocks_know_what_is_inside() {
    let cases: [(&str, Context, Option<Context>); 22] = [
        ("events", Context::Main, Some(Context::Events)),
        ("http", Context::Main, Some(Context::Http)),
        ("stream", Context::Main, Some(Context::Stream)),
        ("mail", Context::Main, Some(Context::Mail)),
        ("rtmp", Context::Main, Some(Context::Rtmp)),
        ("mgmt", Context::Main, Some(Context::Mgmt)),
        ("server", Context::Http, Some(Context::Server)),
        ("server", Context::Stream, Some(Context::StreamServer)),
        ("server", Context::Mail, Some(Context::MailServer)),
        ("server", Context::Rtmp, Some(Context::RtmpServer)),
        ("server", Context::Upstream, None),
        ("server", Context::StreamUpstream, None),
        ("upstream", Context::Http, Some(Context::Upstream)),
        ("upstream", Context::Stream, Some(Context::StreamUpstream)),
        ("location", Context::Server, Some(Context::Location)),
        ("location", Context::Location, Some(Context::Location)),
        ("if", Context::Server, Some(Context::IfInServer)),
        ("if", Context::Location, Some(Context::IfInLocation)),
        ("limit_except", Context::Location, Some(Context::LimitExcept)),
        ("application", Context::RtmpServer, Some(Context::RtmpApplication)),
        ("recorder", Context::RtmpApplication, Some(Context::RtmpRecorder)),
        ("map", Context::Http, None),
    ];
    for (name, outer, inner) in cases {
        assert_eq!(directive(name, outer).inner(outer), inner, "{name} in {}", outer.phrase());
    }
    assert_eq!(directive("if", Context::Server).inner(Context::Location), None);
    for name in ["map", "geo", "split_clients"] {
        assert_eq!(directive(name, Context::Http).body, Body::Entries);
        assert_eq!(directive(name, Context::Stream).body, Body::Entries);
    }
    assert_eq!(directive("types", Context::Server).body, Body::Entries);
    assert_eq!(directive("charset_map", Context::Http).body, Body::Entries);
    assert_eq!(directive("content_by_lua_block", Context::Location).body, Body::Lua);
    for context in Context::ALL {
        let entered = DIRECTIVES.iter().any(|d| d.body == Body::Directives(context));
        assert!(entered || context == Context::Main, "nothing leads into {}", context.phrase());
        // NGX_ANY_CONF
        assert!(catalog::in_context(b"include", context).is_some(), "{}", context.phrase());
    }
}

// --- facts

#[test]
fn where_proxy_pass_may_stand() {
    let http = directive("proxy_pass", Context::Location);
    let contexts: Vec<_> = http.contexts.iter().map(Context::name).collect();
    assert_eq!(contexts, ["location", "if-in-location", "limit_except"]);
    assert_eq!(http.module, "ngx_http_proxy_module");
    assert!(http.content_handler && http.inherited_by_if && http.runtime == Runtime::Executed);
    assert_eq!(http.variables, Some(&[1_u8][..]));
    assert!(!http.contexts_in(Version::new(0, 4, 12)).contains(Context::LimitExcept));
    assert!(http.contexts_in(Version::new(0, 4, 13)).contains(Context::LimitExcept));
    assert_eq!(directive("proxy_pass", Context::StreamServer).module, "ngx_stream_proxy_module");
    assert!(catalog::in_context(b"proxy_pass", Context::Server).is_none());
}

#[test]
fn defaults_by_version() {
    let cases = [
        ("keepalive", Context::Upstream, (1, 29, 6), None),
        ("keepalive", Context::Upstream, (1, 29, 7), Some("32 local")),
        ("proxy_http_version", Context::Http, (1, 29, 6), Some("1.0")),
        ("proxy_http_version", Context::Http, (1, 29, 7), Some("1.1")),
        ("proxy_set_header", Context::Location, (1, 29, 6), Some("Host $proxy_host; Connection close")),
        ("proxy_set_header", Context::Location, (1, 29, 7), Some("Host $proxy_host")),
        ("keepalive_requests", Context::Upstream, (1, 19, 9), Some("100")),
        ("keepalive_requests", Context::Upstream, (1, 19, 10), Some("1000")),
        ("keepalive_requests", Context::Http, (1, 18, 0), Some("100")),
        ("keepalive_time", Context::Upstream, (1, 19, 10), Some("1h")),
        ("ssl_protocols", Context::Server, (1, 1, 12), Some("SSLv3 TLSv1")),
        ("ssl_protocols", Context::Server, (1, 22, 1), Some("TLSv1 TLSv1.1 TLSv1.2")),
        ("ssl_protocols", Context::Server, (1, 27, 2), Some("TLSv1 TLSv1.1 TLSv1.2 TLSv1.3")),
        ("ssl_protocols", Context::Server, (1, 27, 3), Some("TLSv1.2 TLSv1.3")),
    ];
    for (name, context, (major, minor, patch), default) in cases {
        let version = Version::new(major, minor, patch);
        assert_eq!(directive(name, context).default_in(version), default, "{name} {version}");
    }
}

#[test]
fn listen_and_its_words() {
    let listen = directive("listen", Context::Server);
    for word in ["default_server", "ssl", "http2", "quic", "proxy_protocol", "reuseport", "backlog="] {
        assert!(listen.words.contains(&word), "{word}");
    }
    assert!(listen.words_since.contains(&("http2", Version::new(1, 9, 5))));
    let http2 = listen.words_obsolete.iter().find(|old| old.word == "http2").unwrap();
    assert_eq!((http2.since, http2.replacement), (Version::new(1, 25, 1), Some("http2 on")));
    assert_eq!((listen.kind, listen.duplicate), (Kind::Listen, Duplicate::Unique));
    assert!(listen.arity.allows(1) && listen.arity.allows(40) && !listen.arity.allows(0));
}

#[test]
fn directives_by_version() {
    let keepalive = directive("keepalive", Context::Upstream);
    assert_eq!((keepalive.tier, keepalive.default), (Tier::OpenSource, Some("32 local")));
    assert!(keepalive.arity.allows(2) && !keepalive.arity_in(Version::new(1, 29, 6)).allows(2));
    assert_eq!(keepalive.doc, "/en/docs/http/ngx_http_upstream_module.html#keepalive");
    assert!(!keepalive.exists_in(Version::new(1, 1, 3)) && keepalive.exists_in(Version::new(1, 1, 4)));
    // Backported to 0.6.38, in mainline from 0.8.0: 0.7 never had it.
    let requests = directive("keepalive_requests", Context::Http);
    let has = |minor, patch| requests.exists_in(Version::new(0, minor, patch));
    assert!(!has(6, 37) && has(6, 38) && !has(7, 50) && has(8, 0));
    let ssl = directive("ssl", Context::Server);
    assert_eq!((ssl.obsolete, ssl.removed), (Some(Version::new(1, 15, 0)), Some(Version::new(1, 25, 1))));
    let certificate = directive("proxy_ssl_certificate", Context::Location);
    assert_eq!(certificate.kind, Kind::Complex);
    assert_eq!(certificate.kind_in(Version::new(1, 20, 2)), Kind::String);
}

#[test]
fn other_literal_facts() {
    let level = directive("gzip_comp_level", Context::Http);
    assert_eq!((level.kind, level.bounds), (Kind::Num, Some((1, 9))));
    assert_eq!(directive("add_header", Context::Http).inheritance, Inheritance::Array);
    assert_eq!(directive("deny", Context::Http).inheritance_group, Some("http-access"));
    assert_eq!(directive("user", Context::Main).arity.0, 0b110);
    assert_eq!(directive("user", Context::Main).runtime, Runtime::Executed);
    assert_eq!(directive("root", Context::Server).runtime, Runtime::Executed);
    assert_eq!(directive("error_log", Context::Http).runtime, Runtime::Executed);
    assert_eq!(directive("server", Context::Stream).runtime, Runtime::Executed);
    assert_eq!(directive("slice", Context::Location).runtime, Runtime::Refused);
}

// --- the lookups

#[test]
fn variables_are_found_as_nginx_finds_them() {
    use Subsystem::{Http, Stream};
    let cases = [
        (Http, "uri", Some("uri")),
        (Http, "URI", Some("uri")),
        (Http, "Http_X_Real_IP", Some("http_")),
        (Http, "http_", Some("http_")),
        (Http, "sent_http_x", Some("sent_http_")),
        (Http, "upstream_http_x", Some("upstream_http_")),
        (Http, "upstream_addr", Some("upstream_addr")),
        (Http, "ur", None),
        (Http, "", None),
        (Stream, "uri", None),
        (Stream, "http_host", None),
        (Stream, "ssl_preread_server_name", Some("ssl_preread_server_name")),
    ];
    for (subsystem, name, expected) in cases {
        let found = catalog::variable(subsystem, name.as_bytes());
        assert_eq!(found.map(|variable| variable.name), expected, "{name}");
    }
    for variable in &VARIABLES {
        let found = catalog::variable(variable.subsystem, variable.name.as_bytes()).unwrap();
        assert!(std::ptr::eq(found, variable), "{}", variable.name);
    }
}

#[test]
fn suggestions() {
    let cases = [
        ("proxy_pas", Context::Location, Some("proxy_pass")),
        ("proxy_psas", Context::Location, Some("proxy_pass")),
        ("Proxy-Pass", Context::Location, Some("proxy_pass")),
        ("lisen", Context::Server, Some("listen")),
        ("serverr_name", Context::Server, Some("server_name")),
        ("server_nam", Context::Server, Some("server_name")),
        ("upstrem", Context::Http, Some("upstream")),
        ("sever", Context::Http, Some("server")),
        ("keepalive_request", Context::Upstream, Some("keepalive_requests")),
        ("locaton", Context::Server, Some("location")),
        ("proxy_timeou", Context::StreamServer, Some("proxy_timeout")),
        ("worker_proceses", Context::Main, Some("worker_processes")),
        ("qqqqqqqq", Context::Http, None),
        ("x", Context::Http, None),
    ];
    for (written, context, meant) in cases {
        assert_eq!(catalog::suggest(written.as_bytes(), context), meant, "{written}");
    }
    assert_eq!(catalog::suggest(&vec![b'a'; 1 << 20], Context::Http), None);
    assert_eq!(catalog::suggest(b"\xff\xfe", Context::Http), None);
    assert_eq!(catalog::suggest_variable(Subsystem::Http, b"remote_adr"), Some("remote_addr"));
    assert_eq!(catalog::suggest_variable(Subsystem::Http, b"qqqqqqqq"), None);
    assert_eq!(catalog::closest(b"backnd", ["frontend", "backend"]), Some("backend"));
    assert_eq!(catalog::closest(b"api", ["web", "cdn"]), None);
}

// --- the build script

#[test]
fn the_readme_lists_the_fields_that_are_accepted() {
    let readme = include_str!("../grammar/README.md");
    let cases = [
        ("## Top of a file under directives/", refusal::<entry::Header>()),
        ("## Fields of `[[directive]]`", refusal::<entry::Directive>()),
        ("## Fields of `[[variable]]`", refusal::<entry::Variable>()),
        ("## Fields of versions.toml", refusal::<entry::Change>()),
    ];
    for (heading, accepted) in cases {
        let section = readme.split_once(heading).unwrap_or_else(|| panic!("no {heading}")).1;
        let section = section.split("\n## ").next().unwrap();
        let cells =
            section.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
        let documented: BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        let accepted: BTreeSet<&str> = accepted.split('`').skip(3).step_by(2).collect();
        assert!(accepted.len() > 3, "{accepted:?}");
        assert_eq!(documented, accepted, "{heading}");
    }
    let contexts = readme.lines().find(|line| line.starts_with("| `contexts`")).unwrap();
    for context in Context::ALL {
        assert!(contexts.contains(&format!("`{}`", context.name())), "{}", context.name());
    }
}

/// "unknown field `?`, expected one of `a`, `b` …"
fn refusal<T: serde::de::DeserializeOwned>() -> String {
    match serde_json::from_str::<T>("{\"?\": 1}") {
        Ok(_) => panic!("an unknown field was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_example_of_the_readme_is_an_entry() {
    let readme = include_str!("../grammar/README.md");
    let example = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let mut problems = Vec::new();
    let text = format!("module = \"ngx_http_proxy_module\"\n{example}");
    let entries = read::directives(Path::new("x.toml"), &text, &mut problems);
    assert_eq!((entries.len(), problems), (1, vec![]));
}

#[test]
fn a_wrong_entry_says_where_and_what_was_expected() {
    let cases = [
        ("colour = 1", "directive `x`: unknown field `colour`, expected one of"),
        (
            "contexts = [\"htpp\"]",
            "directive `x`: field `contexts`: `htpp` is no context, expected one of main,",
        ),
        (
            "contexts = \"http\"",
            "directive `x`: invalid type: string \"http\", expected a sequence in `contexts`",
        ),
        (
            "args = \"1-\"",
            "directive `x`: field `args`: `1-`, expected for example `2`, `1-3`, `1,3` or `1+`",
        ),
        ("args = \"3-1\"", "directive `x`: field `args`: `3-1`, expected"),
        (
            "since = \"1.2\"",
            "directive `x`: field `since`: `1.2` is no nginx version; expected three numbers",
        ),
        (
            "body = \"list\"",
            "directive `x`: field `body`: `list`, expected `entries`, `lua` or `directives:`",
        ),
        ("kind = \"flg\"", "directive `x`: unknown variant `flg`, expected one of"),
        ("kind = \"flag\"\ngrammar = \"a b\"", "directive `x`: field `grammar`: stands beside `kind`"),
        ("kind = \"enum\"", "directive `x`: field `words`: missing"),
        ("bounds = [9, 1]", "directive `x`: field `bounds`: 9 is above 1"),
        ("words_since = { a = \"new\" }", "directive `x`: field `words_since`: `new` is no nginx version"),
        (
            "old_args = [{ until = \"1.0.0\", args = \"?\" }]",
            "directive `x`: field `old_args`: `?`, expected",
        ),
        (
            "old_defaults = [{ until = \"1.2.0\" }, { until = \"1.1.0\" }]",
            "directive `x`: field `old_defaults`: out of order",
        ),
        ("runtime = \"done\"", "directive `x`: unknown variant `done`, expected `executed` or `ignored`"),
        ("= 3", "f.toml:4: "),
    ];
    for (line, expected) in cases {
        let contexts = if line.starts_with("contexts") { "" } else { "contexts = [\"http\"]" };
        let text = format!("module = \"m\"\n[[directive]]\nname = \"x\"\n{line}\n{contexts}\n");
        let mut problems = Vec::new();
        let entries = read::directives(Path::new("f.toml"), &text, &mut problems);
        assert!(entries.is_empty(), "{line}");
        assert_eq!(problems.len(), 1, "{line}: {problems:?}");
        assert!(problems[0].starts_with("f.toml") && problems[0].contains(expected), "{line}: {problems:?}");
    }
}

#[test]
fn two_entries_of_one_name_share_no_context() {
    let entry = "[[directive]]\nname = \"x\"\ncontexts = [\"http\", \"server\"]\n";
    let mut problems = Vec::new();
    let text = format!("module = \"m\"\n{entry}{entry}");
    let mut entries = read::directives(Path::new("f.toml"), &text, &mut problems);
    assert_eq!((entries.len(), problems.len()), (2, 0));
    check::sort(&mut entries, &mut problems);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("directive `x`: field `contexts`: shares a context"), "{problems:?}");
}
