//! `${NAME}`, as `envsubst` fills it in before nginx of the official image starts, and `@NAME@`, `__NAME__`, `%%NAME%%` and
//! `%name%`, which other programs fill in.
//!
//! `envsubst` replaces only the names of the environment there, and leaves the rest to nginx. So a name with a value is
//! replaced everywhere, and a name without one is unknown where it cannot be a variable of nginx.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use memchr::memmem;

use super::language::Language;
use super::place::{self, FilledPlaces, Place, Reader, next};
use super::reading::{FilledValue as Value, ReadTemplate, Templates};
use crate::syntax::uncertain::Uncertain;

/// Endings of the names of files that are filled in before nginx reads them.
const ENDINGS: [&str; 6] = [".template", ".tmpl", ".tpl", ".stpl", ".envsubst", ".in"];

/// Most names whose definitions are searched for; further names do not count as variables.
const MAX_NAMES: usize = 1000;

/// True if the file's name is that of a template.
pub(super) fn is_named(path: &Path) -> bool {
    let name = path.as_os_str().as_encoded_bytes();
    ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
}

/// File with its values filled in and the other placeholders as numbers; `None` if there are neither.
pub(super) fn read(path: &Path, text: &[u8], templates: &Templates) -> Option<ReadTemplate> {
    let asked = templates.language == Some(Language::Envsubst) || !templates.values.is_empty();
    if !asked && !is_named(path) {
        return None;
    }
    let mut reading = ReadTemplate::default();
    if !templates.values.is_empty() {
        fill(text, templates, &mut reading);
    }
    let shown = reading.text.take();
    let text = shown.as_deref().unwrap_or(text);
    let unknown = unknown(text, &reading.filled, templates);
    if !unknown.is_empty() {
        let mut parsed = text.to_vec();
        let FilledPlaces { holes, directives } = place::fill(&mut parsed, &unknown, false);
        let holes = holes.into_iter().map(|r| r.start as u32..r.end as u32).collect();
        reading.uncertain = Uncertain { holes, directives, branches: Vec::new() };
        reading.parsed = Some(parsed);
    }
    reading.text = shown;
    (reading.text.is_some() || reading.parsed.is_some()).then_some(reading)
}

/// The placeholders whose value only `envsubst` knows; those of one name have one number.
fn unknown(text: &[u8], filled: &[Value], templates: &Templates) -> Vec<Place> {
    let mut unknown = Vec::new();
    let mut numbers: HashMap<&[u8], usize> = HashMap::new();
    let mut decided: HashMap<(&[u8], bool), bool> = HashMap::new();
    for (range, name) in places(text) {
        let braces = text[range.start] != b'$' || text[range.start + 1] == b'{';
        if inside_value(filled, range.start) {
            continue;
        }
        // Each name is searched for in the whole text.
        let few = decided.len() < MAX_NAMES;
        let is_other = text[range.start] != b'$';
        let is_unknown = || !few || is_other || is_unknown(text, name, braces, templates);
        if *decided.entry((name, braces)).or_insert_with(is_unknown) {
            let next = numbers.len() + 1;
            unknown.push(Place { range, number: *numbers.entry(name).or_insert(next) });
        }
    }
    unknown
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
    let mut reader = Reader::default();
    for (range, _) in places(text) {
        reader.go(&guarded, range.start);
        let next = guarded.get(next(text, range.end));
        let ends_line = matches!(next, None | Some(b'\n' | b'#'));
        if text[range.start + 1] == b'{' && reader.is_at_directive() && ends_line {
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

/// All placeholders, with the name.
fn places(text: &[u8]) -> impl Iterator<Item = (Range<usize>, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(next) = text[at..].iter().position(|b| b"$@_%".contains(b)) {
            let start = at + next;
            if let Some((end, name)) = variable(text, start).or_else(|| between_signs(text, start)) {
                at = end;
                return Some((start..end, name));
            }
            // Further underscores begin no other name.
            let run = text[start..].iter().take_while(|b| **b == b'_').count();
            at = start + run.max(1);
        }
        at = text.len();
        None
    })
}

/// The end and the name of `$NAME` or `${NAME}` at an offset.
fn variable(text: &[u8], at: usize) -> Option<(usize, &[u8])> {
    text[at..].strip_prefix(b"$")?;
    let open = usize::from(text.get(at + 1) == Some(&b'{'));
    let start = at + 1 + open;
    let length = text[start..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let name = &text[start..start + length];
    let end = start + length + open;
    let closes = open == 0 || text.get(end - 1) == Some(&b'}');
    (length > 0 && !name[0].is_ascii_digit() && closes).then_some((end, name))
}

/// The end and the name of `@NAME@` and its like at an offset.
fn between_signs(text: &[u8], at: usize) -> Option<(usize, &[u8])> {
    /// Longest name that is looked for, in bytes.
    const LONGEST: usize = 64;
    /// Signs, and names in lower case.
    const SIGNS: [(&[u8], bool); 4] = [(b"@", false), (b"__", false), (b"%%", false), (b"%", true)];
    SIGNS.iter().find_map(|&(sign, is_lower)| {
        let rest = text[at..].strip_prefix(sign)?;
        let rest = &rest[..rest.len().min(LONGEST)];
        let is_inside = |b: &&u8| {
            b.is_ascii_digit()
                || **b == b'_'
                || if is_lower { b.is_ascii_lowercase() } else { b.is_ascii_uppercase() }
        };
        let mut length = rest.iter().take_while(is_inside).count();
        if sign == b"__" {
            length = memmem::find(&rest[..(length + sign.len()).min(rest.len())], sign)?;
        }
        let name = &rest[..length];
        // `%ad%` is a byte in an address.
        let is_name = length > 2 || length == 2 && !name.iter().all(u8::is_ascii_hexdigit);
        let is_name = is_name && name[0].is_ascii_alphabetic() && rest[length..].starts_with(sign);
        is_name.then_some((at + 2 * sign.len() + length, name))
    })
}

/// Fills in the known values. A line break in a value becomes a space, which is the same to nginx between words.
fn fill(text: &[u8], templates: &Templates, reading: &mut ReadTemplate) {
    let mut new: Vec<u8> = Vec::new();
    let mut copied = 0;
    for (range, name) in places(text) {
        let Some(value) = std::str::from_utf8(name).ok().and_then(|name| templates.values.get(name)) else {
            continue;
        };
        new.extend_from_slice(&text[copied..range.start]);
        reading.filled.push(Value {
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

fn inside_value(filled: &[Value], at: usize) -> bool {
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
