//! A foreign origin that a pattern admits, found by asking an automaton of the pattern.
//!
//! Members of the pattern's language give the hosts that its author meant; each is changed as an attacker would, and
//! what still matches is the witness.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::pattern::{self, Pattern};

/// The way in which a foreign host gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostBypass {
    /// The host goes on behind what is named.
    Behind,
    /// Something stands before what is named.
    Before,
    /// A dot that is any character.
    Dot,
}

/// The most members that are looked at, and their longest in bytes.
const MEMBERS: usize = 64;
const LENGTH: usize = 256;

/// A page of a stranger that the pattern admits because it names a host in its path.
pub(super) fn foreign_page(pattern: &Pattern) -> Option<String> {
    let members = members(pattern.hir(), false);
    let texts = members.iter().filter(|member| names_host(member)).map(|member| {
        let text: String = member.iter().map(|(byte, _)| char::from(*byte)).collect();
        format!("https://stranger.net/{text}")
    });
    texts.into_iter().find(|text| pattern.is_match(text.as_bytes()) == Some(true))
}

/// True if a pattern wants a path behind the host, which no origin has.
pub(super) fn wants_path(pattern: &Pattern) -> bool {
    let members = members(pattern.hir(), false);
    let has_path = |member: &Vec<Byte>| {
        let text: String = member.iter().map(|(byte, _)| char::from(*byte)).collect();
        text.split_once("://").is_some_and(|(_, rest)| rest.contains('/'))
    };
    !members.is_empty() && members.len() < MEMBERS && members.iter().all(has_path)
}

/// True if a pattern wants the host at the very start, before which every origin has its scheme.
pub(super) fn lacks_scheme(pattern: &Pattern) -> bool {
    let members = members(pattern.hir(), false);
    let refuses = |member: &Vec<Byte>| {
        let text: String = member.iter().map(|(byte, _)| char::from(*byte)).collect();
        let admits = |text: String| pattern.is_match(text.as_bytes()) != Some(false);
        names_host(member)
            && !text.contains("://")
            && !admits(format!("https://{text}"))
            && !admits(format!("http://{text}"))
    };
    pattern.is_anchored() && !members.is_empty() && members.len() < MEMBERS && members.iter().all(refuses)
}

/// True if what a pattern names has a host in it: a label, a dot and another; or `localhost`.
fn names_host(member: &[Byte]) -> bool {
    let spelled: Vec<u8> =
        member.iter().map(|(byte, spelled)| if *spelled || *byte == b'.' { *byte } else { b' ' }).collect();
    let between =
        |pair: &[u8]| pair[0].is_ascii_alphanumeric() && pair[1] == b'.' && pair[2].is_ascii_alphanumeric();
    let ending = spelled.rsplit(|b| *b == b'.').next().unwrap_or_default();
    // A page is no host.
    let is_page = [&b"php"[..], b"html", b"htm", b"asp", b"aspx", b"jsp", b"cgi"]
        .iter()
        .any(|end| ending.starts_with(end));
    spelled.windows(3).any(between) && !is_page || spelled.windows(9).any(|text| text == b"localhost")
}

/// The origin as an attacker would have it.
type Change = fn(&Origin) -> Option<String>;

/// A byte of a member, and whether the pattern spells it out.
type Byte = (u8, bool);

/// A foreign origin that the pattern admits, and how; `None` if there is none, or none that this finds.
pub(super) fn foreign(pattern: &Pattern) -> Option<(HostBypass, String)> {
    let admits = |text: &str| pattern.is_match(text.as_bytes()) == Some(true);
    let members = members(pattern.hir(), false);
    let named = members.iter().filter(|member| names_host(member));
    let members: Vec<Origin> = named.filter_map(|member| Origin::new(member)).collect();
    let ways: [(HostBypass, Change); 3] =
        [(HostBypass::Behind, behind), (HostBypass::Before, before), (HostBypass::Dot, dot)];
    ways.iter().find_map(|(way, change)| {
        let mut changed = members.iter().filter(|origin| origin.host.len() > 1).filter_map(change);
        Some((*way, changed.find(|text| admits(text))?))
    })
}

/// An origin that the pattern admits.
struct Origin {
    scheme: String,
    host: Vec<Byte>,
    /// The text that the pattern wants behind the host: a port, a path.
    rest: String,
}

impl Origin {
    /// Completes what a pattern names to an origin; `None` without a host.
    fn new(member: &[Byte]) -> Option<Self> {
        let text: String = member.iter().map(|(byte, _)| char::from(*byte)).collect();
        let (scheme, start) = match text.find("://") {
            Some(at) => (text[..at].to_owned(), at + 3),
            None => ("https".to_owned(), if text.starts_with("//") { 2 } else { 0 }),
        };
        let scheme = if matches!(scheme.as_str(), "http" | "https") { scheme } else { "https".to_owned() };
        let left = member.get(start..)?;
        let end = left.iter().position(|(byte, _)| b"/:?#".contains(byte)).unwrap_or(left.len());
        let mut host = left[..end].to_vec();
        if host.first().is_some_and(|(byte, _)| *byte == b'.') {
            host.insert(0, (b'a', false));
        }
        let valid = |(byte, _): &Byte| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
        (!host.is_empty() && host.iter().all(valid)).then(|| Self {
            scheme,
            host,
            rest: left[end..].iter().map(|(byte, _)| char::from(*byte)).collect(),
        })
    }

    fn with(&self, host: &str) -> String {
        format!("{}://{host}{}", self.scheme, self.rest)
    }

    fn text(&self) -> String {
        self.host.iter().map(|(byte, _)| char::from(*byte)).collect()
    }
}

fn behind(origin: &Origin) -> Option<String> {
    let last = origin.host.last()?;
    // A host that ends in something open was not meant to end there.
    last.1.then(|| origin.with(&format!("{}.evil.net", origin.text())))
}

fn before(origin: &Origin) -> Option<String> {
    let open = origin.host.iter().rposition(|(_, spelled)| !spelled).map_or(0, |at| at + 1);
    let text = origin.text();
    let named = text.get(open..)?;
    // Before a dot there are only names of the same domain.
    let is_whole = named.contains('.') && !named.starts_with('.');
    is_whole.then(|| origin.with(&format!("{}evil{named}", &text[..open])))
}

fn dot(origin: &Origin) -> Option<String> {
    let text = origin.text();
    let labels: Vec<&str> = text.split('.').collect();
    // The dot before the registered name: two labels behind it, or three as in `example.co.uk`.
    let is_second_level = |label: &&str| label.len() <= 3;
    let registered = match labels.as_slice() {
        [.., _, second, top] if top.len() == 2 && is_second_level(second) => 3,
        _ => 2,
    };
    let cut = labels.len().checked_sub(registered).filter(|cut| *cut > 0)?;
    let at = labels[..cut].join(".").len();
    let is_open = origin.host.get(at).is_some_and(|(_, spelled)| !spelled);
    is_open.then(|| origin.with(&format!("{}x{}", &text[..at], &text[at + 1..])))
}

/// Members of a language: of each choice one, of what may be left out both.
fn members(hir: &Hir, repeated: bool) -> Vec<Vec<Byte>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![Vec::new()],
        HirKind::Literal(literal) => vec![literal.0.iter().map(|byte| (*byte, true)).collect()],
        HirKind::Class(class) => member_of(class, repeated).map(|byte| vec![byte]).into_iter().collect(),
        HirKind::Capture(group) => members(&group.sub, repeated),
        HirKind::Repetition(repetition) => {
            let times = repetition.min.max(1) as usize;
            let once = members(&repetition.sub, true);
            let mut found: Vec<_> =
                once.iter().map(|one| one.repeat(times.min(LENGTH / one.len().max(1)))).collect();
            if repetition.min == 0 {
                found.insert(0, Vec::new());
            }
            found.truncate(MEMBERS);
            found
        }
        HirKind::Concat(parts) => {
            let mut found = vec![Vec::new()];
            for part in parts {
                let next = members(part, repeated);
                let joined =
                    found.iter().flat_map(|head| next.iter().map(move |tail| [&head[..], tail].concat()));
                found = joined.filter(|member| member.len() <= LENGTH).take(MEMBERS).collect();
            }
            found
        }
        HirKind::Alternation(parts) => {
            parts.iter().flat_map(|part| members(part, repeated)).take(MEMBERS).collect()
        }
    }
}

/// The byte that represents a class: a literal dot where `.` was meant, or a letter.
fn member_of(class: &Class, repeated: bool) -> Option<Byte> {
    let bytes: Vec<u8> = pattern::class_bytes(class).collect();
    let has = |byte: u8| bytes.contains(&byte);
    let size = bytes.len();
    let letter = (b'a'..=b'z').chain(b'0'..=b'9').chain(b'A'..=b'Z').find(|byte| has(*byte));
    let byte = if size > 200 && !repeated { b'.' } else { letter.or(bytes.first().copied())? };
    // A letter of either case is spelled out.
    let spelled = size == 1 || size == 2 && has(byte.to_ascii_lowercase()) && has(byte.to_ascii_uppercase());
    Some((byte, spelled && byte.is_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_its_witness() {
        let cases: &[(&str, Option<(HostBypass, &str)>)] = &[
            (r"^https://(www\.)?example\.com$", None),
            (r"^https?://([a-z0-9-]+\.)*example\.com(:\d+)?$", None),
            (r"^https://.*\.example\.com$", None),
            (r"^https://.+\.example\.com(/|$)", None),
            (r"^https?://localhost(:[0-9]+)?$", None),
            (r"^https://api.v1\.example\.com$", None),
            (r"\.example\.com$", None),
            (r"^https://example\.com", Some((HostBypass::Behind, "https://example.com.evil.net"))),
            (r"^http://localhost", Some((HostBypass::Behind, "http://localhost.evil.net"))),
            (r"example\.com", Some((HostBypass::Behind, "https://example.com.evil.net"))),
            (r"example\.com$", Some((HostBypass::Before, "https://evilexample.com"))),
            (r"^https://[a-z]*example\.com$", Some((HostBypass::Before, "https://evilexample.com"))),
            (r"^https?://.*example\.com(:443)?$", Some((HostBypass::Before, "http://evilexample.com"))),
            (r"^https://www.example\.com$", Some((HostBypass::Dot, "https://wwwxexample.com"))),
            (r"^https://www.example.co.uk$", Some((HostBypass::Dot, "https://wwwxexample.co.uk"))),
            (r"^https://(a\.example\.org|b.example\.org)$", Some((HostBypass::Dot, "https://bxexample.org"))),
        ];
        for (text, expected) in cases {
            let pattern = Pattern::new(text.as_bytes(), false).unwrap();
            let found = foreign(&pattern);
            let found = found.as_ref().map(|(way, witness)| (*way, witness.as_str()));
            assert_eq!(found, *expected, "{text}");
        }
    }

    #[test]
    fn members_are_bounded() {
        let pattern = Pattern::new(b"^(a|b|c|d){9}(e|f)*[g-z]{300}x\\.y$", false).unwrap();
        assert!(members(pattern.hir(), false).len() <= MEMBERS);
        foreign(&pattern);
    }
}
