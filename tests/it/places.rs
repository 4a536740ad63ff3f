//! Places of a setting do not matter: each rule's bad examples are linted with every directive in an included file, and with
//! the offending settings one level up.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ops::Range;

use ngxc::lint::{RULES, Rule};
use ngxc::source::Memory;
use ngxc::syntax::{self, Directive, LoadOptions};
use ngxc::version::Version;

use crate::common::examples::{Example, examples, lint_files};

/// A place: a file and an offset in it.
type Place = (String, usize);

/// Blocks in which nginx knows no `include`: their entries are no directives.
const WITHOUT_INCLUDE: &[&str] = &["split_clients"];

/// Places of a rule's findings; `None`: nginx refuses the text.
fn places(rule: &Rule, files: &[(&str, &str)], main: bool, version: Version) -> Option<Vec<Place>> {
    let (configuration, found) = lint_files(files, main, version).ok()?;
    let own = found.iter().filter(|d| d.code == rule.name);
    let mut places: Vec<Place> = own
        .map(|d| {
            let file = configuration.sources.file(d.span.file);
            (file.path.to_string_lossy().into_owned(), d.span.start as usize)
        })
        .collect();
    places.sort();
    places.dedup();
    Some(places)
}

/// Every directive of a text, with the name of the block that it stands in and the place of that.
struct Piece {
    name: String,
    range: Range<usize>,
    outer: Option<(String, Range<usize>)>,
}

fn pieces(text: &str) -> Vec<Piece> {
    let files = Memory::default().with("nginx.conf", text);
    let configuration = syntax::load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap();
    let tree = configuration.tree(configuration.main);
    let named = |d: Directive<'_>| (d.name().to_string(), d.span().range());
    let blocks: Vec<_> = tree.directives().filter(|d| d.block().is_some()).map(named).collect();
    let all = tree.directives().map(named);
    all.map(|(name, range)| {
        let around = blocks.iter().filter(|(_, b)| b.start < range.start && range.end < b.end);
        let outer = around.max_by_key(|(_, b)| b.start).cloned();
        Piece { name, range, outer }
    })
    .collect()
}

#[test]
fn a_directive_in_an_included_file_is_judged_as_where_it_is_included() {
    const INCLUDE: &str = "include part.conf;";
    let mut wrong = Vec::new();
    let mut tried = 0;
    for rule in RULES {
        for Example { main, versions, text, .. } in examples(rule).iter().filter(|e| e.bad) {
            let version = *versions.last().unwrap();
            let before = places(rule, &[("nginx.conf", text)], *main, version).unwrap();
            for Piece { name, range, outer } in pieces(text) {
                let known = outer.is_none_or(|(block, _)| !WITHOUT_INCLUDE.contains(&block.as_str()));
                // The odd one of two spellings depends on the order in which files are read.
                if !known || rule.name == "mixed-case-variable" {
                    continue;
                }
                let part = &text[range.clone()];
                let rest = format!("{}{INCLUDE}{}", &text[..range.start], &text[range.end..]);
                let mut expected: Vec<Place> = before
                    .iter()
                    .map(|(file, at)| match *at {
                        at if at < range.start => (file.clone(), at),
                        at if at < range.end => ("part.conf".to_owned(), at - range.start),
                        at => (file.clone(), at - range.len() + INCLUDE.len()),
                    })
                    .collect();
                expected.sort();
                let found = places(rule, &[("nginx.conf", &rest), ("part.conf", part)], *main, version);
                tried += 1;
                if found.as_ref() != Some(&expected) {
                    wrong.push(format!(
                        "{}: {name} included:\n{rest}\nexpected {expected:?}, found {found:?}",
                        rule.name
                    ));
                }
            }
        }
    }
    assert!(tried > 400, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Directives with another meaning one level up: rule, directive, the block that it is moved out of, and the reason.
const ANOTHER_MEANING: &[(&str, &str, &str, &str)] = &[
    ("allow-without-deny", "allow", "location", "joins the `deny` of the server"),
    ("capture-overwritten", "if", "location", "the pattern of the location is compared after it"),
    ("connection-header-lost", "proxy_set_header", "location", "nothing replaces the outer list any more"),
    ("connection-upgrade-constant", "proxy_set_header", "location", "the other header replaces it"),
    ("directive-inheritance", "fastcgi_param", "location", "nothing replaces the outer list any more"),
    ("header-redefinition", "add_header", "if", "nothing replaces the outer list any more"),
    ("header-redefinition", "add_header", "location", "nothing replaces the outer list any more"),
    ("http-splitting", "return", "location", "the pattern of the location gives it no group there"),
    ("if-in-location", "add_header", "if", "the `if` has nothing of its own any more"),
    ("if-in-location", "if", "location", "an `if` of a server is not a location"),
    ("if-in-location", "try_files", "location", "the location has a handler of its own"),
    ("open-redirect", "return", "location", "the pattern of the location gives it no group there"),
    ("pool-settings-without-pool", "keepalive_timeout", "upstream", "speaks of clients there"),
    (
        "proxy-set-header-redefinition",
        "proxy_set_header",
        "location",
        "nothing replaces the outer list any more",
    ),
    ("return-bypasses-acl", "deny", "location", "the `allow` of the location alone denies nobody"),
    ("return-bypasses-acl", "return", "location", "the location is not reached any more"),
    ("return-bypasses-acl", "rewrite", "location", "the location is not reached any more"),
    ("rewrite-to-itself", "rewrite", "location", "those of a server are executed once"),
    ("root-in-location", "root", "location", "that is where it belongs"),
    ("ssrf", "set", "location", "the pattern of the location gives it no group there"),
    ("try-files-with-proxy", "try_files", "location", "is not inherited by locations"),
    ("upgrade-headers-lost", "proxy_set_header", "location", "nothing replaces the outer list any more"),
    ("upstream-keepalive-requests-low", "keepalive_requests", "upstream", "speaks of clients there"),
    ("upstream-keepalive-timeout-zero", "keepalive_timeout", "upstream", "speaks of clients there"),
    ("websocket-map-closes", "proxy_set_header", "location", "the other header replaces it"),
];

#[test]
fn a_setting_one_level_up_is_judged_where_it_is_inherited() {
    let (mut wrong, mut same) = (Vec::new(), 0);
    let mut met = vec![false; ANOTHER_MEANING.len()];
    for rule in RULES {
        for Example { main, versions, text, .. } in examples(rule).iter().filter(|e| e.bad) {
            let version = *versions.last().unwrap();
            let before = places(rule, &[("nginx.conf", text)], *main, version).unwrap();
            for Piece { name, range, outer } in pieces(text) {
                let Some((block, around)) = outer else { continue };
                let part = &text[range.clone()];
                let inside = &text[around.start..range.start];
                let moved = format!("{}{part} {inside}{}", &text[..around.start], &text[range.end..]);
                // Directives that nginx refuses in the outer block cannot be compared.
                let Some(found) = places(rule, &[("nginx.conf", &moved)], *main, version) else { continue };
                let move_place = |at: usize| match at {
                    at if at < around.start => at,
                    at if at < range.start => at + part.len() + 1,
                    at if at < range.end => at - range.start + around.start,
                    at => at + 1,
                };
                let mut expected: Vec<Place> =
                    before.iter().map(|(file, at)| (file.clone(), move_place(*at))).collect();
                expected.sort();
                let exception =
                    ANOTHER_MEANING.iter().position(|e| (e.0, e.1, e.2) == (rule.name, &name, &block));
                if found == expected {
                    same += 1;
                } else if let Some(at) = exception {
                    met[at] = true;
                } else {
                    wrong.push(format!(
                        "{}: `{name}` out of `{block}`:\n{moved}\nexpected {expected:?}, found {found:?}",
                        rule.name
                    ));
                }
            }
        }
    }
    assert!(same > 140, "{same}");
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    let idle: Vec<_> = ANOTHER_MEANING.iter().zip(&met).filter(|(_, met)| !**met).map(|(e, _)| e).collect();
    assert!(idle.is_empty(), "no exceptions: {idle:?}");
}
