//! Directive that passed the catalog's checks, with access to its words.

use std::borrow::Cow;
use std::rc::Rc;

use crate::source::Span;
use crate::{catalog, syntax};

/// Directive of the source with its catalog entry.
#[derive(Clone)]
pub(super) struct Directive<'t> {
    /// Directive as written.
    pub(super) syntax: syntax::Directive<'t>,
    /// Catalog entry.
    pub(super) catalog: &'static catalog::Directive,
    /// `include`s that lead to the directive, outermost first.
    pub(super) includes: Rc<[Span]>,
    /// Position in the order in which nginx reads directives.
    pub(super) order: u32,
}

impl<'t> Directive<'t> {
    /// Name of the directive.
    pub(super) fn name(&self) -> &'static str {
        self.catalog.name
    }

    /// Span from the name to the last argument.
    pub(super) fn span(&self) -> Span {
        self.syntax.head()
    }

    /// Number of arguments.
    pub(super) fn len(&self) -> usize {
        self.syntax.args().len()
    }

    /// An argument, counted from 1 as in nginx's `value[1]`; empty if there is none.
    pub(super) fn arg(&self, n: usize) -> Cow<'t, [u8]> {
        self.syntax.arg(n - 1).map_or(Cow::Borrowed(b""), syntax::Word::value)
    }

    /// An argument for a message or a name; bytes that are not UTF-8 are replaced.
    pub(super) fn text(&self, n: usize) -> String {
        String::from_utf8_lossy(&self.arg(n)).into_owned()
    }

    /// Span of an argument; that of the directive if there is no such argument.
    pub(super) fn arg_span(&self, n: usize) -> Span {
        self.syntax.arg(n - 1).map_or(self.span(), syntax::Word::span)
    }

    /// All arguments from the `n`th on, with their numbers.
    pub(super) fn args_from(&self, n: usize) -> impl Iterator<Item = (usize, Cow<'t, [u8]>)> + use<'_, 't> {
        (n..=self.len()).map(|i| (i, self.arg(i)))
    }
}

/// Prefix of a proxying module's directive: `proxy`, `fastcgi` …
pub(super) fn family(name: &'static str) -> &'static str {
    name.split_once('_').map_or(name, |(prefix, _)| prefix)
}

pub(super) fn is_stream(directive: &Directive<'_>) -> bool {
    directive.catalog.module.starts_with("ngx_stream")
}
