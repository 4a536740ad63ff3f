//! `Set-Cookie` taken apart, changed and put together again (`ngx_http_proxy_rewrite_cookie`).

use super::rewrite::{matches, replace_domain, replace_start};
use crate::runtime::request::plan::rewriting::{Find, Rewriting};
use crate::runtime::request::scope::Scope;

type Attribute = (Vec<u8>, Option<Vec<u8>>);

/// Flags that a cookie can get or lose: word, attribute, value; lost if there is no attribute to write.
const FLAGS: &[(&str, &str, Option<&str>, bool)] = &[
    ("secure", "Secure", None, true),
    ("nosecure", "Secure", None, false),
    ("httponly", "HttpOnly", None, true),
    ("nohttponly", "HttpOnly", None, false),
    ("samesite=strict", "SameSite", Some("Strict"), true),
    ("samesite=lax", "SameSite", Some("Lax"), true),
    ("samesite=none", "SameSite", Some("None"), true),
    ("nosamesite", "SameSite", None, false),
];

/// The new value; `None` if nothing changes.
pub(super) fn rewrite(rewriting: &Rewriting, scope: &mut Scope<'_>, value: &[u8]) -> Option<Vec<u8>> {
    let mut attributes: Vec<Attribute> = value.split(|b| *b == b';').map(attribute).collect();
    attributes[0].1.as_ref()?;
    let mut is_changed = false;
    for (name, value) in attributes.iter_mut().skip(1) {
        let Some(value) = value else { continue };
        let new = if name.eq_ignore_ascii_case(b"domain") {
            rewriting.domain.iter().find_map(|(find, new)| replace_domain(scope, find, new, value))
        } else if name.eq_ignore_ascii_case(b"path") {
            rewriting.path.iter().find_map(|(find, new)| replace_start(scope, find, new, value))
        } else {
            None
        };
        if let Some(new) = new {
            *value = new;
            is_changed = true;
        }
    }
    is_changed |= flags(rewriting, scope, &mut attributes);
    is_changed.then(|| {
        let each = attributes.into_iter().map(|(name, value)| match value {
            Some(value) => [&name[..], b"=", &value].concat(),
            None => name,
        });
        each.collect::<Vec<_>>().join(&b"; "[..])
    })
}

fn attribute(text: &[u8]) -> Attribute {
    let trim = |text: &[u8]| {
        let start = text.iter().position(|b| *b != b' ').unwrap_or(text.len());
        let end = text.iter().rposition(|b| *b != b' ').map_or(start, |end| end + 1);
        text[start..end].to_vec()
    };
    match text.iter().position(|b| *b == b'=') {
        Some(equals) => (trim(&text[..equals]), Some(trim(&text[equals + 1..]))),
        None => (trim(text), None),
    }
}

/// `ngx_http_proxy_rewrite_cookie_flags`; true if the cookie was one of those that get or lose flags.
fn flags(rewriting: &Rewriting, scope: &mut Scope<'_>, attributes: &mut Vec<Attribute>) -> bool {
    let name = attributes[0].0.clone();
    let mut text = Vec::new();
    let rule = rewriting.flags.iter().find(|(find, _)| match find {
        Find::Regex(regex) => matches(scope, regex, &name),
        Find::Text(value) => {
            text.clear();
            scope.evaluate(value, &mut text);
            text.eq_ignore_ascii_case(&name)
        }
    });
    let Some((_, values)) = rule else { return false };
    let mut wanted: Vec<&(&str, &str, Option<&str>, bool)> = Vec::new();
    for value in values {
        text.clear();
        scope.evaluate(value, &mut text);
        wanted.extend(FLAGS.iter().filter(|(word, ..)| text.eq_ignore_ascii_case(word.as_bytes())));
    }
    // In the table's order: what is to be there wins over what is not.
    wanted.sort_by_key(|(word, ..)| FLAGS.iter().position(|(other, ..)| other == word));
    let mut done: Vec<&str> = Vec::new();
    for (_, attribute, value, is_kept) in wanted.iter().copied() {
        if done.contains(attribute) {
            continue;
        }
        done.push(attribute);
        let is_it = |(name, _): &Attribute| name.eq_ignore_ascii_case(attribute.as_bytes());
        let value = value.map(|value| value.as_bytes().to_vec());
        match attributes.iter().skip(1).position(is_it) {
            Some(at) if *is_kept => {
                let known = &mut attributes[at + 1];
                let is_same = |old: &Vec<u8>, new: &Vec<u8>| old.eq_ignore_ascii_case(new);
                if let Some(new) = value
                    && !known.1.as_ref().is_some_and(|old| is_same(old, &new))
                {
                    *known = (attribute.as_bytes().to_vec(), Some(new));
                }
            }
            Some(_) => {
                let cookie = attributes.remove(0);
                attributes.retain(|other| !is_it(other));
                attributes.insert(0, cookie);
            }
            None if *is_kept => attributes.push((attribute.as_bytes().to_vec(), value)),
            None => {}
        }
    }
    !wanted.is_empty()
}
