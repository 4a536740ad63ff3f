//! Known vulnerabilities: those of a version of nginx that a configuration is exposed to.

use std::sync::LazyLock;

use serde::Deserialize;

use super::levels::{Level as Block, Levels};
use super::pattern::Pattern;
use super::text::{self, Piece};
use super::{levels, sources};
use crate::catalog::Context;
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::source::Span;
use crate::syntax::{Configuration, Directive};
use crate::version::Version;

/// `grammar/advisories.toml`, which the tests read.
static ADVISORIES: LazyLock<Vec<Advisory>> = LazyLock::new(|| {
    let file: Result<File, _> = toml::from_str(include_str!("../../grammar/advisories.toml"));
    file.map(|file| file.advisory).unwrap_or_default()
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    advisory: Vec<Advisory>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advisory {
    name: String,
    level: String,
    since: String,
    fixed: Vec<String>,
    /// All of the lists must hold, of each any entry.
    #[serde(default)]
    when: Vec<Vec<String>>,
    summary: String,
}

impl Advisory {
    /// Whether a version has the fault: not fixed in its own branch, and no newer than the last fix.
    fn affects(&self, version: Version) -> bool {
        let parse = |text: &String| text.parse::<Version>().ok();
        let mut fixed = self.fixed.iter().filter_map(parse);
        let since = parse(&self.since).is_some_and(|since| since <= version);
        since
            && !fixed.any(|fix| {
                let same = (fix.major, fix.minor) == (version.major, version.minor);
                let last = self.fixed.iter().filter_map(parse).all(|other| other <= fix);
                version >= fix && (same || last)
            })
    }

    fn level(&self) -> Level {
        match self.level.as_str() {
            "error" => Level::Error,
            "warning" => Level::Warning,
            _ => Level::Info,
        }
    }
}

/// The vulnerabilities of `version` that a configuration is exposed to, each at the directive that exposes it.
pub fn audit(configuration: &Configuration, version: Version) -> Vec<Diagnostic> {
    let levels = Levels::new(configuration, levels::has_http(configuration));
    let start = configuration.tree(configuration.main).root().directives().next();
    let start = start.map_or(Span::new(configuration.main, 0, 0), Directive::head);
    let mut found: Vec<Diagnostic> = Vec::new();
    for advisory in ADVISORIES.iter().filter(|advisory| advisory.affects(version)) {
        let places: Option<Vec<Span>> =
            advisory.when.iter().map(|any| any.iter().find_map(|trigger| place(&levels, trigger))).collect();
        let Some(places) = places else { continue };
        let first = places.first().copied().unwrap_or(start);
        let message = format!("{} (nginx {version}): {}", advisory.name, advisory.summary);
        let finding = Diagnostic::new(&advisory.name, Class::Rule, advisory.level(), first, message)
            .label(if places.is_empty() { "every configuration is exposed" } else { "exposes it" })
            .help(format!("fixed in nginx {}", advisory.fixed.join(" and ")));
        found.push(
            places.iter().skip(1).fold(finding, |finding, place| finding.related(*place, "takes part")),
        );
    }
    found.sort_by_key(|d| (std::cmp::Reverse(d.level), d.span, d.code));
    found
}

/// Where a trigger holds.
fn place<'a>(levels: &'a Levels<'a>, trigger: &str) -> Option<Span> {
    match trigger {
        "@map-regex" => return map_regex(levels),
        "@unnamed-captures" => return unnamed_captures(levels),
        "@overlapping-captures" => return overlapping_captures(levels),
        "@rewrite-args" => return rewrite_args(levels),
        _ => {}
    }
    let (name, word) = trigger.split_once(' ').unwrap_or((trigger, ""));
    let holds = |directive: &Directive<'_>| match (word, word.strip_suffix('*')) {
        ("", _) => !directive.arg(0).is_some_and(|w| w.is("off")),
        (_, Some(prefix)) => directive.args().any(|w| w.value().starts_with(prefix.as_bytes())),
        (_, None) => directive.args().any(|w| w.value().eq_ignore_ascii_case(word.as_bytes())),
    };
    levels.named(name).map(|(_, directive)| directive).find(holds).map(Directive::head)
}

/// A `map` with a pattern that captures.
fn map_regex<'a>(levels: &'a Levels<'a>) -> Option<Span> {
    let captures = |entry: &Directive<'_>| {
        let key = entry.name().value();
        key.starts_with(b"~") && has_unnamed_group(&key)
    };
    levels.http("map").find_map(|(_, map)| map.block()?.directives().find(captures).map(Directive::head))
}

fn has_unnamed_group(pattern: &[u8]) -> bool {
    (0..pattern.len()).any(|at| {
        let escaped = at > 0 && pattern[at - 1] == b'\\';
        pattern[at] == b'(' && !escaped && pattern.get(at + 1) != Some(&b'?')
    })
}

fn unnamed_captures<'a>(levels: &'a Levels<'a>) -> Option<Span> {
    let locations =
        levels.http("location").filter_map(|(_, head)| Some((head, sources::regex_of_location(head)?.0)));
    let rewrites = levels.http("rewrite").filter_map(|(_, d)| Some((d, d.arg(0)?.value().into_owned())));
    locations.chain(rewrites).find(|(_, pattern)| has_unnamed_group(pattern)).map(|(d, _)| d.head())
}

/// A redirecting `rewrite`, or one with arguments, that uses two groups of which one contains the other.
fn overlapping_captures<'a>(levels: &'a Levels<'a>) -> Option<Span> {
    levels.http("rewrite").map(|(_, d)| d).find_map(|rewrite| {
        let (pattern, to) = (rewrite.arg(0)?.value().into_owned(), rewrite.arg(1)?.value().into_owned());
        let pieces = text::pieces(&to);
        let used: Vec<u8> =
            pieces.iter().filter_map(|p| if let Piece::Capture(n) = p { Some(*n) } else { None }).collect();
        let repeated = used.iter().enumerate().any(|(at, n)| used[..at].contains(n));
        let plain = !pieces.iter().any(|p| matches!(p, Piece::Variable(_))) && !repeated;
        let flag = rewrite.arg(2).is_some_and(|w| w.is("redirect") || w.is("permanent"));
        let escapes = flag || to.starts_with(b"http://") || to.starts_with(b"https://") || to.contains(&b'?');
        let pattern = Pattern::new(&pattern, false).filter(|_| plain && escapes)?;
        let nested = used.iter().any(|outer| {
            let group = pattern.group(u32::from(*outer));
            group.is_some_and(|g| {
                let inside = g.properties().explicit_captures_len();
                used.iter().any(|inner| inner > outer && usize::from(inner - outer) <= inside)
            })
        });
        nested.then(|| rewrite.head())
    })
}

/// A `rewrite` whose replacement has arguments, and after it a capture that is used in the same block.
fn rewrite_args<'a>(levels: &'a Levels<'a>) -> Option<Span> {
    levels.http("rewrite").find_map(|(level, rewrite)| {
        let to = rewrite.arg(1)?.value().into_owned();
        let ends = rewrite.arg(2).is_some() || to.starts_with(b"http") || to.starts_with(b"$scheme");
        if !to.contains(&b'?') || ends {
            return None;
        }
        let uses = |d: &Directive<'_>| {
            let name = d.name();
            let takes = name.is("set") || name.is("rewrite") || name.is("if");
            takes && d.args().any(|w| text::pieces(&w.value()).iter().any(|p| matches!(p, Piece::Capture(_))))
        };
        later(level, rewrite).iter().any(uses).then(|| rewrite.head())
    })
}

/// What runs after a directive in its block, those of inner `if`s included, and after the block if that is an `if`.
fn later<'a>(level: Block<'a>, after: Directive<'a>) -> Vec<Directive<'a>> {
    let position = level.directives().iter().position(|d| d.id() == after.id()).map_or(0, |at| at + 1);
    let mut all = Vec::new();
    for directive in &level.directives()[position..] {
        all.push(*directive);
        let inside = directive.block().filter(|_| directive.name().is("if"));
        all.extend(inside.into_iter().flat_map(crate::syntax::Block::directives));
        if directive.name().is("return") {
            return all;
        }
    }
    if matches!(level.context(), Context::IfInLocation | Context::IfInServer)
        && let (Some(outer), Some(head)) = (level.outer(), level.head())
    {
        all.extend(later(outer, head));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Memory;
    use crate::syntax::{LoadOptions, load};

    fn names(text: &str, version: &str) -> Vec<&'static str> {
        let files = Memory::default().with("nginx.conf", text);
        let configuration = load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap();
        let mut names: Vec<_> =
            audit(&configuration, version.parse().unwrap()).iter().map(|d| d.code).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_table_is_read_and_every_trigger_is_a_directive() {
        let file: File = toml::from_str(include_str!("../../grammar/advisories.toml")).unwrap();
        assert!(file.advisory.len() > 40);
        for advisory in &file.advisory {
            assert!(
                advisory.since.parse::<Version>().is_ok() && !advisory.fixed.is_empty(),
                "{}",
                advisory.name
            );
            assert!(["error", "warning", "info"].contains(&advisory.level.as_str()), "{}", advisory.name);
            for trigger in advisory.when.iter().flatten().filter(|t| !t.starts_with('@')) {
                let name = trigger.split(' ').next().unwrap();
                assert!(!crate::catalog::directives(name.as_bytes()).is_empty(), "{trigger}");
            }
        }
    }

    #[test]
    fn versions_are_sets_of_ranges() {
        let mp4 = "events { } http { server { location / { mp4; } } }";
        let cases: &[(&str, &[&str])] = &[
            ("1.31.5", &[]),
            ("1.28.3", &[]),
            ("1.28.2", &["CVE-2026-27784", "CVE-2026-32647"]),
            ("1.29.6", &["CVE-2026-27784", "CVE-2026-32647"]),
            ("1.26.1", &["CVE-2024-7347", "CVE-2026-27784", "CVE-2026-32647"]),
            ("1.26.2", &["CVE-2026-27784", "CVE-2026-32647"]),
        ];
        for (version, expected) in cases {
            assert_eq!(names(mp4, version), *expected, "{version}");
        }
    }

    #[test]
    fn only_what_the_configuration_exposes_is_reported() {
        let cases: &[(&str, &[&str])] = &[
            ("rewrite ^/a/(.*)$ /b?x=1; set $y $1;", &["CVE-2026-42945"]),
            ("rewrite ^/a/(.*)$ /b?x=1 last; set $y $1;", &[]),
            ("if ($a) { rewrite ^/a/(.*)$ /b?x=1; } rewrite ^ /$1;", &["CVE-2026-42945"]),
            ("rewrite ^/((a)b)$ /$1/$2 permanent;", &["CVE-2026-9256"]),
            ("rewrite ^/(a)(b)$ /$1/$2 permanent;", &[]),
            ("ssl_verify_client off; mp4_buffer_size 1m;", &[]),
        ];
        for (inside, expected) in cases {
            let text = format!("events {{ }} http {{ server {{ {inside} }} }}");
            assert_eq!(names(&text, "1.30.0"), *expected, "{inside}");
        }
    }
}
