//! Places that a file which could not be read may belong to: the block of its `include`, and all that is in it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::ast::DirectiveId;
use super::configuration::Configuration;
use crate::diagnostic::Class;
use crate::source::{FileId, Span};

/// The places of a configuration of which a part was not read.
#[derive(Debug, Default)]
pub struct UnreadPlaces {
    /// Parts of each file, with the `include` that failed.
    parts: HashMap<FileId, Vec<(Range<u32>, Span)>>,
}

impl UnreadPlaces {
    /// The argument of an `include` that failed in the block of a place or in one around it. The head of a block belongs to the block.
    pub fn around(&self, place: Span) -> Option<Span> {
        let parts = self.parts.get(&place.file)?;
        let around = parts.iter().filter(|(range, _)| range.contains(&place.start));
        // The innermost is the nearest.
        around.min_by_key(|(range, _)| range.end - range.start).map(|(_, include)| *include)
    }

    /// True if an `include` failed in the block itself that has its head at a place, not only around or inside it.
    pub fn is_part_of(&self, head: Span) -> bool {
        let parts = self.parts.get(&head.file);
        parts.is_some_and(|parts| {
            parts.iter().any(|(range, _)| range.start == head.start && range.end < u32::MAX)
        })
    }

    /// True if everything was read.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

impl Configuration {
    /// The places of which a part was not read. Costs nothing if every `include` could be followed.
    pub fn unread(&self) -> UnreadPlaces {
        let mut failed: Vec<Span> = (self.diagnostics.iter())
            .filter(|d| d.class == Class::Environment && d.code.starts_with("include-"))
            .map(|d| d.span)
            .collect();
        failed.sort_unstable();
        failed.dedup();
        if failed.is_empty() {
            return UnreadPlaces::default();
        }
        let mut by_file: HashMap<FileId, Vec<(u32, &[FileId])>> = HashMap::new();
        let mut includers: HashMap<FileId, Vec<(FileId, u32)>> = HashMap::new();
        for (id, files) in &self.inclusions {
            let Some(start) = self.start_of(*id) else { continue };
            by_file.entry(id.file).or_default().push((start, files));
            for file in files {
                includers.entry(*file).or_default().push((id.file, start));
            }
        }
        let mut unread = UnreadPlaces::default();
        let mut seen: HashSet<(FileId, u32, u32)> = HashSet::new();
        for include in failed {
            let mut places = vec![(include.file, include.start)];
            let mut open: Vec<(FileId, Range<u32>)> = Vec::new();
            let mut asked: HashSet<(FileId, u32)> = HashSet::new();
            // Outwards: a file that fails at the top of an included file belongs to the block of that file's `include`.
            while let Some((file, start)) = places.pop() {
                if !asked.insert((file, start)) {
                    continue;
                }
                let range = self.block_around(file, start);
                if range.is_none() {
                    places.extend(includers.get(&file).into_iter().flatten().copied());
                }
                open.push((file, range.unwrap_or(0..u32::MAX)));
            }
            // Inwards: files that are included in these blocks.
            while let Some((file, range)) = open.pop() {
                if !seen.insert((file, range.start, range.end)) {
                    continue;
                }
                for (start, files) in by_file.get(&file).into_iter().flatten() {
                    if range.contains(start) {
                        open.extend(files.iter().map(|&inner| (inner, 0..u32::MAX)));
                    }
                }
                unread.parts.entry(file).or_default().push((range, include));
            }
        }
        unread
    }

    fn start_of(&self, id: DirectiveId) -> Option<u32> {
        Some(self.directive(id)?.head().start)
    }

    /// The innermost block around an offset of a file, from its head to its end.
    fn block_around(&self, file: FileId, offset: u32) -> Option<Range<u32>> {
        let around = self.tree(file).enclosing(offset);
        let block = around.iter().rev().find(|d| {
            d.block().is_some_and(|block| {
                let span = block.span();
                span.start <= offset && offset < span.end
            })
        })?;
        let span = block.span();
        Some(span.start..span.end)
    }
}

#[cfg(test)]
mod tests {
    use crate::source::{Memory, Span};
    use crate::syntax::{Configuration, LoadOptions, load};

    fn place(configuration: &Configuration, file: &str, text: &str) -> Span {
        let found = configuration.trees.iter().find_map(|tree| {
            let name = configuration.sources.file(tree.file()).name();
            (name == file).then(|| (tree.file(), memchr::memmem::find(tree.text(), text.as_bytes()).unwrap()))
        });
        let (file, at) = found.unwrap();
        Span::new(file, at, at + text.len())
    }

    #[test]
    fn a_failed_include_belongs_to_its_block_and_to_all_in_it() {
        let files = Memory::default()
            .with(
                "nginx.conf",
                "http { server { include a.conf; location /in { } }\nserver { listen 81; include b.conf; } }",
            )
            .with("a.conf", "include gone.conf;\nlocation /a { }")
            .with("b.conf", "location /b { include gone.conf; }\nlocation /free { }");
        let configuration = load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap();
        let unread = configuration.unread();
        for (file, text, expected) in [
            ("nginx.conf", "server { include a", true),
            ("nginx.conf", "location /in", true),
            ("nginx.conf", "http", false),
            ("nginx.conf", "listen 81", false),
            ("a.conf", "location /a", true),
            ("b.conf", "location /b", true),
            ("b.conf", "location /free", false),
        ] {
            let found = unread.around(place(&configuration, file, text));
            assert_eq!(found.is_some(), expected, "{file}: {text}");
        }
        assert!(!unread.is_empty());
    }

    #[test]
    fn the_nearest_failed_include_is_named() {
        let files = Memory::default()
            .with("nginx.conf", "http { include far.conf; server { include near.conf; location / { } } }");
        let configuration = load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap();
        let include = configuration.unread().around(place(&configuration, "nginx.conf", "location"));
        assert_eq!(configuration.sources.text(include.unwrap()), b"near.conf");
    }

    #[test]
    fn whole_configurations_have_no_such_place() {
        let files = Memory::default().with("nginx.conf", "http { include *.none; }");
        let configuration = load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).unwrap();
        assert!(configuration.unread().is_empty());
    }
}
