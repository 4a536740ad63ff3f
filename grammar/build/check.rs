//! Checks entries: every version, context, number of arguments and body is one that exists.

use std::fmt;

use super::context::{Context, Contexts};
use super::entry::{Change, Directive, Duplicate, Header, Inheritance, Kind, Tier, Variable, Versions};
use super::version::Version;

/// Place of an entry: file and name.
pub struct Place {
    file: String,
    entry: String,
}

pub struct CheckedDirective {
    pub entry: Directive,
    pub module: String,
    pub project: String,
    pub tier: Tier,
    pub contexts: Contexts,
    pub contexts_since: Vec<(Context, Version)>,
    pub contexts_until: Vec<(Context, Version)>,
    pub arity: u16,
    pub plus_arity: Option<u16>,
    pub old_arities: Vec<(Version, u16)>,
    pub body: Body,
    pub duplicate: Duplicate,
    pub inheritance: Inheritance,
    pub doc: String,
    file: String,
}

pub struct CheckedVariable {
    pub entry: Variable,
    pub tier: Tier,
}

pub struct CheckedVersions {
    pub newest: Version,
    pub date: String,
    pub releases: Vec<Version>,
    pub changes: Vec<Change>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    None,
    Directives(Context),
    Entries,
    Lua,
}

impl Place {
    pub fn new(file: &str, list: &str, name: Option<&str>, position: usize) -> Self {
        let entry = match name {
            Some(name) => format!("{list} `{name}`"),
            None => format!("{list} number {}", position + 1),
        };
        Self { file: file.to_owned(), entry }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.entry)
    }
}

/// An entry of a file with this header; `tier` is the file's.
pub fn directive(
    place: &Place,
    header: &Header,
    tier: Tier,
    entry: Directive,
    problems: &mut Vec<String>,
) -> Option<CheckedDirective> {
    let before = problems.len();
    let mut wrong = |field: &str, what: String| problems.push(format!("{place}: field `{field}`: {what}"));

    let module = entry.module.clone().or_else(|| header.module.clone()).unwrap_or_default();
    if module.is_empty() {
        wrong("module", "missing; expected here or at the top of the file".to_owned());
    }
    let tier = entry.tier.unwrap_or(tier);
    if entry.name.is_empty() || !entry.name.bytes().all(|b| b.is_ascii_graphic()) {
        wrong("name", format!("`{}`, expected visible ASCII characters", entry.name));
    }
    if entry.kind.is_some() && entry.grammar.is_some() {
        wrong("grammar", "stands beside `kind`, expected one of the two".to_owned());
    }
    if matches!(entry.kind, Some(Kind::Enum | Kind::Bitmask)) && entry.words.is_empty() {
        wrong("words", "missing; an enum or a bitmask has some".to_owned());
    }

    let mut contexts = 0;
    for name in &entry.contexts {
        contexts |= context(name).map_or_else(|what| (wrong("contexts", what), 0).1, |c| 1 << c as u32);
    }
    if entry.contexts.is_empty() {
        wrong("contexts", "empty, expected at least one".to_owned());
    }
    let mut by_context = |field: &str, map: &std::collections::BTreeMap<String, String>| {
        let mut list = Vec::new();
        for (name, since) in map {
            match (context(name), since.parse()) {
                (Ok(context), Ok(version)) => list.push((context, version)),
                (Err(what), _) | (_, Err(what)) => wrong(field, what),
            }
        }
        list
    };
    let contexts_since = by_context("contexts_since", &entry.contexts_since);
    let contexts_until = by_context("contexts_until", &entry.contexts_until);

    let arity = arity(entry.args.as_deref().unwrap_or("1")).unwrap_or_else(|what| (wrong("args", what), 0).1);
    let plus_arity = entry.plus_args.as_deref().and_then(|args| match self::arity(args) {
        Ok(arity) => Some(arity),
        Err(what) => (wrong("plus_args", what), None).1,
    });
    let mut old_arities = Vec::new();
    for old in &entry.old_args {
        match (old.until.parse(), self::arity(&old.args)) {
            (Ok(until), Ok(arity)) => old_arities.push((until, arity)),
            (Err(what), _) | (_, Err(what)) => wrong("old_args", what),
        }
    }
    let body = entry.body.as_deref().map_or(Ok(Body::None), body).unwrap_or_else(|what| {
        wrong("body", what);
        Body::None
    });

    for (field, version) in versions_of(&entry) {
        if let Err(what) = version.parse::<Version>() {
            wrong(field, what);
        }
    }
    ascending("old_defaults", entry.old_defaults.iter().map(|old| &old.until), &mut wrong);
    ascending("old_args", entry.old_args.iter().map(|old| &old.until), &mut wrong);
    ascending("old_kinds", entry.old_kinds.iter().map(|old| &old.until), &mut wrong);
    if let Some((least, most)) = entry.bounds
        && least > most
    {
        wrong("bounds", format!("{least} is above {most}, expected the smaller number first"));
    }

    let doc = match (&entry.doc, &header.doc) {
        (Some(own), _) => own.clone(),
        (None, Some(page)) => format!("{page}#{}", entry.name),
        (None, None) => String::new(),
    };
    let known = entry.removed.is_none();
    let duplicate = if tier == Tier::OpenSource && known { Duplicate::Reject } else { Duplicate::Unknown };
    let inheritance =
        if tier != Tier::ThirdParty && known { Inheritance::Override } else { Inheritance::Unknown };
    (problems.len() == before).then(|| CheckedDirective {
        module,
        project: header.project.clone().unwrap_or_default(),
        tier,
        contexts: Contexts(contexts),
        contexts_since,
        contexts_until,
        arity,
        plus_arity,
        old_arities,
        body,
        duplicate: entry.duplicate.unwrap_or(duplicate),
        inheritance: entry.inherit.unwrap_or(inheritance),
        doc,
        file: place.file.clone(),
        entry,
    })
}

/// Orders the entries for the table and refuses two of nginx's own that could both be meant in one place.
pub fn sort(directives: &mut [CheckedDirective], problems: &mut Vec<String>) {
    directives.sort_by(|a, b| {
        let order = |d: &CheckedDirective| (d.tier, d.module.clone(), d.project.clone(), d.contexts.0);
        a.entry.name.cmp(&b.entry.name).then_with(|| order(a).cmp(&order(b)))
    });
    for (position, one) in directives.iter().enumerate() {
        let same_name = directives[position + 1..].iter().take_while(|d| d.entry.name == one.entry.name);
        for other in same_name {
            let current =
                [one, other].iter().all(|d| d.tier != Tier::ThirdParty && d.entry.removed.is_none());
            if current && one.contexts.0 & other.contexts.0 != 0 {
                problems.push(format!(
                    "{}: directive `{}`: field `contexts`: shares a context with the entry in {}, expected none",
                    other.file, other.entry.name, one.file
                ));
            }
        }
    }
}

pub fn variable(place: &Place, entry: Variable, problems: &mut Vec<String>) -> Option<CheckedVariable> {
    let before = problems.len();
    if let Some(Err(what)) = entry.since.as_deref().map(str::parse::<Version>) {
        problems.push(format!("{place}: field `since`: {what}"));
    }
    // nginx lower-cases names before it compares them (ngx_http_add_variable).
    if entry.name.is_empty() || entry.name.bytes().any(|b| !matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')) {
        problems.push(format!("{place}: field `name`: expected lower-case letters, digits and `_`"));
    }
    if entry.prefix && !entry.name.ends_with('_') {
        problems.push(format!("{place}: field `prefix`: expected a name that ends in `_`"));
    }
    let tier = entry.tier.unwrap_or(Tier::OpenSource);
    (problems.len() == before).then_some(CheckedVariable { entry, tier })
}

pub fn versions(place: &Place, entry: Versions, problems: &mut Vec<String>) -> Option<CheckedVersions> {
    let mut releases = Vec::new();
    for (branch, patches) in &entry.releases {
        match self::releases(branch, patches) {
            Some(list) => releases.extend(list),
            None => problems.push(format!(
                "{place}: field `releases`: `{branch}` = `{patches}`, expected for example `1.29` = `0-8` or `0,2-9`"
            )),
        }
    }
    releases.sort_unstable();
    for change in &entry.change {
        if let Err(what) = change.version.parse::<Version>() {
            problems.push(format!("{place}: field `change.version`: {what}"));
        }
    }
    match entry.newest.parse() {
        Ok(newest) => Some(CheckedVersions { newest, date: entry.date, releases, changes: entry.change }),
        Err(what) => {
            problems.push(format!("{place}: field `newest`: {what}"));
            None
        }
    }
}

fn versions_of(entry: &Directive) -> impl Iterator<Item = (&'static str, &String)> {
    let single = [
        ("since", &entry.since),
        ("backported", &entry.backported),
        ("plus_only_before", &entry.plus_only_before),
        ("obsolete", &entry.obsolete),
        ("removed", &entry.removed),
    ];
    let lists = entry.words_since.values().map(|v| ("words_since", v));
    let lists = lists.chain(entry.words_obsolete.iter().map(|word| ("words_obsolete", &word.since)));
    let lists = lists.chain(entry.old_defaults.iter().map(|old| ("old_defaults", &old.until)));
    let lists = lists.chain(entry.old_kinds.iter().map(|old| ("old_kinds", &old.until)));
    single.into_iter().filter_map(|(field, version)| version.as_ref().map(|v| (field, v))).chain(lists)
}

fn ascending<'a>(
    field: &str,
    versions: impl Iterator<Item = &'a String>,
    wrong: &mut impl FnMut(&str, String),
) {
    let versions: Vec<Version> = versions.filter_map(|v| v.parse().ok()).collect();
    if !versions.is_sorted() {
        wrong(field, "out of order, expected the oldest first".to_owned());
    }
}

fn context(name: &str) -> Result<Context, String> {
    Context::ALL.into_iter().find(|context| context.name() == name).ok_or_else(|| {
        let all: Vec<_> = Context::ALL.iter().map(|context| context.name()).collect();
        format!("`{name}` is no context, expected one of {}", all.join(", "))
    })
}

/// `2`, `1-3`, `1,3`, `1+` as a bit set; see `catalog::Arity`.
pub fn arity(text: &str) -> Result<u16, String> {
    let number = |digits: &str| digits.parse::<u32>().ok().filter(|&n| n < 15);
    let part = |part: &str| -> Option<u16> {
        let (first, last) = match (part.strip_suffix('+'), part.split_once('-')) {
            (Some(first), _) => (number(first)?, 15),
            (_, Some((first, last))) => (number(first)?, number(last)?),
            _ => (number(part)?, number(part)?),
        };
        (first <= last).then(|| (first..=last).fold(0, |bits, n| bits | 1 << n))
    };
    text.split(',')
        .try_fold(0, |bits, text| Some(bits | part(text)?))
        .ok_or_else(|| format!("`{text}`, expected for example `2`, `1-3`, `1,3` or `1+`, below 15"))
}

fn body(text: &str) -> Result<Body, String> {
    match (text, text.strip_prefix("directives:")) {
        (_, Some(name)) => context(name).map(Body::Directives),
        ("entries", _) => Ok(Body::Entries),
        ("lua", _) => Ok(Body::Lua),
        _ => Err(format!("`{text}`, expected `entries`, `lua` or `directives:` and a context")),
    }
}

fn releases(branch: &str, patches: &str) -> Option<Vec<Version>> {
    let (major, minor) = branch.split_once('.')?;
    let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
    let mut releases = Vec::new();
    for part in patches.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
        releases.extend((first..=last).map(|patch| Version::new(major, minor, patch)));
    }
    Some(releases)
}
