//! Configurations inside of YAML: a `ConfigMap`, `configs` of compose, values of a chart.
//!
//! A configuration is a scalar whose text reads like one. It is judged in place: what is around it is blank, so that every
//! place in the tree is one in the file. Aliases are not followed, and nothing is expanded: the time and the memory are those
//! of the file.

mod mask;
mod recognise;

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle};

use recognise::reads_like_one;

/// Names that a message has room for.
const MOST: usize = 10;

/// Largest file that is read as YAML, in bytes.
const MAX_SIZE: usize = 16 << 20;

/// Most configurations in one file.
const MAX_FOUND: usize = 1000;

/// Most collections within each other.
const MAX_DEPTH: usize = 100;

/// Most configurations of one file that include each other: each may include all others, and the file is read for each anew.
pub const MOST_MOUNTED: usize = 100;

/// Most bytes that are read for all of them together: the file is read anew for each.
const MAX_READ: usize = 1 << 30;

/// A configuration in a YAML file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// Name of the configuration in the file: the key, with `~2` for the second of a name.
    pub name: String,
    /// Style of the scalar.
    style: ScalarStyle,
    /// The bytes of the scalar: the lines of a block, or the text with its quotes.
    range: Range<usize>,
    /// Spaces before each line of a block that are not of the configuration.
    indent: usize,
    /// The file is of compose, which reads `$$` as `$`.
    is_compose: bool,
    /// Nothing else can be meant: its key says so, or it has a block that only nginx has.
    is_certain: bool,
}

impl Embedded {
    /// True if every line of the configuration is a line of the file, and nothing else stands there: a block of `|`.
    pub fn is_literal(&self) -> bool {
        self.style == ScalarStyle::Literal && !self.is_compose
    }

    /// True if an `include` of `name` reads this configuration, once the keys of the file are files in a directory: a
    /// `ConfigMap` is mounted under any path, so only the last part of the name counts. A pattern for modules matches none.
    pub(super) fn is_named_by(&self, name: &[u8]) -> bool {
        let (directory, last) = match memchr::memrchr(b'/', name) {
            Some(slash) => (&name[..slash], &name[slash + 1..]),
            None => (&name[..0], name),
        };
        let own = self.name.as_bytes();
        let of_modules = || memchr::memmem::find(directory, b"modules").is_some();
        last == own || crate::source::matches(last, own) && !of_modules()
    }
}

/// The configuration of a YAML file that is meant, and the others in it.
pub(super) struct ChosenConfiguration {
    pub(super) one: Embedded,
    pub(super) others: Vec<Embedded>,
}

/// Error of the YAML reader.
#[derive(Debug)]
pub(super) struct NotYaml {
    /// Offset in bytes.
    pub(super) at: usize,
    /// In the words of the YAML library, or ours.
    pub(super) why: String,
}

/// Reason why no configuration of a YAML file is judged.
#[derive(Debug)]
pub(super) struct Problem {
    /// Offset in bytes.
    pub(super) at: usize,
    /// The text that was found, and the one that was expected.
    pub(super) message: String,
    /// Words to type.
    pub(super) help: String,
}

/// The configuration that is meant: the one of a name, or the only one. `None` if the file is none that has one: a file that
/// is not called YAML, or YAML without a configuration.
pub(super) fn choose(
    path: &Path,
    text: &[u8],
    name: Option<&str>,
    is_directive: fn(&[u8]) -> bool,
) -> Option<Result<ChosenConfiguration, Problem>> {
    let mut found = match find(text, is_directive) {
        Ok(found) => found,
        // Perhaps a template, which is told better.
        Err(_) if !is_named(path) || super::template::guess(text).is_some() => return None,
        Err(NotYaml { at, why }) => {
            let message = format!("this YAML cannot be looked through: {why}");
            let help = "take the configuration out of it, into a file of its own".to_owned();
            return Some(Err(Problem { at, message, help }));
        }
    };
    let all = found.iter().take(MOST).map(|one| format!("`{}#{}`", path.display(), one.name));
    let more = if found.len() > MOST { " and so on" } else { "" };
    let names = all.collect::<Vec<_>>().join(", ") + more;
    let several = found.len() > 1;
    let at = match name {
        Some(name) => found.iter().position(|one| one.name == name),
        None if found.is_empty() => return None,
        None => (!several).then_some(0),
    };
    let is_bounded = found.len() <= MOST_MOUNTED && found.len().pow(2).saturating_mul(text.len()) <= MAX_READ;
    let chosen = at.map(|at| {
        let one = found.remove(at);
        ChosenConfiguration { one, others: if is_bounded { found } else { Vec::new() } }
    });
    Some(chosen.ok_or_else(|| Problem {
        at: 0,
        message: match name {
            Some(name) => format!("no configuration in this file is called `{name}`"),
            None => "expected one configuration, found YAML with several".to_owned(),
        },
        help: if names.is_empty() { "it holds none".to_owned() } else { format!("name one of {names}") },
    }))
}

fn is_named(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json")
}

/// True for a file that is YAML: its name says so, or its first line that is no comment has the form of a key.
pub fn is_yaml(path: &Path, text: &[u8]) -> bool {
    if is_named(path) {
        return true;
    }
    let mut lines = text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii_end).take(100);
    let Some(first) = lines.find(|line| !line.is_empty() && !line.starts_with(b"#")) else { return false };
    let key = first.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
    // JSON is YAML; a template may begin with a brace too.
    let is_json = first.starts_with(b"{") && !first.get(1).is_some_and(|b| b"{%#".contains(b));
    first == b"---"
        || is_json
        || key > 0 && first[key..].starts_with(b":") && matches!(first.get(key + 1), None | Some(b' '))
}

/// True if a YAML file holds a configuration for certain: a script in YAML may have words of nginx too.
pub fn holds_configuration(text: &[u8], is_directive: fn(&[u8]) -> bool) -> bool {
    let has_block = memchr::memchr(b'{', text).is_some() && memchr::memchr(b';', text).is_some();
    has_block && find(text, is_directive).is_ok_and(|found| found.iter().any(|one| one.is_certain))
}

/// The configurations in a text.
pub(super) fn find(text: &[u8], is_directive: fn(&[u8]) -> bool) -> Result<Vec<Embedded>, NotYaml> {
    if text.len() > MAX_SIZE {
        return Err(NotYaml { at: 0, why: format!("it is larger than {} MiB", MAX_SIZE >> 20) });
    }
    let text = std::str::from_utf8(text)
        .map_err(|error| NotYaml { at: error.valid_up_to(), why: "it is not UTF-8".to_owned() })?;
    let mut offsets = Offsets { text, at: 0, character: 0 };
    let mut levels: Vec<Level> = Vec::new();
    let mut found: Vec<Embedded> = Vec::new();
    let mut before = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| NotYaml {
            at: Offsets { text, at: 0, character: 0 }.byte(error.marker().index()),
            why: error.info().to_owned(),
        })?;
        let is_value = levels.last_mut().is_none_or(|level| level.takes(&event));
        if let (Event::Scalar(value, style, ..), true) = (&event, is_value) {
            let range = offsets.byte(span.start.index())..offsets.byte(span.end.index());
            let (name, is_compose) = name(&levels);
            if let Some(is_certain) = reads_like_one(&name, value, is_directive) {
                if found.len() >= MAX_FOUND || (found.len() + 1) * text.len() > MAX_READ {
                    return Err(NotYaml {
                        at: range.start,
                        why: "it holds more configurations than are read".to_owned(),
                    });
                }
                let one = place(text, value, *style, range.clone(), before);
                found.extend(one.map(|one| Embedded { name, is_compose, is_certain, ..one }));
            }
            before = range.end;
        } else if !matches!(event, Event::DocumentStart(_) | Event::DocumentEnd) {
            before = offsets.byte(span.end.index());
        }
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) if levels.len() >= MAX_DEPTH => {
                return Err(NotYaml { at: before, why: "it is nested too deep".to_owned() });
            }
            Event::MappingStart(..) => levels.push(Level::Mapping { key: String::new(), has_key: false }),
            Event::SequenceStart(..) => levels.push(Level::Sequence),
            Event::MappingEnd | Event::SequenceEnd => drop(levels.pop()),
            _ => {}
        }
    }
    number(&mut found);
    Ok(found)
}

/// A configuration as the parser sees it.
pub(super) struct MaskedConfiguration {
    /// That of the configuration in its places, and blanks around it.
    pub(super) text: Vec<u8>,
    /// The places in it that compose fills in.
    pub(super) places: Vec<Range<usize>>,
}

/// The text to parse; `value` knows what compose fills in.
pub(super) fn masked(
    text: &[u8],
    one: &Embedded,
    value: impl Fn(&str) -> Option<Vec<u8>>,
) -> MaskedConfiguration {
    let mut masked = text.to_vec();
    super::template::blank(&mut masked);
    let inside = &mut masked[one.range.clone()];
    let written = &text[one.range.clone()];
    match one.style {
        ScalarStyle::Literal => inside.copy_from_slice(written),
        ScalarStyle::Folded => mask::folded(written, one.indent, inside),
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted | ScalarStyle::Plain => {
            mask::flow(written, one.style, inside);
        }
    }
    let mut places = Vec::new();
    if one.is_compose {
        let whole = inside.to_vec();
        places = mask::interpolated(&whole, value, inside);
        for place in &mut places {
            *place = one.range.start + place.start..one.range.start + place.end;
        }
    }
    MaskedConfiguration { text: masked, places }
}

/// A collection that is open.
enum Level {
    Sequence,
    Mapping { key: String, has_key: bool },
}

impl Level {
    /// Takes what an event begins; false for what is a key, or no node at all.
    fn takes(&mut self, event: &Event<'_>) -> bool {
        let is_node = matches!(
            event,
            Event::Scalar(..) | Event::Alias(_) | Event::MappingStart(..) | Event::SequenceStart(..)
        );
        match self {
            _ if !is_node => false,
            Level::Sequence => true,
            Level::Mapping { has_key, .. } if *has_key => {
                *has_key = false;
                true
            }
            Level::Mapping { key, has_key } => {
                *has_key = true;
                *key = if let Event::Scalar(text, ..) = event { text.to_string() } else { String::new() };
                false
            }
        }
    }
}

/// The key that a value belongs to, and whether that is `content` of a file of compose: then the key around it.
fn name(levels: &[Level]) -> (String, bool) {
    let keys: Vec<&str> = levels
        .iter()
        .filter_map(|level| match level {
            Level::Mapping { key, .. } => Some(key.as_str()),
            Level::Sequence => None,
        })
        .collect();
    match keys.as_slice() {
        ["configs", name, "content"] => ((*name).to_owned(), true),
        [.., own] => ((*own).to_owned(), false),
        [] => (String::new(), false),
    }
}

/// Gives each configuration a name of its own.
fn number(found: &mut [Embedded]) {
    let mut count = HashMap::<String, usize>::new();
    for one in found {
        let count = count.entry(one.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            one.name = format!("{}~{count}", one.name);
        }
    }
}

/// Place of a scalar. The library gives the place of the text, or of the `|` before it; `before` is the end of the node in
/// front of the scalar.
fn place(
    text: &str,
    value: &str,
    style: ScalarStyle,
    range: Range<usize>,
    before: usize,
) -> Option<Embedded> {
    let (name, is_compose, is_certain) = (String::new(), false, false);
    if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
        let range = range.end - without_properties(&text[range.clone()]).len()..range.end;
        return Some(Embedded { name, style, range, indent: 0, is_compose, is_certain });
    }
    let indicator = before + text[before..range.end].find(['|', '>'])?;
    let start = indicator + text[indicator..].find('\n')? + 1;
    let range = start.min(range.end)..range.end;
    let first = |text: &str| {
        let line = text.lines().find(|line| !line.trim().is_empty())?;
        Some(line.len() - line.trim_start_matches(' ').len())
    };
    let indent = first(&text[range.clone()])?.saturating_sub(first(value)?);
    Some(Embedded { name, style, range, indent, is_compose, is_certain })
}

/// The text of a scalar behind its anchor and its tag.
fn without_properties(mut text: &str) -> &str {
    while text.starts_with(['&', '!']) {
        text = text.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
    }
    text
}

/// From characters, which the library counts, to bytes; only forwards.
struct Offsets<'t> {
    text: &'t str,
    at: usize,
    character: usize,
}

impl Offsets<'_> {
    fn byte(&mut self, character: usize) -> usize {
        // An event may begin a little before the last one ended.
        while self.character > character {
            self.at -= 1;
            while !self.text.is_char_boundary(self.at) {
                self.at -= 1;
            }
            self.character -= 1;
        }
        let rest = self.text[self.at..].chars().take(character - self.character);
        for c in rest {
            self.at += c.len_utf8();
            self.character += 1;
        }
        self.at
    }
}
