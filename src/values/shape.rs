//! The answer for people and other commands: each way a text can be, with its properties and the reason.

use super::levels::Levels;
use super::part::{Row, ValuePart};
use super::pattern::Bytes;
use super::view::View;
use super::{fragment, rows, words};
use crate::model::Config;
use crate::source::Span;
use crate::syntax::Configuration;

/// A possible form of a text.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The text as far as it is known; what only the request decides is written as the variable or group it comes from.
    pub text: String,
    /// The bytes that every such value begins with.
    pub prefix: Vec<u8>,
    /// With which bytes it can begin.
    pub first: Box<Bytes>,
    /// The bytes that it can contain.
    pub bytes: Box<Bytes>,
    /// The text can be empty.
    pub empty: bool,
    /// The client chooses some of it.
    pub client: bool,
    /// Escapes of the URI were decoded in some of it.
    pub decoded: bool,
    /// Origins of the text, the nearest first.
    pub reason: Vec<Reason>,
}

/// A step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The directive or entry; `None` for what nginx itself defines.
    pub span: Option<Span>,
    /// In words.
    pub text: String,
}

impl Shape {
    /// True if the text can contain a byte.
    pub fn has(&self, byte: u8) -> bool {
        self.bytes[usize::from(byte)]
    }

    /// True if the text can begin with a byte.
    pub fn begins_with(&self, byte: u8) -> bool {
        self.first[usize::from(byte)]
    }
}

/// The ways in which `text` can be read by what nginx does last in a block, such as its `proxy_pass`.
///
/// `place` is the head of the block as the model has it: of a `location`, an `if`, a `server`. A text outside of any
/// known block is judged as in the outermost one. There are 64 ways at most.
pub fn at(configuration: &Configuration, config: &Config, place: Span, text: &[u8]) -> Vec<Shape> {
    let levels = Levels::new(configuration, fragment::has_http(configuration));
    let view = View { config, levels: &levels };
    let found = levels.all().find(|level| level.head().is_some_and(|head| head.head() == place));
    let Some(level) = found.or_else(|| levels.all().next()) else { return Vec::new() };
    rows::rows(view, level, text).iter().map(shape).collect()
}

fn shape(row: &Row) -> Shape {
    let mut shape = Shape {
        text: String::new(),
        prefix: Vec::new(),
        first: Box::new([false; 256]),
        bytes: Box::new([false; 256]),
        empty: true,
        client: false,
        decoded: false,
        reason: words::reasons(row),
    };
    let mut known = true;
    for part in &row.parts {
        match part {
            ValuePart::Text(text) => {
                shape.text.push_str(&String::from_utf8_lossy(text));
                if known {
                    shape.prefix.extend_from_slice(text);
                }
                if shape.empty
                    && let Some(first) = text.first()
                {
                    shape.first[usize::from(*first)] = true;
                }
                shape.empty &= text.is_empty();
                for byte in text {
                    shape.bytes[usize::from(*byte)] = true;
                }
            }
            ValuePart::Open(open) => {
                shape.text.push_str(&open.name);
                known = false;
                if shape.empty {
                    join(&mut shape.first, &open.first);
                }
                join(&mut shape.bytes, &open.bytes);
                shape.empty &= open.empty;
                shape.client |= open.client;
                shape.decoded |= open.decoded;
            }
        }
    }
    shape
}

fn join(all: &mut Bytes, more: &Bytes) {
    all.iter_mut().zip(more).for_each(|(own, more)| *own |= more);
}
