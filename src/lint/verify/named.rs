//! Values of the model for comparison: with the names of variables and upstreams, which have other numbers after one was
//! removed, and without places.

use std::fmt::Display;

use serde::ser::{self, Serialize, Serializer};

use crate::model::Config;

/// A value without numbers of other things and without places.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Nothing,
    Bool(bool),
    Number(i128),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Fields(Vec<(&'static str, Value)>),
    Variant(&'static str, Box<Value>),
}

impl Value {
    /// A field of a struct by its name.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Fields(fields) => fields.iter().find(|(own, _)| *own == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// A part of the model as a value; `None` for what cannot be stored, which no part of the model is.
pub(super) fn value(config: &Config, part: &impl Serialize) -> Option<Value> {
    part.serialize(Names(config)).ok()
}

#[derive(Clone, Copy)]
struct Names<'c>(&'c Config);

/// The model contains nothing that fails.
#[derive(Debug)]
struct Error;

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the value cannot be compared")
    }
}

impl std::error::Error for Error {}

impl ser::Error for Error {
    fn custom<T: Display>(_: T) -> Self {
        Error
    }
}

type Answer = Result<Value, Error>;

/// A list, a tuple, or the fields of a struct, while it is read.
struct Parts<'c> {
    names: Names<'c>,
    variant: Option<&'static str>,
    list: Vec<Value>,
    fields: Vec<(&'static str, Value)>,
}

impl<'c> Names<'c> {
    fn parts(self, variant: Option<&'static str>) -> Parts<'c> {
        Parts { names: self, variant, list: Vec::new(), fields: Vec::new() }
    }

    /// The name behind a number.
    fn name(self, kind: &str, value: &Value) -> Option<Value> {
        let Value::Number(number) = value else { return None };
        let number = usize::try_from(*number).ok()?;
        let http = &self.0.http;
        let name = match kind {
            "VariableId" => http.variables.iter().nth(number).map(|(_, variable)| variable.name.clone()),
            "UpstreamId" => http.upstreams.get(number).map(|upstream| upstream.name.clone()),
            _ => None,
        };
        name.map(Value::Text)
    }
}

impl Parts<'_> {
    fn add(&mut self, part: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.list.push(part.serialize(self.names)?);
        Ok(())
    }

    fn add_field(&mut self, name: &'static str, part: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.fields.push((name, part.serialize(self.names)?));
        Ok(())
    }

    fn wrapped(variant: Option<&'static str>, value: Value) -> Value {
        match variant {
            Some(variant) => Value::Variant(variant, Box::new(value)),
            None => value,
        }
    }

    fn into_list(self) -> Value {
        Self::wrapped(self.variant, Value::List(self.list))
    }

    fn into_fields(self) -> Value {
        Self::wrapped(self.variant, Value::Fields(self.fields))
    }
}

macro_rules! numbers {
    ($($name:ident $type:ty,)+) => { $(
        fn $name(self, number: $type) -> Answer {
            Ok(Value::Number(number.into()))
        }
    )+ };
}

impl<'c> Serializer for Names<'c> {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = Parts<'c>;
    type SerializeTuple = Parts<'c>;
    type SerializeTupleStruct = Parts<'c>;
    type SerializeTupleVariant = Parts<'c>;
    type SerializeMap = Parts<'c>;
    type SerializeStruct = Parts<'c>;
    type SerializeStructVariant = Parts<'c>;

    numbers! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64,
    }

    fn serialize_bool(self, value: bool) -> Answer {
        Ok(Value::Bool(value))
    }

    fn serialize_f32(self, value: f32) -> Answer {
        Ok(Value::Text(value.to_string()))
    }

    fn serialize_f64(self, value: f64) -> Answer {
        Ok(Value::Text(value.to_string()))
    }

    fn serialize_char(self, value: char) -> Answer {
        Ok(Value::Text(value.into()))
    }

    fn serialize_str(self, value: &str) -> Answer {
        Ok(Value::Text(value.to_owned()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Answer {
        Ok(Value::Bytes(value.to_vec()))
    }

    fn serialize_none(self) -> Answer {
        Ok(Value::Nothing)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Answer {
        // Nothing is not the same as a value that is nothing.
        Ok(Value::Variant("some", Box::new(value.serialize(self)?)))
    }

    fn serialize_unit(self) -> Answer {
        Ok(Value::Nothing)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Answer {
        Ok(Value::Nothing)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Answer {
        Ok(Value::Variant(variant, Box::new(Value::Nothing)))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, kind: &'static str, value: &T) -> Answer {
        let value = value.serialize(self)?;
        Ok(self.name(kind, &value).unwrap_or(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Answer {
        Ok(Value::Variant(variant, Box::new(value.serialize(self)?)))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'c>, Error> {
        Ok(self.parts(None))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'c>, Error> {
        Ok(self.parts(None))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'c>, Error> {
        Ok(self.parts(None))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'c>, Error> {
        Ok(self.parts(Some(variant)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'c>, Error> {
        Ok(self.parts(None))
    }

    fn serialize_struct(self, kind: &'static str, _: usize) -> Result<Parts<'c>, Error> {
        Ok(self.parts((kind == "Span").then_some(PLACE)))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'c>, Error> {
        Ok(self.parts(Some(variant)))
    }
}

/// Marks a place in the text, which is no part of the value.
const PLACE: &str = "place";

macro_rules! lists {
    ($($trait:ident $add:ident,)+) => { $(
        impl ser::$trait for Parts<'_> {
            type Ok = Value;
            type Error = Error;

            fn $add<T: Serialize + ?Sized>(&mut self, part: &T) -> Result<(), Error> {
                self.add(part)
            }

            fn end(self) -> Answer {
                Ok(self.into_list())
            }
        }
    )+ };
}

lists! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

impl ser::SerializeMap for Parts<'_> {
    type Ok = Value;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.add(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.add(value)
    }

    fn end(self) -> Answer {
        Ok(self.into_list())
    }
}

impl ser::SerializeStruct for Parts<'_> {
    type Ok = Value;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, part: &T) -> Result<(), Error> {
        self.add_field(name, part)
    }

    fn end(self) -> Answer {
        Ok(if self.variant == Some(PLACE) { Value::Nothing } else { self.into_fields() })
    }
}

impl ser::SerializeStructVariant for Parts<'_> {
    type Ok = Value;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, part: &T) -> Result<(), Error> {
        self.add_field(name, part)
    }

    fn end(self) -> Answer {
        Ok(self.into_fields())
    }
}
