//! Consistency of a loaded model, which its bytes alone do not guarantee: every id has an entry, every span lies in a
//! file.
//!
//! A checksum detects damage, not forgery. The walk sees the model as serde does, by the names of its types, so an id
//! in a field that is added later is checked as well.

use std::fmt::{self, Display};

use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleVariant, Serializer,
};

use super::config::Config;
use super::http::Http;
use super::location::{Location, LocationKind};
use super::rewrite::Instruction;
use super::serial::store;

/// Fault of a model, as the rest of a sentence: "it names a variable that is not there".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFault(pub String);

impl Display for ModelFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ModelFault {}

impl serde::ser::Error for ModelFault {
    fn custom<T: Display>(message: T) -> Self {
        ModelFault(message.to_string())
    }
}

/// Checks a model whose files have these lengths.
///
/// # Errors
/// The first fault.
pub fn check(config: &Config, files: &[u64]) -> Result<(), ModelFault> {
    // The ids of `stream` are those of its own tables.
    part(&(&config.core, &config.http, &config.unsupported), &config.http, files)?;
    if let Some(stream) = &config.stream {
        part(stream, &stream.shared, files)?;
        if stream.servers.len() != stream.shared.servers.len() {
            return Err(ModelFault("a server of `stream` is not there".to_owned()));
        }
    }
    Ok(())
}

/// Checks a part of the model whose ids are those of `http`.
fn part(part: &impl Serialize, http: &Http, files: &[u64]) -> Result<(), ModelFault> {
    let mut walk = Walk {
        files,
        sizes: [
            ("VariableId", "a variable", http.variables.iter().len()),
            ("UpstreamId", "an upstream", http.upstreams.len()),
            ("FileId", "a file", files.len()),
            ("map", "a map", http.maps.len()),
            ("geo", "a geo", http.geos.len()),
            ("split_clients", "a split_clients", http.split_clients.len()),
            ("format", "a log format", http.log_formats.len()),
        ],
        next: None,
        last: 0,
    };
    store(|| part.serialize(&mut walk))?;
    for server in &http.servers {
        if server.listen.is_empty() || server.names.is_empty() {
            return Err(ModelFault("a server has no address or no name".to_owned()));
        }
        blocks(&server.instructions, &server.locations)?;
    }
    http.locations().try_for_each(|(_, location)| blocks(&location.instructions, &location.inner))
}

/// Checks that each `if` instruction points to an `if` block.
fn blocks(instructions: &[Instruction], inner: &[Location]) -> Result<(), ModelFault> {
    let is_there = |instruction: &Instruction| match instruction {
        Instruction::If { inner: at, .. } => inner.get(*at).is_some_and(|l| l.kind == LocationKind::If),
        _ => true,
    };
    if instructions.iter().all(is_there) {
        Ok(())
    } else {
        Err(ModelFault("the block of an `if` is not there".to_owned()))
    }
}

/// Longest time that a configuration can state (`ngx_parse_time`), in seconds.
const LONGEST: u64 = i64::MAX as u64 / 1000 + 1;

struct Walk<'w> {
    files: &'w [u64],
    /// Name of a type, variant or field; meaning of the id; number of entries.
    sizes: [(&'static str, &'static str, usize); 7],
    /// Meaning of the next number, and its upper limit.
    next: Option<(&'static str, u64)>,
    /// The last number.
    last: u64,
}

impl Walk<'_> {
    /// Expects an id as the next number, if `name` is that of an id.
    fn expect(&mut self, name: &str) {
        let known = self.sizes.iter().find(|(known, ..)| *known == name);
        self.next = known.map(|&(_, what, size)| (what, size as u64));
    }

    fn number(&mut self, n: u64) -> Result<(), ModelFault> {
        self.last = n;
        match self.next.take() {
            Some((what, size)) if n >= size => {
                Err(ModelFault(format!("it names {what} that is not there ({n}, of {size})")))
            }
            _ => Ok(()),
        }
    }
}

/// Fields of a value, or of a variant.
struct Fields<'f, 'w> {
    walk: &'f mut Walk<'w>,
    of: &'static str,
    /// Length of the span's file, and the span's start.
    place: (u64, u64),
}

impl Fields<'_, '_> {
    fn field<T: ?Sized + Serialize>(&mut self, key: &'static str, value: &T) -> Result<(), ModelFault> {
        match (self.of, key) {
            ("AccessLog", "format") => self.walk.expect("format"),
            ("Duration", "secs") => self.walk.next = Some(("a time", LONGEST)),
            _ => {}
        }
        value.serialize(&mut *self.walk)?;
        if self.of == "Span" {
            let n = self.walk.last;
            match key {
                "file" => self.place.0 = self.walk.files.get(n as usize).copied().unwrap_or(0),
                "start" => self.place.1 = n,
                _ if self.place.1 <= n && n <= self.place.0 => {}
                _ => {
                    let (length, start) = self.place;
                    let message = format!("a place is not in its file ({start} to {n}, of {length} bytes)");
                    return Err(ModelFault(message));
                }
            }
        }
        Ok(())
    }
}

macro_rules! nothing {
    ($($name:ident: $Type:ty),*) => {
        $( fn $name(self, _: $Type) -> Result<(), ModelFault> { Ok(()) } )*
    };
}

macro_rules! numbers {
    ($($name:ident: $Type:ty),*) => {
        $( fn $name(self, n: $Type) -> Result<(), ModelFault> { self.number(u64::from(n)) } )*
    };
}

impl<'f, 'w> Serializer for &'f mut Walk<'w> {
    type Ok = ();
    type Error = ModelFault;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Impossible<(), ModelFault>;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Fields<'f, 'w>;
    type SerializeStructVariant = Fields<'f, 'w>;

    nothing! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_unit_struct: &'static str
    }
    numbers! { serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64 }

    fn is_human_readable(&self) -> bool {
        false
    }
    fn serialize_none(self) -> Result<(), ModelFault> {
        Ok(())
    }
    fn serialize_unit(self) -> Result<(), ModelFault> {
        Ok(())
    }
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), ModelFault> {
        value.serialize(self)
    }
    fn serialize_unit_variant(self, _: &str, _: u32, _: &str) -> Result<(), ModelFault> {
        Ok(())
    }
    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ModelFault> {
        self.expect(name);
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), ModelFault> {
        if name == "VariableSource" {
            self.expect(variant);
        }
        value.serialize(self)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Self, ModelFault> {
        Ok(self)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self, ModelFault> {
        Ok(self)
    }
    fn serialize_tuple_struct(self, name: &str, _: usize) -> Result<Self::SerializeTupleStruct, ModelFault> {
        Err(ModelFault(format!("{name} is not checked")))
    }
    fn serialize_tuple_variant(self, _: &str, _: u32, _: &str, _: usize) -> Result<Self, ModelFault> {
        Ok(self)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self, ModelFault> {
        Ok(self)
    }
    fn serialize_struct(self, of: &'static str, _: usize) -> Result<Fields<'f, 'w>, ModelFault> {
        Ok(Fields { walk: self, of, place: (0, 0) })
    }
    fn serialize_struct_variant(
        self,
        of: &'static str,
        _: u32,
        _: &str,
        _: usize,
    ) -> Result<Fields<'f, 'w>, ModelFault> {
        Ok(Fields { walk: self, of, place: (0, 0) })
    }
}

impl SerializeStruct for Fields<'_, '_> {
    type Ok = ();
    type Error = ModelFault;
    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), ModelFault> {
        self.field(key, value)
    }
    fn end(self) -> Result<(), ModelFault> {
        Ok(())
    }
}

impl SerializeStructVariant for Fields<'_, '_> {
    type Ok = ();
    type Error = ModelFault;
    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), ModelFault> {
        self.field(key, value)
    }
    fn end(self) -> Result<(), ModelFault> {
        Ok(())
    }
}

impl SerializeMap for &mut Walk<'_> {
    type Ok = ();
    type Error = ModelFault;
    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), ModelFault> {
        key.serialize(&mut **self)
    }
    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), ModelFault> {
        value.serialize(&mut **self)
    }
    fn end(self) -> Result<(), ModelFault> {
        Ok(())
    }
}

macro_rules! list {
    ($($Trait:ident $name:ident),*) => {
        $( impl $Trait for &mut Walk<'_> {
            type Ok = ();
            type Error = ModelFault;
            fn $name<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), ModelFault> {
                value.serialize(&mut **self)
            }
            fn end(self) -> Result<(), ModelFault> {
                Ok(())
            }
        } )*
    };
}

list!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleVariant serialize_field);
