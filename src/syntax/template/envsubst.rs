//! `${NAME}`, as `envsubst` fills it in before nginx of the official image starts.
//!
//! `envsubst` replaces only the names of the environment there, and leaves the rest to nginx. So a name with a value is
//! replaced everywhere, and a name without one is unknown where it cannot be a variable of nginx.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use memchr::{memchr_iter, memmem};

use super::language::Language;
use super::reading::{Filled, Reading, Templates, blank, put_number, stands_alone};

/// Endings of the names of files that are filled in before nginx reads them.
const ENDINGS: [&str; 4] = [".template", ".tmpl", ".tpl", ".envsubst"];

/// Most names whose definitions are searched for; further names do not count as variables.
const MAX_NAMES: usize = 1000;

/// True if the file's name is that of a template.
pub(super) fn is_named(path: &Path) -> bool {
    let name = path.as_os_str().as_encoded_bytes();
    ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
}

/// File with its values filled in and the other placeholders as numbers; `None` if there are neither.
pub(super) fn read(path: &Path, text: &[u8], templates: &Templates) -> Option<Reading> {
    let asked = templates.language == Some(Language::Envsubst) || !templates.values.is_empty();
    if !asked && !is_named(path) {
        return None;
    }
    let mut reading = Reading::default();
    if !templates.values.is_empty() {
        fill(text, templates, &mut reading);
    }
    let shown = reading.text.take();
    let text = shown.as_deref().unwrap_or(text);
    let mut parsed: Option<Vec<u8>> = None;
    let mut numbers: HashMap<&[u8], usize> = HashMap::new();
    let mut decided: HashMap<(&[u8], bool), bool> = HashMap::new();
    for (range, name) in places(text) {
        let braces = text[range.start + 1] == b'{';
        if inside_value(&reading.filled, range.start) {
            continue;
        }
        // Each name is searched for in the whole text.
        let few = decided.len() < MAX_NAMES;
        if !*decided
            .entry((name, braces))
            .or_insert_with(|| !few || is_unknown(text, name, braces, templates))
        {
            continue;
        }
        let next = numbers.len() + 1;
        let number = *numbers.entry(name).or_insert(next);
        let parsed = parsed.get_or_insert_with(|| text.to_vec());
        let mut end = range.end;
        match stands_alone(parsed, &range) {
            Some(taken) => {
                end = taken;
                blank(&mut parsed[range.start..taken]);
            }
            None => put_number(parsed, range.clone(), number),
        }
        reading.holes.push(range.start as u32..end as u32);
    }
    drop((numbers, decided));
    reading.parsed = parsed;
    reading.text = shown;
    (reading.text.is_some() || reading.parsed.is_some()).then_some(reading)
}

/// Stands for `${` where a place is a comment, so that nothing moves.
const MARK: &[u8; 2] = b"#\x01";

/// The text of a template for its layout, of the same length: a place alone on its line, which stands for any text, is a
/// comment that [`unguarded`] makes a place again. `None` if there is none, or if the file is no such template.
pub(crate) fn guarded(path: &Path, text: &[u8], templates: &Templates) -> Option<Vec<u8>> {
    let asked = templates.language == Some(Language::Envsubst) || !templates.values.is_empty();
    if !asked && !is_named(path) || memmem::find(text, MARK).is_some() {
        return None;
    }
    let mut guarded = text.to_vec();
    for (range, _) in places(text) {
        // A value that takes its `;` along is a directive as it stands.
        let is_alone = || stands_alone(&guarded, &range).is_some_and(|end| end == range.end);
        if text[range.start + 1] == b'{' && is_alone() {
            guarded[range.start..range.start + 2].copy_from_slice(MARK);
        }
    }
    (guarded != text).then_some(guarded)
}

/// The layout of what [`guarded`] gave, with its places.
pub(crate) fn unguarded(text: &[u8]) -> Vec<u8> {
    let mut places = Vec::with_capacity(text.len());
    let mut copied = 0;
    for at in memmem::find_iter(text, MARK) {
        places.extend_from_slice(&text[copied..at]);
        places.extend_from_slice(b"${");
        copied = at + MARK.len();
    }
    places.extend_from_slice(&text[copied..]);
    places
}

/// All `$NAME` and `${NAME}`, with the name.
fn places(text: &[u8]) -> impl Iterator<Item = (Range<usize>, &[u8])> {
    memchr_iter(b'$', text).filter_map(|at| {
        let open = usize::from(text.get(at + 1) == Some(&b'{'));
        let start = at + 1 + open;
        let length = text[start..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let name = &text[start..start + length];
        let end = start + length + open;
        let closes = open == 0 || text.get(end - 1) == Some(&b'}');
        (length > 0 && !name[0].is_ascii_digit() && closes).then_some((at..end, name))
    })
}

/// Fills in the known values. A line break in a value becomes a space, which is the same to nginx between words.
fn fill(text: &[u8], templates: &Templates, reading: &mut Reading) {
    let mut new: Vec<u8> = Vec::new();
    let mut copied = 0;
    for (range, name) in places(text) {
        let Some(value) = std::str::from_utf8(name).ok().and_then(|name| templates.values.get(name)) else {
            continue;
        };
        new.extend_from_slice(&text[copied..range.start]);
        reading.filled.push(Filled {
            at: new.len() as u32,
            length: value.len() as u32,
            written: range.len() as u32,
        });
        new.extend(value.bytes().map(|b| if b == b'\n' { b' ' } else { b }));
        copied = range.end;
    }
    if !reading.filled.is_empty() {
        new.extend_from_slice(&text[copied..]);
        reading.text = Some(new);
    }
}

fn inside_value(filled: &[Filled], at: usize) -> bool {
    let next = filled.partition_point(|f| f.at as usize <= at);
    next.checked_sub(1).is_some_and(|i| at < (filled[i].at + filled[i].length) as usize)
}

/// True if only `envsubst` knows the value of a name. A name in capitals in braces is such a name, even if nginx has a
/// variable of it, unless the file defines one; other names are only if nginx has no variable of the name.
fn is_unknown(text: &[u8], name: &[u8], braces: bool, templates: &Templates) -> bool {
    let capitals = !name.iter().any(u8::is_ascii_lowercase);
    let is_variable = || templates.is_variable.is_some_and(|known| known(name));
    if capitals {
        return (braces || !is_variable()) && !is_set(text, name);
    }
    braces && !is_variable() && !is_mentioned(text, name)
}

/// True for `set $NAME` or `… $NAME {`.
fn is_set(text: &[u8], name: &[u8]) -> bool {
    let set = [b"set $", name, b" "].concat();
    let block = [b"$", name, b" {"].concat();
    memmem::find(text, &set).is_some() || memmem::find(text, &block).is_some()
}

/// True if a text may define a variable: as `$name` or as `<name>` in a regular expression, never in braces.
fn is_mentioned(text: &[u8], name: &[u8]) -> bool {
    let group = [b"<", name, b">"].concat();
    let bare = [b"$", name].concat();
    let ends = |at: usize| text.get(at).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_');
    memmem::find(text, &group).is_some() || memmem::find_iter(text, &bare).any(|at| ends(at + bare.len()))
}
