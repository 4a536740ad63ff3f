//! Kernel settings as text: the lines of `sysctl -a` or of sysctl.conf.

use std::collections::BTreeMap;

/// Names with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sysctls {
    values: BTreeMap<String, String>,
    /// Lines that are none, by number.
    pub foreign: Vec<usize>,
}

impl Sysctls {
    /// Reads `name = value` lines; `/` in names is taken for `.`, a leading `-` (ignore errors) is dropped.
    pub fn parse(text: &str) -> Self {
        let mut read = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            match line.split_once('=') {
                Some((name, value)) if !name.trim().is_empty() => {
                    let name = name.trim().trim_start_matches('-').replace('/', ".");
                    read.values.insert(name, value.trim().to_owned());
                }
                _ => read.foreign.push(number + 1),
            }
        }
        read
    }

    /// Adds one.
    pub fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.trim().to_owned());
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Every name with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
}
