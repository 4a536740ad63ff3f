//! `ngxc show --value`: what a variable or a text with variables can be at a place, with the reason.

use std::io::{self, Write};

use serde::Serialize;

use super::{ModelNames, SCHEMA, way};
use crate::catalog::{self, Subsystem};
use crate::cli::Failure;
use crate::lint::redos::shown;
use crate::source::Span;
use crate::syntax::Configuration;
use crate::values::{self, Shape};

/// The answer.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    schema: u32,
    nginx_version: String,
    value: String,
    places: Vec<Place>,
}

/// A block and what the value can be in it.
#[derive(Debug, Serialize)]
struct Place {
    block: String,
    #[serde(rename = "place")]
    at: String,
    ways: Vec<ValueRow>,
}

/// One way a value can be.
#[derive(Debug, PartialEq, Serialize)]
struct ValueRow {
    text: String,
    prefix: String,
    first: String,
    bytes: String,
    empty: bool,
    client: bool,
    decoded: bool,
    reason: Vec<Step>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Step {
    text: String,
    place: Option<String>,
}

/// Says which variable of a text does not exist.
pub(super) fn check_names(book: ModelNames<'_>, text: &str) -> Result<(), Failure> {
    for name in values::text::variables(text.as_bytes()) {
        let is_known = book.config.http.variables.find(&name).is_some()
            || catalog::variable(Subsystem::Http, name.as_bytes()).is_some();
        if !is_known {
            let failure = Failure::new(format!("unknown variable `${name}`"));
            return Err(match catalog::suggest_variable(Subsystem::Http, name.as_bytes()) {
                Some(near) => failure.help(format!("did you mean `${near}`?")),
                None => failure.help("expected one of nginx, or one that the configuration defines"),
            });
        }
    }
    Ok(())
}

/// The blocks that a text names as they are written: `location ~ \.php$`, `/api/`, `server www.example.com`.
pub(super) fn named(book: ModelNames<'_>, text: &str) -> Vec<Span> {
    let wanted = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let servers = book.config.http.servers.iter().filter(|server| {
        let name = wanted.strip_prefix("server ");
        name.is_some_and(|name| way::names(server).split(' ').any(|own| own == name))
    });
    let locations = book.config.http.locations().map(|(_, location)| location.span).filter(|span| {
        let own = book.text(*span);
        own == wanted || own.strip_prefix("location ").is_some_and(|own| own == wanted)
    });
    servers.map(|server| server.span).chain(locations).collect()
}

/// Possible values in some blocks.
pub(super) fn answer(
    book: ModelNames<'_>,
    configuration: &Configuration,
    value: &str,
    blocks: &[Span],
) -> Answer {
    let places = blocks.iter().map(|block| {
        let shapes = values::at(configuration, book.config, *block, value.as_bytes());
        let mut ways: Vec<ValueRow> = Vec::new();
        for way in shapes.iter().map(|shape| of(book, shape)) {
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        Place { block: book.text(*block), at: book.place(*block), ways }
    });
    Answer {
        schema: SCHEMA,
        nginx_version: book.config.version.to_string(),
        value: value.to_owned(),
        places: places.collect(),
    }
}

/// Possible values of a text in a block, a line each.
pub(in crate::cli) fn lines(
    book: ModelNames<'_>,
    configuration: &Configuration,
    value: &str,
    block: Span,
) -> Vec<String> {
    let answer = answer(book, configuration, value, &[block]);
    let mut text = Vec::new();
    let ways = answer.places.iter().flat_map(|place| &place.ways);
    if ways.clone().try_for_each(|one| way(one, &mut text)).is_err() {
        return Vec::new();
    }
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

fn of(book: ModelNames<'_>, shape: &Shape) -> ValueRow {
    let reason = shape
        .reason
        .iter()
        .map(|reason| Step { text: reason.text.clone(), place: reason.span.map(|span| book.place(span)) });
    ValueRow {
        text: shape.text.clone(),
        prefix: String::from_utf8_lossy(&shape.prefix).into_owned(),
        first: alphabet(&shape.first),
        bytes: alphabet(&shape.bytes),
        empty: shape.empty,
        client: shape.client,
        decoded: shape.decoded,
        reason: reason.collect(),
    }
}

/// A set of bytes in words: those that it has, or those that it lacks if these are fewer.
fn alphabet(set: &[bool; 256]) -> String {
    let count = set.iter().filter(|has| **has).count();
    match count {
        0 => "nothing".to_owned(),
        256 => "any byte".to_owned(),
        129.. => format!("any byte but {}", ranges(&std::array::from_fn(|byte| !set[byte]))),
        _ => ranges(set),
    }
}

/// The bytes of a set: `a-z0-9_`.
fn ranges(set: &[bool; 256]) -> String {
    let mut text = Vec::new();
    let mut byte = 0;
    while byte < 256 {
        let length = set[byte..].iter().take_while(|has| **has).count();
        let run: Vec<u8> = (byte..byte + length).map(|byte| byte as u8).collect();
        match run.as_slice() {
            [first, _, .., last] => text.extend([*first, b'-', *last]),
            few => text.extend(few),
        }
        byte += length.max(1);
    }
    shown(&text)
}

pub(super) fn print(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    for (at, place) in answer.places.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "`{}` in `{}`  {}", answer.value, place.block, place.at)?;
        for way in &place.ways {
            self::way(way, out)?;
        }
    }
    Ok(())
}

fn way(way: &ValueRow, out: &mut dyn Write) -> io::Result<()> {
    if way.text.is_empty() {
        return writeln!(out, "  empty");
    }
    writeln!(out, "  {}", way.text)?;
    let mut said = Vec::new();
    if way.prefix == way.text {
        said.push("always this text".to_owned());
    } else {
        said.push(format!("bytes: {}", way.bytes));
        if way.first != way.bytes {
            said.push(format!("begins with {}", way.first));
        }
        said.push(if way.empty { "can be empty".to_owned() } else { "never empty".to_owned() });
    }
    writeln!(out, "    {}", said.join("; "))?;
    for step in &way.reason {
        let line = format!("    {}  {}", step.text, step.place.as_deref().unwrap_or_default());
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
