//! Names with wildcards, for `server_name` and `map` with `hostnames` (`ngx_hash_combined_t`).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Name of the table, by its notation. Text is lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'n> {
    /// The name itself.
    Exact(&'n [u8]),
    /// `*.example.com`: given as `.example.com` or `example.com`.
    Head(&'n [u8]),
    /// `.example.com`: given with or without its dot.
    Dot(&'n [u8]),
    /// `www.example.*`: given as `www.example.` or `www.example`.
    Tail(&'n [u8]),
}

/// Kind of the name that matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameMatchKind {
    /// The name itself.
    Exact,
    /// `*.example.com` or `.example.com`
    Head,
    /// `www.example.*`
    Tail,
}

type Table<T> = HashMap<Box<[u8]>, T, BuildHasherDefault<NameHasher>>;

/// Hash of names: the configuration chooses the tables' contents, so no client can fill one bucket, and each request
/// makes a look-up.
#[derive(Clone, Copy, Debug, Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = u64::from(murmur2::murmur2(bytes, self.0 as u32));
    }

    fn write_usize(&mut self, n: usize) {
        self.0 ^= n as u64;
    }

    fn finish(&self) -> u64 {
        // The hash table uses both ends of the hash.
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Table of names; the first of two conflicting names wins, as in nginx.
#[derive(Clone, Debug)]
pub struct Names<T> {
    exact: Table<T>,
    /// Names below the key; with `true`, also the key itself.
    head: Table<(T, bool)>,
    tail: Table<T>,
    // Labels of the longest wildcard: a malicious name of thousands of labels must not cost thousands of look-ups.
    head_labels: usize,
    tail_labels: usize,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            exact: HashMap::default(),
            head: HashMap::default(),
            tail: HashMap::default(),
            head_labels: 0,
            tail_labels: 0,
        }
    }
}

fn labels(name: &[u8]) -> usize {
    memchr::memchr_iter(b'.', name).count() + 1
}

impl<T: Copy> Names<T> {
    /// True for an empty table.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.head.is_empty() && self.tail.is_empty()
    }

    /// Adds a name; false if it conflicts with an earlier one and is ignored (`NGX_BUSY` of `ngx_hash_add_key`).
    pub fn add(&mut self, name: Name<'_>, value: T) -> bool {
        match name {
            Name::Exact(name) => {
                // An earlier `.example.com` also covers `example.com`.
                if self.exact.contains_key(name) || self.head.get(name).is_some_and(|(_, itself)| *itself) {
                    return false;
                }
                self.exact.insert(name.into(), value);
            }
            Name::Head(name) => return self.add_head(name, value, false),
            Name::Dot(name) => return self.add_head(name, value, true),
            Name::Tail(name) => {
                let name = name.strip_suffix(b".").unwrap_or(name);
                if self.tail.contains_key(name) {
                    return false;
                }
                self.tail_labels = self.tail_labels.max(labels(name));
                self.tail.insert(name.into(), value);
            }
        }
        true
    }

    fn add_head(&mut self, name: &[u8], value: T, itself: bool) -> bool {
        let name = name.strip_prefix(b".").unwrap_or(name);
        if self.head.contains_key(name) || (itself && self.exact.contains_key(name)) {
            return false;
        }
        self.head_labels = self.head_labels.max(labels(name));
        self.head.insert(name.into(), (value, itself));
        true
    }

    /// Looks up a lower-case name: exact, then the longest head wildcard, then the longest tail wildcard
    /// (`ngx_hash_find_combined`).
    pub fn find(&self, name: &[u8]) -> Option<T> {
        self.find_how(name).map(|(value, _)| value)
    }

    /// Looks up a name like [`Self::find`], and returns the kind of match.
    pub fn find_how(&self, name: &[u8]) -> Option<(T, NameMatchKind)> {
        if let Some(value) = self.exact.get(name) {
            return Some((*value, NameMatchKind::Exact));
        }
        if name.is_empty() {
            return None;
        }
        let head = self.find_head(name).map(|value| (value, NameMatchKind::Head));
        head.or_else(|| self.find_tail(name).map(|value| (value, NameMatchKind::Tail)))
    }

    fn find_head(&self, name: &[u8]) -> Option<T> {
        let mut found = None;
        if self.head.is_empty() {
            return None;
        }
        // The search goes from right to left, so the last hit is the longest.
        for dot in memchr::memrchr_iter(b'.', name).take(self.head_labels) {
            if let Some((value, _)) = self.head.get(&name[dot + 1..]) {
                found = Some(*value);
            }
        }
        match self.head.get(name) {
            Some((value, true)) => Some(*value),
            _ => found,
        }
    }

    fn find_tail(&self, name: &[u8]) -> Option<T> {
        if self.tail.is_empty() {
            return None;
        }
        let dots = memchr::memchr_iter(b'.', name).take(self.tail_labels);
        dots.filter_map(|dot| self.tail.get(&name[..dot]).copied()).last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&'static str]) -> (Names<&'static str>, Vec<&'static str>) {
        let mut table = Names::default();
        let mut ignored = Vec::new();
        for &name in names {
            let kind = if let Some(rest) = name.strip_prefix('*') {
                Name::Head(rest.as_bytes())
            } else if let Some(rest) = name.strip_suffix('*') {
                Name::Tail(rest.as_bytes())
            } else if name.starts_with('.') {
                Name::Dot(name.as_bytes())
            } else {
                Name::Exact(name.as_bytes())
            };
            if !table.add(kind, name) {
                ignored.push(name);
            }
        }
        (table, ignored)
    }

    #[test]
    fn the_most_specific_name_wins() {
        let (table, ignored) = table(&[
            "www.example.com",
            "*.example.com",
            "*.com",
            ".example.org",
            "*.a.example.org",
            "www.*",
            "www.example.*",
            "mail.*",
        ]);
        assert!(ignored.is_empty());
        let cases: &[(&str, Option<&str>)] = &[
            ("www.example.com", Some("www.example.com")),
            ("x.example.com", Some("*.example.com")),
            ("x.y.example.com", Some("*.example.com")),
            ("example.com", Some("*.com")),
            ("com", None),
            ("example.org", Some(".example.org")),
            ("b.example.org", Some(".example.org")),
            ("a.example.org", Some(".example.org")),
            ("c.a.example.org", Some("*.a.example.org")),
            ("www.example.net", Some("www.example.*")),
            ("www.other.net", Some("www.*")),
            ("www", None),
            ("mail.example.com", Some("*.example.com")),
            ("mail.example.net", Some("mail.*")),
            ("xexample.org", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(table.find(name.as_bytes()), *expected, "{name}");
        }
    }

    #[test]
    #[expect(clippy::type_complexity, reason = "a table of cases")]
    fn the_first_of_two_that_conflict_wins() {
        let cases: &[(&[&'static str], &[&str], &str, Option<&str>)] = &[
            (&["a.com", ".a.com"], &[".a.com"], "x.a.com", None),
            (&[".a.com", "a.com"], &["a.com"], "a.com", Some(".a.com")),
            (&["*.a.com", "a.com"], &[], "a.com", Some("a.com")),
            (&["*.a.com", ".a.com"], &[".a.com"], "a.com", None),
            (&["a.*", "a.*"], &["a.*"], "a.b", Some("a.*")),
        ];
        for (names, ignored, name, expected) in cases {
            let (table, got) = table(names);
            assert_eq!(got, *ignored, "{names:?}");
            assert_eq!(table.find(name.as_bytes()), *expected, "{names:?} {name}");
        }
    }
}
