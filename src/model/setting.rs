//! One setting with its origin, and the declaration from which parsing, merging and defaults follow.

use serde::{Deserialize, Serialize};

use crate::source::Span;

/// Origin of a [`Setting`]'s value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Set at this level, by the directive at this span.
    Set(Span),
    /// Set at an outer level, by the directive at this span.
    Inherited(Span),
    /// The default of the selected nginx version.
    Default,
}

impl Origin {
    /// Directive that set the value, if any did.
    pub fn span(self) -> Option<Span> {
        match self {
            Origin::Set(span) | Origin::Inherited(span) => Some(span),
            Origin::Default => None,
        }
    }
}

/// Value of a directive, with its origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting<T> {
    /// The value in force.
    pub value: T,
    /// Origin of the value.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// A value that a directive sets here.
    pub fn set(value: T, span: Span) -> Self {
        Self { value, origin: Origin::Set(span) }
    }

    /// A value that no directive sets.
    pub fn default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    /// True if a directive of this very level set the value.
    pub fn is_set_here(&self) -> bool {
        matches!(self.origin, Origin::Set(_))
    }
}

impl<T: Clone> Setting<T> {
    /// The same value from an inner level's point of view.
    #[must_use]
    pub fn inherited(&self) -> Self {
        let origin = match self.origin {
            Origin::Set(span) => Origin::Inherited(span),
            other => other,
        };
        Self { value: self.value.clone(), origin }
    }
}

/// Reader of settings of type `T`: the compiler implements it for every type of a directive's value.
pub trait Reader<T> {
    /// Value that holds if no level sets `directive`.
    fn default(&mut self, directive: &'static str) -> Setting<T>;

    /// Takes the value of the current directive.
    fn read(&mut self, setting: &mut Setting<T>);
}

/// Declares a group of settings that merge together: each field is one directive, or several that make one list
/// (`allow` and `deny`).
///
/// The compiler reads, merges and defaults all settings through the generated functions; a new directive of a known
/// type is one line.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $Group:ident {
            $( $(#[$field_meta:meta])* $field:ident : $Type:ty = $directive:literal $(| $also:literal)*, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
        pub struct $Group {
            $( $(#[$field_meta])* #[serde(rename = $directive)] pub $field: $crate::model::setting::Setting<$Type>, )*
        }

        impl $Group {
            /// Directives of the group.
            pub const DIRECTIVES: &'static [&'static str] = &[$($directive, $($also,)*)*];

            /// Values that hold if no level sets anything.
            pub fn defaults<R>(reader: &mut R) -> Self
            where $( R: $crate::model::setting::Reader<$Type>, )*
            {
                Self { $( $field: $crate::model::setting::Reader::<$Type>::default(reader, $directive), )* }
            }

            /// Values that an inner level starts with.
            #[must_use]
            pub fn inherited(&self) -> Self {
                Self { $( $field: self.$field.inherited(), )* }
            }

            /// Reads `directive` into its field with `reader`; false if the group has no such directive.
            pub fn read<R>(&mut self, directive: &str, reader: &mut R) -> bool
            where $( R: $crate::model::setting::Reader<$Type>, )*
            {
                match directive {
                    $( $directive $(| $also)* => $crate::model::setting::Reader::<$Type>::read(reader, &mut self.$field), )*
                    _ => return false,
                }
                true
            }

            /// The same settings with the defaults of another version.
            #[must_use]
            pub fn with_defaults(&self, defaults: &Self) -> Self {
                let is_default = |origin| origin == $crate::model::setting::Origin::Default;
                Self { $( $field: if is_default(self.$field.origin) { &defaults.$field } else { &self.$field }.clone(), )* }
            }

            /// Directives whose values differ in `other`.
            pub fn changed(&self, other: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $( if self.$field.value != other.$field.value {
                    names.push($directive);
                } )*
                names
            }

            /// Name, value and origin of each setting.
            pub fn each(&self, mut see: impl FnMut(&'static str, &dyn std::fmt::Debug, $crate::model::setting::Origin)) {
                $( see($directive, &self.$field.value, self.$field.origin); )*
            }
        }
    };
}
pub(crate) use settings;
