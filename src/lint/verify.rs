//! After fixes: the configuration compiled again must differ only in what the fixes are for.

use std::collections::BTreeSet;

use crate::edit::Fix;
use crate::model::{Config, HttpSettings};
use crate::syntax::Configuration;

/// The directives that fixes add or change, by name.
pub fn touched(before: &Configuration, fixes: &[&Fix]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for edit in fixes.iter().flat_map(|fix| &fix.edits) {
        // What is inserted are whole directives; what is replaced is one, or an argument of one.
        let inserted = edit.text.split(';').filter_map(|text| text.split_whitespace().next());
        names.extend(inserted.map(ToOwned::to_owned));
        if edit.span.start < edit.span.end {
            let around = before
                .tree(edit.span.file)
                .directives()
                .filter(|d| d.head().start <= edit.span.start && edit.span.start <= d.head().end);
            names.extend(around.map(|d| d.name().to_string()));
        }
    }
    names
}

/// What differs between two compiled configurations beyond the directives that were touched.
pub fn beyond(before: &Config, after: &Config, touched: &BTreeSet<String>) -> Option<String> {
    let (old, new) = (levels(before), levels(after));
    if old.len() != new.len() {
        return Some("servers or locations would appear or vanish".to_owned());
    }
    for (old, new) in old.iter().zip(&new) {
        let mut changed = old.core.changed(&new.core);
        changed.extend(old.proxy.changed(&new.proxy));
        changed.extend(old.reuse.changed(&new.reuse));
        changed.extend(old.pass.changed(&new.pass));
        changed.extend(old.cache.changed(&new.cache));
        changed.extend(old.fastcgi.changed(&new.fastcgi));
        changed.extend(old.fastcgi_proxy.changed(&new.fastcgi_proxy));
        changed.extend(old.limit.changed(&new.limit));
        if let Some(name) = changed.iter().find(|name| !touched.contains(**name)) {
            return Some(format!("`{name}` would change"));
        }
        let lost = old.proxy.set_header.value.iter().find(|header| {
            !new.proxy.set_header.value.iter().any(|other| other.name.eq_ignore_ascii_case(&header.name))
        });
        if let Some(header) = lost {
            let name = String::from_utf8_lossy(&header.name);
            return Some(format!("the header `{name}` would not be sent any more"));
        }
    }
    None
}

/// The settings of every level, in source order.
fn levels(config: &Config) -> Vec<&HttpSettings> {
    let servers = config.http.servers.iter().map(|s| &s.settings);
    servers.chain(config.http.locations().map(|(_, l)| &l.settings)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Options, compile};
    use crate::source::Memory;
    use crate::syntax::{LoadOptions, load};

    fn config(text: &str) -> Config {
        let text = format!("events {{}} http {{ {text} }}");
        let files = Memory::default().with("x", text);
        let configuration = load(&files, "x".as_ref(), &LoadOptions::default()).unwrap();
        compile(
            &configuration,
            &Options { version: crate::catalog::NEWEST, contexts: Vec::new(), strict_modules: false },
        )
        .config
    }

    #[test]
    fn a_change_beyond_the_purpose_is_found() {
        let location = |inside: &str| {
            format!(
                "server {{ proxy_set_header A a; location / {{ {inside} proxy_pass http://10.0.0.1; }} }}"
            )
        };
        let before = config(&location(""));
        let touched = BTreeSet::from(["proxy_set_header".to_owned(), "proxy_http_version".to_owned()]);
        let cases = [
            ("", None),
            ("proxy_http_version 1.0;", None),
            ("proxy_read_timeout 5s;", Some("`proxy_read_timeout` would change")),
            ("proxy_set_header Connection \"\";", Some("the header `A` would not be sent any more")),
            ("proxy_set_header Connection \"\"; proxy_set_header a b;", None),
            ("location /x { }", Some("servers or locations would appear or vanish")),
        ];
        for (inside, expected) in cases {
            let found = beyond(&before, &config(&location(inside)), &touched);
            assert_eq!(found.as_deref(), expected, "{inside}");
        }
    }
}
