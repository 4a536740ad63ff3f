//! After fixes: the configuration compiled again must differ only in what the fixes are for.

mod named;
mod sockets;

use std::collections::{BTreeMap, BTreeSet};

use crate::edit::{Edit, Fix};
use crate::model::proxy::Header;
use crate::model::{Config, HttpSettings};
use crate::source::FileId;
use crate::syntax::{Configuration, Directive};
use named::Value;

/// The purposes of fixes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixPurposes {
    /// The directives that they add, change or remove, by name.
    pub directives: BTreeSet<String>,
    /// The headers that they set, by name in lower case.
    pub headers: BTreeSet<String>,
    /// The headers of whose lines they change or remove something, by name in lower case.
    pub replaced: BTreeSet<String>,
}

/// True if fixes write a replacement character that their file does not have: it stands for bytes that are not UTF-8.
pub fn loses_bytes(configuration: &Configuration, fixes: &[&Fix]) -> bool {
    const REPLACEMENT: &str = "\u{fffd}";
    fixes.iter().flat_map(|fix| &fix.edits).any(|edit| {
        let text = &configuration.sources.file(edit.span.file).text;
        edit.text.contains(REPLACEMENT) && memchr::memmem::find(text, REPLACEMENT.as_bytes()).is_none()
    })
}

/// The purposes of fixes: from their texts, and from the directives whose words they change.
pub fn touched(before: &Configuration, fixes: &[&Fix]) -> FixPurposes {
    let mut touched = FixPurposes::default();
    let mut files: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for edit in fixes.iter().flat_map(|fix| &fix.edits) {
        // An insertion is whole directives; a replacement is of one, or of an argument of one.
        for text in edit.text.split(['{', '}', ';']) {
            let mut words = text.split_whitespace();
            let Some(name) = words.next() else { continue };
            if name == "proxy_set_header" {
                touched.headers.extend(words.next().map(|word| header_name(word.as_bytes())));
            }
            touched.directives.insert(name.to_owned());
        }
        files.entry(edit.span.file).or_default().push(edit);
    }
    for (file, mut edits) in files {
        edits.sort_by_key(|e| (e.span.start, e.span.end));
        for directive in before.tree(file).directives() {
            if !is_changed(&directive, &edits) {
                continue;
            }
            if directive.name().is("proxy_set_header") {
                touched.replaced.extend(directive.arg(0).map(|word| header_name(&word.value())));
            }
            touched.directives.insert(directive.name().to_string());
            // An `alias` takes the place of the location's prefix, so its value holds the length of the prefix.
            if directive.name().is("location") {
                touched.directives.extend(["root".to_owned(), "alias".to_owned()]);
            }
        }
    }
    touched
}

/// True if one of the edits, which are sorted and do not overlap, changes something between the first and the last
/// word of a directive.
fn is_changed(directive: &Directive<'_>, edits: &[&Edit]) -> bool {
    let head = directive.head();
    let next = edits.partition_point(|e| e.span.end <= head.start);
    let overlaps = |e: &&Edit| e.span.start < head.end && head.start < e.span.end;
    let inside = |e: &&Edit| head.start < e.span.start && e.span.start <= head.end;
    edits[next..].iter().take_while(|e| e.span.start <= head.end).any(|e| overlaps(e) || inside(e))
}

fn header_name(word: &[u8]) -> String {
    let text = String::from_utf8_lossy(word).to_ascii_lowercase();
    text.trim_matches(['"', '\'']).to_owned()
}

/// The differences between two compiled configurations beyond what was touched.
pub fn beyond(before: &Config, after: &Config, touched: &FixPurposes) -> Option<String> {
    let (old, new) = (levels(before), levels(after));
    if old.len() != new.len() || before.http.servers.len() != after.http.servers.len() {
        return Some("servers or locations would appear or vanish".to_owned());
    }
    if let Some(problem) = sockets::changed(before, after, touched) {
        return Some(problem);
    }
    let is_same_table = has_same_numbers(before, after);
    for (old, new) in old.iter().zip(&new) {
        if let Some(name) = setting((before, old), (after, new), touched, is_same_table) {
            return Some(format!("`{name}` would change"));
        }
        if is_same_table && old.proxy.set_header.value == new.proxy.set_header.value {
            continue;
        }
        if let Some(problem) = headers((before, old), (after, new), touched) {
            return Some(problem);
        }
    }
    None
}

/// True if a number of a variable or an upstream names the same one in both configurations.
fn has_same_numbers(before: &Config, after: &Config) -> bool {
    let (old, new) = (&before.http, &after.http);
    let is_same = old.variables.iter().map(|(_, v)| &v.name).eq(new.variables.iter().map(|(_, v)| &v.name));
    is_same && old.upstreams.iter().map(|u| &u.name).eq(new.upstreams.iter().map(|u| &u.name))
}

/// The first setting that was not touched and says something else.
fn setting(
    (before, old): (&Config, &HttpSettings),
    (after, new): (&Config, &HttpSettings),
    touched: &FixPurposes,
    is_same_table: bool,
) -> Option<&'static str> {
    macro_rules! groups {
        ($($group:ident)+) => {$(
            let mut names = Vec::new();
            if is_same_table {
                names = old.$group.changed(&new.$group);
            } else {
                // The same number can stand for another variable: the names decide.
                old.$group.each(|name, _, _| names.push(name));
            }
            names.retain(|name| !touched.directives.contains(*name));
            if !names.is_empty() {
                let old = named::value(before, &*old.$group);
                let new = named::value(after, &*new.$group);
                let of = |group: &Option<Value>, name: &str| group.as_ref()?.field(name)?.field("value").cloned();
                if let Some(name) = names.into_iter().find(|name| of(&old, name) != of(&new, name)) {
                    return Some(name);
                }
            }
        )+};
    }
    groups!(core proxy reuse content filter files access gzip pass limit cache fastcgi fastcgi_proxy client tls);
    None
}

/// True if a level sends other headers to its peer than it did, apart from those that were touched.
fn headers(
    (before, old): (&Config, &HttpSettings),
    (after, new): (&Config, &HttpSettings),
    touched: &FixPurposes,
) -> Option<String> {
    let (old, new) = (&old.proxy.set_header.value, &new.proxy.set_header.value);
    let is_for = |names: &BTreeSet<String>, header: &Header| names.contains(&header_name(&header.name));
    let sent = |config: &Config, all: &[Header], name: &[u8]| -> Vec<Option<Value>> {
        let same = all.iter().filter(|h| h.name.eq_ignore_ascii_case(name));
        same.map(|h| named::value(config, &h.value)).collect()
    };
    for header in old {
        let name = String::from_utf8_lossy(&header.name);
        let later = sent(after, new, &header.name);
        if later.is_empty() && !is_for(&touched.replaced, header) {
            return Some(format!("the header `{name}` would not be sent any more"));
        }
        let meant = is_for(&touched.replaced, header) || is_for(&touched.headers, header);
        if !meant && later != sent(before, old, &header.name) {
            return Some(format!("the header `{name}` would be sent with another value"));
        }
    }
    let meant = |h: &Header| is_for(&touched.headers, h) || is_for(&touched.replaced, h);
    let added = new.iter().find(|h| !meant(h) && sent(before, old, &h.name).is_empty());
    added.map(|h| format!("the header `{}` would be sent too", String::from_utf8_lossy(&h.name)))
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
        compile(&configuration, &Options::new(crate::catalog::NEWEST)).config
    }

    #[test]
    fn a_change_beyond_the_purpose_is_found() {
        let location = |inside: &str| {
            format!(
                "server {{ proxy_set_header A a; location / {{ {inside} proxy_pass http://10.0.0.1; }} }}"
            )
        };
        let before = config(&location(""));
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let touched = FixPurposes {
            directives: names(&["proxy_set_header", "proxy_http_version"]),
            headers: names(&["connection"]),
            replaced: BTreeSet::new(),
        };
        let cases = [
            ("", None),
            ("proxy_http_version 1.0;", None),
            ("proxy_read_timeout 5s;", Some("`proxy_read_timeout` would change")),
            ("proxy_set_header Connection \"\";", Some("the header `A` would not be sent any more")),
            ("proxy_set_header Connection \"\"; proxy_set_header a a;", None),
            (
                "proxy_set_header Connection \"\"; proxy_set_header a b;",
                Some("the header `A` would be sent with another value"),
            ),
            (
                "proxy_set_header A a; proxy_set_header Connection \"\"; proxy_set_header B b;",
                Some("the header `B` would be sent too"),
            ),
            ("location /x { }", Some("servers or locations would appear or vanish")),
        ];
        for (inside, expected) in cases {
            let found = beyond(&before, &config(&location(inside)), &touched);
            assert_eq!(found.as_deref(), expected, "{inside}");
        }
    }

    #[test]
    fn sockets_keep_what_they_speak() {
        let cases = [
            ("listen 1 http2;", "listen 1;", "", Some("0.0.0.0:1 would not speak HTTP/2 any more")),
            ("listen 1 http2;", "listen 1; http2 on;", "", None),
            ("listen 1;", "listen 1; http2 on;", "http2", None),
            ("listen 1;", "listen 1 http2;", "", Some("0.0.0.0:1 would speak HTTP/2")),
            (
                "listen 1;",
                "listen 2;",
                "listen",
                Some("a server that listens on 0.0.0.0:1 would listen on 0.0.0.0:2"),
            ),
            (
                "listen 1 proxy_protocol;",
                "listen 1;",
                "listen",
                Some("0.0.0.0:1 would not speak the PROXY protocol any more"),
            ),
            ("listen 1 quic;", "listen 1;", "listen", Some("0.0.0.0:1 would not speak HTTP/3 any more")),
        ];
        for (old, new, name, expected) in cases {
            let server = |inside: &str| config(&format!("server {{ {inside} }}"));
            let mut touched = FixPurposes::default();
            touched.directives.extend([name.to_owned(), "http2".to_owned()].into_iter().filter(|n| {
                // The parameter that becomes a directive is what the fix is for.
                n == name || old.contains("http2")
            }));
            let found = beyond(&server(old), &server(new), &touched);
            assert_eq!(found.as_deref(), expected, "{old} -> {new}");
        }
        // The parameter of one server acts on all of the socket.
        let (one, other) =
            ("server { listen 1; server_name a; }", "server { listen 1; server_name b; http2 on; }");
        let before = config(&format!("{one} server {{ listen 1 http2; server_name b; }}"));
        let touched =
            FixPurposes { directives: BTreeSet::from(["http2".to_owned()]), ..FixPurposes::default() };
        let found = beyond(&before, &config(&format!("{one} {other}")), &touched);
        assert_eq!(found.as_deref(), Some("0.0.0.0:1 would not speak HTTP/2 any more"));
    }

    #[test]
    fn other_numbers_of_variables_are_no_change() {
        let rest = "server { location / { proxy_bind $b; limit_rate $b; proxy_set_header X $b; } }";
        let with = |maps: &str| config(&format!("{maps} map $uri $b {{ default 1; }} {rest}"));
        let before = with("map $uri $a { default 1; }");
        assert_eq!(beyond(&before, &with(""), &FixPurposes::default()), None);
        let other = config(&format!("map $uri $c {{ default 1; }} {}", rest.replace("$b", "$c")));
        assert_eq!(
            beyond(&before, &other, &FixPurposes::default()).as_deref(),
            Some("`limit_rate` would change")
        );
    }

    #[test]
    fn values_are_compared_part_by_part() {
        let location = |inside: &str| config(&format!("server {{ location / {{ {inside} }} }}"));
        let cases = [
            // A text that looks like a number of the model is a text.
            ("limit_rate $arg_a;", "limit_rate $arg_b;", Some("`limit_rate` would change")),
            ("access_log /a \"VariableId(1)\";", "access_log /a \"VariableId(1)\";", None),
            (
                "error_page 404 /VariableId(0);",
                "error_page 404 /VariableId(1);",
                Some("`error_page` would change"),
            ),
            ("expires 1d;", "expires 1d;", None),
            ("expires 1d;", "expires 2d;", Some("`expires` would change")),
            ("add_header A a;", "add_header A b;", Some("`add_header` would change")),
            ("add_header A a;", "", Some("`add_header` would change")),
            ("allow 10.0.0.0/8; deny all;", "deny all; allow 10.0.0.0/8;", Some("`allow` would change")),
        ];
        for (old, new, expected) in cases {
            let found = beyond(&location(old), &location(new), &FixPurposes::default());
            assert_eq!(found.as_deref(), expected, "{old} -> {new}");
        }
    }
}
